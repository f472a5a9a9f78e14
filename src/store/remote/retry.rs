//! Repeats requests if that may help, and waits as long as the registry wants (R60, R61).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ureq::http::header::RETRY_AFTER;

use super::environment::Options;
use super::error::Problem;
use super::wire::Answer;

/// The program does not report shorter waits.
const UNTOLD: Duration = Duration::from_millis(1500);

/// Tries something until it succeeds, fails for good, or has had enough tries. The messages about a wait name `what`.
pub(super) fn retry(
    options: &Options,
    what: &str,
    mut attempt: impl FnMut() -> Result<Answer, Problem>,
) -> Result<Answer, Problem> {
    let mut tried = 0;
    loop {
        let outcome = attempt();
        let wait = match &outcome {
            Ok(answer) if is_passing(answer.status) => after(answer, SystemTime::now()),
            Err(problem) if problem.is_passing() => None,
            _ => return outcome,
        };
        let longest = options.longest_wait;
        if let Some(wait) = wait.filter(|wait| *wait > longest) {
            return Err(Problem::Later {
                seconds: wait.as_secs(),
            });
        }
        if tried >= options.retries {
            return outcome;
        }
        let why = match outcome {
            Ok(answer) => format!("the registry answers {}", answer.status),
            Err(problem) => problem.to_string(),
        };
        let wait = wait.unwrap_or_else(|| backoff(options.backoff, tried));
        pause(options, wait, what, &why);
        tried += 1;
    }
}

/// Waits before another try, and reports a long wait.
pub(super) fn pause(options: &Options, wait: Duration, what: &str, why: &str) {
    if wait >= UNTOLD {
        let seconds = wait.as_secs_f64().round();
        let text = format!("{what}: {why}; trying again in {seconds} s");
        options.waiting.tell(&text);
    }
    thread::sleep(wait);
}

/// Whether a status means that the same request may succeed later.
pub(super) const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429) || status >= 500 && status != 501
}

/// How long to wait before the next try: twice as long each time, give or take a fifth.
pub(super) fn backoff(first: Duration, tried: u32) -> Duration {
    let wait = first.saturating_mul(1 << tried.min(6));
    // Machines that failed together should not all come back at the same moment.
    let chance = RandomState::new().build_hasher().finish() % 401;
    let per_mille = 800 + u32::try_from(chance).unwrap_or(0);
    wait.saturating_mul(per_mille) / 1000
}

/// How long the registry asks the client to wait: `Retry-After`, in seconds or as a date. `None` if it says neither.
fn after(answer: &Answer, now: SystemTime) -> Option<Duration> {
    wait(answer.header(&RETRY_AFTER)?, now)
}

fn wait(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = date(text)?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// A date as headers have it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
fn date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts[..] else {
        return None;
    };
    let number = |text: &str, from: u64, to: u64| {
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_number)?;
        (from..=to).contains(&number).then_some(number)
    };
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let (day, year) = (number(day, 1, 31)?, number(year, 1970, 9999)?);
    let time: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = time[..] else {
        return None;
    };
    let clock = number(hour, 0, 23)? * 3600 + number(minute, 0, 59)? * 60 + number(second, 0, 60)?;
    // Days since 1970-01-01, counted in years that begin in March.
    let (y, m) = if month < 2 {
        (year - 1, month + 10)
    } else {
        (year, month - 2)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1;
    let seconds = days.checked_sub(719_468)? * 86_400 + clock;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r61_a_registry_says_seconds_or_a_date_when_to_come_again() {
        let now = date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        assert_eq!(now, UNIX_EPOCH + Duration::from_secs(784_111_777));
        let first = date("Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(first, Some(UNIX_EPOCH));
        let leap = date("Thu, 29 Feb 2024 12:00:01 GMT");
        assert_eq!(leap, Some(UNIX_EPOCH + Duration::from_secs(1_709_208_001)));
        for (text, seconds) in [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 61 ", Some(61)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:39 GMT", Some(2)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 06 Nov 1994 25:49:37 GMT", None),
            ("Sun, +6 Nov 1994 08:49:37 GMT", None),
        ] {
            assert_eq!(wait(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn r60_waits_grow_and_differ() {
        let second = Duration::from_secs(1);
        for (tried, wanted) in [(0, 1000), (1, 2000), (2, 4000)] {
            let waits: Vec<u128> = (0..50)
                .map(|_| backoff(second, tried).as_millis())
                .collect();
            assert!(
                waits
                    .iter()
                    .all(|w| (wanted * 8 / 10..=wanted * 12 / 10).contains(w)),
                "{waits:?}"
            );
            assert!(waits.iter().any(|w| *w != waits[0]));
        }
    }

    #[test]
    fn r60_which_answers_are_asked_for_again() {
        for status in [408, 429, 500, 502, 503, 504, 599] {
            assert!(is_passing(status), "{status}");
        }
        for status in [200, 301, 400, 401, 403, 404, 405, 413, 416, 501] {
            assert!(!is_passing(status), "{status}");
        }
    }
}
