//! A token's identity: the fields that distinguish it from other tokens.

use cryptoki::slot::Slot;

use super::raw::TokenInfo;
use crate::key::uri::TokenUri;

/// The fields that distinguish one token from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub(super) label: String,
    pub(super) manufacturer: String,
    pub(super) model: String,
    pub(super) serial: String,
}

impl From<&TokenInfo> for Identity {
    fn from(info: &TokenInfo) -> Self {
        Self {
            label: info.label.clone(),
            manufacturer: info.manufacturer.clone(),
            model: info.model.clone(),
            serial: info.serial.clone(),
        }
    }
}

impl Identity {
    /// A URI that names the token.
    pub(super) fn uri(&self) -> TokenUri {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        TokenUri {
            token: some(&self.label),
            manufacturer: some(&self.manufacturer),
            model: some(&self.model),
            serial: some(&self.serial),
            ..TokenUri::default()
        }
    }

    /// The same with the slot, which distinguishes the token from its double.
    pub(super) fn uri_in(&self, only_slot: Option<Slot>) -> TokenUri {
        TokenUri {
            slot_id: only_slot.map(|slot| slot.id()),
            ..self.uri()
        }
    }
}
