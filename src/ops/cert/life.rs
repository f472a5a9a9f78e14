//! From when until when something holds, as a user says it.

use std::time::{Duration, SystemTime};

use super::error::Error;
use crate::x509::Validity;

/// From when until when something holds.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// Its first second; now, if the user says nothing.
    pub from: Option<SystemTime>,
    /// Its end.
    pub until: Until,
}

/// When something ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so many days of 24 hours.
    Days(u32),
    /// At a time.
    Time(SystemTime),
}

impl Life {
    /// The times, if it begins at `now` unless the user says otherwise.
    pub(super) fn validity(self, now: SystemTime) -> Result<Validity, Error> {
        let from = self.from.unwrap_or(now);
        let until = match self.until {
            Until::Days(days) => from + Duration::from_hours(24) * days,
            Until::Time(time) => time,
        };
        Ok(Validity::new(from, until)?)
    }
}
