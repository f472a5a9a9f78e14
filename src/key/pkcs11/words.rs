//! Parts of error messages.

use cryptoki::error::RvError;

/// Whether a return value is about the PIN.
pub(super) const fn is_pin_error(code: RvError) -> bool {
    matches!(
        code,
        RvError::PinIncorrect
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired
            | RvError::PinLocked
    )
}

pub(super) fn count(what: &str, found: &[String]) -> String {
    match found.len() {
        0 => format!("there is no {what}"),
        n => format!("there are {n} {what}s"),
    }
}

pub(super) fn listed(found: &[String], present: &[String]) -> String {
    let items = if found.is_empty() { present } else { found };
    if items.is_empty() {
        return " (there is none at all)".into();
    }
    format!(" (there is {})", items.join("; "))
}

/// The message's part on public objects that have a key's id but belong to another key.
pub(super) fn in_the_way(others: &[String]) -> String {
    if others.is_empty() {
        return String::new();
    }
    format!(
        "; public keys of its id that are none: {}",
        others.join("; ")
    )
}

pub(super) fn orphan(orphans: &[String]) -> String {
    if orphans.is_empty() {
        return String::new();
    }
    format!(
        "; a public key without its private half is not a key: {}",
        orphans.join("; ")
    )
}

/// The name of a return value as the specification spells it: `CKR_PIN_INCORRECT`.
pub(super) fn code_name(code: &RvError) -> String {
    match code {
        RvError::VendorDefined(value) | RvError::UnknownErrorCode(value) => {
            return format!("the unknown code {value:#x}");
        }
        _ => {}
    }
    let mut name = String::from("CKR");
    for c in format!("{code:?}").chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}
