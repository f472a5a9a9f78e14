//! The times of a plan: TOML's offset date-times, in whole seconds.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, de};
use toml::value::{Datetime, Offset};

/// A time of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ceremony) struct Time(pub(in crate::ceremony) SystemTime);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Datetime::deserialize(deserializer)?;
        time(&read).map(Self).ok_or_else(|| {
            de::Error::custom(format!(
                "{read} is not a time with an offset and in whole seconds, such as 2027-01-31T12:00:00Z"
            ))
        })
    }
}

/// The time; none without a date, a time of day and an offset, or with a fraction of a second, or before 1970.
fn time(read: &Datetime) -> Option<SystemTime> {
    let (date, time, offset) = (read.date?, read.time?, read.offset?);
    if time.nanosecond.is_some_and(|fraction| fraction > 0) {
        return None;
    }
    let plain = Datetime {
        date: Some(date),
        time: Some(time),
        offset: Some(Offset::Z),
    };
    let plain = humantime::parse_rfc3339(&plain.to_string()).ok()?;
    let minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => minutes,
    };
    let apart = Duration::from_secs(60 * u64::from(minutes.unsigned_abs()));
    let found = if minutes < 0 {
        plain.checked_add(apart)
    } else {
        plain.checked_sub(apart)
    };
    found.filter(|found| *found >= SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        at: Time,
    }

    fn read(text: &str) -> Result<String, String> {
        let read: Result<Holder, _> = toml::from_str(&format!("at = {text}"));
        let read = read.map_err(|error| error.message().to_owned())?;
        Ok(humantime::format_rfc3339_seconds(read.at.0).to_string())
    }

    #[test]
    fn a_time_has_an_offset_and_whole_seconds() {
        for (text, wanted) in [
            ("2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z"),
            ("2027-01-31T12:00:00+01:00", "2027-01-31T11:00:00Z"),
            ("2027-01-31T23:30:00-02:30", "2027-02-01T02:00:00Z"),
            ("2027-01-31 12:00:00Z", "2027-01-31T12:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(wanted), "{text}");
        }
        for wrong in [
            "2027-01-31T12:00:00",
            "2027-01-31",
            "12:00:00",
            "2027-01-31T12:00:00.5Z",
            "1969-12-31T23:59:59Z",
        ] {
            let reason = read(wrong).expect_err(wrong);
            assert!(
                reason.contains("is not a time with an offset"),
                "{wrong}: {reason}"
            );
        }
        assert!(read("\"2027-01-31T12:00:00Z\"").is_err());
    }
}
