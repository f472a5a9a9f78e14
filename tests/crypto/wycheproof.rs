//! Wycheproof's signatures, read from `tests/data/wycheproof.tar.zst`.

use std::fs::File;
use std::io::Read;

use harness::{data, unhex};
use serde_json::Value;

/// A public key and the signatures that are tried with it.
pub struct Group {
    /// The DER `SubjectPublicKeyInfo`.
    pub spki: Vec<u8>,
    /// The signatures.
    pub tests: Vec<Test>,
}

/// A signature and the verdict.
pub struct Test {
    /// Its number in the file.
    pub id: u64,
    /// Why it is there.
    pub comment: String,
    /// The message.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// `valid`, `invalid` or `acceptable`.
    pub result: String,
}

/// The groups of one file, and how many tests the file says it has.
pub fn load(name: &str) -> (Vec<Group>, usize) {
    let packed = File::open(data("wycheproof.tar.zst")).expect("the vectors");
    let mut archive = tar::Archive::new(zstd::Decoder::new(packed).expect("zstd"));
    let wanted = format!("wycheproof/{name}_test.json");
    let mut entries = archive.entries().expect("a tar archive");
    let mut entry = entries
        .find_map(|entry| {
            let entry = entry.expect("a member");
            let found = entry.path_bytes().as_ref() == wanted.as_bytes();
            found.then_some(entry)
        })
        .unwrap_or_else(|| panic!("{wanted} is not in the archive"));
    let mut text = String::new();
    entry.read_to_string(&mut text).expect("text");
    let set: Value = serde_json::from_str(&text).expect("JSON");
    let groups = set["testGroups"].as_array().expect("groups");
    let count = set["numberOfTests"].as_u64().expect("a number");
    let groups = groups.iter().map(group).collect();
    (groups, usize::try_from(count).expect("a small number"))
}

fn group(group: &Value) -> Group {
    let tests = group["tests"].as_array().expect("tests");
    Group {
        spki: bytes(&group["publicKeyDer"]),
        tests: tests.iter().map(test).collect(),
    }
}

fn test(entry: &Value) -> Test {
    let text = |name: &str| entry[name].as_str().expect("text").to_owned();
    Test {
        id: entry["tcId"].as_u64().expect("a number"),
        comment: text("comment"),
        message: bytes(&entry["msg"]),
        signature: bytes(&entry["sig"]),
        result: text("result"),
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    unhex(value.as_str().expect("text"))
}
