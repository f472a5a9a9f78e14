//! Digests, prehashes, public keys and signatures, and what verifies them.
//!
//! Nothing here knows where a key lives, what a signature is about or where an image is stored.

pub mod aes;
pub mod curve;
pub mod digest;
pub mod forms;
pub mod hmac256;
pub mod names;
pub mod p384;
pub mod public_key;
pub mod secretbox;
pub mod sha1;
mod sha512;
pub mod signature;
pub mod stream;
pub mod verify;

pub use curve::{Curve, KeyKind};
pub use digest::{Digest, HashAlgorithm, Hasher, Prehash};
pub use p384::P384Key;
pub use public_key::PublicKey;
pub use signature::{Signature, SignatureError};
pub use stream::StreamHasher;
pub use verify::{Algorithm, NotVerified, Signed};
