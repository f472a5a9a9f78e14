//! The tokens of a module, and which of them a URI names.

use cryptoki::slot::Slot;

use super::ending;
use super::error::Error;
use super::identity::Identity;
use super::module::Module;
use super::raw::{LibraryInfo, SlotInfo, TokenInfo};
use crate::key::uri::TokenUri;

/// A token in a slot.
#[derive(Clone, Debug)]
pub struct Found {
    pub(super) slot: Slot,
    pub(super) info: TokenInfo,
    /// Whether another token of the module has the same identity: then only the slot distinguishes them.
    pub(super) has_double: bool,
}

/// The tokens of a module.
#[derive(Default)]
pub struct All {
    /// Those that can be read, and their slots.
    pub(super) tokens: Vec<(Found, SlotInfo)>,
    /// The slots that cannot, and why.
    pub(super) unreadable: Vec<String>,
}

/// All tokens of a module.
pub fn all(module: &Module) -> Result<All, Error> {
    let _inside = ending::enter();
    let name = module.name();
    let read = |slot| {
        let info = module.token_info(slot, &name)?;
        let slot_info = module.library.slot_info(slot);
        let found = Found {
            slot,
            info,
            has_double: false,
        };
        Ok::<_, Error>((found, slot_info.map_err(Error::refusal(&name))?))
    };
    let mut all = All::default();
    for slot in module.slots(true)? {
        match read(slot) {
            Ok(found) => all.tokens.push(found),
            Err(error) => all
                .unreadable
                .push(format!("slot {} that cannot be read: {error}", slot.id())),
        }
    }
    let identities: Vec<Identity> = all
        .tokens
        .iter()
        .map(|(found, _)| Identity::from(&found.info))
        .collect();
    for ((found, _), own) in all.tokens.iter_mut().zip(&identities) {
        found.has_double = identities.iter().filter(|other| *other == own).count() > 1;
    }
    Ok(all)
}

/// Which tokens a URI can name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Those that can have keys.
    Initialised,
    /// All, for one that is to be set up.
    All,
}

/// Finds the one token that a URI names. Slots that cannot be read are ignored.
pub fn find(module: &Module, uri: &TokenUri, among: Among) -> Result<Found, Error> {
    let _inside = ending::enter();
    let all = all(module)?;
    let mut present: Vec<String> = all
        .tokens
        .iter()
        .map(|(token, _)| describe(token))
        .collect();
    present.extend(all.unreadable.iter().cloned());
    let mut found = among_all(module, uri, all)?;
    found
        .retain(|token| among == Among::All || token.info.has(cryptoki_sys::CKF_TOKEN_INITIALIZED));
    if found.len() == 1 {
        return Ok(found.remove(0));
    }
    Err(Error::Tokens {
        uri: uri.to_string(),
        found: found.iter().map(describe).collect(),
        present,
    })
}

/// The tokens that a URI names.
pub fn matching(module: &Module, uri: &TokenUri) -> Result<Vec<Found>, Error> {
    let _inside = ending::enter();
    among_all(module, uri, all(module)?)
}

fn among_all(module: &Module, uri: &TokenUri, all: All) -> Result<Vec<Found>, Error> {
    let asks = uri.library_manufacturer.is_some()
        || uri.library_description.is_some()
        || uri.library_version.is_some();
    let library = if asks {
        let info = module.library.info();
        info.map_err(Error::refusal(&module.name()))?
    } else {
        LibraryInfo::default()
    };
    let of_library = is_same(uri.library_manufacturer.as_ref(), &library.manufacturer)
        && is_same(uri.library_description.as_ref(), &library.description)
        && uri
            .library_version
            .is_none_or(|wanted| wanted == library.version);
    let tokens = all.tokens.into_iter();
    Ok(tokens
        .filter(|(token, slot)| of_library && matches(uri, token, slot))
        .map(|(token, _)| token)
        .collect())
}

fn describe(found: &Found) -> String {
    let uri = Identity::from(&found.info).uri_in(found.has_double.then_some(found.slot));
    if found.info.has(cryptoki_sys::CKF_TOKEN_INITIALIZED) {
        uri.to_string()
    } else {
        format!("{uri} (not initialised)")
    }
}

fn is_same(wanted: Option<&String>, found: &str) -> bool {
    wanted.is_none_or(|wanted| same_text(wanted, found))
}

/// Whether two texts are the same but for their padding: other programs print it as part of a URI.
pub(super) fn same_text(one: &str, other: &str) -> bool {
    without_padding(one) == without_padding(other)
}

/// Text fields are padded with blanks (PKCS #11 v2.40, section 3.1), on some tokens with a zero byte and
/// whatever lies behind it, or with blanks in front.
fn without_padding(text: &str) -> &str {
    let text = text.trim_matches([' ', '\0']);
    let text = text.split('\0').next().unwrap_or_default();
    text.trim_end_matches(' ')
}

fn matches(uri: &TokenUri, token: &Found, slot: &SlotInfo) -> bool {
    let info = &token.info;
    is_same(uri.token.as_ref(), &info.label)
        && is_same(uri.manufacturer.as_ref(), &info.manufacturer)
        && is_same(uri.serial.as_ref(), &info.serial)
        && is_same(uri.model.as_ref(), &info.model)
        && is_same(uri.slot_description.as_ref(), &slot.description)
        && is_same(uri.slot_manufacturer.as_ref(), &slot.manufacturer)
        && uri.slot_id.is_none_or(|id| id == token.slot.id())
}
