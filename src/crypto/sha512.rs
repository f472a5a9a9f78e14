//! SHA-384 and SHA-512 as running hashes: the `sha2` crate's or, with the feature `openssl`,
//! OpenSSL's, which are faster on processors without instructions for these (most are).

#[cfg(feature = "openssl")]
use openssl::sha as imp;
#[cfg(not(feature = "openssl"))]
use sha2::{self as imp, Digest as _};

/// SHA-384 (FIPS 180-4).
#[derive(Clone)]
pub(super) struct Sha384(imp::Sha384);

/// SHA-512 (FIPS 180-4).
#[derive(Clone)]
pub(super) struct Sha512(imp::Sha512);

impl Sha384 {
    pub(super) fn new() -> Self {
        Self(imp::Sha384::new())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> [u8; 48] {
        #[cfg(feature = "openssl")]
        let hash = self.0.finish();
        #[cfg(not(feature = "openssl"))]
        let hash = self.0.finalize().into();
        hash
    }
}

impl Sha512 {
    pub(super) fn new() -> Self {
        Self(imp::Sha512::new())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> [u8; 64] {
        #[cfg(feature = "openssl")]
        let hash = self.0.finish();
        #[cfg(not(feature = "openssl"))]
        let hash = self.0.finalize().into();
        hash
    }
}
