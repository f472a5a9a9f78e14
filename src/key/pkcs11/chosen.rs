//! A token that was selected, as far as it is known without a session.

use std::sync::Arc;

use super::identity::Identity;
use super::module::Module;
use super::options::Shared;

/// A selected token. The module owns its sessions.
pub struct Chosen {
    /// Distinguishes it from every other token that this run has opened.
    pub(super) number: usize,
    pub(super) module: Arc<Module>,
    pub(super) identity: Identity,
    pub(super) shared: Arc<Shared>,
}

impl Chosen {
    /// The token's name in messages.
    pub(super) fn name(&self) -> String {
        match (&*self.identity.label, &*self.identity.serial) {
            ("", "") => "the token without a label or a serial number".into(),
            ("", serial) => format!("token with serial number {serial}"),
            (label, _) => format!("token \"{label}\""),
        }
    }
}
