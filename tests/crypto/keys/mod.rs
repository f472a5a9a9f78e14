//! Keys in files: writing, reading, and refusing them.

mod places;
mod private;
mod public;
mod read;
mod types;
mod written;

/// The scalar of a key that the program wrote.
pub fn scalar_of(key: &[u8]) -> &[u8] {
    &key[8..56]
}

/// The uncompressed point of a public key that the program wrote.
pub fn point_of(public: &[u8]) -> &[u8] {
    &public[23..]
}
