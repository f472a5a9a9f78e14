//! Runs a ceremony. For each step, the run shows it, asks people to confirm it, notes the intent, does it, verifies it,
//! and notes the result.
//!
//! A later run resumes an interrupted one from the transcript. The run chooses and notes the id of a key before it
//! makes the key, and notes a signature before it writes the signature's file. So there is never a second key, and no
//! signature gets lost.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::check::{self, Checked};
use super::error::Error;
use super::plan::{Plan, Role};
use super::programs;
use super::transcript::{Line, Transcript};
use super::words::{groups, words};
use super::work::Work;
use crate::crypto::{Digest, HashAlgorithm, P384Key, Signed};
use crate::encoding::hex::unhex;
use crate::files::{self, Existing};
use crate::key::pkcs11::NewKey;
use crate::key::{KeyRing, P384Signer};

/// Letters and digits that people do not confuse.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Letters and digits of a witness's code.
const NONCE_LEN: usize = 6;

/// The people at a ceremony: shows them texts, and returns their answers.
pub trait Stage {
    /// Refuses if nobody can answer. The run calls this before any work, and before it sends a PIN.
    fn open(&mut self) -> Result<(), Error>;

    /// Shows a text.
    fn show(&mut self, text: &str);

    /// Asks a person, and returns what they typed.
    fn ask(&mut self, question: &str) -> Result<String, Error>;
}

/// The request to run a ceremony.
pub struct Run<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The keys.
    pub ring: &'a KeyRing,
    /// The people.
    pub stage: &'a mut dyn Stage,
    /// The run asks nobody: for rehearsals only.
    pub unattended: bool,
}

/// The result of a ceremony.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The transcript.
    pub transcript: PathBuf,
    /// The files that the run wrote.
    pub outputs: Vec<PathBuf>,
    /// The root key.
    pub root: P384Key,
    /// Whether this run resumed an earlier one.
    pub resumed: bool,
}

/// A ceremony under way.
pub(super) struct Under<'a, 'b> {
    pub(super) run: &'b mut Run<'a>,
    pub(super) transcript: Transcript,
    outputs: Vec<PathBuf>,
    /// The key that an earlier run announced. The token proved it when this run began.
    pub(super) made: Option<NewKey>,
}

impl Run<'_> {
    /// Runs the ceremony, from its beginning or from the interruption.
    pub fn run(&mut self) -> Result<Outcome, Error> {
        if self.unattended && !self.plan.is_rehearsal() {
            return Err(Error::Attended);
        }
        if !self.unattended {
            self.stage.open()?;
        }
        let Checked {
            work, facts, made, ..
        } = check::check(self.plan, self.ring)?;
        let (transcript, torn) = Transcript::open(&self.plan.transcript())?;
        check::check_open(self.plan, &transcript)?;
        check::check_same_token(self.plan, &transcript.lines, &facts)?;
        let resumed = !transcript.lines.is_empty();
        let mut under = Under {
            run: self,
            transcript,
            outputs: Vec::new(),
            made,
        };
        under.begin(resumed, torn, &facts)?;
        let root = match work {
            Work::RootKey { public, passport } => under.root_key(&public, &passport)?,
            Work::EndorseVendors { root, vendors } => under.endorse(&root, &vendors)?,
            Work::SignPayloads { root, payloads } => under.sign_payloads(&root, &payloads)?,
            Work::RootCertificate {
                public,
                passport,
                certificate,
            } => under.root_certificate(&public, &passport, &certificate)?,
            Work::IssueCertificates {
                issuer,
                certificates,
            } => under.issue(&issuer, &certificates)?,
            Work::Revoke { issuer, crl } => under.revoke(&issuer, &crl)?,
        };
        let outputs = under.outputs;
        Ok(Outcome {
            transcript: self.plan.transcript(),
            outputs,
            root,
            resumed,
        })
    }
}

/// This program, as the transcript records it.
fn tool() -> Result<Value, Error> {
    // The running file, even if another has its path by now.
    let bytes = std::fs::read("/proc/self/exe").map_err(Error::Program)?;
    Ok(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "sha384": Digest::of(HashAlgorithm::Sha384, &bytes).hex(),
    }))
}

impl Under<'_, '_> {
    fn begin(&mut self, resumed: bool, torn: usize, token: &Value) -> Result<(), Error> {
        let plan = self.run.plan;
        if plan.is_rehearsal() {
            self.show("REHEARSAL: do not trust anything that is made here");
        }
        self.show(&format!("ceremony: {}\nplan SHA-384:", plan.title()));
        self.show_digest(&unhex(&plan.digest).unwrap_or_default());
        if resumed {
            let done = self.transcript.lines.len();
            self.show(&format!(
                "an earlier run was interrupted after {done} lines of the transcript; going on"
            ));
            let tool = tool()?;
            if let Some(change) = programs::change(&self.transcript.lines, &tool) {
                self.show(&change);
            }
            self.transcript.write(
                "resumed",
                json!({
                    "after": done - 1,
                    "torn_bytes": torn,
                    "attended": !self.run.unattended,
                    "tool": tool,
                    "token": token,
                }),
            )?;
        } else {
            let people: Vec<Value> = plan
                .people()
                .iter()
                .map(|p| json!({ "name": p.name, "role": p.role.name() }))
                .collect();
            self.transcript.write(
                "start",
                json!({
                    "title": plan.title(),
                    "rehearsal": plan.is_rehearsal(),
                    "attended": !self.run.unattended,
                    "tool": tool()?,
                    "plan": { "sha384": plan.digest, "text": plan.text },
                    "people": people,
                    "torn_bytes": torn,
                }),
            )?;
        }
        let is_token = |line: &Line| line.event() == "token";
        if !self.transcript.lines.iter().any(is_token) {
            self.transcript.write("token", json!({ "token": token }))?;
        }
        Ok(())
    }

    pub(super) fn show(&mut self, text: &str) {
        self.run.stage.show(text);
    }

    /// Shows a digest in digits and in words.
    pub(super) fn show_digest(&mut self, digest: &[u8]) {
        let rows = groups(digest).into_iter().zip(words(digest));
        for (digits, spoken) in rows {
            self.show(&format!("    {digits}   {spoken}"));
        }
    }

    pub(super) fn show_key(&mut self, what: &str, key: &P384Key) {
        self.show(&format!(
            "fingerprint of {what} (SHA-256 of its SubjectPublicKeyInfo):"
        ));
        let digest = Digest::of(HashAlgorithm::Sha256, &key.to_spki());
        self.show_digest(digest.as_bytes());
    }

    /// Has everybody confirm a step.
    pub(super) fn confirm(&mut self, step: &str, what: &str) -> Result<(), Error> {
        self.show(&format!("\nstep {step}: {what}"));
        if self.run.unattended {
            self.transcript
                .write("confirmed", json!({ "step": step, "people": [] }))?;
            return Ok(());
        }
        for person in self.run.plan.people() {
            let who = format!("{} ({})", person.name, person.role.name());
            let (question, wanted) = match person.role {
                Role::Operator => (
                    format!("{who}: type Yes to do this step: "),
                    "Yes".to_owned(),
                ),
                Role::Witness => {
                    let nonce = nonce()?;
                    (format!("{who}: if you agree, retype {nonce}: "), nonce)
                }
            };
            if self.run.stage.ask(&question)? != wanted {
                self.transcript
                    .write("stopped", json!({ "step": step, "by": person.name }))?;
                return Err(Error::Stopped {
                    who,
                    step: step.to_owned(),
                    reason: "the answer was not the requested one",
                });
            }
        }
        let people: Vec<&str> = self
            .run
            .plan
            .people()
            .iter()
            .map(|p| p.name.as_str())
            .collect();
        self.transcript
            .write("confirmed", json!({ "step": step, "people": people }))?;
        Ok(())
    }

    /// Runs work on the token. Notes the intent before it, and an error after it.
    pub(super) fn step<T>(
        &mut self,
        step: &str,
        intent: Value,
        work: impl FnOnce(&KeyRing) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut members = json!({ "step": step });
        merge(&mut members, intent);
        self.transcript.write("intent", members)?;
        let done = work(self.run.ring);
        if let Err(error) = &done {
            self.transcript.write(
                "failed",
                json!({ "step": step, "error": error.to_string() }),
            )?;
        }
        done
    }

    pub(super) fn result(&mut self, step: &str, result: Value) -> Result<(), Error> {
        let mut members = json!({ "step": step });
        merge(&mut members, result);
        self.transcript.write("result", members)?;
        Ok(())
    }

    /// Writes an output whole and new, reads it back, and notes it. Compares an output that an earlier run wrote.
    pub(super) fn output(
        &mut self,
        role: &'static str,
        path: &Path,
        bytes: &[u8],
    ) -> Result<(), Error> {
        files::write(path, bytes, 0o644, Existing::Keep).map_err(Error::file(role))?;
        let again = files::read(path, bytes.len()).map_err(Error::file(role))?;
        if again != bytes {
            return Err(Error::Reread {
                role,
                path: path.to_owned(),
            });
        }
        self.outputs.push(path.to_owned());
        let name = self.run.plan.name_of(path);
        let step = format!("output:{name}");
        if self.transcript.find("output", &step).is_none() {
            let digest = Digest::of(HashAlgorithm::Sha384, bytes).hex();
            let members = json!({ "step": step, "file": name, "role": role, "sha384": digest });
            self.transcript.write("output", members)?;
        }
        self.show(&format!("wrote {}", path.display()));
        Ok(())
    }

    /// Signs the transcript.
    pub(super) fn close(&mut self, signer: &P384Signer, root: &P384Key) -> Result<(), Error> {
        if signer.public_key() != root {
            return Err(Error::OtherRoot {
                found: signer.public_key().fingerprint(),
                wanted: root.fingerprint(),
            });
        }
        let what = "sign the transcript with the root key: this closes the ceremony";
        self.confirm("close", what)?;
        self.transcript
            .write("intent", json!({ "step": "close" }))?;
        self.transcript
            .sign(|message| Ok(signer.sign(Signed::Bytes(message))?))?;
        let transcript = self.run.plan.transcript();
        self.show(&format!(
            "wrote {}; SHA-384 of its last line:",
            transcript.display()
        ));
        self.show_digest(&unhex(&self.transcript.last()).unwrap_or_default());
        Ok(())
    }
}

/// Six letters or digits in two groups, for a witness to retype.
fn nonce() -> Result<String, Error> {
    let mut bytes = [0; NONCE_LEN];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    match filled {
        Ok(NONCE_LEN) => {}
        Ok(_) => return Err(Error::NoTerminal(std::io::ErrorKind::UnexpectedEof.into())),
        Err(e) => return Err(Error::NoTerminal(e.into())),
    }
    let letters = bytes.map(|b| char::from(ALPHABET[usize::from(b) % ALPHABET.len()]));
    let (left, right) = letters.split_at(NONCE_LEN / 2);
    Ok(format!(
        "{}-{}",
        left.iter().collect::<String>(),
        right.iter().collect::<String>()
    ))
}

pub(super) fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
