//! Looking at modules, tokens and keys.

use std::path::PathBuf;
use std::sync::Arc;

use super::attributes::Facts;
use super::choose::{self, Among};
use super::ending;
use super::error::Error;
use super::flags::{FLAGS, Trouble};
use super::identity::Identity;
use super::object::{self, PrivateKey};
use super::raw::TokenInfo;
use super::signer::TokenKey;
use super::token::{Retry, Token};
use super::tokens::{Tokens, check_kind};
use crate::crypto::PublicKey;
use crate::key::signer::Signer;
use crate::key::uri::{ObjectType, TokenUri};

/// A module and what is in its slots.
#[derive(Clone, Debug)]
pub struct ModuleListing {
    /// The shared library.
    pub path: PathBuf,
    /// Who made it, what it says it is, and its version.
    pub library: String,
    /// Its slots.
    pub slots: Vec<SlotListing>,
}

/// A slot and the token in it.
#[derive(Clone, Debug)]
pub struct SlotListing {
    /// `CK_SLOT_ID`.
    pub id: u64,
    /// The slot's name.
    pub description: String,
    /// The token, or why it was not read; nothing in an empty slot.
    pub token: Option<Result<TokenListing, String>>,
}

/// A token.
#[derive(Clone, Debug)]
pub struct TokenListing {
    /// A URI that names it.
    pub uri: TokenUri,
    /// Its label, model, serial number and so on.
    pub label: String,
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// Major and minor version of its firmware.
    pub firmware: (u8, u8),
    /// The names of its flags that are set.
    pub flags: Vec<&'static str>,
    /// The problems that keep it from signing.
    pub problems: Vec<&'static str>,
}

/// A private key on a token.
#[derive(Clone, Debug)]
pub struct KeyListing {
    /// A URI that names the key and no other.
    pub uri: TokenUri,
    /// Its label.
    pub label: String,
    /// Its id.
    pub id: Vec<u8>,
    /// Its public half, or the reason why ir-sign cannot use it.
    pub public: Result<PublicKey, String>,
    /// Its attributes.
    pub facts: Facts,
}

impl TokenListing {
    pub(super) fn new(info: &TokenInfo) -> Self {
        let flags = FLAGS.iter().filter(|(flag, _)| info.has(*flag));
        Self {
            uri: Identity::from(info).uri(),
            label: info.label.clone(),
            manufacturer: info.manufacturer.clone(),
            model: info.model.clone(),
            serial: info.serial.clone(),
            firmware: info.firmware,
            flags: flags.map(|(_, name)| *name).collect(),
            problems: problems(info),
        }
    }

    /// Maker, model, serial number and firmware, for a person. A token may leave any of them out.
    pub fn description(&self) -> String {
        let or = |text: String, otherwise: &str| match text.as_str() {
            "" => otherwise.to_owned(),
            _ => text,
        };
        format!(
            "{}, {}, firmware {}.{}",
            or(
                joined(&[&self.manufacturer, &self.model]),
                "of an unnamed maker"
            ),
            match self.serial.as_str() {
                "" => "no serial number".to_owned(),
                serial => format!("serial {serial}"),
            },
            self.firmware.0,
            self.firmware.1
        )
    }
}

/// Texts with a blank between them, but for those that are empty.
fn joined(texts: &[&str]) -> String {
    let there: Vec<&str> = texts
        .iter()
        .copied()
        .filter(|text| !text.is_empty())
        .collect();
    there.join(" ")
}

/// The problems that keep a token from signing, or may soon.
fn problems(info: &TokenInfo) -> Vec<&'static str> {
    let words = |trouble: Trouble| match trouble {
        Trouble::NotInitialised => "it is not initialised (ir-sign token init)",
        other => other.words(),
    };
    Trouble::of_user(info).into_iter().map(words).collect()
}

impl Tokens {
    /// The module that is used when a URI names none, and its slots: all, or those of the tokens that
    /// the URI names.
    pub fn list(&self, uri: &TokenUri) -> Result<ModuleListing, Error> {
        uri.only_names_a_token()?;
        if uri.pin_source.is_some() {
            return Err(Error::Attribute {
                uri: uri.to_string(),
                name: "pin-source",
                why: "and no PIN is sent",
            });
        }
        let mut listing = self.list_all(uri)?;
        if uri.names_a_token() {
            let module = self.modules.load(&self.shared.options, uri)?;
            let named = choose::matching(&module, uri)?;
            if named.is_empty() {
                choose::find(&module, uri, Among::All)?;
            }
            let is_named =
                |slot: &SlotListing| named.iter().any(|named| named.slot.id() == slot.id);
            listing.slots.retain(is_named);
        }
        Ok(listing)
    }

    /// The same whatever token the URI names.
    pub(super) fn list_all(&self, uri: &TokenUri) -> Result<ModuleListing, Error> {
        let module = self.modules.load(&self.shared.options, uri)?;
        let _inside = ending::enter();
        let name = module.name();
        let info = module.library.info().map_err(Error::refusal(&name))?;
        let with_token = module.slots(true)?;
        let slots = module.slots(false)?;
        let slot = |slot: cryptoki::slot::Slot| SlotListing {
            id: slot.id(),
            description: module.library.slot_info(slot).map_or_else(
                |error| Error::refusal(&name)(error).to_string(),
                |info| info.description,
            ),
            token: with_token.contains(&slot).then(|| {
                let info = module.token_info(slot, &name);
                info.map(|info| TokenListing::new(&info))
                    .map_err(|e| e.to_string())
            }),
        };
        let mut slots: Vec<SlotListing> = slots.into_iter().map(slot).collect();
        add_slots_to_doubles(&mut slots);
        Ok(ModuleListing {
            path: module.path.clone(),
            library: joined(&[
                &info.manufacturer,
                &info.description,
                &format!("{}.{}", info.version.0, info.version.1),
            ]),
            slots,
        })
    }

    /// The private keys of a token, after a login.
    pub fn keys(&self, uri: &TokenUri) -> Result<Vec<KeyListing>, Error> {
        check_kind(uri, ObjectType::Private)?;
        let token = self.logged_in(uri)?;
        let keys = object::all_private(&token)?.into_iter();
        keys.filter(|key| key.is_named_by(uri))
            .map(|key| list_key(&token, key))
            .collect()
    }
}

/// Adds the slot to the URIs of tokens that have the same identity.
fn add_slots_to_doubles(slots: &mut [SlotListing]) {
    let tokens = slots
        .iter_mut()
        .filter_map(|slot| Some((slot.id, slot.token.as_mut()?.as_mut().ok()?)));
    let mut tokens: Vec<_> = tokens.collect();
    let uris: Vec<TokenUri> = tokens.iter().map(|(_, token)| token.uri.clone()).collect();
    for ((id, token), own) in tokens.iter_mut().zip(&uris) {
        if uris.iter().filter(|uri| *uri == own).count() > 1 {
            token.uri.slot_id = Some(*id);
        }
    }
}

impl TokenUri {
    /// Whether it has an attribute of a token, its slot or its library.
    pub(super) fn names_a_token(&self) -> bool {
        let rest = Self {
            pin_source: self.pin_source.clone(),
            module_path: self.module_path.clone(),
            module_name: self.module_name.clone(),
            object: self.object.clone(),
            id: self.id.clone(),
            kind: self.kind,
            ..Self::default()
        };
        *self != rest
    }

    /// Refuses a URI that names an object, for a command on a whole token or module.
    pub(super) fn only_names_a_token(&self) -> Result<(), Error> {
        let names = [
            ("object", self.object.is_some()),
            ("id", self.id.is_some()),
            ("type", self.kind.is_some()),
        ];
        match names.into_iter().find(|(_, is_there)| *is_there) {
            None => Ok(()),
            Some((name, _)) => Err(Error::Attribute {
                uri: self.to_string(),
                name,
                why: "and this command is about a token, not about a key on it",
            }),
        }
    }
}

pub(super) fn list_key(token: &Arc<Token>, key: PrivateKey) -> Result<KeyListing, Error> {
    let name = key.name(token);
    let facts = token.with(Retry::Yes, |session, _, generation| {
        let handle = key.handle(token, session, generation)?;
        Facts::read(session, handle, &name)
    })?;
    let uri = key.uri(token);
    let (label, id) = (
        String::from_utf8_lossy(&key.label).into_owned(),
        key.id.clone(),
    );
    let public =
        match object::checked(token, key).and_then(|key| TokenKey::new(Arc::clone(token), key)) {
            Ok(key) => Ok(key.public_key().clone()),
            Err(
                error @ (Error::Curve { .. }
                | Error::NoPublic { .. }
                | Error::Point { .. }
                | Error::Publics(_)),
            ) => Err(error.to_string()),
            Err(error) => return Err(error),
        };
    Ok(KeyListing {
        uri,
        label,
        id,
        public,
        facts,
    })
}
