//! SEC1 `ECPrivateKey` in DER (SEC 1, appendix C.4; RFC 5915), on each curve.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, ErrorKind, SliceReader, Tag, Tagged};
use sec1::{EcParameters, EcPrivateKey};

use super::error::PrivateFileError as E;
use crate::crypto::Curve;
use crate::crypto::names::curve_name;
use crate::key::ec_key::EcKey;
use crate::key::file_error::KeyFileError;

/// Reads a whole file: it has to name its curve.
pub(super) fn read(bytes: &[u8]) -> Result<EcKey, E> {
    read_inside(bytes, None)
}

/// Reads a key whose curve may be named by what is around it, too.
pub(super) fn read_inside(bytes: &[u8], outer: Option<Curve>) -> Result<EcKey, E> {
    let key = EcPrivateKey::from_der(bytes).map_err(|error| match error.kind() {
        ErrorKind::TrailingData { .. } => E::TrailingBytes,
        _ if has_explicit_curve(bytes) => E::ExplicitCurve,
        _ => E::Der {
            form: "SEC1 private key",
            reason: error.to_string(),
        },
    })?;
    let named = key.parameters.map(|EcParameters::NamedCurve(oid)| oid);
    let named = named.as_ref().map(known_curve).transpose()?;
    let curve = match (named, outer) {
        (Some(inner), Some(outer)) if inner != outer => return Err(E::TwoCurves),
        (Some(curve), _) | (None, Some(curve)) => curve,
        (None, None) => return Err(E::NoCurve),
    };
    let private = EcKey::from_scalar(curve, key.private_key).ok_or(E::Scalar)?;
    if let Some(public) = key.public_key {
        check_public(&private, public)?;
    }
    Ok(private)
}

/// The curve with that name, if signatures are made on it.
pub(super) fn known_curve(oid: &ObjectIdentifier) -> Result<Curve, E> {
    Curve::from_oid(oid).ok_or_else(|| E::Curve(curve_name(oid)))
}

/// Refuses a public part that does not belong to the private one.
pub(super) fn check_public(key: &EcKey, public: &[u8]) -> Result<(), E> {
    key.check_public(public).map_err(|error| match error {
        KeyFileError::Hybrid => E::Hybrid,
        _ => E::Mismatch,
    })
}

/// Whether the third member, the parameters, is a SEQUENCE, where a name is wanted.
fn has_explicit_curve(bytes: &[u8]) -> bool {
    let parameters = || -> der::Result<Tag> {
        let outer = AnyRef::decode(&mut SliceReader::new(bytes)?)?;
        let mut inner = SliceReader::new(outer.value())?;
        AnyRef::decode(&mut inner)?;
        AnyRef::decode(&mut inner)?;
        let parameters = AnyRef::decode(&mut inner)?;
        Ok(AnyRef::from_der(parameters.value())?.tag())
    };
    parameters().is_ok_and(|tag| tag == Tag::Sequence)
}
