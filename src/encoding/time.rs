//! Times in RFC 3339, with any offset, and written in UTC.
//!
//! ```
//! use ir_sign::encoding::time;
//!
//! let at = time::read("2026-01-02T04:04:05+01:00").expect("a time");
//! assert_eq!(time::write(at), "2026-01-02T03:04:05Z");
//! assert_eq!(time::read("2026-01-02"), None);
//! ```

use std::time::{Duration, SystemTime};

const DAY: i64 = 86_400;
/// The first second of the year 0, in seconds since 1970.
const FIRST: i64 = -62_167_219_200;
/// The last second of the year 9999.
const LAST: i64 = 253_402_300_799;

/// Reads `YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)` (RFC 3339, section 5.6), in capitals. Seconds end at 59.
///
/// Digits of a fraction beyond the ninth are dropped.
pub fn read(text: &str) -> Option<SystemTime> {
    let bytes = text.as_bytes();
    let number = |at: usize, length: usize| -> Option<i64> {
        let digits = bytes.get(at..at + length)?;
        let all = digits.iter().all(u8::is_ascii_digit);
        all.then(|| digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    };
    let mark = |at: usize, mark: u8| (bytes.get(at) == Some(&mark)).then_some(());
    mark(4, b'-')?;
    mark(7, b'-')?;
    mark(10, b'T')?;
    mark(13, b':')?;
    mark(16, b':')?;
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if !(1..=12).contains(&month)
        || !(1..=days_of(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let mut at = 19;
    let mut nanos = 0;
    if mark(at, b'.').is_some() {
        let digits = bytes[at + 1..].iter();
        let count = digits.take_while(|byte| byte.is_ascii_digit()).count();
        let kept = count.min(9);
        nanos =
            number(at + 1, kept).filter(|_| count > 0)? * 10_i64.pow(9 - u32::try_from(kept).ok()?);
        at += 1 + count;
    }
    let offset = match bytes.get(at)? {
        b'Z' => {
            at += 1;
            0
        }
        sign @ (b'+' | b'-') => {
            mark(at + 3, b':')?;
            let (hours, minutes) = (number(at + 1, 2)?, number(at + 4, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            at += 6;
            (hours * 3600 + minutes * 60) * if *sign == b'+' { 1 } else { -1 }
        }
        _ => return None,
    };
    if at != bytes.len() {
        return None;
    }
    let days = days_before(year, month) + day - 1;
    let seconds = days * DAY + hour * 3600 + minute * 60 + second - offset;
    let nanos = u64::try_from(nanos).ok()?;
    from_seconds(seconds)?.checked_add(Duration::from_nanos(nanos))
}

/// The time in UTC, in whole seconds. Times outside the years 0 to 9999 become the nearest one inside.
pub fn write(at: SystemTime) -> String {
    let seconds = to_seconds(at).clamp(FIRST, LAST);
    let (mut days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // A year too early, or the right one.
    let mut year = 1970 + days.div_euclid(if days < 0 { 365 } else { 366 });
    while days >= days_before(year + 1, 1) {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days >= days_before(year, month + 1) {
        month += 1;
    }
    days -= days_before(year, month) - 1;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{days:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The time that is so many seconds after 1970 began, in UTC; `None` outside the years 0 to 9999.
pub fn from_seconds(seconds: i64) -> Option<SystemTime> {
    if !(FIRST..=LAST).contains(&seconds) {
        return None;
    }
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}

/// The whole seconds since 1970 began, rounded down; the last of the range where there are more.
pub fn to_seconds(at: SystemTime) -> i64 {
    let fits = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => fits(after.as_secs()),
        Err(error) => {
            let before = error.duration();
            -fits(before.as_secs()) - i64::from(before.subsec_nanos() > 0)
        }
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970 to the first day of a month.
fn days_before(year: i64, month: i64) -> i64 {
    let leaps = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    years + (1..month).map(|month| days_of(year, month)).sum::<i64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_its_offset_and_written_in_utc() {
        for (text, written) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("2026-01-02T03:04:05.123+01:00", "2026-01-02T02:04:05Z"),
            ("2026-01-02T03:04:05.999999999999Z", "2026-01-02T03:04:05Z"),
            ("2024-02-29T23:59:59-23:59", "2024-03-01T23:58:59Z"),
            ("2000-02-29T00:00:00-00:00", "2000-02-29T00:00:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            ("1900-03-01T12:00:00Z", "1900-03-01T12:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(read(text).map(write).as_deref(), Some(written), "{text}");
        }
    }

    #[test]
    fn every_day_is_the_one_that_another_program_writes() {
        // A century of whole days and one second, and `humantime`'s words for them.
        for day in (0..36_600).step_by(7) {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(day * 86_400 + 1);
            let theirs = humantime::format_rfc3339_seconds(at).to_string();
            assert_eq!(write(at), theirs);
            assert_eq!(read(&theirs), Some(at));
        }
    }

    #[test]
    fn other_spellings_and_times_that_do_not_exist_are_refused() {
        for text in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-01-02t03:04:05Z",
            "2026-01-02T03:04:05z",
            "2026-01-02 03:04:05Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05,1Z",
            "2026-01-02T03:04:60Z",
            "2026-01-02T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-02T03:04:05+1:00",
            "2026-01-02T03:04:05+24:00",
            "2026-01-02T03:04:05+0100",
            "2026-01-02T03:04:05Z ",
            "+026-01-02T03:04:05Z",
            "0000-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert_eq!(from_seconds(i64::MAX), None);
        assert_eq!(from_seconds(FIRST - 1), None);
        assert_eq!(to_seconds(from_seconds(FIRST).expect("a time")), FIRST);
    }
}
