//! Keys on PKCS#11 tokens (PKCS #11 v2.40 and later).
//!
//! A run opens each token once: one login serves all its keys.

mod attributes;
mod budget;
mod choose;
mod chosen;
mod class;
mod doctor;
mod ending;
mod error;
mod flags;
mod generate;
mod identity;
mod login;
mod manage;
mod mechanism;
mod module;
mod object;
mod options;
mod passport;
mod passport_check;
mod pin_length;
mod point;
mod prompt;
mod public;
mod raw;
mod refusal;
mod resume;
mod setup;
mod signer;
mod token;
mod token_lock;
mod tokens;
mod words;

pub use attributes::{FACTS, Facts, as_json as attributes_json};
pub use doctor::rule;
pub use ending::last as before_death;
pub use error::Error;
pub use generate::{NewKey, unasked};
pub use login::NO_USER_PIN;
pub use manage::{KeyListing, ModuleListing, SlotListing, TokenListing};
pub use mechanism::{LONGEST_MESSAGE, SignMechanism};
pub use module::of_environment as module_of_environment;
pub use object::Wanted;
pub use options::Options;
pub use passport::{Passport, PassportError, has_passport_for};
pub use pin_length::PinLength;
pub use point::{PointError, read as read_point};
pub use prompt::{NoPrompt, Prompt};
pub(super) use raw::{keep_from_children, open_again};
pub use refusal::PinFault;
pub use resume::Described;
pub use setup::Setup;
pub use signer::TokenKey;
pub use tokens::Tokens;
