//! The options for tokens, the same for all of a run.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Mutex;

use super::budget::Budget;
use super::mechanism::SignMechanism;
use super::passport::Passport;
use super::prompt::{NoPrompt, Prompt};
use crate::crypto::PublicKey;
use crate::key::pin::PinSource;

/// The options for tokens.
pub struct Options {
    /// The module, which overrides any that a URI names.
    pub module: Option<PathBuf>,
    /// The module where neither that nor a URI names one, before the environment's.
    pub usual_module: Option<PathBuf>,
    /// Where the PIN comes from when a URI does not say: of one token only.
    pub pin_source: Option<PinSource>,
    /// Whether a PIN is sent to a token that allows only one more try.
    pub allow_final_try: bool,
    /// Whether a PIN is kept for the run, for keys that ask for it at each signature.
    pub keep_pin: bool,
    /// How many sessions of a token a run uses at once.
    pub sessions: NonZeroUsize,
    /// The mechanism that tokens sign by.
    pub mechanism: SignMechanism,
    /// Asks a person for a PIN.
    pub prompt: Box<dyn Prompt>,
    /// The public halves of keys whose token does not show them.
    pub public_keys: Vec<PublicKey>,
    /// The passports that keys on tokens must have, with their files; empty where keys need none.
    pub passports: Vec<(PathBuf, Passport)>,
    /// The files that these options come from.
    pub files: Vec<PathBuf>,
}

impl Default for Options {
    /// The system's modules, and nobody to ask for a PIN.
    fn default() -> Self {
        Self {
            module: None,
            usual_module: None,
            pin_source: None,
            allow_final_try: false,
            keep_pin: false,
            sessions: NonZeroUsize::MIN,
            mechanism: SignMechanism::default(),
            prompt: Box::new(NoPrompt),
            public_keys: Vec::new(),
            passports: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// The state that all tokens of a run share.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) budget: Budget,
    /// The passports that keys of this run have, by their index in the options.
    pub(super) used: Mutex<HashSet<usize>>,
}
