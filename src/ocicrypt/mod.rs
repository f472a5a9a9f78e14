//! Encrypted layers of images, and opening them. Pure: what reads and asks for keys is elsewhere.
//!
//! A layer is encrypted by a key of its own (AES-256-CTR, with an HMAC over the ciphertext). Packets in the layer's
//! annotations hold that key, each encrypted by a key that a key provider has.
//!
//! Source: containers/ocicrypt, `spec.md` and its key provider protocol; guest-components, `ocicrypt-rs` and the
//! attestation agent's packets.

mod document;
mod error;
mod keys;
mod layer;
mod packet;
mod stream;

pub use error::Error;
pub use keys::{KEY_LEN, Keys};
pub use layer::{LayerKey, Sealed};
pub use stream::Opening;
