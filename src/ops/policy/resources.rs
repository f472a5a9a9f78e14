//! Resources of a key broker, as a policy names them.

use zeroize::Zeroizing;

use crate::ops::error::Error;

/// The public key for cosign's signatures, where a policy names a file that is not there.
pub(super) const COSIGN_KEY: &str = "kbs:///default/cosign-public-key/test";
/// The ring of OpenPGP keys, where a policy names a file that is not there.
pub(super) const GPG_RING: &str = "kbs:///default/gpg-public-config/test";
/// The configuration of lookasides.
pub(super) const LOOKASIDES: &str = "kbs:///default/sigstore-config/test";

/// Fetches resources from a key broker.
pub trait Resources: Send + Sync {
    /// The bytes of a resource by its `kbs://` URI: at least one. A broker that is absent, slow or wrong is an error
    /// that leaves it undecided.
    fn get(&self, uri: &str) -> Result<Zeroizing<Vec<u8>>, Error>;
}

/// Whether a text is meant as the URI of a resource.
pub fn is_resource(text: &str) -> bool {
    text.starts_with("kbs:") || text.starts_with("kbs+")
}
