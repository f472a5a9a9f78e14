//! Transcripts: the record of a ceremony, in lines of JSON, each with the SHA-384 of the line before.
//!
//! The run writes and syncs a line before and after every step that touches the token: the intent, then the result.
//! The last line holds the key's signature of the line before it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};
use serde_json::{Map, Value};

use super::error::Error;
use crate::crypto::{Digest, HashAlgorithm, Prehash, Signature};
use crate::encoding::base64::{base64, unbase64};
use crate::files;

/// The prefix of the message that a transcript's signature covers, before the chain. No endorsement (DER), no
/// image's config (JSON), no passport starts like this.
const DOMAIN: &[u8] = b"ir-sign ceremony transcript v1\0";
/// The most bytes of a transcript.
pub(super) const MAX_TRANSCRIPT: u64 = 4 * 1024 * 1024;

/// A line of a transcript file.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its members.
    pub value: Value,
    /// SHA-384 of its bytes, its newline included.
    pub digest: String,
}

impl Line {
    /// The line's event.
    pub fn event(&self) -> &str {
        self.value["event"].as_str().unwrap_or_default()
    }

    /// A member with a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value[name].as_str()
    }
}

/// The first line's value in place of a digest.
pub fn origin() -> String {
    "0".repeat(96)
}

/// The message that a transcript's signature is over: the last line without its signature, which
/// holds the digest of the line before it.
fn message(unsigned: &Value) -> Vec<u8> {
    [DOMAIN, unsigned.to_string().as_bytes()].concat()
}

/// The hash of that message.
pub fn prehash(unsigned: &Value) -> Prehash {
    Prehash::sha384(&message(unsigned))
}

/// The SHA-384 of bytes, in the digits of a transcript.
pub(super) fn sha384(bytes: &[u8]) -> String {
    Digest::of(HashAlgorithm::Sha384, bytes).hex()
}

/// The bytes of a member that is a text of base64.
pub(super) fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    unbase64(value.as_str()?)
}

/// Reads lines and checks the chain. An error has the line's number, from 1.
///
/// A last line without an end does not count: this returns its bytes separately.
pub fn parse(bytes: &[u8]) -> Result<(Vec<Line>, usize), (usize, String)> {
    let mut lines: Vec<Line> = Vec::new();
    let mut torn = 0;
    for (n, bytes) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        if !bytes.ends_with(b"\n") {
            torn = bytes.len();
            break;
        }
        let line = parse_line(bytes, n, lines.last());
        lines.push(line.map_err(|reason| (n + 1, reason))?);
    }
    Ok((lines, torn))
}

fn parse_line(bytes: &[u8], n: usize, before: Option<&Line>) -> Result<Line, String> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|_| "somebody changed it: it is not JSON".to_owned())?;
    // Only one spelling is valid, so that the hashed bytes have one meaning.
    if format!("{value}\n").as_bytes() != bytes {
        return Err("somebody changed it: ir-sign does not spell JSON like this".into());
    }
    if value["n"] != n {
        return Err(format!("its number is {}, not {n}", value["n"]));
    }
    let wanted = before.map_or_else(origin, |line| line.digest.clone());
    if value["prev"] != wanted.as_str() {
        return Err(if n == 0 {
            "it is not a first line: its prev is not zero".into()
        } else {
            format!("somebody changed line {n} or this one: prev is not the SHA-384 of line {n}")
        });
    }
    if value["event"].as_str().is_none() {
        return Err("it has no event".into());
    }
    Ok(Line {
        value,
        digest: Digest::of(HashAlgorithm::Sha384, bytes).hex(),
    })
}

/// Reads a transcript's file.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let limit = usize::try_from(MAX_TRANSCRIPT).unwrap_or(usize::MAX);
    files::read(path, limit).map_err(Error::file("transcript"))
}

/// A transcript that is being written. Nobody else writes to it meanwhile.
pub struct Transcript {
    path: PathBuf,
    file: File,
    /// The lines so far.
    pub lines: Vec<Line>,
}

impl Transcript {
    /// Opens the transcript, or makes a new one. Removes a torn last line, and returns its number of bytes.
    pub fn open(path: &Path) -> Result<(Self, usize), Error> {
        let io = |action| {
            let path = path.to_owned();
            move |source| {
                Error::file("transcript")(files::Error::Io {
                    path,
                    action,
                    source,
                })
            }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o644)
            .open(path)
            .map_err(io("open"))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| Error::Busy {
            path: path.to_owned(),
        })?;
        let mut bytes = Vec::new();
        let limited = Read::by_ref(&mut file).take(MAX_TRANSCRIPT + 1);
        { limited }.read_to_end(&mut bytes).map_err(io("read"))?;
        let (lines, torn) = parse(&bytes).map_err(|(line, reason)| Error::Transcript {
            path: path.to_owned(),
            line,
            reason,
        })?;
        if torn > 0 {
            let whole = (bytes.len() - torn) as u64;
            file.set_len(whole).map_err(io("shorten"))?;
            file.seek(SeekFrom::End(0)).map_err(io("shorten"))?;
            file.sync_all().map_err(io("sync"))?;
        }
        // Syncs the file's name too.
        files::sync_dir(&files::parent_of(path)).map_err(Error::file("transcript"))?;
        let transcript = Self {
            path: path.to_owned(),
            file,
            lines,
        };
        Ok((transcript, torn))
    }

    /// Writes and syncs a line.
    pub fn write(&mut self, event: &str, members: Value) -> Result<(), Error> {
        let line = self.line(event, members);
        self.append(line)
    }

    /// Writes the last line: the key's signature over everything before it.
    pub fn sign(
        &mut self,
        sign: impl FnOnce(&[u8]) -> Result<Signature, Error>,
    ) -> Result<(), Error> {
        let mut line = self.line("signed", Value::Null);
        let signature = sign(&message(&line))?;
        line["signature"] = base64(&signature.to_bytes()).into();
        self.append(line)
    }

    fn line(&self, event: &str, members: Value) -> Value {
        let prev = self
            .lines
            .last()
            .map_or_else(origin, |line| line.digest.clone());
        let last = self.lines.last().and_then(|line| line.text("time"));
        let last = last.and_then(|time| humantime::parse_rfc3339(time).ok());
        // If somebody sets the clock back, the times keep their order.
        let time = last.map_or_else(SystemTime::now, |last| last.max(SystemTime::now()));
        let time = humantime::format_rfc3339_seconds(time).to_string();
        let mut line = Map::new();
        line.insert("n".into(), self.lines.len().into());
        line.insert("prev".into(), prev.into());
        line.insert("time".into(), time.into());
        line.insert("event".into(), event.into());
        if let Value::Object(members) = members {
            line.extend(members);
        }
        Value::Object(line)
    }

    fn append(&mut self, value: Value) -> Result<(), Error> {
        let bytes = format!("{value}\n").into_bytes();
        let failed = |source| {
            Error::file("transcript")(files::Error::Io {
                path: self.path.clone(),
                action: "write",
                source,
            })
        };
        let whole = self.file.metadata().map_err(failed)?.len() + bytes.len() as u64;
        if whole > MAX_TRANSCRIPT {
            return Err(Error::file("transcript")(files::Error::TooLarge {
                path: self.path.clone(),
                limit: usize::try_from(MAX_TRANSCRIPT).unwrap_or(usize::MAX),
            }));
        }
        let written = self.file.write_all(&bytes);
        let written = written.and_then(|()| self.file.sync_all());
        written.map_err(failed)?;
        self.lines.push(Line {
            value,
            digest: Digest::of(HashAlgorithm::Sha384, &bytes).hex(),
        });
        Ok(())
    }

    /// The first line of an event about a step.
    pub fn find(&self, event: &str, step: &str) -> Option<&Line> {
        let is = |line: &&Line| line.event() == event && line.value["step"] == step;
        self.lines.iter().find(is)
    }

    /// The chain's end.
    pub fn last(&self) -> String {
        self.lines
            .last()
            .map_or_else(origin, |line| line.digest.clone())
    }
}
