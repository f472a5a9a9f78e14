//! Sigstore bundles and cosign 2's: an accepted bundle has one signature, and writing it again gives the same content.

use ir_sign::crypto::PublicKey;
use ir_sign::key::Signer;
use ir_sign::scheme::cosign::{BlobBundle, Bundle, BundleContent, bundle_of};

use super::scene::SIGNER;

pub fn run(bytes: &[u8]) {
    let Ok(bundle) = Bundle::read(bytes) else {
        // Other bytes may be a bundle of the old version.
        let _ = BlobBundle::read(bytes);
        return;
    };
    if let BundleContent::Envelope(envelope) = &bundle.content {
        assert_eq!(envelope.signatures.len(), 1);
    }
    let key: &PublicKey = Signer::public_key(&*SIGNER);
    let again = Bundle::read(&bundle_of(key, &bundle.content));
    assert_eq!(again.map(|again| again.content), Ok(bundle.content));
}
