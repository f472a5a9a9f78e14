//! Fetching one resource.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::at::BrokerAt;
use crate::broker::{KbsUri, Source};
use crate::files::{self, Written};
use crate::ops::error::Error;
use crate::ops::keys::existing;
use crate::ops::outputs::check_output;

const ROLE: &str = "resource file";

/// Fetches a resource.
#[derive(Clone, Debug)]
pub struct Get {
    /// The resource.
    pub uri: KbsUri,
    /// The broker.
    pub broker: BrokerAt,
    /// The file for its bytes; `None` where the caller takes them.
    pub output: Option<PathBuf>,
    /// Whether to replace an existing file with other content.
    pub force: bool,
}

/// A resource that was fetched.
pub struct Got {
    /// Its bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Where it came from.
    pub source: Source,
    /// Whether this run wrote the file.
    pub written: Option<Written>,
}

impl Get {
    /// Refuses an output that could not be written before it asks the broker.
    pub fn run(&self) -> Result<Got, Error> {
        let broker = self.broker.wanted()?;
        if let Some(output) = &self.output {
            let input = match broker.source() {
                Source::OfflineFile(path) => Some(path.as_path()),
                Source::Grpc { .. } => None,
            };
            check_output(ROLE, output, &input.into_iter().collect::<Vec<_>>())?;
        }
        let bytes = broker.get(&self.uri)?;
        // It may be a secret.
        let write = |output| files::write(output, &bytes, 0o600, existing(self.force));
        let written = self.output.as_deref().map(write).transpose();
        let written = written.map_err(Error::file(ROLE))?;
        Ok(Got {
            source: broker.source().clone(),
            bytes,
            written,
        })
    }
}
