//! The lock that lets one run at a time make keys on a token.
//!
//! A process that has made a key on `SoftHSM` does not see keys that others made meanwhile, so looking afterwards
//! is not enough there. Runs may reach a token by different modules, but see the same identity. The lock is an
//! abstract socket with the identity's hash as its name: one process at a time holds it, and the kernel frees it
//! when that process ends. Processes in other network namespaces do not see it.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::identity::Identity;
use super::token::Token;
use crate::crypto::{Digest, HashAlgorithm};

/// How long this run waits for another's key, and after how long it says so.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const ANNOUNCED_AFTER: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);

/// The lock on making keys; dropping it lets the next run make one.
#[derive(Debug)]
pub struct TokenLock {
    _held: UnixListener,
}

/// Waits until no other run makes a key on the token.
pub fn take(token: &Token) -> Result<TokenLock, Error> {
    let name = name(&token.identity);
    let wait = || {
        let text = format!("{}: waiting, another run makes a key on it", token.name());
        token.shared.options.prompt.notify(&text);
    };
    wait_for(&name, LONGEST_WAIT, ANNOUNCED_AFTER, wait).map_err(|reason| Error::TokenLock {
        token: token.name(),
        reason,
    })
}

fn name(identity: &Identity) -> String {
    let mut bytes = Vec::new();
    for text in [
        &identity.label,
        &identity.manufacturer,
        &identity.model,
        &identity.serial,
    ] {
        bytes.extend((text.len() as u64).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    let digest = Digest::of(HashAlgorithm::Sha256, &bytes).hex();
    format!("ir-sign makes a key on {digest}")
}

fn wait_for(
    name: &str,
    patience: Duration,
    silence: Duration,
    tell: impl FnOnce(),
) -> Result<TokenLock, String> {
    let address = SocketAddr::from_abstract_name(name).map_err(|e| e.to_string())?;
    let begun = Instant::now();
    let mut tell = Some(tell);
    loop {
        match UnixListener::bind_addr(&address) {
            Ok(held) => return Ok(TokenLock { _held: held }),
            Err(e) if e.kind() != ErrorKind::AddrInUse => return Err(e.to_string()),
            Err(_) if begun.elapsed() >= patience => {
                let seconds = patience.as_secs();
                return Err(format!(
                    "another run was still making one after {seconds} seconds"
                ));
            }
            Err(_) => {}
        }
        if begun.elapsed() >= silence
            && let Some(tell) = tell.take()
        {
            tell();
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_waited_for_announced_and_given_up() {
        let identity = |label: &str, serial: &str| Identity {
            label: label.into(),
            manufacturer: std::process::id().to_string(),
            model: String::new(),
            serial: serial.into(),
        };
        let one = name(&identity("a", "b"));
        let second = Duration::from_secs(1);
        let held = wait_for(&one, second, second, || panic!("nobody waits")).expect("the lock");
        let other = name(&identity("ab", ""));
        wait_for(&other, second, second, || panic!("nobody waits")).expect("another token's");
        let mut told = 0;
        let late = wait_for(&one, second / 5, second / 10, || told += 1);
        assert_eq!(told, 1);
        let late = late.expect_err("it is held");
        assert!(late.contains("still making one after 0 seconds"), "{late}");
        let waiting = thread::spawn(move || wait_for(&one, second * 20, second * 20, || {}));
        thread::sleep(second / 10);
        drop(held);
        assert!(waiting.join().expect("no panic").is_ok());
    }
}
