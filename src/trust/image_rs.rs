//! Requirements of image-rs's dialect: members that it does not know are ignored, and `null` is as good as absent.

use super::dialect::Dialect;
use super::error::{Doubt, Fault, Laxity, Step};
use super::identity::Identity;
use super::members::{Members, text};
use super::requirement::{Keys, SignedBy, Signers, SigstoreSigned};
use crate::encoding::base64::unbase64;
use crate::encoding::located::{Data, Value};

const DIALECT: Dialect = Dialect::ImageRs;

/// Reads `signedBy`.
pub(super) fn signed_by(mut members: Members<'_>) -> Result<SignedBy, Fault> {
    let key_type = text(members.need("keyType")?).map_err(|fault| fault.within("keyType"))?;
    let key_type = key_type.into_owned();
    let keys = keys(&mut members, |data| match unbase64(&data) {
        Some(bytes) => Keys::Data(bytes),
        None => Keys::Unusable("keyData is not base64"),
    })?;
    let identity = identity(&mut members)?;
    Ok(SignedBy {
        key_type,
        keys,
        identity: identity.unwrap_or(Identity::MatchRepoDigestOrExact),
        dialect: DIALECT,
    })
}

/// Reads `sigstoreSigned`.
pub(super) fn sigstore_signed(
    mut members: Members<'_>,
    doubts: &mut Vec<Doubt>,
) -> Result<SigstoreSigned, Fault> {
    let at = members.at();
    let keys = keys(&mut members, |data| Keys::Data(data.into_bytes()))?;
    let identity = identity(&mut members)?;
    if identity.is_none() {
        doubts.push(Doubt::new(at, Laxity::NoIdentity));
    }
    if let Some((at, name)) = members.first_with_prefix("rekorPublicKey") {
        let step = Step::Name(name.to_owned());
        doubts.push(Doubt::new(at, Laxity::RekorIgnored).inside(step));
    }
    Ok(SigstoreSigned {
        signers: Signers::Keys(keys),
        rekor: None,
        identity,
        dialect: DIALECT,
    })
}

fn keys(members: &mut Members<'_>, data: impl FnOnce(String) -> Keys) -> Result<Keys, Fault> {
    let path = optional_text(members, "keyPath")?;
    Ok(match (path, optional_text(members, "keyData")?) {
        (Some(path), None) => Keys::Path(path),
        (None, Some(text)) => data(text),
        (None, None) => Keys::Unusable("neither keyPath nor keyData is given"),
        (Some(_), Some(_)) => Keys::Unusable("both keyPath and keyData are given"),
    })
}

fn optional_text(members: &mut Members<'_>, name: &str) -> Result<Option<String>, Fault> {
    match members.take(name)? {
        None
        | Some(Value {
            data: Data::Null, ..
        }) => Ok(None),
        Some(value) => match text(value) {
            Ok(text) => Ok(Some(text.into_owned())),
            Err(fault) => Err(fault.within(name)),
        },
    }
}

fn identity(members: &mut Members<'_>) -> Result<Option<Identity>, Fault> {
    let name = "signedIdentity";
    match members.take(name)? {
        None
        | Some(Value {
            data: Data::Null, ..
        }) => Ok(None),
        Some(value) => read_identity(value)
            .map(Some)
            .map_err(|fault| fault.within(name)),
    }
}

fn read_identity(value: Value<'_>) -> Result<Identity, Fault> {
    let mut members = Members::of(value)?;
    let at = members.at();
    let mut needed = |name: &str| match text(members.need(name)?) {
        Ok(text) => Ok(text.into_owned()),
        Err(fault) => Err(fault.within(name)),
    };
    Ok(match needed("type")?.as_str() {
        "matchExact" => Identity::MatchExact,
        "matchRepoDigestOrExact" => Identity::MatchRepoDigestOrExact,
        "matchRepository" => Identity::MatchRepository,
        "exactReference" => Identity::ExactReference(needed("dockerReference")?),
        "exactRepository" => Identity::ExactRepository(needed("dockerRepository")?),
        "remapIdentity" => Identity::RemapIdentity {
            prefix: needed("prefix")?,
            signed_prefix: needed("signedPrefix")?,
        },
        other => {
            let reason = format!("there is no type of signedIdentity {other:?}");
            return Err(Fault::new(at, reason).within("type"));
        }
    })
}
