//! The plan: what a module does otherwise than the real one. The grammar is in the crate's documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use cryptoki_sys::{CK_ATTRIBUTE_TYPE, CK_FLAGS, CK_MECHANISM_TYPE, CK_RV};

use crate::names::{self, Named, function, number, takes_session};

/// Which calls a rule is about, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    At(u64),
    From(u64),
}

impl When {
    pub fn holds(self, call: u64) -> bool {
        match self {
            Self::Always => true,
            Self::At(n) => call == n,
            Self::From(n) => call >= n,
        }
    }
}

/// An answer in place of the real one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub function: &'static str,
    pub when: When,
    /// The real call is made first.
    pub after: bool,
    pub code: CK_RV,
}

/// One call of one function.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trigger {
    pub function: &'static str,
    pub call: u64,
}

/// A rule that is either there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Switch {
    NoPublicObject,
    NoPrivateObject,
    Twins,
    AlwaysAuthenticate,
    PinPad,
    ZeroSlots,
    SlotsBufferTooSmall,
    MechanismsBufferTooSmall,
    BadClock,
    NulPadded,
    Unpadded,
    CantLock,
    NoLengthQuery,
    OneSession,
    Prints,
}

const SWITCHES: [(&str, Switch); 15] = [
    ("no-public-object", Switch::NoPublicObject),
    ("no-private-object", Switch::NoPrivateObject),
    ("twins", Switch::Twins),
    ("always-authenticate", Switch::AlwaysAuthenticate),
    ("pin-pad", Switch::PinPad),
    ("zero-slots", Switch::ZeroSlots),
    ("slots-buffer-too-small", Switch::SlotsBufferTooSmall),
    (
        "mechanisms-buffer-too-small",
        Switch::MechanismsBufferTooSmall,
    ),
    ("bad-clock", Switch::BadClock),
    ("nul-padded", Switch::NulPadded),
    ("unpadded", Switch::Unpadded),
    ("cant-lock", Switch::CantLock),
    ("no-length-query", Switch::NoLengthQuery),
    ("one-session", Switch::OneSession),
    ("prints", Switch::Prints),
];

/// The replacement of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Flip,
    Other,
    Short,
    Long,
    Empty,
    Der,
    Zero,
    Max,
    Lie,
}

const SIGN: [(&str, Sign); 9] = [
    ("flip", Sign::Flip),
    ("other", Sign::Other),
    ("short", Sign::Short),
    ("long", Sign::Long),
    ("empty", Sign::Empty),
    ("der", Sign::Der),
    ("zero", Sign::Zero),
    ("max", Sign::Max),
    ("lie", Sign::Lie),
];

/// The replacement of a public point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    Raw,
    Bare,
    BitString,
    LongForm,
    Compressed,
    Garbage,
    OffCurve,
    Other,
    Infinity,
    Empty,
}

const POINT: [(&str, Point); 10] = [
    ("bare", Point::Bare),
    ("bit-string", Point::BitString),
    ("long-form", Point::LongForm),
    ("raw", Point::Raw),
    ("compressed", Point::Compressed),
    ("garbage", Point::Garbage),
    ("off-curve", Point::OffCurve),
    ("other", Point::Other),
    ("infinity", Point::Infinity),
    ("empty", Point::Empty),
];

/// All the rules of a plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub answers: Vec<Answer>,
    pub kill: Option<u64>,
    pub kill_after: Option<u64>,
    pub removed: Option<Trigger>,
    pub comes_back: bool,
    pub dead_session: Vec<Trigger>,
    pub sign: Vec<(When, Sign)>,
    pub point: Option<Point>,
    pub missing: BTreeSet<CK_ATTRIBUTE_TYPE>,
    pub attributes: BTreeMap<CK_ATTRIBUTE_TYPE, Vec<u8>>,
    pub flags_set: CK_FLAGS,
    pub flags_cleared: CK_FLAGS,
    pub label: Option<(u64, String)>,
    pub serial: Option<(u64, String)>,
    pub mechanisms: Option<Vec<CK_MECHANISM_TYPE>>,
    pub slow: Vec<(&'static str, Duration)>,
    pub held: Option<(Trigger, PathBuf)>,
    only_once: Option<PathBuf>,
    switches: BTreeSet<Switch>,
}

impl Plan {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut plan = Self::default();
        if text.trim().is_empty() {
            return Ok(plan);
        }
        for rule in text.split(';') {
            let rule = rule.trim();
            plan.add(rule)
                .map_err(|reason| format!("rule '{rule}': {reason}"))?;
        }
        Ok(plan)
    }

    pub fn has(&self, switch: Switch) -> bool {
        self.switches.contains(&switch)
    }

    /// The answer that replaces the real one at a function's `call`-th call.
    pub fn answer(&self, function: &str, call: u64, after: bool) -> Option<CK_RV> {
        let mut rules = self.answers.iter();
        let rule = rules.find(|rule| {
            rule.function == function && rule.after == after && rule.when.holds(call)
        })?;
        self.first_of_all().then_some(rule.code)
    }

    /// Whether no other process gave an answer before, if the plan allows one answer in all.
    fn first_of_all(&self) -> bool {
        match &self.only_once {
            Some(file) => File::create_new(file).is_ok(),
            None => true,
        }
    }

    pub fn signature(&self, nth: u64) -> Option<Sign> {
        let mut rules = self.sign.iter();
        rules
            .find(|(when, _)| when.holds(nth))
            .map(|(_, kind)| *kind)
    }

    fn add(&mut self, rule: &str) -> Result<(), String> {
        if let Some((_, switch)) = SWITCHES.iter().find(|(name, _)| *name == rule) {
            return once(self.switches.insert(*switch));
        }
        match rule.split_once('=') {
            Some((key, value)) => self.setting(key, value),
            None => self.event(rule),
        }
    }

    fn event(&mut self, rule: &str) -> Result<(), String> {
        let (kind, place) = rule.split_once('@').ok_or("is unknown")?;
        match kind {
            "kill" => once(self.kill.replace(count(place)?).is_none()),
            "kill-after" => once(self.kill_after.replace(count(place)?).is_none()),
            "removed" | "removed-once" => {
                self.comes_back = kind == "removed-once";
                once(self.removed.replace(trigger(place)?).is_none())
            }
            "dead-session" => {
                let place = trigger(place)?;
                if !takes_session(place.function) {
                    return Err(format!("{} has no session", place.function));
                }
                self.dead_session.push(place);
                Ok(())
            }
            _ => Err("is unknown".to_owned()),
        }
    }

    fn setting(&mut self, key: &str, value: &str) -> Result<(), String> {
        if key.starts_with("C_") {
            return self.answer_rule(key, value);
        }
        match key {
            "flags+" => self.flags_set |= flags(value)?,
            "flags-" => self.flags_cleared |= flags(value)?,
            "point" => return once(self.point.replace(choice(&POINT, value)?).is_none()),
            "attr-missing" => {
                return once(self.missing.insert(lookup(names::CKA, "CKA_", value)?));
            }
            "attr" => {
                let (name, digits) = value.split_once(':').ok_or("has no ':' after the name")?;
                let name = lookup(names::CKA, "CKA_", name)?;
                return once(self.attributes.insert(name, hex(digits)?).is_none());
            }
            "only-once" => return once(self.only_once.replace(value.into()).is_none()),
            "mechanisms" => {
                let listed = value.split(',').filter(|_| !value.is_empty());
                let list: Result<_, _> = listed
                    .map(|name| lookup(names::CKM, "CKM_", name))
                    .collect();
                return once(self.mechanisms.replace(list?).is_none());
            }
            "slow" => {
                let (name, ms) = value.split_once(':').ok_or("has no ':' after the name")?;
                let wait = Duration::from_millis(count(ms)?);
                self.slow.push((known_function(name)?, wait));
            }
            _ if key.starts_with("held@") => {
                let place = trigger(&key["held@".len()..])?;
                return once(self.held.replace((place, value.into())).is_none());
            }
            _ => {
                let (name, when) = timed(key)?;
                match name {
                    "sign" => self.sign.push((when, choice(&SIGN, value)?)),
                    "label" => return once(text(&mut self.label, when, value, 32)?),
                    "serial" => return once(text(&mut self.serial, when, value, 16)?),
                    _ => return Err("is unknown".to_owned()),
                }
            }
        }
        Ok(())
    }

    fn answer_rule(&mut self, key: &str, value: &str) -> Result<(), String> {
        let (name, when) = timed(key)?;
        let (after, code) = match value.strip_prefix("after:") {
            Some(code) => (true, code),
            None => (false, value),
        };
        self.answers.push(Answer {
            function: known_function(name)?,
            when,
            after,
            code: lookup(names::ckr_names(), "CKR_", code)?,
        });
        Ok(())
    }
}

fn once(first: bool) -> Result<(), String> {
    if first {
        Ok(())
    } else {
        Err("is there twice".to_owned())
    }
}

fn count(digits: &str) -> Result<u64, String> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse().ok().filter(|n| plain && *n > 0);
    number.ok_or_else(|| format!("'{digits}' is not a number from 1"))
}

/// `NAME`, `NAME@N` or `NAME@N+`.
fn timed(key: &str) -> Result<(&str, When), String> {
    let Some((name, n)) = key.split_once('@') else {
        return Ok((key, When::Always));
    };
    Ok(match n.strip_suffix('+') {
        Some(n) => (name, When::From(count(n)?)),
        None => (name, When::At(count(n)?)),
    })
}

fn trigger(place: &str) -> Result<Trigger, String> {
    let (name, call) = place.split_once('@').ok_or("has no '@N'")?;
    Ok(Trigger {
        function: known_function(name)?,
        call: count(call)?,
    })
}

fn known_function(name: &str) -> Result<&'static str, String> {
    function(name).ok_or_else(|| format!("there is no function '{name}'"))
}

fn lookup(table: &[Named], prefix: &str, text: &str) -> Result<cryptoki_sys::CK_ULONG, String> {
    number(table, text)
        .ok_or_else(|| format!("'{text}' is no {prefix} name of v2.40 and no 0x number"))
}

fn choice<T: Copy>(table: &[(&str, T)], text: &str) -> Result<T, String> {
    let found = table.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = table.iter().map(|(name, _)| *name).collect();
        format!("'{text}' is none of {}", names.join(", "))
    })
}

fn flags(value: &str) -> Result<CK_FLAGS, String> {
    let mut all = 0;
    for name in value.split('|') {
        all |= lookup(names::CKF, "CKF_", name)?;
    }
    Ok(all)
}

fn hex(digits: &str) -> Result<Vec<u8>, String> {
    let bad = || format!("'{digits}' is not bytes in hexadecimal");
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad());
    }
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| bad());
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// A token's text, from a call on; once a token is another it stays so.
fn text(
    field: &mut Option<(u64, String)>,
    when: When,
    value: &str,
    most: usize,
) -> Result<bool, String> {
    let from = match when {
        When::Always => 1,
        When::At(n) | When::From(n) => n,
    };
    if value.len() > most {
        return Err(format!("is longer than {most} bytes"));
    }
    Ok(field.replace((from, value.to_owned())).is_none())
}

#[cfg(test)]
mod tests;
