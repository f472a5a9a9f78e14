//! Who signs: private keys by reference, and the signers behind them.
//!
//! A key is a file (DER SEC1) or on a token (an RFC 7512 URI). The form of the reference alone decides; nobody
//! sniffs content.

pub mod any;
mod ec_key;
mod error;
pub mod file;
mod file_error;
mod form_error;
mod gate;
pub mod hidden;
mod key_ref;
pub mod passphrase;
pub mod pin;
pub mod pkcs11;
mod read;
mod recognise;
mod ring;
mod signer;
pub mod uri;
pub use ec_key::EcKey;
pub use error::Error;
pub use file_error::KeyFileError;
pub use form_error::FormError;
pub use key_ref::{KeyRef, KeyRefError};
pub use read::{is_private, read_public};
pub use recognise::{Form, Recognised, read_any};
pub use ring::{Generated, KeyRing};
pub use signer::{P384Signer, Signer};
