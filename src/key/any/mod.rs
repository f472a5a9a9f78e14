//! Key files in each form that the families read, for keys of each kind.

mod any_key;
mod cosign;
mod der_form;
mod error;
mod pkcs1;
mod pkcs8;
mod private;
mod public;
mod public_error;
mod sealed_pkcs8;
mod sec1;
pub use any_key::AnyKey;
pub use error::PrivateFileError;
pub use private::{KeyFile, Sealed, read_private, write_private};
pub use public::{public_key_of, read_public};
pub use public_error::PublicFileError;
