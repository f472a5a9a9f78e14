//! Why a ceremony stopped, or a transcript is invalid.

use std::path::PathBuf;

use crate::class::Class;
use crate::crypto::p384::{Fingerprint, PublicKeyError};
use crate::scheme::cosign::Malformed;
use crate::{files, key};

/// Why a ceremony stopped, or a transcript is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The plan is invalid.
    #[error("plan {}: {reason}", .path.display())]
    Plan {
        /// The plan.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An input has another digest than the plan says.
    #[error("{role} {}: its SHA-384 is {found}, but the plan says {wanted}", .path.display())]
    Input {
        /// The file's role.
        role: &'static str,
        /// The file.
        path: PathBuf,
        /// The plan's value.
        wanted: String,
        /// The value that the run found.
        found: String,
    },
    /// An input is not a public key.
    #[error("{role} {}: {source}", .path.display())]
    PublicKey {
        /// The file's role.
        role: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PublicKeyError,
    },
    /// An input is not a payload of cosign.
    #[error("payload {}: {source}", .path.display())]
    Payload {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Malformed,
    },
    /// A certificate or a CRL cannot be made as the plan has it.
    #[error("{what}: {reason}")]
    Certificate {
        /// The input, or the thing to be made.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// The system gave no random bytes.
    #[error("no random bytes for a serial number: {0}")]
    Random(std::io::Error),
    /// The program could not read or write a file.
    #[error("{role} {source}")]
    File {
        /// The file's role.
        role: &'static str,
        /// What is wrong.
        source: files::Error,
    },
    /// An output already exists.
    #[error("{role} {}: it already exists", .path.display())]
    Exists {
        /// The file's role.
        role: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A file, read back, differs from the written bytes.
    #[error("{role} {}: the file does not hold the bytes that were written", .path.display())]
    Reread {
        /// The file's role.
        role: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The token is software, or is not although the plan is a rehearsal's.
    #[error("token \"{token}\": {reason}")]
    Software {
        /// The token.
        token: String,
        /// The contradiction.
        reason: &'static str,
    },
    /// The key on the token is not the plan's root.
    #[error("the key on the token has the fingerprint {found}, but the plan's root has {wanted}")]
    OtherRoot {
        /// The key on the token.
        found: Fingerprint,
        /// The plan's root.
        wanted: Fingerprint,
    },
    /// The token or key is not the transcript's.
    #[error("transcript {}: {what} was {then} when the ceremony began, and is now {now}", .path.display())]
    Changed {
        /// The transcript.
        path: PathBuf,
        /// The difference.
        what: &'static str,
        /// What it was.
        then: String,
        /// What it is.
        now: String,
    },
    /// The clock is earlier than the transcript.
    #[error("transcript {}: its last line is from {then}, but this machine's clock says {now}", .path.display())]
    Clock {
        /// The transcript.
        path: PathBuf,
        /// The time of its last line.
        then: String,
        /// The time.
        now: String,
    },
    /// The transcript is invalid.
    #[error("transcript {}: line {line}: {reason}", .path.display())]
    Transcript {
        /// The transcript.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The transcript is another plan's.
    #[error("transcript {}: it belongs to another plan, or somebody changed the plan since (its SHA-384 was {then}, and is now {now})", .path.display())]
    OtherPlan {
        /// The transcript.
        path: PathBuf,
        /// The plan that the ceremony began with.
        then: String,
        /// The plan.
        now: String,
    },
    /// The ceremony is done.
    #[error("transcript {}: this ceremony is complete", .path.display())]
    Complete {
        /// The transcript.
        path: PathBuf,
    },
    /// Another run writes the transcript.
    #[error("transcript {}: another run is writing it", .path.display())]
    Busy {
        /// The transcript.
        path: PathBuf,
    },
    /// Somebody did not confirm a step.
    #[error(
        "{who} did not confirm the step \"{step}\": {reason}; the run did nothing in this step"
    )]
    Stopped {
        /// Who.
        who: String,
        /// The step.
        step: String,
        /// The answer.
        reason: &'static str,
    },
    /// There is no terminal on which to confirm a step.
    #[error("a ceremony needs a terminal: {0}")]
    NoTerminal(std::io::Error),
    /// Only a rehearsal can be unattended.
    #[error("only a rehearsal can run unattended")]
    Attended,
    /// The program could not be read.
    #[error("cannot read this program to note its digest: {0}")]
    Program(std::io::Error),
    /// The key or token failed.
    #[error(transparent)]
    Key(#[from] key::Error),
}

impl Error {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::File { source, .. } => source.class(),
            Self::Plan { .. } | Self::Attended => Class::Usage,
            Self::NoTerminal(_) | Self::Program(_) | Self::Random(_) | Self::Busy { .. } => {
                Class::Undecided
            }
            Self::Key(source) => source.class(),
            Self::Input { .. }
            | Self::PublicKey { .. }
            | Self::Payload { .. }
            | Self::Certificate { .. }
            | Self::Exists { .. }
            | Self::Reread { .. }
            | Self::Software { .. }
            | Self::OtherRoot { .. }
            | Self::Changed { .. }
            | Self::Clock { .. }
            | Self::Transcript { .. }
            | Self::OtherPlan { .. }
            | Self::Complete { .. }
            | Self::Stopped { .. } => Class::Refused,
        }
    }

    pub(super) fn certificate(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Certificate {
            what: what.into(),
            reason: reason.into(),
        }
    }

    pub(super) fn file(role: &'static str) -> impl FnOnce(files::Error) -> Self {
        move |source| Self::File { role, source }
    }
}

impl From<key::pkcs11::Error> for Error {
    fn from(error: key::pkcs11::Error) -> Self {
        Self::Key(error.into())
    }
}
