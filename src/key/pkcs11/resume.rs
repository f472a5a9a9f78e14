//! Resuming work on a token after an interruption: finding the key that already exists, and the remains of a key
//! that was half made.

use std::sync::Arc;

use cryptoki::object::ObjectClass;

use super::error::Error;
use super::generate::{BORN, NewKey, check_can_make, check_free, proven, random_id};
use super::manage::TokenListing;
use super::object::{self, Wanted};
use super::signer::TokenKey;
use super::token::Retry;
use super::tokens::Tokens;
use crate::key::key_type::KeyType;
use crate::key::uri::TokenUri;

/// A token, and whether its slot says that it is hardware.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its label, model, serial number and so on.
    pub token: TokenListing,
    /// Major and minor version of its hardware.
    pub hardware: (u8, u8),
    /// Whether its slot has `CKF_HW_SLOT`.
    pub in_hardware_slot: bool,
}

impl Tokens {
    /// The one token that a URI names; nothing is sent to it.
    pub fn describe(&self, uri: &TokenUri) -> Result<Described, Error> {
        let token = self.token(uri)?;
        let info = token.info()?;
        let in_hardware_slot = token.with(Retry::Yes, |_, slot, _| {
            let slot = token.module.library.slot_info(slot);
            Ok(slot.map_err(Error::refusal(&token.name()))?.is_hardware)
        })?;
        Ok(Described {
            token: TokenListing::new(&info),
            hardware: info.hardware,
            in_hardware_slot,
        })
    }

    /// Opens the token's sessions read-write from now on. This opens none yet.
    pub fn will_write(&self, uri: &TokenUri) -> Result<(), Error> {
        self.token(uri)?.will_write();
        Ok(())
    }

    /// An id for a key that is going to be made.
    pub fn new_id(&self) -> Result<Vec<u8>, Error> {
        random_id().map_err(|reason| Error::Nonsense {
            what: "the system's random numbers".into(),
            reason,
        })
    }

    /// Refuses a token that cannot make a key or sign with it, and a label that any key on it has. The first check
    /// comes before the PIN prompt.
    pub fn check_label_free(&self, uri: &TokenUri) -> Result<(), Error> {
        check_can_make(self.token(uri)?.as_ref(), KeyType::default())?;
        let token = self.writing(uri)?;
        let label = uri.object.as_ref().map(|label| label.clone().into_bytes());
        check_free(&token, "label", label.as_ref(), None)
    }

    /// The private key of this label and id, if it exists: read back, compared with a new key's template, and
    /// proven by a signature.
    pub fn existing(&self, uri: &TokenUri) -> Result<Option<NewKey>, Error> {
        let token = self.logged_in(uri)?;
        let key = match object::find_private(&token, uri, Wanted::P384) {
            Ok(key) => key,
            Err(Error::Keys { found, .. }) if found.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        };
        let key = TokenKey::new(Arc::clone(&token), key)?;
        proven(&key, &BORN).map(Some)
    }

    /// Removes public keys of this label and id that have no private half; returns how many. Only for a label and
    /// id that this program chose and noted before.
    pub fn remove_orphans(&self, uri: &TokenUri) -> Result<usize, Error> {
        let (Some(label), Some(id)) = (&uri.object, &uri.id) else {
            return Err(Error::NoLabel {
                uri: uri.to_string(),
            });
        };
        let token = self.writing(uri)?;
        let label = label.clone().into_bytes();
        token.with_writing(Retry::No, |session, _, _| {
            let name = token.name();
            let find = |class| {
                let found = session.find_objects(&object::template(class, Some(&label), Some(id)));
                found.map_err(Error::refusal(&name))
            };
            if !find(ObjectClass::PRIVATE_KEY)?.is_empty() {
                return Ok(0);
            }
            let orphans = find(ObjectClass::PUBLIC_KEY)?;
            for orphan in &orphans {
                session
                    .destroy_object(*orphan)
                    .map_err(Error::refusal(&name))?;
            }
            Ok(orphans.len())
        })
    }
}
