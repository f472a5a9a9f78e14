//! The list of signing keys: writing an accepted list back keeps its meaning, and each name leads to one key.

use std::collections::HashSet;

use ir_sign::ops::notation::signing_keys::SigningKeys;
use serde_json::Value;

pub fn run(bytes: &[u8]) {
    let Ok(list) = SigningKeys::read(bytes) else {
        return;
    };
    let mut names = HashSet::new();
    for key in list.all() {
        assert!(!key.name.is_empty() && names.insert(&key.name));
        assert_eq!(list.get(Some(&key.name)).expect("it is there"), key);
        let _ = key.place();
    }
    if let Some(default) = &list.default {
        assert_eq!(&list.get(None).expect("the default is there").name, default);
    }
    let written = list.to_bytes();
    let again = SigningKeys::read(&written).expect("it was written here");
    assert_eq!(again.to_bytes(), written);
    assert_eq!(again.all(), list.all());
    let document: Value = serde_json::from_slice(bytes).expect("it was read as JSON");
    let rewritten: Value = serde_json::from_slice(&written).expect("JSON");
    for (name, value) in document.as_object().expect("an object") {
        if !["default", "keys"].contains(&&**name) {
            assert_eq!(rewritten.get(name), Some(value), "{name}");
        }
    }
}
