//! The log of calls: how a line is written, and a reader for tests.
//!
//! `N C_Name → CKR_NAME pid=P thread=T`; a call that carries a PIN has ` slot=S user=U pin=given|none pin-errors=E`
//! as well, where `E` counts the PIN errors of the process so far. A killed process leaves `→ killed`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Answers that say that something is wrong with a PIN.
pub const PIN_ERRORS: &[&str] = &[
    "CKR_PIN_INCORRECT",
    "CKR_PIN_INVALID",
    "CKR_PIN_LEN_RANGE",
    "CKR_PIN_EXPIRED",
    "CKR_PIN_LOCKED",
];

/// A call that shows the token a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The slot, when the session it came by was known.
    pub slot: Option<u64>,
    /// Whose PIN: `CKU_USER`, `CKU_SO`, `CKU_CONTEXT_SPECIFIC` or a number.
    pub user: String,
    /// Whether a PIN was in the call; a PIN pad has none.
    pub pin: bool,
    /// The PIN errors of the process up to and with this call.
    pub pin_errors: u64,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The call's number in its process, from 1.
    pub number: u64,
    /// The process.
    pub pid: u32,
    /// Which of the process's threads, by a number of this module's.
    pub thread: u64,
    /// `C_Name`.
    pub function: String,
    /// `CKR_NAME`, a code in hexadecimal, or `killed`.
    pub outcome: String,
    /// The facts about a PIN, when the function takes one.
    pub attempt: Option<Attempt>,
}

impl Entry {
    /// Whether the answer says that the PIN is wrong, locked or out of date.
    pub fn is_pin_error(&self) -> bool {
        PIN_ERRORS.contains(&self.outcome.as_str())
    }

    pub(crate) fn line(&self) -> String {
        let Self {
            number,
            pid,
            thread,
            function,
            outcome,
            ..
        } = self;
        let mut line = format!("{number} {function} → {outcome} pid={pid} thread={thread}");
        if let Some(attempt) = &self.attempt {
            let slot = attempt.slot.map_or("?".to_owned(), |slot| slot.to_string());
            let pin = if attempt.pin { "given" } else { "none" };
            let Attempt {
                user, pin_errors, ..
            } = attempt;
            let _ = write!(
                line,
                " slot={slot} user={user} pin={pin} pin-errors={pin_errors}"
            );
        }
        line.push('\n');
        line
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let number = words.next()?.parse().ok()?;
        let function = words.next().filter(|name| name.starts_with("C_"))?;
        words.next().filter(|arrow| *arrow == "→")?;
        let outcome = words.next()?;
        let mut fields = BTreeMap::new();
        for word in words {
            let (key, value) = word.split_once('=')?;
            fields.insert(key, value);
        }
        let attempt = match fields.get("user") {
            None => None,
            Some(user) => Some(Attempt {
                slot: fields.get("slot")?.parse().ok(),
                user: (*user).to_owned(),
                pin: *fields.get("pin")? == "given",
                pin_errors: fields.get("pin-errors")?.parse().ok()?,
            }),
        };
        Some(Self {
            number,
            pid: fields.get("pid")?.parse().ok()?,
            thread: fields.get("thread")?.parse().ok()?,
            function: function.to_owned(),
            outcome: outcome.to_owned(),
            attempt,
        })
    }
}

/// All calls of a log, in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The calls.
    pub entries: Vec<Entry>,
}

impl Log {
    /// Reads a log; one that no process has written yet is empty.
    pub fn read(path: &Path) -> io::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                Self::parse(&text).map_err(|line| io::Error::other(format!("bad log line: {line}")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Reads a log from its text; the error is the line that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let entry = |line| Entry::parse(line).ok_or_else(|| String::from(line));
        let entries: Result<_, _> = text.lines().map(entry).collect();
        Ok(Self { entries: entries? })
    }

    /// The calls of one process.
    #[must_use]
    pub fn of(&self, pid: u32) -> Self {
        let own = self.entries.iter().filter(|entry| entry.pid == pid);
        Self {
            entries: own.cloned().collect(),
        }
    }

    /// How often a function was called.
    pub fn count(&self, function: &str) -> usize {
        let calls = self.entries.iter();
        calls.filter(|entry| entry.function == function).count()
    }

    /// The calls that showed a token a PIN, or asked for one on its PIN pad.
    pub fn attempts(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.attempt.is_some())
    }

    /// How often a token was shown a PIN again after it had said that one is wrong: what a PIN budget
    /// says must be 0. Where the slot is unknown, any slot will do.
    pub fn attempts_after_pin_error(&self) -> usize {
        let mut failed: Vec<Option<u64>> = Vec::new();
        let mut after = 0;
        for entry in &self.entries {
            let Some(attempt) = &entry.attempt else {
                continue;
            };
            let same = |slot: &Option<u64>| {
                slot.is_none() || attempt.slot.is_none() || *slot == attempt.slot
            };
            after += usize::from(failed.iter().any(same));
            if entry.is_pin_error() {
                failed.push(attempt.slot);
            }
        }
        after
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Entry, Log};

    const LOG: &str = "\
1 C_Initialize → CKR_OK pid=7 thread=1
2 C_Login → CKR_PIN_INCORRECT pid=7 thread=1 slot=3 user=CKU_USER pin=given pin-errors=1
3 C_Login → CKR_OK pid=7 thread=1 slot=4 user=CKU_USER pin=none pin-errors=1
4 C_Sign → 0x80000001 pid=7 thread=1
1 C_Initialize → killed pid=8 thread=1
";

    #[test]
    fn lines_come_back() {
        let log = Log::parse(LOG).expect("is a log");
        let again: String = log.entries.iter().map(Entry::line).collect();
        assert_eq!(again, LOG);
        assert_eq!(log.count("C_Login"), 2);
        assert_eq!(log.of(8).entries[0].outcome, "killed");
        assert_eq!(
            log.entries[1].attempt,
            Some(Attempt {
                slot: Some(3),
                user: "CKU_USER".to_owned(),
                pin: true,
                pin_errors: 1
            })
        );
    }

    #[test]
    fn another_token_is_not_another_attempt() {
        let log = Log::parse(LOG).expect("is a log");
        assert_eq!(log.attempts().count(), 2);
        assert_eq!(log.attempts_after_pin_error(), 0);
    }

    #[test]
    fn attempts_after_an_error_are_counted_for_each_token() {
        for (slot, after) in [("3", 1), ("?", 1), ("5", 0)] {
            let more = format!(
                "{LOG}9 C_Login → CKR_OK pid=7 thread=1 slot={slot} user=CKU_USER pin=given pin-errors=1\n"
            );
            let log = Log::parse(&more).expect("is a log");
            assert_eq!(log.attempts_after_pin_error(), after, "slot {slot}");
        }
    }

    #[test]
    fn what_is_no_log() {
        for line in [
            "x",
            "1 C_Sign → CKR_OK",
            "1 C_Sign → CKR_OK pid=1",
            "1 Sign → CKR_OK pid=1 thread=1",
            "1 C_Sign -> CKR_OK pid=1 thread=1",
        ] {
            assert_eq!(Log::parse(line), Err(line.to_owned()));
        }
    }

    #[test]
    fn a_log_nobody_wrote_is_empty() {
        let none = std::path::Path::new("/nonexistent/log");
        assert_eq!(Log::read(none).expect("is empty"), Log::default());
    }
}
