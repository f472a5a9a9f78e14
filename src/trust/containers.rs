//! Requirements of containers/image's dialect (containers-policy.json(5)): every member is known, and stands once.

use super::dialect::Dialect;
use super::error::Fault;
use super::go::{self, Given};
use super::identity::Identity;
use super::members::Members;
use super::reference::{DockerReference, is_prefix};
use super::requirement::{Fulcio, Keys, Pki, SignedBy, Signers, SigstoreSigned};
use crate::encoding::located::Value;

const DIALECT: Dialect = Dialect::Containers;

/// The key types that parse. Only the first can be met.
const KEY_TYPES: [&str; 4] = [
    "GPGKeys",
    "signedByGPGKeys",
    "X509Certificates",
    "signedByX509CAs",
];

/// Reads `signedBy`.
pub(super) fn signed_by(mut members: Members<'_>) -> Result<SignedBy, Fault> {
    let at = members.at();
    let key_type = go::text(&mut members, "keyType")?;
    if !KEY_TYPES.contains(&&*key_type) {
        return Err(Fault::new(at, format!("there is no key type {key_type:?}")).within("keyType"));
    }
    // A member that is there counts here, whatever it holds.
    let path = members.take("keyPath")?;
    let path = path.map(|value| go::text_of(value).map_err(|f| f.within("keyPath")));
    let path = path.transpose()?;
    let paths = go::texts(&mut members, "keyPaths")?;
    let data = go::bytes(&mut members, "keyData")?;
    let keys = match (path, paths, data) {
        (Some(path), Given::Absent, Given::Absent) if !path.is_empty() => {
            Keys::Path(path.into_owned())
        }
        (None, Given::As(paths), Given::Absent) => Keys::Paths(paths),
        (None, Given::Absent, Given::As(data)) => Keys::Data(data),
        _ => {
            return Err(Fault::new(
                at,
                "it wants exactly one of keyPath, keyPaths and keyData",
            ));
        }
    };
    let identity = identity_or_default(&mut members)?;
    members.end()?;
    Ok(SignedBy {
        key_type: key_type.into_owned(),
        keys,
        identity,
        dialect: DIALECT,
    })
}

/// Reads `sigstoreSigned`.
pub(super) fn sigstore_signed(mut members: Members<'_>) -> Result<SigstoreSigned, Fault> {
    let at = members.at();
    let key_names = ["keyPath", "keyPaths", "keyData", "keyDatas"];
    let keys = sources(&mut members, key_names)?;
    let mut signers: Vec<_> = keys.into_iter().map(Signers::Keys).collect();
    if let Some(value) = members.take("fulcio")? {
        let read = fulcio(value).map_err(|fault| fault.within("fulcio"))?;
        signers.push(Signers::Fulcio(read));
    }
    if let Some(value) = members.take("pki")? {
        let read = pki(value).map_err(|fault| fault.within("pki"))?;
        signers.push(Signers::Pki(read));
    }
    let rekor_names = [
        "rekorPublicKeyPath",
        "rekorPublicKeyPaths",
        "rekorPublicKeyData",
        "rekorPublicKeyDatas",
    ];
    let mut rekor = sources(&mut members, rekor_names)?;
    let identity = identity_or_default(&mut members)?;
    members.end()?;
    let (Some(signers), true) = (signers.pop(), signers.is_empty()) else {
        let reason = "it wants exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki";
        return Err(Fault::new(at, reason));
    };
    if rekor.len() > 1 {
        let reason = "it takes at most one of rekorPublicKeyPath, rekorPublicKeyPaths, rekorPublicKeyData and \
            rekorPublicKeyDatas";
        return Err(Fault::new(at, reason));
    }
    let rekor = rekor.pop();
    if matches!(signers, Signers::Pki(_)) && rekor.is_some() {
        return Err(Fault::new(
            at,
            "pki takes no key of a transparency log beside it",
        ));
    }
    if matches!(signers, Signers::Fulcio(_)) && rekor.is_none() {
        return Err(Fault::new(
            at,
            "fulcio wants a key of the transparency log beside it",
        ));
    }
    Ok(SigstoreSigned {
        signers,
        rekor,
        identity: Some(identity),
        dialect: DIALECT,
    })
}

/// Reads `signedBaseLayer`.
pub(super) fn signed_base_layer(mut members: Members<'_>) -> Result<Identity, Fault> {
    let name = "baseLayerIdentity";
    let identity = identity(members.need(name)?).map_err(|fault| fault.within(name))?;
    members.end()?;
    Ok(identity)
}

/// The given sources of keys: a path, a list of paths, bytes, a list of bytes, under these names. An empty path and
/// `null` bytes do not count; a list must have an item.
fn sources(members: &mut Members<'_>, names: [&str; 4]) -> Result<Vec<Keys>, Fault> {
    let at = members.at();
    let [path, paths, data, datas] = names;
    let mut found = Vec::new();
    let text = go::text(members, path)?;
    if !text.is_empty() {
        found.push(Keys::Path(text.into_owned()));
    }
    let texts = go::texts(members, paths)?;
    found.extend(filled(at, paths, texts)?.map(Keys::Paths));
    let bytes = go::bytes(members, data)?.value();
    found.extend(bytes.map(Keys::Data));
    let list = go::bytes_list(members, datas)?;
    found.extend(filled(at, datas, list)?.map(Keys::Datas));
    Ok(found)
}

/// A list, which must have an item where it is given.
fn filled<T>(at: usize, name: &str, list: Given<Vec<T>>) -> Result<Option<Vec<T>>, Fault> {
    match list {
        Given::Absent => Ok(None),
        Given::As(list) if !list.is_empty() => Ok(Some(list)),
        Given::As(_) | Given::Null => Err(Fault::new(at, "the list is empty").within(name)),
    }
}

/// A path or bytes, under these names, and not both.
fn path_or_data(members: &mut Members<'_>, path: &str, data: &str) -> Result<Option<Keys>, Fault> {
    let at = members.at();
    let text = go::text(members, path)?;
    match (text.is_empty(), go::bytes(members, data)?.value()) {
        (true, None) => Ok(None),
        (true, Some(bytes)) => Ok(Some(Keys::Data(bytes))),
        (false, None) => Ok(Some(Keys::Path(text.into_owned()))),
        (false, Some(_)) => Err(Fault::new(at, format!("it takes one of {path} and {data}"))),
    }
}

fn fulcio(value: Value<'_>) -> Result<Fulcio, Fault> {
    let mut members = Members::of(value)?;
    let at = members.at();
    let ca = path_or_data(&mut members, "caPath", "caData")?;
    let ca = ca.ok_or_else(|| Fault::new(at, "it wants one of caPath and caData"))?;
    let mut filled = |name: &str| match go::text(&mut members, name)? {
        text if text.is_empty() => Err(Fault::new(at, format!("it wants {name}"))),
        text => Ok(text.into_owned()),
    };
    let oidc_issuer = filled("oidcIssuer")?;
    let subject_email = filled("subjectEmail")?;
    members.end()?;
    Ok(Fulcio {
        ca,
        oidc_issuer,
        subject_email,
    })
}

fn pki(value: Value<'_>) -> Result<Pki, Fault> {
    let mut members = Members::of(value)?;
    let at = members.at();
    let roots = path_or_data(&mut members, "caRootsPath", "caRootsData")?;
    let roots =
        roots.ok_or_else(|| Fault::new(at, "it wants one of caRootsPath and caRootsData"))?;
    let intermediates = path_or_data(&mut members, "caIntermediatesPath", "caIntermediatesData")?;
    let subject_email = go::text(&mut members, "subjectEmail")?.into_owned();
    let subject_hostname = go::text(&mut members, "subjectHostname")?.into_owned();
    if subject_email.is_empty() && subject_hostname.is_empty() {
        let reason = "it wants subjectEmail or subjectHostname";
        return Err(Fault::new(at, reason));
    }
    members.end()?;
    Ok(Pki {
        roots,
        intermediates,
        subject_email,
        subject_hostname,
    })
}

fn identity_or_default(members: &mut Members<'_>) -> Result<Identity, Fault> {
    match members.take("signedIdentity")? {
        None => Ok(Identity::MatchRepoDigestOrExact),
        Some(value) => identity(value).map_err(|fault| fault.within("signedIdentity")),
    }
}

fn identity(value: Value<'_>) -> Result<Identity, Fault> {
    let mut members = Members::of(value)?;
    let at = members.at();
    let kind = go::text(&mut members, "type")?;
    let identity = match &*kind {
        "matchExact" => Identity::MatchExact,
        "matchRepoDigestOrExact" => Identity::MatchRepoDigestOrExact,
        "matchRepository" => Identity::MatchRepository,
        "exactReference" => {
            let name = go::needed_text(&mut members, "dockerReference")?;
            let read = reference(at, "dockerReference", &name)?;
            if read.is_name_only() {
                let reason = format!("{name:?} has neither a tag nor a digest");
                return Err(Fault::new(at, reason).within("dockerReference"));
            }
            Identity::ExactReference(name)
        }
        "exactRepository" => {
            let name = go::needed_text(&mut members, "dockerRepository")?;
            reference(at, "dockerRepository", &name)?;
            Identity::ExactRepository(name)
        }
        "remapIdentity" => {
            let mut prefix = |name: &str| match go::needed_text(&mut members, name)? {
                text if is_prefix(&text) => Ok(text),
                text => {
                    let reason = format!("{text:?} is not a host, with or without a path");
                    Err(Fault::new(at, reason).within(name))
                }
            };
            Identity::RemapIdentity {
                prefix: prefix("prefix")?,
                signed_prefix: prefix("signedPrefix")?,
            }
        }
        other => {
            let reason = format!("there is no type of signedIdentity {other:?}");
            return Err(Fault::new(at, reason).within("type"));
        }
    };
    members.end()?;
    Ok(identity)
}

fn reference(at: usize, member: &str, name: &str) -> Result<DockerReference, Fault> {
    let read = DockerReference::parse(name);
    read.map_err(|error| Fault::new(at, error.to_string()).within(member))
}
