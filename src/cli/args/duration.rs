//! Times in arguments.

use std::time::Duration;

/// Reads a time: seconds, or a number with a unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map(Duration::from_secs);
    let time = seconds.or_else(|_| humantime::parse_duration(text));
    match time {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("a time is a number of seconds, or has units, as in 3s or 1m30s".into()),
    }
}
