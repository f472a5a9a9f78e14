//! The broker that the user means.

use std::time::Duration;

use super::error::Error;
use crate::broker::{Broker, Source};

/// The broker that the user means, and how to ask it.
#[derive(Clone, Debug)]
pub struct BrokerAt {
    /// The broker, if the user names one.
    pub source: Option<Source>,
    /// How long an agent may take for a resource.
    pub timeout: Duration,
    /// Whether agents on other machines are allowed.
    pub allow_http: bool,
}

impl BrokerAt {
    /// The named broker, or the default file if that exists; `None` if there is neither. Refuses wrong usage, and reads
    /// nothing yet.
    pub fn open(&self) -> Result<Option<Broker>, Error> {
        let source = self.source.clone().or_else(Source::default_if_there);
        let open = |source| Broker::open(&source, self.timeout, self.allow_http);
        Ok(source.map(open).transpose()?)
    }

    /// The same where a broker is needed.
    pub fn wanted(&self) -> Result<Broker, Error> {
        self.open()?.ok_or(Error::NoBroker)
    }
}
