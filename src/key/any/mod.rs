//! Key files in each form that cosign's users have, for keys of each kind.

mod cosign;
mod der_form;
mod error;
mod pkcs8;
mod private;
mod public;
mod public_error;
mod sealed_pkcs8;
mod sec1;
pub use error::PrivateFileError;
pub use private::{KeyFile, Sealed, read_private, write_private};
pub use public::{public_key_of, read_public};
pub use public_error::PublicFileError;
