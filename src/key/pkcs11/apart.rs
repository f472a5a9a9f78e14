//! A session for the logins that only the module's own functions can make, where these are another
//! instance of the module than the crate's: p11-kit's proxy and client. What the crate has opened,
//! found and logged in to is nothing to that instance, so it is all done there too, once.

use std::sync::{Mutex, PoisonError};

use cryptoki::error::{Error as CryptokiError, RvError};

use super::choose::Identity;
use super::error::Error;
use super::login::{self, PinEntry};
use super::object::PrivateKey;
use super::raw::{KeyHandle, Raw, SessionHandle};
use super::token::Token;

/// The one session of a token there, and the generation it is of. It is in use by one thread at a
/// time, which holds [`Token::one_pin`].
#[derive(Default)]
pub struct Apart(Mutex<Option<(u64, SessionHandle)>>);

impl Apart {
    /// A session in which the user is logged in, and the key's handle there.
    pub(super) fn seat(
        &self,
        token: &Token,
        raw: &Raw,
        generation: u64,
        key: &PrivateKey,
        entry: &PinEntry,
    ) -> Result<(SessionHandle, KeyHandle), Error> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = match known {
            Some((of, session)) if of == generation => session,
            _ => {
                let session = open(token, raw, entry)?;
                self.keep(Some((generation, session)));
                session
            }
        };
        let found = raw.private_keys(session, &key.label, &key.id);
        match *found.map_err(Error::refusal(&token.name()))?.as_slice() {
            [one] => Ok((session, one)),
            _ => Err(Error::Gone {
                token: key.name(token),
            }),
        }
    }

    /// Gives the session up: after an error a signature may still be going on in it.
    pub(super) fn leave(&self, raw: &Raw, generation: u64) {
        // One of an earlier start has ended, and its handle may be another's by now.
        if let Some((of, session)) = self.keep(None)
            && of == generation
        {
            raw.close(session);
        }
    }

    fn keep(&self, seat: Option<(u64, SessionHandle)>) -> Option<(u64, SessionHandle)> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut known, seat)
    }
}

/// Opens a session on the very same token, and logs in.
fn open(token: &Token, raw: &Raw, entry: &PinEntry) -> Result<SessionHandle, Error> {
    let name = token.name();
    let slots = raw
        .slots(true)
        .map_err(Error::refusal(&token.module.name()))?;
    let mut same = slots.into_iter().filter(|slot| {
        let info = raw.token_info(*slot);
        info.is_ok_and(|info| Identity::from(&info) == token.identity)
            && token.only_slot.is_none_or(|only| only == *slot)
    });
    let (Some(slot), None) = (same.next(), same.next()) else {
        return Err(Error::Gone { token: name });
    };
    let session = raw.open(slot).map_err(Error::refusal(&name))?;
    match raw.log_in(session, entry.pin()) {
        // The login is of the process where the two instances are of one token in it.
        Ok(()) | Err((_, RvError::UserAlreadyLoggedIn)) => {
            // The pad is used again for the signature.
            if entry.pin().is_none() {
                token.shared.options.prompt.pad(&name);
            }
            Ok(session)
        }
        Err((function, code)) => {
            raw.close(session);
            let error = CryptokiError::Pkcs11(code, function);
            Err(login::failed(token, entry, error))
        }
    }
}
