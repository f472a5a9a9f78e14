//! Logging in: the source of the PIN, the flags that forbid an attempt, and only one attempt.

use cryptoki::error::RvError;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::slot::Slot;
use cryptoki_sys as sys;

use super::chosen::Chosen;
use super::ending;
use super::error::Error;
use super::flags::Trouble;
use super::identity::Identity;
use super::raw::{Refusal, Session, TokenInfo, User};
use super::words::is_pin_error;
use crate::key::pin::{Pin, PinSource};

/// The reason where a token's flags say that it has no user PIN.
pub const NO_USER_PIN: &str = "it says that its user PIN is not set";

/// How to log in to a token.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// Where the PIN comes from, when the URI says so.
    pub(super) source: Option<PinSource>,
    /// Whether the user logs in even where the token wants no login, and shows some keys.
    pub(super) insists: bool,
}

impl Login {
    /// Whether the user named where the PIN comes from.
    pub(super) fn is_named(&self, token: &Chosen) -> bool {
        self.source.is_some() || token.shared.options.pin_source.is_some()
    }
}

/// A PIN, or the pad on which a person types it, and the name of its source.
pub enum PinEntry {
    Pin(Pin, String),
    Pad,
}

impl PinEntry {
    /// The PIN, where it is not typed on the pad.
    pub(super) fn pin(&self) -> Option<&str> {
        match self {
            Self::Pin(pin, _) => Some(pin.expose()),
            Self::Pad => None,
        }
    }

    fn source(&self) -> String {
        match self {
            Self::Pin(_, source) => source.clone(),
            Self::Pad => "its PIN pad".into(),
        }
    }
}

/// Logs in as the user; returns whether the token wants that. Never called twice for a token that failed once.
pub(super) fn log_in(
    token: &Chosen,
    slot: Slot,
    session: &Session,
    login: &Login,
) -> Result<bool, Error> {
    let info = token.module.token_info(slot, &token.name())?;
    let is_wanted = info.has(sys::CKF_LOGIN_REQUIRED);
    // Some tokens say that they want no login, and hide their private keys until there was one.
    let is_needless = || -> Result<bool, Error> {
        Ok(!login.is_named(token) || !login.insists && shows_private_keys(session, token)?)
    };
    if !is_wanted && is_needless()? {
        return Ok(false);
    }
    let secret = secret(token, &info, login, None)?;
    match session.log_in(User::Owner, secret.pin()) {
        Ok(()) | Err((_, RvError::UserAlreadyLoggedIn)) => Ok(true),
        // It has no PIN, and says that it needs none.
        Err((_, RvError::UserPinNotInitialized)) if !is_wanted => Ok(false),
        Err((_, code)) => Err(failed(token, &secret, code)),
    }
}

fn shows_private_keys(session: &Session, token: &Chosen) -> Result<bool, Error> {
    let found = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]);
    Ok(!found.map_err(Error::refusal(&token.name()))?.is_empty())
}

/// Marks the token as one that failed, and says why.
pub(super) fn failed(token: &Chosen, secret: &PinEntry, code: RvError) -> Error {
    let error = why(token.name(), secret.source(), code);
    spend(token, &error);
    error
}

/// The same where another call says that the PIN is wrong: some tokens check it when they sign.
pub(super) fn note(token: &Chosen, error: &Error) {
    if error.of_pin().is_some() {
        spend(token, error);
    }
}

/// Later errors repeat the first one.
fn spend(token: &Chosen, error: &Error) {
    let mut budget = token.shared.budget.locked();
    let first = budget.failed.entry(token.identity.clone());
    first.or_insert_with(|| (error.to_string(), error.of_pin()));
}

fn why(token: String, source_name: String, code: RvError) -> Error {
    match code {
        code if is_pin_error(code) => Error::Pin {
            token,
            source_name,
            code,
        },
        RvError::UserPinNotInitialized => Error::NotReady {
            token,
            reason: Trouble::NoUserPin.words(),
        },
        code => Error::Login {
            token,
            source_name,
            code,
        },
    }
}

/// The error of a call that carried a PIN of the security officer.
pub(super) fn refused(token: &str, source_name: &str, refusal: Refusal) -> Error {
    match refusal {
        (_, code) if is_pin_error(code) => Error::Pin {
            token: token.to_owned(),
            source_name: source_name.to_owned(),
            code,
        },
        other => Error::refusal(token)(other),
    }
}

/// The PIN for a login, if the token's flags allow one.
pub(super) fn secret(
    token: &Chosen,
    info: &TokenInfo,
    login: &Login,
    reason: Option<&str>,
) -> Result<PinEntry, Error> {
    // Another may be in its slot by now.
    if Identity::from(info) != token.identity {
        return Err(Error::Gone(token.name()));
    }
    guard(token, info, login.is_named(token))?;
    let options = &token.shared.options;
    let mut budget = token.shared.budget.locked();
    if let Some((first, code)) = budget.failed.get(&token.identity) {
        return Err(Error::PinSpent {
            first: first.clone(),
            code: *code,
        });
    }
    if let Some((_, pin)) = budget.kept.iter().find(|(of, _)| *of == token.number) {
        return Ok(PinEntry::Pin(pin.copy(), "the PIN that was kept".into()));
    }
    let source = match (&login.source, &options.pin_source) {
        (Some(source), _) => Some(source),
        (None, Some(source)) => {
            let of_this = || (token.number, token.name());
            let (first, name) = budget.general.get_or_insert_with(of_this);
            if *first != token.number {
                return Err(Error::OneSource {
                    token: token.name(),
                    source_name: source.to_string(),
                    first: name.clone(),
                });
            }
            Some(source)
        }
        (None, None) => None,
    };
    let no_pin = |source| Error::NoPin {
        token: token.name(),
        source,
    };
    let secret = match source {
        Some(source) => PinEntry::Pin(
            ending::outside(|| source.read()).map_err(no_pin)?,
            source.to_string(),
        ),
        None if info.has(sys::CKF_PROTECTED_AUTHENTICATION_PATH) => {
            options.prompt.pad(&token.name());
            return Ok(PinEntry::Pad);
        }
        None => {
            let pin = ending::outside(|| options.prompt.ask(&token.name(), reason));
            PinEntry::Pin(pin.map_err(no_pin)?, "the prompt".into())
        }
    };
    if options.keep_pin
        && let PinEntry::Pin(pin, _) = &secret
    {
        budget.kept.push((token.number, pin.copy()));
    }
    Ok(secret)
}

/// Looks at the token's flags before a PIN is sent.
fn guard(token: &Chosen, info: &TokenInfo, is_named: bool) -> Result<(), Error> {
    let refuse = |trouble: Trouble, final_try| {
        Err(Error::Guarded {
            token: token.name(),
            reason: trouble.words(),
            final_try,
        })
    };
    let not_ready = |reason| {
        Err(Error::NotReady {
            token: token.name(),
            reason,
        })
    };
    if Trouble::NotInitialised.shows(info) {
        return not_ready(Trouble::NotInitialised.words());
    }
    // Some tokens never set the flag. One that has no PIN takes none, so that trying costs nothing.
    if Trouble::NoUserPin.shows(info) && !is_named {
        return not_ready(NO_USER_PIN);
    }
    for trouble in [Trouble::Locked, Trouble::ToBeChanged] {
        if trouble.shows(info) {
            return refuse(trouble, false);
        }
    }
    if Trouble::FinalTry.shows(info) && !token.shared.options.allow_final_try {
        return refuse(Trouble::FinalTry, true);
    }
    if Trouble::CountLow.shows(info) {
        let text = format!("{}: {}", token.name(), Trouble::CountLow.words());
        token.shared.options.prompt.warn(&text);
    }
    Ok(())
}
