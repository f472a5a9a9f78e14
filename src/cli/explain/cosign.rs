//! Advice on the commands of cosign's family.

use crate::ops::cosign::Error;

pub(super) fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::NoIdentity { .. } => Some(
            "name it with --sign-container-identity HOST/REPO:TAG, as clusters will ask for it",
        ),
        Error::InArchive(_) => Some("`ir-sign copy` brings it into a layout: oci:DIR:TAG"),
        Error::Overtaken { .. } => Some("run it again"),
        Error::OtherImage { .. } => {
            Some("it is for another image, or for this one before it changed: make a new one")
        }
        Error::BadSignature { .. } => Some("give the signer's public key"),
        Error::Variable {
            name: "COSIGN_REPOSITORY",
            ..
        } => Some("set it to HOST/REPOSITORY, or unset it: then signatures are beside the images"),
        Error::Variable { .. } => Some("set it to another value, or unset it"),
        Error::Malformed { .. } | Error::Nothing { .. } | Error::NotHere { .. } => None,
    }
}
