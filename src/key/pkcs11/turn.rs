//! One run at a time makes keys on a token.
//!
//! `SoftHSM` does not show a process that has made a key what others made meanwhile, so looking
//! afterwards is not enough there. Runs may reach a token by different modules; what they share is
//! what it says of itself. A socket of that name is held by one process at a time and goes with it,
//! however that ends; processes in other network namespaces do not see it.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::identity::Identity;
use super::token::Token;
use crate::crypto::{Digest, HashAlgorithm};

/// How long another run's key is waited for, and from when on that is told.
const PATIENCE: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);

/// Holds the turn; dropping it lets the next run in.
#[derive(Debug)]
pub struct Turn {
    _held: UnixListener,
}

/// Waits until no other run makes a key on the token.
pub fn take(token: &Token) -> Result<Turn, Error> {
    let name = name(&token.identity);
    let wait = || {
        let text = format!("{}: waiting, another run makes a key on it", token.name());
        token.shared.options.prompt.tell(&text);
    };
    wait_for(&name, PATIENCE, SILENCE, wait).map_err(|reason| Error::Turn {
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
) -> Result<Turn, String> {
    let address = SocketAddr::from_abstract_name(name).map_err(|e| e.to_string())?;
    let begun = Instant::now();
    let mut tell = Some(tell);
    loop {
        match UnixListener::bind_addr(&address) {
            Ok(held) => return Ok(Turn { _held: held }),
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
    fn a_turn_is_waited_for_told_of_and_given_up() {
        let identity = |label: &str, serial: &str| Identity {
            label: label.into(),
            manufacturer: std::process::id().to_string(),
            model: String::new(),
            serial: serial.into(),
        };
        let one = name(&identity("a", "b"));
        let second = Duration::from_secs(1);
        let held = wait_for(&one, second, second, || panic!("nobody waits")).expect("a turn");
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
