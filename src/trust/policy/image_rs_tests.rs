//! Policies of image-rs's dialect: the parts that ir-sign ignores, refuses, or follows with a warning.

use super::super::requirement::{Keys, SignedBy, Signers, SigstoreSigned};
use super::*;

fn taken(text: &str) -> Policy<'_> {
    Policy::read(text.as_bytes(), Dialect::ImageRs)
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn image_rs_ignores_unknown_members_and_wants_transports() {
    for text in [
        r#"{"default":[{"type":"reject","more":{"deep":[1e3]}}],"transports":{},"x":1,"x":2}"#,
        r#"{"default":[{"type":"signedBy","keyType":"x","keyPaths":["/x"]}],"transports":{}}"#,
        r#"{"default":[{"type":"sigstoreSigned","keyPath":null}],"transports":{"dir":{"x":[]}}}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"docker":{"a":[]},"docker":{"b":[]}}}"#,
    ] {
        taken(text);
    }
    for text in [
        r#"{"default":[{"type":"reject"}]}"#,
        r#"{"transports":{}}"#,
        r#"{"default":null,"transports":{}}"#,
        r#"{"default":[],"transports":null}"#,
        r#"{"default":[],"transports":{},"transports":{}}"#,
        r#"{"default":[["reject"]],"transports":{}}"#,
        r#"[[{"type":"reject"}],{}]"#,
        r#"{"default":[{"type":1}],"transports":{}}"#,
        r#"{"default":[{"type":"reject","more":1e999}],"transports":{}}"#,
        r#"{"default":[{"type":"signedBaseLayer","baseLayerIdentity":{"type":"matchExact"}}],"transports":{}}"#,
        r#"{"default":[{"type":"signedBy","keyPath":"/x"}],"transports":{}}"#,
        r#"{"default":[{"type":"sigstoreSigned","keyPath":7}],"transports":{}}"#,
        r#"{"default":[{"type":"sigstoreSigned","keyPath":"/x","keyPath":"/x"}],"transports":{}}"#,
        r#"{"default":[{"type":"sigstoreSigned","signedIdentity":{"type":"exactReference"}}],"transports":{}}"#,
        r#"{"default":[],"transports":{"docker":{"a":{"type":"reject"}}}}"#,
    ] {
        let read = Policy::read(text.as_bytes(), Dialect::ImageRs);
        assert!(read.is_err(), "{text} was taken");
    }
}

#[test]
fn laxities_of_image_rs_are_followed_with_a_warning() {
    let warnings = |text: &str| {
        let policy = taken(text);
        let chosen = policy.for_image(&Asked::docker("a.example/b").expect("a name"));
        let warnings = policy.warnings().iter().chain(&chosen.warnings);
        warnings.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings("{\"default\":\n[],\"transports\":{}}"),
        ["line 2, default: the list has no requirement, so every image is allowed"]
    );
    assert_eq!(
        warnings(
            "{\"default\":[],\"transports\":{\"docker\":{\"a.example\":[{\"type\":\"reject\"},\n{\"type\":\
             \"sigstoreSigned\",\"keyPath\":\"/x\",\"rekorPublicKeyPath\":\"/x\"}]}}}"
        ),
        [
            "line 2, transports.docker[\"a.example\"][1]: no signedIdentity is given, so image-rs does not check the name in a \
             signature",
            "line 2, transports.docker[\"a.example\"][1].rekorPublicKeyPath: image-rs ignores keys of a transparency \
             log"
        ]
    );
    let twice = r#"{"default":[{"type":"reject"}],"transports":{"docker":{"a.example":[{"type":"reject"}],
        "a.example":[{"type":"insecureAcceptAnything"}]}}}"#;
    assert_eq!(
        warnings(twice),
        [
            "line 2, transports.docker[\"a.example\"]: the name is there twice, and the last one counts"
        ]
    );
    let chosen = taken(twice).for_image(&Asked::docker("a.example/b").expect("one"));
    assert_eq!(chosen.requirements, [Requirement::InsecureAcceptAnything]);
    // In a scope that does not count nothing is warned about.
    let other = r#"{"default":[{"type":"reject"}],"transports":{"docker":{"b.example":[]}}}"#;
    assert_eq!(warnings(other), Vec::<String>::new());
}

#[test]
fn key_data_is_base64_or_the_key_itself() {
    let keys = |kind: &str, data: &str| {
        let text = format!(
            r#"{{"default":[{{"type":"{kind}","keyType":"GPGKeys","keyData":"{data}"}}],"transports":{{}}}}"#
        );
        let policy = taken(&text);
        match policy
            .for_image(&Asked::DockerArchive)
            .requirements
            .remove(0)
        {
            Requirement::SignedBy(SignedBy { keys, .. })
            | Requirement::SigstoreSigned(SigstoreSigned {
                signers: Signers::Keys(keys),
                ..
            }) => keys,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(keys("sigstoreSigned", "QQ=="), Keys::Data(b"QQ==".into()));
    assert_eq!(keys("signedBy", "QQ=="), Keys::Data(b"A".into()));
    assert!(matches!(keys("signedBy", "Q\\n"), Keys::Unusable(_)));
}
