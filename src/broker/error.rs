//! Why a broker gave no resource.

use std::path::PathBuf;
use std::time::Duration;

use super::source::Source;
use super::uri::KbsUri;
use crate::class::Class;
use crate::files;

/// Why a broker gave no resource.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The offline file cannot be read.
    #[error("key broker: {0}")]
    File(#[from] files::Error),
    /// The offline file is not a file but, for example, a folder or a pipe.
    #[error("key broker {}: is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// The offline file does not hold resources.
    #[error("key broker {}: {fault}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: FileFault,
    },
    /// The offline file has no such resource.
    #[error("key broker {}: has no resource {uri}", .path.display())]
    Absent {
        /// The file.
        path: PathBuf,
        /// The resource.
        uri: KbsUri,
    },
    /// The resource has no byte.
    #[error("key broker {broker}: resource {uri} is empty")]
    Empty {
        /// The broker.
        broker: Source,
        /// The resource.
        uri: KbsUri,
    },
    /// The agent gave no answer in time.
    #[error("key broker {broker}: no answer for {uri} in {} seconds", .timeout.as_secs_f64())]
    Timeout {
        /// The broker.
        broker: Source,
        /// The resource.
        uri: KbsUri,
        /// How long the client waited.
        timeout: Duration,
    },
    /// The agent cannot be reached.
    #[error("key broker {broker}: cannot connect: {reason}")]
    Connect {
        /// The broker.
        broker: Source,
        /// What the system says.
        reason: String,
    },
    /// The agent refused the call.
    #[error("key broker {broker}: does not give {uri}: {status}")]
    Status {
        /// The broker.
        broker: Source,
        /// The resource.
        uri: KbsUri,
        /// The status of gRPC, by its name, and the agent's message.
        status: String,
    },
    /// The agent's answer is not an answer of gRPC.
    #[error("key broker {broker}: its answer for {uri} is not valid: {reason}")]
    Answer {
        /// The broker.
        broker: Source,
        /// The resource.
        uri: KbsUri,
        /// What is wrong with it.
        reason: String,
    },
    /// The agent is on another machine, and nothing protects what it sends.
    #[error("key broker {0}: is on another machine, and gRPC without TLS is for this one")]
    NotLocal(Source),
    /// This build has no gRPC.
    #[error("key broker {0}: this build of ir-sign leaves out the feature grpc")]
    LeftOut(Source),
}

/// The fault of an offline file, without any text of the file, which may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// It is not one JSON object of texts.
    #[error("is not a JSON object whose values are strings (line {line}, column {column})")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A value is not base64.
    #[error("the value of \"{0}\" is not standard base64 with padding")]
    Base64(String),
    /// A member is there twice.
    #[error("it has two members of one name (line {line}, column {column})")]
    Twice {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
}

impl Error {
    /// The error's class: a broker that fails leaves everything undecided.
    pub const fn class(&self) -> Class {
        match self {
            Self::File(_)
            | Self::NotAFile(_)
            | Self::Malformed { .. }
            | Self::Absent { .. }
            | Self::Empty { .. }
            | Self::Timeout { .. }
            | Self::Connect { .. }
            | Self::Status { .. }
            | Self::Answer { .. } => Class::Undecided,
            Self::NotLocal(_) | Self::LeftOut(_) => Class::Usage,
        }
    }
}
