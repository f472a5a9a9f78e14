//! The times of certificates and lists: `UTCTime` through 2049, `GeneralizedTime` from 2050 (RFC 5280, sections 4.1.2.5
//! and 5.1.2.4).

use std::time::{Duration, SystemTime};

use der::{DateTime, Sequence};
use x509_cert::time::Time;

/// From when until when something holds, both seconds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: Time,
    not_after: Time,
}

/// Times that no certificate or list can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidityError {
    /// A certificate's times are from 1970 to 9999.
    #[error("a time is before 1970 or after 9999")]
    Range,
    /// It would end before it begins.
    #[error("it would end before it begins")]
    Order,
}

/// `Validity` (RFC 5280, section 4.1.2.5).
#[derive(Sequence)]
pub(super) struct Encoded {
    not_before: Time,
    not_after: Time,
}

fn whole_seconds(time: SystemTime) -> Result<Duration, ValidityError> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_err(|_| ValidityError::Range)?;
    Ok(Duration::from_secs(since.as_secs()))
}

fn encoded(time: SystemTime) -> Result<Time, ValidityError> {
    let time = DateTime::from_unix_duration(whole_seconds(time)?);
    Ok(Time::from(time.map_err(|_| ValidityError::Range)?))
}

fn read(time: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + time.to_unix_duration()
}

impl Validity {
    /// From a second until a later one. Fractions of a second are cut off.
    pub fn new(not_before: SystemTime, not_after: SystemTime) -> Result<Self, ValidityError> {
        let (not_before, not_after) = (encoded(not_before)?, encoded(not_after)?);
        if read(not_after) <= read(not_before) {
            return Err(ValidityError::Order);
        }
        Ok(Self {
            not_before,
            not_after,
        })
    }

    /// The first second.
    pub fn not_before(&self) -> SystemTime {
        read(self.not_before)
    }

    /// The last second.
    pub fn not_after(&self) -> SystemTime {
        read(self.not_after)
    }

    pub(super) const fn times(&self) -> (Time, Time) {
        (self.not_before, self.not_after)
    }

    pub(super) const fn encoded(&self) -> Encoded {
        Encoded {
            not_before: self.not_before,
            not_after: self.not_after,
        }
    }
}

/// A time of a list's entry.
pub(super) fn of_entry(time: SystemTime) -> Result<Time, ValidityError> {
    encoded(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::hex::hex;
    use der::Encode;

    fn at(text: &str) -> SystemTime {
        humantime::parse_rfc3339(text).expect("a time")
    }

    #[test]
    fn years_from_2050_have_four_digits() {
        let validity = |from: &str, to: &str| {
            let validity = Validity::new(at(from), at(to)).expect("times");
            hex(&validity.encoded().to_der().expect("DER"))
        };
        let before = "170d3439313233313233353935395a";
        let after = "180f32303530303130313030303030305a";
        assert_eq!(
            validity("2049-12-31T23:59:59Z", "2050-01-01T00:00:00.9Z"),
            format!("3020{before}{after}")
        );
    }

    #[test]
    fn times_that_no_certificate_has_are_refused() {
        let later = at("2030-01-01T00:00:00Z");
        let same = Validity::new(later, later + Duration::from_millis(900));
        assert_eq!(same, Err(ValidityError::Order));
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Validity::new(before, later), Err(ValidityError::Range));
        let end = at("9999-12-31T23:59:59Z");
        assert_eq!(Validity::new(later, end).map(|v| v.not_after()), Ok(end));
        let beyond = end + Duration::from_secs(1);
        assert_eq!(Validity::new(later, beyond), Err(ValidityError::Range));
    }
}
