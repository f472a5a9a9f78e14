//! Credential helpers: programs `docker-credential-NAME` that keep credentials (R19).
//!
//! A helper gets a server's name on standard input and answers with JSON. It has as much time as any step of a request,
//! and its child processes end with it. The program never shows its output.
//!
//! Source: docker-credential-helpers, "Development".

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use super::credential::{Credentials, CredentialsError};
use super::environment::Options;
use super::object::{self, OBJECT};
use crate::secret::Secret;
use crate::text::plain;

/// Bytes of the longest answer.
const LONGEST: usize = 1 << 20;
/// The answer of a helper that holds no credentials for the server.
const NOT_FOUND: &[u8] = b"credentials not found in native keychain";
/// The user name that marks an identity token.
const IDENTITY: &str = "<token>";

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// The answers of helpers: the program asks each about a server only once.
#[derive(Debug, Default)]
pub(super) struct Helpers(Mutex<BTreeMap<Asked, Option<Arc<Credentials>>>>);

/// A helper's name and a server's.
type Asked = (String, String);

impl Helpers {
    /// A server's credentials; `None` if the helper has none.
    pub(super) fn ask(
        &self,
        options: &Options,
        name: &str,
        server: &str,
    ) -> Result<Option<Arc<Credentials>>, CredentialsError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), server.to_owned());
        if let Some(answer) = known.get(&key) {
            return Ok(answer.clone());
        }
        let answer = ask(options, name, server)?.map(Arc::new);
        known.insert(key, answer.clone());
        Ok(answer)
    }
}

/// Asks a helper for a server's credentials; `None` if it has none.
fn ask(
    options: &Options,
    name: &str,
    server: &str,
) -> Result<Option<Credentials>, CredentialsError> {
    let is_name = !name.is_empty()
        && name.len() <= 200
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !is_name {
        return Err(CredentialsError::HelperName(
            plain(name).chars().take(60).collect(),
        ));
    }
    let program = search(
        options.environment.get("PATH"),
        &format!("docker-credential-{name}"),
    );
    let program = program.ok_or_else(|| CredentialsError::NoHelper(name.to_owned()))?;
    let problem = |problem| CredentialsError::Helper {
        name: name.to_owned(),
        problem,
    };
    let (succeeded, output) = run(&program, server, options.timeout).map_err(problem)?;
    if !succeeded {
        let start = output.trim_ascii_start();
        return if start.starts_with(NOT_FOUND) {
            Ok(None)
        } else {
            Err(problem("has failed"))
        };
    }
    let answer: Answer = object::read(&output, &OBJECT)
        .map_err(|_| problem("has answered something other than JSON with a user and a secret"))?;
    if answer.secret.is_empty() {
        return Ok(None);
    }
    let secret = Secret::of(answer.secret.as_bytes());
    if answer.user == IDENTITY {
        return Ok(Some(Credentials::Identity {
            user: None,
            token: secret,
        }));
    }
    if answer.user.contains(':') || answer.user.chars().any(char::is_control) {
        return Err(problem(
            "has answered with a user that has a colon or a control character",
        ));
    }
    Ok(Some(Credentials::Basic {
        user: answer.user.clone(),
        password: secret,
    }))
}

/// The first such program in the folders of PATH that have absolute names.
fn search(path: Option<&OsStr>, program: &str) -> Option<PathBuf> {
    let is_program = |file: &PathBuf| {
        file.metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(is_program)
}

/// Runs a helper: whether it succeeded, and its output.
fn run(
    program: &Path,
    server: &str,
    limit: Duration,
) -> Result<(bool, Zeroizing<Vec<u8>>), &'static str> {
    let until = Instant::now() + limit;
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A group of its own, so that the program can end whatever the helper starts.
        .process_group(0)
        .spawn()
        .map_err(|_| "cannot be started")?;
    let done = talk(&mut child, server, until);
    end(&mut child);
    let status = child.wait().map_err(|_| "has ended in an unknown way")?;
    Ok((status.success(), done?))
}

/// Sends the server's name and reads the answer up to its end, and waits for the helper.
fn talk(
    child: &mut Child,
    server: &str,
    until: Instant,
) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let input = child.stdin.take();
    let output = child.stdout.take();
    let (Some(mut input), Some(mut output)) = (input, output) else {
        return Err("cannot be started");
    };
    // It fits into the pipe; a helper that does not read it may still answer.
    let _ = input.write_all(format!("{server}\n").as_bytes());
    drop(input);
    let (sender, answer) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        let read = (&mut output)
            .take(LONGEST as u64 + 1)
            .read_to_end(&mut bytes);
        // The receiver is gone if the helper was too slow.
        let _ = sender.send(read.map(|_| bytes));
    });
    let left = until.saturating_duration_since(Instant::now());
    let bytes = match answer.recv_timeout(left) {
        Ok(Ok(bytes)) if bytes.len() <= LONGEST => bytes,
        Ok(Ok(_)) => return Err("has answered with more than a megabyte"),
        Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Err("cannot be read"),
        Err(RecvTimeoutError::Timeout) => return Err("took too long, and ir-sign ended it"),
    };
    let Some(id) = Pid::from_raw(i32::try_from(child.id()).unwrap_or(0)) else {
        return Err("has ended in an unknown way");
    };
    // Without reaping it, so that no other process can have its number when this ends its children.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(id), options), Ok(None)) {
        if Instant::now() >= until {
            return Err("took too long, and ir-sign ended it");
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(bytes)
}

/// Ends the helper and whatever it started.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // The group may be empty by now.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
