//! Ceremony plans: an accepted plan is what any reader of TOML reads, and is safe to show.

use std::collections::BTreeSet;
use std::fs;

use ir_sign::ceremony::plan::{Plan, Role};
use ir_sign::ceremony::work::Work;
use ir_sign::key::pkcs11::SignMechanism;
use tempfile::TempDir;
use toml::{Table, Value};

use super::scene::{CA, VENDOR, folder};

/// The payload of the seed.
const PAYLOAD: &str = r#"{"critical":{"identity":{"docker-reference":"registry.example.com/app:1.0"},"image":{"docker-manifest-digest":"sha256:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"},"type":"cosign container image signature"},"optional":{"a":"b"}}"#;

thread_local! {
    static FOLDER: TempDir = {
        let folder = folder();
        fs::write(folder.path().join("root-ca.pub"), CA).expect("written");
        fs::write(folder.path().join("vendor.pub"), VENDOR).expect("written");
        fs::write(folder.path().join("payload.json"), PAYLOAD).expect("written");
        folder
    };
}

pub fn run(bytes: &[u8]) {
    FOLDER.with(|folder| {
        let path = folder.path().join("plan.toml");
        fs::write(&path, bytes).expect("written");
        match Plan::read(&path) {
            Ok(plan) => check(&plan, bytes),
            Err(e) => {
                let message = e.to_string();
                assert!(!message.contains('\n'), "a message of two lines: {message}");
            }
        }
    });
}

fn check(plan: &Plan, bytes: &[u8]) {
    assert_eq!(plan.text.as_bytes(), bytes);
    let table: Table = toml::from_str(&plan.text).expect("what is accepted is TOML");
    assert_eq!(table["ceremony"].as_str(), Some(plan.kind().name()));
    assert_eq!(table["title"].as_str(), Some(plan.title()));
    assert!(!plan.title().contains(char::is_control));
    let rehearsal = table.get("rehearsal").and_then(Value::as_bool);
    assert_eq!(rehearsal.unwrap_or(false), plan.is_rehearsal());
    let people = table["people"].as_array().expect("a list");
    assert_eq!(people.len(), plan.people().len());
    for (wanted, found) in people.iter().zip(plan.people()) {
        assert_eq!(wanted["name"].as_str(), Some(&*found.name));
        assert_eq!(wanted["role"].as_str(), Some(found.role.name()));
    }
    let operators = plan.people().iter().filter(|p| p.role == Role::Operator);
    assert_eq!(operators.count(), 1);
    let uri = plan.uri();
    assert_eq!(uri.token.as_deref(), table["token"]["label"].as_str());
    assert_eq!(uri.serial.as_deref(), table["token"]["serial"].as_str());
    assert_eq!(uri.object.as_deref(), table["key"]["label"].as_str());
    let printed = uri.to_string();
    assert_eq!(printed.parse(), Ok(uri), "printed as {printed}");

    // The check reads the files that it names, except those that may lie anywhere on this machine.
    let stays = |text: &str| !text.starts_with('/') && !text.contains("..");
    if texts(&Value::Table(table.clone()))
        .iter()
        .all(|text| stays(text))
    {
        let _ = plan.passport();
        work(plan, &table);
    }
}

fn work(plan: &Plan, table: &Table) {
    let mut outputs = vec![plan.transcript()];
    match plan.work() {
        Ok(Work::RootKey { public, passport }) => outputs.extend([public, passport]),
        Ok(Work::EndorseVendors { root, vendors }) => {
            assert_eq!(root.to_spki(), CA, "another key has another digest");
            let names: BTreeSet<_> = vendors.iter().map(|vendor| &vendor.name).collect();
            assert_eq!(names.len(), vendors.len(), "two vendors of one name");
            let wanted = table["vendors"].as_array().expect("a list");
            assert_eq!(wanted.len(), vendors.len());
            for vendor in vendors {
                assert!([CA, VENDOR].contains(&&*vendor.key.to_spki()));
                outputs.push(vendor.endorsement);
            }
        }
        Ok(Work::SignPayloads { root, payloads }) => {
            assert_eq!(root.to_spki(), CA, "another key has another digest");
            assert_eq!(plan.mechanism(), SignMechanism::Ecdsa);
            let wanted = table["payloads"].as_array().expect("a list");
            assert_eq!(wanted.len(), payloads.len());
            outputs.extend(payloads.into_iter().map(|payload| payload.signature));
        }
        Ok(Work::RootCertificate {
            public,
            passport,
            certificate,
        }) => outputs.extend([public, passport, certificate.certificate]),
        Ok(Work::IssueCertificates { certificates, .. }) => {
            let wanted = table["certificates"].as_array().expect("a list");
            assert_eq!(wanted.len(), certificates.len());
            outputs.extend(certificates.into_iter().map(|planned| planned.certificate));
        }
        Ok(Work::Revoke { crl, .. }) => outputs.push(crl.crl),
        Err(_) => return,
    }
    let named: BTreeSet<_> = plan.outputs().iter().map(|o| &*o.name).collect();
    assert_eq!(named.len(), outputs.len(), "two outputs have one name");
    let apart: BTreeSet<_> = outputs.iter().collect();
    assert_eq!(apart.len(), outputs.len(), "two outputs are one file");
    assert!(!outputs.contains(&plan.path), "the plan is written over");
}

/// All texts in a plan.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Table(table) => table.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
