//! Making an endorsement.

use crate::crypto::{P384Key, Signed};
use crate::key::{self, P384Signer};
use crate::scheme::annotation::Endorsement;

/// Endorses a vendor with the CA's key.
pub(super) fn make(vendor: P384Key, ca: &P384Signer) -> Result<Endorsement, key::Error> {
    let key = *ca.public_key();
    let signature = ca.sign(Signed::Bytes(&Endorsement::message(&vendor)))?;
    Endorsement::verified(vendor, key, signature).map_err(|_| key::Error::Faulty {
        key: key.fingerprint().to_string(),
    })
}
