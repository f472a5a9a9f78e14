//! A policy in containers/image's dialect, without what skopeo does not understand.

use serde_json::{Map, Value, json};

use super::dialect::Dialect;
use super::identity::Identity;
use super::policy::{Chosen, Policy, Scope};
use super::reference::{DockerReference, is_prefix};
use super::requirement::{Fulcio, Keys, Pki, Requirement, SignedBy, Signers, SigstoreSigned};
use crate::encoding::base64::base64;

/// What to do with a list that loses a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// The list lets nothing in.
    Reject,
    /// The other requirements stay; a list without any lets nothing in.
    Stays,
}

/// A policy that skopeo reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// The policy.
    pub policy: Value,
    /// The parts that it does not say in the same way, each with its scope.
    pub notes: Vec<String>,
}

impl Policy<'_> {
    /// The policy in containers/image's dialect. If it cannot say the same, it lets less in, and a note says so.
    pub fn export(&self, rest: Rest) -> Exported {
        let mut default = Value::Null;
        let mut transports = Map::new();
        let mut notes = Vec::new();
        for chosen in self.scopes() {
            let list = self.list(&chosen, rest, &mut notes);
            match chosen.scope {
                Scope::Default => default = list,
                Scope::Of { transport, .. }
                    if self.dialect() == Dialect::ImageRs && transport != "docker" =>
                {
                    let note =
                        format!("transport {transport:?}: left out; image-rs never looks there");
                    if notes.last() != Some(&note) {
                        notes.push(note);
                    }
                }
                Scope::Of { transport, name } => {
                    let scopes = transports.entry(transport).or_insert_with(|| json!({}));
                    scopes[name] = list;
                }
            }
        }
        Exported {
            policy: json!({ "default": default, "transports": transports }),
            notes,
        }
    }

    fn list(&self, chosen: &Chosen, rest: Rest, notes: &mut Vec<String>) -> Value {
        let scope = &chosen.scope;
        let mut list = Vec::new();
        let mut was_cut = false;
        for requirement in &chosen.requirements {
            let kind = requirement.kind();
            if requirement.is_ours() {
                was_cut = true;
                notes.push(format!(
                    "{scope}: left out {kind}, which only ir-sign knows"
                ));
                continue;
            }
            let mut note = |text: &str| notes.push(format!("{scope}: {kind}: {text}"));
            match written(requirement, self.dialect(), &mut note) {
                Ok(value) => list.push(value),
                Err(reason) => {
                    note(&format!("{reason}, so it became reject"));
                    list.push(reject());
                }
            }
        }
        if was_cut && (rest == Rest::Reject || list.is_empty()) {
            notes.push(format!("{scope}: now lets nothing in"));
            list = vec![reject()];
        } else if list.is_empty() {
            notes.push(format!(
                "{scope}: the empty list became insecureAcceptAnything"
            ));
            list = vec![json!({ "type": "insecureAcceptAnything" })];
        }
        list.into()
    }
}

fn reject() -> Value {
    json!({ "type": "reject" })
}

type Note<'a> = &'a mut dyn FnMut(&str);

/// The requirement as containers/image reads it, or why there is none.
fn written(
    requirement: &Requirement,
    dialect: Dialect,
    note: Note<'_>,
) -> Result<Value, &'static str> {
    let mut value = json!({ "type": requirement.kind() });
    match requirement {
        Requirement::Reject | Requirement::InsecureAcceptAnything => {}
        Requirement::SignedBy(SignedBy {
            key_type,
            keys,
            identity: name,
            ..
        }) => {
            if dialect == Dialect::ImageRs && key_type != "GPGKeys" {
                return Err("nothing meets its key type");
            }
            value["keyType"] = key_type.as_str().into();
            put_keys(
                &mut value,
                ["keyPath", "keyPaths", "keyData", "keyDatas"],
                keys,
                dialect,
                note,
            )?;
            value["signedIdentity"] = identity(name, dialect)?;
        }
        Requirement::SigstoreSigned(signed) => sigstore(&mut value, signed, dialect, note)?,
        Requirement::SignedBaseLayer(name) => {
            value["baseLayerIdentity"] = identity(name, dialect)?;
        }
        Requirement::EndorsedBy(_) | Requirement::NotarySigned(_) | Requirement::Added(_) => {
            return Err("skopeo does not know the type");
        }
    }
    Ok(value)
}

fn sigstore(
    value: &mut Value,
    signed: &SigstoreSigned,
    dialect: Dialect,
    note: Note<'_>,
) -> Result<(), &'static str> {
    match &signed.signers {
        Signers::Keys(keys) => {
            put_keys(
                value,
                ["keyPath", "keyPaths", "keyData", "keyDatas"],
                keys,
                dialect,
                note,
            )?;
        }
        Signers::Fulcio(Fulcio {
            ca,
            oidc_issuer,
            subject_email,
        }) => {
            let mut fulcio = json!({ "oidcIssuer": oidc_issuer, "subjectEmail": subject_email });
            put_keys(&mut fulcio, ["caPath", "", "caData", ""], ca, dialect, note)?;
            value["fulcio"] = fulcio;
        }
        Signers::Pki(Pki {
            roots,
            intermediates,
            subject_email,
            subject_hostname,
        }) => {
            let mut pki =
                json!({ "subjectEmail": subject_email, "subjectHostname": subject_hostname });
            put_keys(
                &mut pki,
                ["caRootsPath", "", "caRootsData", ""],
                roots,
                dialect,
                note,
            )?;
            let names = ["caIntermediatesPath", "", "caIntermediatesData", ""];
            if let Some(intermediates) = intermediates {
                put_keys(&mut pki, names, intermediates, dialect, note)?;
            }
            value["pki"] = pki;
        }
    }
    if let Some(keys) = &signed.rekor {
        let names = [
            "rekorPublicKeyPath",
            "rekorPublicKeyPaths",
            "rekorPublicKeyData",
            "rekorPublicKeyDatas",
        ];
        put_keys(value, names, keys, dialect, note)?;
    }
    value["signedIdentity"] = match (&signed.identity, dialect) {
        (None, _) => {
            note("it did not check the name in a signature; now the repository must be the same");
            json!({ "type": Identity::MatchRepository.kind() })
        }
        (
            Some(
                name @ (Identity::MatchExact
                | Identity::MatchRepoDigestOrExact
                | Identity::ExactReference(_)
                | Identity::RemapIdentity { .. }),
            ),
            Dialect::ImageRs,
        ) => {
            note(&format!("image-rs refuses {}", name.kind()));
            return Err("nothing meets it");
        }
        (Some(name), _) => identity(name, dialect)?,
    };
    Ok(())
}

/// Puts keys under the name of their form: a path, paths, bytes, a list of bytes.
fn put_keys(
    value: &mut Value,
    names: [&str; 4],
    keys: &Keys,
    dialect: Dialect,
    note: Note<'_>,
) -> Result<(), &'static str> {
    let [one_path, all_paths, one_key, all_keys] = names;
    let (name, keys) = match keys {
        Keys::Path(at) => {
            if at.is_empty() {
                return Err("its path is empty");
            }
            (one_path, path(at, dialect, note).into())
        }
        Keys::Paths(all) => {
            let all: Vec<_> = all.iter().map(|at| path(at, dialect, note)).collect();
            (all_paths, all.into())
        }
        Keys::Data(bytes) => (one_key, base64(bytes).into()),
        Keys::Datas(all) => {
            let all: Vec<_> = all.iter().map(|bytes| base64(bytes)).collect();
            (all_keys, all.into())
        }
        Keys::Unusable(reason) => return Err(reason),
    };
    let keys: Value = keys;
    value[name] = keys;
    Ok(())
}

/// A path as skopeo reads it.
fn path<'p>(path: &'p str, dialect: Dialect, note: Note<'_>) -> &'p str {
    if path.starts_with("kbs://") {
        note(&format!(
            "skopeo asks no key broker, so it refuses every image for {path}"
        ));
    }
    match path.strip_prefix("file://") {
        Some(rest) if dialect == Dialect::ImageRs && rest.starts_with('/') => rest,
        _ => path,
    }
}

fn identity(identity: &Identity, dialect: Dialect) -> Result<Value, &'static str> {
    let kind = identity.kind();
    match identity {
        Identity::MatchExact | Identity::MatchRepoDigestOrExact | Identity::MatchRepository => {
            Ok(json!({ "type": kind }))
        }
        Identity::ExactReference(name) => {
            let read = DockerReference::parse(name).ok();
            let has_tag = read.is_some_and(|read| !read.is_name_only());
            has_tag
                .then(|| json!({ "type": kind, "dockerReference": name }))
                .ok_or("skopeo does not take its dockerReference")
        }
        Identity::ExactRepository(name) => {
            let read = DockerReference::parse(name).ok();
            let is_same = |read: &DockerReference| match dialect {
                Dialect::Containers => true,
                // A name that is not written in full never matches.
                Dialect::ImageRs => read.name() == name,
            };
            read.filter(is_same)
                .map(|_| json!({ "type": kind, "dockerRepository": name }))
                .ok_or("nothing meets its dockerRepository")
        }
        Identity::RemapIdentity {
            prefix,
            signed_prefix,
        } if is_prefix(prefix) && is_prefix(signed_prefix) => {
            Ok(json!({ "type": kind, "prefix": prefix, "signedPrefix": signed_prefix }))
        }
        Identity::RemapIdentity { .. } => Err("skopeo does not take its prefixes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(text: &str, dialect: Dialect, rest: Rest) -> Exported {
        let policy = Policy::read(text.as_bytes(), dialect).expect(text);
        let exported = policy.export(rest);
        // Whatever comes out, skopeo reads it, and it needs no second export.
        let written = exported.policy.to_string();
        let again = Policy::read(written.as_bytes(), Dialect::Containers);
        let again = again.expect("a policy").export(rest);
        assert_eq!(again.policy, exported.policy);
        exported
    }

    fn default(list: &str, dialect: Dialect, rest: Rest) -> (Value, Vec<String>) {
        let text = format!(r#"{{"default":{list},"transports":{{}}}}"#);
        let mut exported = export(&text, dialect, rest);
        (exported.policy["default"].take(), exported.notes)
    }

    const OURS: &str = r#"{"type":"endorsedBy","caKeyPath":"/ca.pub"}"#;

    #[test]
    fn a_list_without_one_of_ours_rejects_unless_the_rest_stays() {
        let accept = r#"{"type":"insecureAcceptAnything"}"#;
        let list = format!("[{accept},{OURS}]");
        let (value, notes) = default(&list, Dialect::Containers, Rest::Reject);
        assert_eq!(value, json!([{ "type": "reject" }]));
        assert_eq!(
            notes,
            [
                "the default: left out endorsedBy, which only ir-sign knows",
                "the default: now lets nothing in"
            ]
        );
        let (value, notes) = default(&list, Dialect::Containers, Rest::Stays);
        assert_eq!(value, json!([{ "type": "insecureAcceptAnything" }]));
        assert_eq!(notes.len(), 1);
        let (value, _) = default(&format!("[{OURS}]"), Dialect::ImageRs, Rest::Stays);
        assert_eq!(value, json!([{ "type": "reject" }]));
    }

    #[test]
    fn policies_that_skopeo_reads_stay_unchanged() {
        let text = r#"{"default":[{"type":"reject"}],"transports":{"docker":{"":[{"type":"sigstoreSigned",
            "keyPaths":["/a","/b"],"rekorPublicKeyData":"QQ==","signedIdentity":{"type":"remapIdentity",
            "prefix":"a.example","signedPrefix":"b.example/c"}}],"a":[{"type":"signedBy","keyType":"GPGKeys",
            "keyData":"QUI=","signedIdentity":{"type":"exactReference","dockerReference":"a:b"}}]},
            "oci":{"/srv":[{"type":"sigstoreSigned","pki":{"subjectEmail":"e","subjectHostname":"","caRootsPath":"/r",
            "caIntermediatesData":"QQ=="},"signedIdentity":{"type":"exactRepository","dockerRepository":"a:ignored"}},
            {"type":"signedBaseLayer","baseLayerIdentity":{"type":"matchExact"}}],"/t":[{"type":"sigstoreSigned",
            "fulcio":{"oidcIssuer":"i","subjectEmail":"e","caData":"QQ=="},"rekorPublicKeyPaths":["/r"],
            "signedIdentity":{"type":"matchRepository"}}]}}}"#;
        let exported = export(text, Dialect::Containers, Rest::Reject);
        let same: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(exported.policy, same);
        assert_eq!(exported.notes, Vec::<String>::new());
    }

    #[test]
    fn image_rs_is_written_in_the_other_dialect() {
        let (value, notes) = default(
            r#"[{"type":"sigstoreSigned","keyData":"PEM","more":1},{"type":"signedBy","keyType":"GPGKeys","keyPath":"file:///g"}]"#,
            Dialect::ImageRs,
            Rest::Reject,
        );
        assert_eq!(
            value,
            json!([
                { "type": "sigstoreSigned", "keyData": "UEVN", "signedIdentity": { "type": "matchRepository" } },
                { "type": "signedBy", "keyType": "GPGKeys", "keyPath": "/g",
                  "signedIdentity": { "type": "matchRepoDigestOrExact" } },
            ])
        );
        assert_eq!(notes.len(), 1, "{notes:?}");
        let (value, notes) = default("[]", Dialect::ImageRs, Rest::Reject);
        assert_eq!(value, json!([{ "type": "insecureAcceptAnything" }]));
        assert_eq!(notes.len(), 1, "{notes:?}");
        let transports = r#"{"default":[{"type":"reject"}],"transports":{"oci":{"x":[],"y":[]},"docker":{"a":[{"type":"reject"}]}}}"#;
        let exported = export(transports, Dialect::ImageRs, Rest::Reject);
        assert_eq!(
            exported.policy["transports"],
            json!({ "docker": { "a": [{ "type": "reject" }] } })
        );
    }

    #[test]
    fn requirements_that_image_rs_cannot_meet_become_reject() {
        for requirement in [
            r#"{"type":"sigstoreSigned"}"#,
            r#"{"type":"sigstoreSigned","keyPath":"","signedIdentity":{"type":"matchRepository"}}"#,
            r#"{"type":"sigstoreSigned","keyPath":"/x","signedIdentity":{"type":"matchExact"}}"#,
            r#"{"type":"sigstoreSigned","keyPath":"/x","signedIdentity":{"type":"exactRepository","dockerRepository":"a.example/b:t"}}"#,
            r#"{"type":"sigstoreSigned","keyPath":"/x","signedIdentity":{"type":"exactRepository","dockerRepository":"busybox"}}"#,
            r#"{"type":"signedBy","keyType":"x","keyPath":"/x"}"#,
            r#"{"type":"signedBy","keyType":"GPGKeys","keyPath":"/x","keyData":"QQ=="}"#,
            r#"{"type":"signedBy","keyType":"GPGKeys","keyPath":"/x","signedIdentity":{"type":"exactReference","dockerReference":"a"}}"#,
            r#"{"type":"signedBy","keyType":"GPGKeys","keyPath":"/x","signedIdentity":{"type":"remapIdentity","prefix":"a/","signedPrefix":"b"}}"#,
        ] {
            let (value, notes) =
                default(&format!("[{requirement}]"), Dialect::ImageRs, Rest::Reject);
            assert_eq!(value, json!([{ "type": "reject" }]), "{requirement}");
            let last = notes.last().expect("a note");
            assert!(last.ends_with("so it became reject"), "{last}");
        }
    }

    #[test]
    fn skopeo_cannot_ask_a_key_broker() {
        let list = r#"[{"type":"sigstoreSigned","keyPath":"kbs:///default/a/b","signedIdentity":{"type":"matchRepository"}}]"#;
        let (value, notes) = default(list, Dialect::Containers, Rest::Reject);
        assert_eq!(value[0]["keyPath"], "kbs:///default/a/b");
        assert!(notes[0].contains("asks no key broker"), "{notes:?}");
        let list = list.replace("kbs://", "file://");
        let (value, _) = default(&list, Dialect::Containers, Rest::Reject);
        assert_eq!(
            value[0]["keyPath"], "file:///default/a/b",
            "skopeo refuses it, and must"
        );
    }
}
