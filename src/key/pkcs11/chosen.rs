//! A token that was chosen, as far as it is known without a session.

use std::sync::Arc;

use super::identity::Identity;
use super::module::Module;
use super::options::Shared;

/// A token that was chosen. Its sessions are the module's.
pub struct Chosen {
    /// Tells it from every other token that this run has opened.
    pub(super) number: usize,
    pub(super) module: Arc<Module>,
    pub(super) identity: Identity,
    pub(super) shared: Arc<Shared>,
}

impl Chosen {
    /// What the token is called in messages.
    pub(super) fn name(&self) -> String {
        match (&*self.identity.label, &*self.identity.serial) {
            ("", "") => "the token without a label or a serial number".into(),
            ("", serial) => format!("token with serial number {serial}"),
            (label, _) => format!("token \"{label}\""),
        }
    }
}
