//! Times and numbers of days in arguments.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// A time in RFC 3339, with any offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub SystemTime);

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const WRONG: &str =
            "a time is written as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+01:00";
        if !text.is_ascii() || text.len() < 20 {
            return Err(WRONG);
        }
        let zone = text.find(['Z', 'z']).or_else(|| text.rfind(['+', '-']));
        let (local, zone) = text.split_at(zone.filter(|at| *at >= 19).ok_or(WRONG)?);
        let local = humantime::parse_rfc3339(&format!("{}Z", local.replacen('t', "T", 1)));
        let local = local.map_err(|_| WRONG)?;
        let (is_ahead, offset) = match zone.split_at(1) {
            ("Z" | "z", "") => (false, Duration::ZERO),
            ("+", offset) => (true, of_offset(offset).ok_or(WRONG)?),
            ("-", offset) => (false, of_offset(offset).ok_or(WRONG)?),
            _ => return Err(WRONG),
        };
        let utc = if is_ahead {
            local.checked_sub(offset)
        } else {
            local.checked_add(offset)
        };
        utc.map(Self).ok_or(WRONG)
    }
}

/// `hh:mm`.
fn of_offset(text: &str) -> Option<Duration> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, below: u64| {
        let is_pair = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        let number: u64 = if is_pair {
            text.parse().ok()?
        } else {
            return None;
        };
        (number < below).then_some(number)
    };
    Some(Duration::from_secs(
        number(hours, 24)? * 3600 + number(minutes, 60)? * 60,
    ))
}

/// A number of days: from 1 to a hundred years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(pub u32);

impl FromStr for Days {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let days = text.parse().ok().filter(|_| !text.starts_with('+'));
        days.filter(|days| (1..=36_525).contains(days))
            .map(Self)
            .ok_or("a number of days is from 1 to 36525, a hundred years")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_any_offset() {
        let utc = humantime::parse_rfc3339("2026-01-31T12:00:00Z").expect("a time");
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31t12:00:00z",
            "2026-01-31T12:00:00+00:00",
            "2026-01-31T12:00:00-00:00",
            "2026-01-31T13:30:00+01:30",
            "2026-01-31T07:00:00-05:00",
            "2026-02-01T11:59:00+23:59",
        ] {
            assert_eq!(text.parse(), Ok(Time(utc)), "{text}");
        }
        let later = "2026-01-31T12:00:00.25Z".parse();
        assert_eq!(later, Ok(Time(utc + Duration::from_millis(250))));
    }

    #[test]
    fn a_text_that_is_no_time_is_refused() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "2026-01-31 12:00:00Z",
            "2026-01-31T12:00Z",
            "2026-02-30T12:00:00Z",
            "2026-01-31T25:00:00Z",
            "2026-01-31T12:00:00+1:00",
            "2026-01-31T12:00:00+24:00",
            "2026-01-31T12:00:00+01:60",
            "2026-01-31T12:00:00+0100",
            "2026-01-31T12:00:00ZZ",
            "2026-01-31T12:00:00Z+01:00",
            "2026-01-31T12:00:00é",
            "1700000000",
        ] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }

    #[test]
    fn days_are_a_few_thousand_at_most() {
        assert_eq!("1".parse(), Ok(Days(1)));
        assert_eq!("36525".parse(), Ok(Days(36_525)));
        for text in ["", "0", "-1", "+1", "36526", "99999999999999", "1.5", "1d"] {
            assert!(text.parse::<Days>().is_err(), "{text}");
        }
    }
}
