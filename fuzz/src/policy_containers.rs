//! Policies of containers/image: an accepted policy is JSON with no other members, some scope counts for every image,
//! and the policy written for skopeo reads back and needs no second writing.

use ir_sign::trust::{Asked, Dialect, Policy, Rest, Scope};
use serde_json::Value;

pub fn run(bytes: &[u8]) {
    let policy = match Policy::read(bytes, Dialect::Containers) {
        Ok(policy) => policy,
        Err(error) => {
            let lines = bytes.split(|b| *b == b'\n').count();
            assert!((1..=lines).contains(&error.line), "{error}");
            assert!(!error.reason.is_empty());
            return;
        }
    };
    assert!(policy.warnings().is_empty());
    // Go replaces bytes that are not text; this reader refuses them.
    if let Ok(document) = serde_json::from_slice::<Value>(bytes) {
        let members = document.as_object().expect("an object");
        assert!(
            members
                .keys()
                .all(|name| name == "default" || name == "transports")
        );
        for list in lists(&document) {
            assert!(list.as_array().is_some_and(|list| !list.is_empty()));
        }
    }
    for chosen in policy.scopes() {
        assert!(!chosen.requirements.is_empty() && chosen.warnings.is_empty());
        for requirement in &chosen.requirements {
            assert!(!requirement.words().is_empty());
        }
        // A scope that is an image's whole name counts for that image, and none else does.
        if let Scope::Of { transport, name } = &chosen.scope
            && transport == "docker"
            && let Ok(asked) = Asked::docker(name)
            && asked.names()[0] == *name
        {
            assert_eq!(policy.for_image(&asked), chosen);
        }
    }
    for rest in [Rest::Reject, Rest::Stays] {
        let exported = policy.export(rest).policy;
        let written = exported.to_string();
        let again = Policy::read(written.as_bytes(), Dialect::Containers);
        let again = again.expect("a policy").export(rest);
        assert_eq!(again.policy, exported);
    }
}

fn lists(document: &Value) -> impl Iterator<Item = &Value> {
    let transports = document.get("transports").and_then(Value::as_object);
    let scopes = transports.into_iter().flat_map(|all| all.values());
    let scopes = scopes.filter_map(Value::as_object);
    let lists = scopes.flat_map(|scopes| scopes.values());
    lists.chain(document.get("default"))
}
