//! The golden pages: the commands in `tests/cli/*.trycmd`, and their output.
//!
//! `TRYCMD=overwrite cargo test --test cli golden` writes the present output into those files.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;

use harness::{Sandbox, copy_keys, data, program, unpack};
use serde_json::json;

/// The apps of the registry that every case finds in its folder, and their fixtures.
const APPS: [(&str, &str); 5] = [
    ("hello", "umoci"),
    ("multi", "multi"),
    ("attested", "nested-attest"),
    ("tampered", "umoci"),
    ("sealed", "pages/sealed"),
];

/// The key for the layers of the app `sealed`.
const IMAGE_KEY: [u8; 32] = [b'Q'; 32];

/// The variables of the environment that would bring in a configuration of this machine. They are empty in pages, whatever
/// a page says.
const OF_THE_MACHINE: [&str; 14] = [
    "CONTAINERS_REGISTRIES_CONF",
    "COSIGN_MAX_ATTACHMENT_SIZE",
    "COSIGN_PASSWORD",
    "COSIGN_PKCS11_MODULE_PATH",
    "COSIGN_PKCS11_PIN",
    "COSIGN_REPOSITORY",
    "DOCKER_CONFIG",
    "NOTATION_CACHE",
    "NOTATION_CONFIG",
    "NOTATION_LIBEXEC",
    "PKCS11_MODULE_PATH",
    "REGISTRY_AUTH_FILE",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
];

/// A policy with a requirement type that skopeo does not know.
const POLICY: &str = r#"{
  "default": [{ "type": "reject" }],
  "transports": {
    "docker": {
      "registry.example.com/team": [
        { "type": "sigstoreSigned", "keyPath": "/k.pub", "signedIdentity": { "type": "matchRepository" } },
        { "type": "endorsedBy", "caKeyPath": "/ca.pub" }
      ]
    }
  }
}
"#;

/// A policy that skopeo refuses, and with which image-rs lets everything in.
const EMPTY_SCOPE: &str = r#"{
  "default": [{ "type": "reject" }],
  "transports": { "docker": { "": [] } }
}
"#;

/// The trust policy of notation's that `notary.json` names.
const TRUST_POLICY: &str = r#"{
  "version": "1.0",
  "trustPolicies": [
    {
      "name": "release",
      "registryScopes": ["*"],
      "signatureVerification": { "level": "strict" },
      "trustStores": ["ca:acme"],
      "trustedIdentities": ["x509.subject: C=PT, ST=Lisboa, O=Example"]
    }
  ]
}
"#;

/// The files of text.
const TEXTS: [(&str, &str); 9] = [
    ("policy.json", POLICY),
    ("empty.json", EMPTY_SCOPE),
    ("sbom.json", "{\"bomFormat\": \"CycloneDX\"}\n"),
    ("trustpolicy.json", TRUST_POLICY),
    (
        "anything.json",
        r#"{"default": [{"type": "insecureAcceptAnything"}]}"#,
    ),
    ("nothing.json", r#"{"default": [{"type": "reject"}]}"#),
    (
        "endorsed.json",
        r#"{"default": [{"type": "endorsedBy", "caKeyPath": "ca.pub"}]}"#,
    ),
    (
        "notary.json",
        r#"{"default": [{"type": "notarySigned", "trustPolicy": "trustpolicy.json", "trustStore": "home/.config/notation/truststore"}]}"#,
    ),
    (
        "cosign.json",
        r#"{"default": [{"type": "sigstoreSigned", "keyPath": "vendor.pub", "signedIdentity": {"type": "exactRepository", "dockerRepository": "registry.example.com/team/hello"}}]}"#,
    ),
];

/// Fills the folder that a case starts in.
fn furnish(folder: &Path) {
    copy_keys(folder);
    fs::write(folder.join("letter.txt"), "Dear reader,\n").expect("written");
    fs::copy(data("docker-save-new.tar"), folder.join("world.tar")).expect("a copy");
    for (of, from) in [("certificates", "certificates"), ("pairs", "cosign")] {
        fs::create_dir(folder.join(of)).expect("a folder");
        for entry in fs::read_dir(data(from)).expect("the fixtures") {
            let entry = entry.expect("an entry");
            let to = folder.join(of).join(entry.file_name());
            fs::copy(entry.path(), &to).expect("a copy");
            fs::set_permissions(&to, Permissions::from_mode(0o600)).expect("a mode");
        }
    }
    for (name, text) in TEXTS {
        fs::write(folder.join(name), text).expect("written");
    }
    fs::write(folder.join("image.key"), IMAGE_KEY).expect("written");
    unpack("pages/dir-signed", &folder.join("copied"));
    let made = Command::new("mkfifo").arg(folder.join("pipe")).status();
    assert!(made.expect("mkfifo runs").success());
    give_keys(folder);
    for (app, fixture) in APPS {
        unpack(fixture, &folder.join("registry").join(app));
    }
    tamper(&folder.join("registry/tampered"));
}

/// Writes a list of notation's signing keys into the folder's home: its paths are whole.
fn give_keys(folder: &Path) {
    let config = folder.join("home/.config/notation");
    fs::create_dir_all(&config).expect("folders");
    let at = |name: &str| folder.join(name).display().to_string();
    let chain = at("certificates/signer-chain.crt");
    let keys = [
        ("file", "vendor.prv"),
        ("sealed", "certificates/signer.key"),
        ("wrong", "ca.prv"),
    ];
    let keys =
        keys.map(|(name, key)| json!({ "name": name, "keyPath": at(key), "certPath": chain }));
    let list = json!({ "default": "file", "keys": keys }).to_string();
    fs::write(config.join("signingkeys.json"), list).expect("written");
}

/// Changes the last byte of each layer, keeping its length.
pub fn tamper(layout: &Path) {
    for entry in fs::read_dir(layout.join("blobs/sha256")).expect("blobs") {
        let path = entry.expect("an entry").path();
        let mut bytes = fs::read(&path).expect("a blob");
        if bytes.starts_with(&[0x1f, 0x8b]) {
            *bytes.last_mut().expect("not empty") ^= 1;
            fs::write(&path, bytes).expect("written");
        }
    }
}

/// How many pages are tried at once.
const AT_ONCE: usize = 4;

#[test]
fn each_page_shows_what_is_printed() {
    let mut pages: Vec<_> = fs::read_dir(data("../cli"))
        .expect("the pages")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "trycmd"))
        .collect();
    pages.sort();
    assert!(pages.len() > 30, "only {} pages", pages.len());
    let sandbox = Sandbox::new();
    let mut failed = Vec::new();
    for some in pages.chunks(AT_ONCE) {
        thread::scope(|scope| {
            let runs: Vec<_> = some
                .iter()
                .map(|page| scope.spawn(|| golden(page, &sandbox)))
                .collect();
            let runs = some.iter().zip(runs);
            failed.extend(runs.filter_map(|(page, run)| run.join().err().and(page.file_stem())));
        });
    }
    assert!(failed.is_empty(), "{failed:?}");
}

/// Runs a page in a folder of its own, whose path stands as `[CWD]` in it.
fn golden(page: &Path, sandbox: &Sandbox) {
    // trycmd finds the folder beside the page, so the page is a link.
    let link = sandbox.path(page.file_name().expect("a file's name"));
    symlink(page, &link).expect("a link");
    let folder = link.with_extension("in");
    fs::create_dir(&folder).expect("a folder");
    furnish(&folder);
    let all = trycmd::TestCases::new();
    all.register_bin("ir-sign", Path::new(program()))
        .env("NO_COLOR", "1")
        .env("HOME", folder.join("home").display().to_string());
    for variable in OF_THE_MACHINE {
        all.env(variable, "");
    }
    all.case(link).run();
}
