//! Policies: which texts are refused whole, where the error is, and which scope counts.

use super::super::identity::Identity;
use super::super::requirement::{Keys, Signers, Vendor};
use super::*;

/// Why containers/image's dialect refuses a text, as line, member and reason.
fn refused(text: &str) -> String {
    match Policy::read(text.as_bytes(), Dialect::Containers) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => error.to_string(),
    }
}

fn taken(text: &str, dialect: Dialect) -> Policy<'_> {
    Policy::read(text.as_bytes(), dialect).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A policy whose default has this one requirement.
fn with(requirement: &str) -> String {
    format!(r#"{{"default":[{requirement}],"transports":{{}}}}"#)
}

fn only(policy: &Policy<'_>) -> Requirement {
    let chosen = policy.for_image(&Asked::DockerArchive);
    let [requirement] = chosen.requirements.as_slice() else {
        panic!("{chosen:?}");
    };
    requirement.clone()
}

/// A sigstoreSigned with these members.
fn sigstore(members: &str) -> String {
    with(&format!(r#"{{"type":"sigstoreSigned",{members}}}"#))
}

fn signed_by(members: &str) -> String {
    with(&format!(
        r#"{{"type":"signedBy","keyType":"GPGKeys",{members}}}"#
    ))
}

#[test]
fn an_error_names_line_and_member() {
    for (text, error) in [
        (
            "{\n \"default\": [{\"type\": \"reject\"}],\n \"more\": 1\n}",
            "line 3, more: a policy has no such member here",
        ),
        (
            "{\"default\": [{\"type\": \"reject\"},\n{\"type\": \"Reject\"}]}",
            "line 2, default[1].type: there is no requirement type \"Reject\"",
        ),
        (
            "{\"default\": [{\"type\": \"reject\"}],\n\"transports\": {\"docker\": {\n\"x.example/a\": []}}}",
            "line 3, transports.docker[\"x.example/a\"]: the list has no requirement; one that lets nothing in is \
             \"reject\"",
        ),
        (
            "{\"default\": [{\"type\": \"sigstoreSigned\", \"keyPath\": \"/x\",\n\"signedIdentity\": {\"type\": \
             \"matchExact\", \"t\\u0079pe\": \"matchExact\"}}]}",
            "line 2, default[0].signedIdentity.type: the member is there twice",
        ),
        (
            "{\"default\": [{\"type\": \"reject\"}],\n\n\"default\": [{\"type\": \"reject\"}]}",
            "line 3, default: the member is there twice",
        ),
        (
            "{\"transports\": {}}",
            "line 1: the member \"default\" is missing",
        ),
        (
            "{\"default\": [{\"type\": \"reject\"}],}",
            "line 1: there is '}' in the place of the name of a member",
        ),
    ] {
        assert_eq!(refused(text), error);
    }
}

#[test]
fn a_text_that_skopeo_refuses_is_refused() {
    let good = r#"{"default":[{"type":"reject"}]}"#;
    taken(good, Dialect::Containers);
    for text in [
        "",
        " ",
        "null",
        "7",
        "[]",
        "{}",
        r#"{"default":null}"#,
        r#"{"default":{}}"#,
        r#"{"default":"reject"}"#,
        r#"{"default":["reject"]}"#,
        r#"{"default":[null]}"#,
        r#"{"default":[[]]}"#,
        r#"{"default":[{}]}"#,
        r#"{"default":[{"type":null}]}"#,
        r#"{"default":[{"type":1}]}"#,
        r#"{"Default":[{"type":"reject"}]}"#,
        r#"{"default":[{"Type":"reject"}]}"#,
        r#"{"default":[{"type":"reject","type":"reject"}]}"#,
        r#"{"default":[{"type":"reject","more":null}]}"#,
        r#"{"default":[{"type":"insecureAcceptAnything","keyPath":"/x"}]}"#,
        r#"{"default":[{"type":"reject"}],"$schema":"x"}"#,
        r#"{"default":[{"type":"reject"}],"transports":null}"#,
        r#"{"default":[{"type":"reject"}],"transports":[]}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"docker":null}}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"docker":[]}}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"docker":{"a":null}}}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"docker":{"a":[]}}}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"docker":{},"docker":{}}}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"warp":{"/x":[{"type":"nonsense"}]}}}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"dir":{"/":[{"type":"reject"}]}}}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"oci":{"a/b":[{"type":"reject"}]}}}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"docker-archive":{"/a":[{"type":"reject"}]}}}"#,
        &format!("\u{feff}{good}"),
        &format!("{good}\u{0}"),
        &format!("{good}{good}"),
        &format!("{good} // no"),
        &format!("/* no */{good}"),
    ] {
        refused(text);
    }
    let twice = br#"{"default":[{"type":"reject"}],"transports":{"docker":{"a":[{"type":"reject"}],"\u0061":[{"type":"reject"}]}}}"#;
    assert!(Policy::read(twice, Dialect::Containers).is_err());
    // Two names that are not Unicode are one name to Go.
    let text = |names: [&[u8]; 2]| {
        let parts: [&[u8]; 5] = [
            br#"{"default":[{"type":"reject"}],"transports":{"docker":{""#,
            names[0],
            br#"":[{"type":"reject"}],""#,
            names[1],
            br#"":[{"type":"reject"}]}}}"#,
        ];
        parts.concat()
    };
    assert!(Policy::read(&text([b"\xff", b"a"]), Dialect::Containers).is_ok());
    assert!(Policy::read(&text([b"\xff", b"\\ud800"]), Dialect::Containers).is_err());
    assert!(Policy::read(&text([b"\xff", b"a"]), Dialect::ImageRs).is_err());
}

#[test]
fn sigstore_signed_wants_one_source_of_keys() {
    for members in [
        r#""keyPath":"/x""#,
        r#""keyPath":"/x","keyData":null"#,
        r#""keyPath":"","keyPaths":["/x"]"#,
        r#""keyPath":null,"keyDatas":["QQ=="]"#,
        r#""keyPaths":[null]"#,
        r#""keyData":"""#,
        r#""keyData":"Q\nQ==""#,
        r#""keyData":[45,null,255]"#,
        r#""keyDatas":[[],"QQ=="]"#,
        r#""keyPath":"/x","rekorPublicKeyPath":"","rekorPublicKeyDatas":["QQ=="]"#,
        r#""fulcio":{"caPath":"/x","oidcIssuer":"i","subjectEmail":"e"},"rekorPublicKeyPath":"/r""#,
        r#""pki":{"caRootsData":"QQ==","subjectHostname":"h","caIntermediatesPath":"/i"}"#,
    ] {
        taken(&sigstore(members), Dialect::Containers);
    }
    for members in [
        r#""signedIdentity":{"type":"matchExact"}"#,
        r#""keyPath":"""#,
        r#""keyPath":null"#,
        r#""keyData":null"#,
        r#""keyPaths":null"#,
        r#""keyPaths":[]"#,
        r#""keyPaths":"/x""#,
        r#""keyPath":"/x","keyPaths":null"#,
        r#""keyPath":"/x","keyData":"""#,
        r#""keyPath":7"#,
        r#""keyPath":"/x","keypath":"/x""#,
        r#""keyData":"!!!""#,
        r#""keyData":[256]"#,
        r#""keyData":[1.0]"#,
        r#""keyData":[-0]"#,
        r#""keyDatas":"QQ==""#,
        r#""keyPath":"/x","rekorPublicKeyPath":"/r","rekorPublicKeyData":"QQ==""#,
        r#""keyPath":"/x","rekorPublicKeyPaths":[]"#,
        r#""fulcio":{}"#,
        r#""fulcio":null"#,
        r#""fulcio":{"caPath":"/x","oidcIssuer":"i","subjectEmail":"e"}"#,
        r#""fulcio":{"caPath":"/x","caData":"","oidcIssuer":"i","subjectEmail":"e"},"rekorPublicKeyPath":"/r""#,
        r#""fulcio":{"caPath":"/x","oidcIssuer":"","subjectEmail":"e"},"rekorPublicKeyPath":"/r""#,
        r#""pki":{"caRootsData":"QQ==","subjectHostname":"h"},"rekorPublicKeyPath":"/r""#,
        r#""pki":{"caRootsPath":"/x"}"#,
        r#""pki":{"subjectHostname":"h"}"#,
        r#""pki":{"caRootsPath":"/x","subjectHostname":"h","more":1}"#,
        r#""keyPath":"/x","pki":{"caRootsPath":"/x","subjectHostname":"h"}"#,
        r#""keyPath":"/x","signedIdentity":null"#,
        r#""keyPath":"/x","signedIdentity":"matchExact""#,
        r#""keyPath":"/x","signedIdentity":[]"#,
        r#""keyPath":"/x","signedIdentity":{}"#,
        r#""keyPath":"/x","signedIdentity":{"type":"matchExact","more":1}"#,
        r#""keyPath":"/x","signedIdentity":{"type":"exactReference","dockerReference":"a"}"#,
        r#""keyPath":"/x","signedIdentity":{"type":"exactReference","dockerReference":null}"#,
        r#""keyPath":"/x","signedIdentity":{"type":"exactRepository"}"#,
        r#""keyPath":"/x","signedIdentity":{"type":"exactRepository","dockerRepository":"A B"}"#,
        r#""keyPath":"/x","signedIdentity":{"type":"remapIdentity","prefix":"a.example","signedPrefix":""}"#,
        r#""keyPath":"/x","signedIdentity":{"type":"remapIdentity","prefix":"a/","signedPrefix":"b"}"#,
        r#""keyPath":"/x","signedIdentity":{"type":"remapIdentity","prefix":"a/b:t","signedPrefix":"b"}"#,
    ] {
        refused(&sigstore(members));
    }
}

#[test]
fn the_keys_are_what_the_members_say() {
    let keys = |members: &str| match only(&taken(&sigstore(members), Dialect::Containers)) {
        Requirement::SigstoreSigned(signed) => {
            assert_eq!(signed.identity, Some(Identity::MatchRepoDigestOrExact));
            signed.signers
        }
        other => panic!("{other:?}"),
    };
    let paths = vec!["/a".to_owned(), String::new()];
    assert_eq!(
        keys(r#""keyPaths":["/a",null]"#),
        Signers::Keys(Keys::Paths(paths))
    );
    assert_eq!(
        keys(r#""keyDatas":["Qg==",[67]]"#),
        Signers::Keys(Keys::Datas(vec![b"B".into(), b"C".into()]))
    );
}

#[test]
fn signed_by_wants_one_member_for_keys_whatever_it_holds() {
    for members in [
        r#""keyPath":"/x""#,
        r#""keyPaths":[]"#,
        r#""keyPaths":["/x","/y"]"#,
        r#""keyData":"""#,
        r#""keyData":"QQ==","signedIdentity":{"type":"matchRepository"}"#,
    ] {
        taken(&signed_by(members), Dialect::Containers);
    }
    for members in [
        r#""signedIdentity":{"type":"matchRepository"}"#,
        r#""keyPath":"","keyPaths":["/x"]"#,
        r#""keyPath":null,"keyPaths":["/x"]"#,
        r#""keyPath":"""#,
        r#""keyPaths":null"#,
        r#""keyData":null"#,
        r#""keyPath":"/x","keyDatas":["QQ=="]"#,
        r#""keyPath":"/x","more":1"#,
    ] {
        refused(&signed_by(members));
    }
    let of_type = |kind: &str| with(&format!(r#"{{"type":"signedBy",{kind}"keyPath":"/x"}}"#));
    taken(
        &of_type(r#""keyType":"X509Certificates","#),
        Dialect::Containers,
    );
    for kind in [
        "",
        r#""keyType":null,"#,
        r#""keyType":"gpgkeys","#,
        r#""keyType":1,"#,
    ] {
        refused(&of_type(kind));
    }
    let base = |rest: &str| with(&format!(r#"{{"type":"signedBaseLayer"{rest}}}"#));
    taken(
        &base(r#","baseLayerIdentity":{"type":"matchExact"}"#),
        Dialect::Containers,
    );
    refused(&base(""));
    refused(&base(r#","baseLayerIdentity":null"#));
}

#[test]
fn our_types_are_strict_in_both_dialects() {
    let hex = "0a".repeat(48);
    let good = [
        r#"{"type":"endorsedBy","caKeyPath":"kbs:///default/ca/key"}"#.to_owned(),
        format!(
            r#"{{"type":"endorsedBy","caKeyPath":"/ca.pub","vendors":["/v.pub","sha384:{hex}"]}}"#
        ),
        r#"{"type":"notarySigned","trustPolicy":"/t.json","trustStore":"/notation"}"#.to_owned(),
        r#"{"type":"notarySigned","trustPolicy":"/t.json","trustStore":"/notation","scope":"r/a"}"#
            .to_owned(),
    ];
    let bad = [
        r#"{"type":"endorsedBy"}"#,
        r#"{"type":"endorsedBy","caKeyPath":""}"#,
        r#"{"type":"endorsedBy","caKeyPath":null}"#,
        r#"{"type":"endorsedBy","caKeyPath":7}"#,
        r#"{"type":"endorsedBy","caKeyPath":"/x","vendors":[]}"#,
        r#"{"type":"endorsedBy","caKeyPath":"/x","vendors":null}"#,
        r#"{"type":"endorsedBy","caKeyPath":"/x","vendors":[""]}"#,
        r#"{"type":"endorsedBy","caKeyPath":"/x","vendors":["sha384:0A"]}"#,
        r#"{"type":"endorsedBy","caKeyPath":"/x","more":1}"#,
        r#"{"type":"endorsedBy","caKeyPath":"/x","caKeyPath":"/x"}"#,
        r#"{"type":"notarySigned","trustStore":"/x"}"#,
        r#"{"type":"notarySigned","trustPolicy":"/x"}"#,
        r#"{"type":"notarySigned","trustPolicy":"/x","trustStore":"/x","scope":""}"#,
        r#"{"type":"notarySigned","trustPolicy":"/x","trustStore":"/x","more":1}"#,
    ];
    for dialect in [Dialect::Containers, Dialect::ImageRs] {
        for requirement in &good {
            let requirement = only(&taken(&with(requirement), dialect));
            assert!(requirement.is_ours(), "{requirement:?}");
        }
        for requirement in bad {
            let policy = with(requirement);
            let read = Policy::read(policy.as_bytes(), dialect);
            assert!(read.is_err(), "{requirement} was taken");
        }
        let Requirement::EndorsedBy(endorsed) = only(&taken(&with(&good[1]), dialect)) else {
            panic!("another type");
        };
        assert_eq!(endorsed.vendors[1], Vendor::Sha384(hex.clone()));
    }
}

#[test]
fn the_nearest_scope_counts_alone() {
    let names = [
        "a.example:5000/team/app:v1",
        "a.example:5000/team/app",
        "a.example:5000/team",
        "a.example:5000",
        "*.example",
        "",
    ];
    for n in 0..=names.len() {
        let scopes: Vec<_> = names[n..]
            .iter()
            .map(|name| format!(r#""{name}":[{{"type":"reject"}}]"#))
            .collect();
        let text = format!(
            r#"{{"default":[{{"type":"insecureAcceptAnything"}}],"transports":{{"docker":{{"a.example":[{{"type":"reject"}}],{}}}}}}}"#,
            scopes.join(",")
        );
        let text = text.replace(",}}}", "}}}");
        for dialect in [Dialect::Containers, Dialect::ImageRs] {
            let asked = Asked::docker("a.example:5000/team/app:v1").expect("a name");
            let chosen = taken(&text, dialect).for_image(&asked);
            let wanted = names.get(n).map_or(Scope::Default, |name| Scope::Of {
                transport: "docker".into(),
                name: (*name).into(),
            });
            assert_eq!(chosen.scope, wanted);
        }
    }
}

#[test]
fn paths_have_scopes_in_containers_and_none_in_image_rs() {
    let text = r#"{"default":[{"type":"reject"}],"transports":{"oci":{"/srv":[{"type":"insecureAcceptAnything"}]},
        "docker":{"":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/x"}]}}}"#;
    let asked = Asked::Path {
        transport: "oci",
        path: "/srv/a/b".into(),
    };
    let chosen = taken(text, Dialect::Containers).for_image(&asked);
    assert_eq!(chosen.scope.to_string(), "oci \"/srv\"");
    let chosen = taken(text, Dialect::ImageRs).for_image(&asked);
    assert_eq!(chosen.scope.to_string(), "docker \"\"");
    let all: Vec<_> = taken(text, Dialect::Containers)
        .scopes()
        .map(|c| c.scope.to_string())
        .collect();
    assert_eq!(all, ["docker \"\"", "oci \"/srv\"", "the default"]);
}

fn read(text: &str) -> Result<Policy<'_>, PolicyError> {
    Policy::read(text.as_bytes(), Dialect::Containers)
}

#[test]
fn lists_of_the_same_bytes_are_lists_of_their_own_scopes() {
    let accept = r#"[{"type": "insecureAcceptAnything"}]"#;
    let policy = |third: &str| {
        format!(
            r#"{{"default": {accept}, "transports": {{"docker": {{
                "a.example": {accept}, "b.example" : {accept}, "c.example": {third} }} }} }}"#
        )
    };
    for third in [accept, r#"[{"type": "reject"}]"#] {
        let text = policy(third);
        let policy = read(&text).expect("a policy");
        let asked = |host: &str| {
            let asked = Asked::docker(&format!("{host}.example/app")).expect("a name");
            policy.for_image(&asked)
        };
        assert_eq!(
            asked("b").requirements,
            [Requirement::InsecureAcceptAnything]
        );
        assert_eq!(asked("b").scope.to_string(), "docker \"b.example\"");
        let is_accepted = asked("c").requirements == [Requirement::InsecureAcceptAnything];
        assert_eq!(is_accepted, third == accept);
    }
    for third in [
        &format!("{accept}]"),
        &format!("{accept}, {accept}"),
        &accept[..accept.len() - 1],
        &format!("{accept}x"),
    ] {
        assert!(read(&policy(third)).is_err(), "{third}");
    }
}
