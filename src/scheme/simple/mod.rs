//! Simple signing: images signed with OpenPGP keys, as `skopeo copy --sign-by`, podman and gpg do it (containers-signature(5)).
//!
//! This reader knows the packets of RFC 9580 that such signatures and `gpg --export` consist of, in version 4, and no
//! others. It makes no signatures.
//!
//! ```
//! use std::time::SystemTime;
//! use ir_sign::scheme::simple::{KeyRing, Malformed, Refusal, Rules, verify};
//!
//! fn image_of(signature: &[u8], ring: &KeyRing) -> Result<String, Refusal> {
//!     let claim = verify(signature, ring, SystemTime::now(), Rules::Gpg)?;
//!     Ok(claim.payload.docker_reference)
//! }
//! assert!(KeyRing::read(b"", Rules::Gpg).is_err());
//! ```

mod armour;
mod error;
mod key;
mod message;
mod packet;
mod payload;
mod ring;
pub mod rule;
mod signature;
mod standing;
mod stored;
mod verify;

pub use super::malformed::Malformed;
pub use error::{Doubt, Refusal};
pub use payload::Payload;
pub use ring::KeyRing;
pub use rule::Rules;
pub use stored::Stored;
pub use verify::{Claim, verify};
