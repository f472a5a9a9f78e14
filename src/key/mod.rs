//! Who signs: private keys by reference, and the signers behind them.
//!
//! A key is in a file or on a token (an RFC 7512 URI); only the form of the reference decides. Annotations and
//! endorsements take files in DER SEC1, the families each form in [`any`].

pub mod any;
mod ec_key;
mod error;
pub mod file;
mod file_error;
mod form_error;
mod gate;
pub mod hidden;
mod key_ref;
mod key_type;
pub mod passphrase;
pub mod pin;
pub mod pkcs11;
mod read;
mod recognise;
mod ring;
mod rsa_key;
mod signer;
pub mod uri;
mod wiped_stack;
pub use ec_key::EcKey;
pub use error::Error;
pub use file_error::KeyFileError;
pub use form_error::FormError;
pub use key_ref::{KeyRef, KeyRefError};
pub use key_type::{KeyType, RsaSize};
pub use read::{is_private, read_public};
pub use recognise::{Form, Recognised, read_any};
pub use ring::{Generated, KeyRing};
pub use rsa_key::RsaKey;
pub use signer::{P384Signer, Signer};
