//! Trust policies: an accepted one says the same to a reader of JSON, and each scope leads to one statement.

use std::collections::HashSet;

use ir_sign::trust::notary::{Action, Identity, TrustPolicy, Validation};
use serde_json::Value;

pub fn run(bytes: &[u8]) {
    let Ok(policy) = TrustPolicy::read(bytes) else {
        return;
    };
    let document: Value = serde_json::from_slice(bytes).expect("it was read as JSON");
    assert_eq!(document["version"], "1.0");
    let entries = document["trustPolicies"].as_array().expect("a list");
    assert_eq!(entries.len(), policy.statements.len());
    let (mut names, mut scopes) = (HashSet::new(), HashSet::new());
    for (entry, statement) in entries.iter().zip(&policy.statements) {
        assert_eq!(entry["name"], *statement.name);
        assert!(names.insert(&statement.name));
        for scope in &statement.scopes {
            assert!(scopes.insert(scope));
            let found = if scope == "*" {
                policy.for_any()
            } else {
                assert!(!scope.contains(['*', '@', ' ']) && scope.contains('/'));
                policy.for_repository(scope)
            };
            assert_eq!(found, Some(statement));
        }
        let levels = &statement.levels;
        let all = Validation::ALL.map(|validation| levels.action(validation));
        if levels.skips_all() {
            assert!(all.iter().all(|action| *action == Action::Skip));
            assert!(statement.stores.is_empty() && statement.identities.is_empty());
            continue;
        }
        assert_eq!(all[0], Action::Enforce, "integrity");
        assert!(all[..4].iter().all(|action| *action != Action::Skip));
        assert!(!statement.stores.is_empty() && !statement.identities.is_empty());
        let any = statement.identities.contains(&Identity::Any);
        assert!(!any || statement.identities.len() == 1);
        for store in &statement.stores {
            assert!(!store.name.contains('/') && ![".", ".."].contains(&&*store.name));
        }
    }
}
