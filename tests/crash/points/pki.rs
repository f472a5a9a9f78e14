//! Certificates and revocation lists, made once a process by the keys of all scenes.

use std::path::Path;
use std::sync::OnceLock;

use harness::{Scene, ir_sign, read, write};

/// Two addresses of lists, each named by a certificate.
pub const ADDRESSES: [&str; 2] = ["http://one.test/list", "http://two.test/list"];

const FILES: [&str; 13] = [
    "root.crt",
    "other.crt",
    "third.crt",
    "first.csr",
    "first.crt",
    "first-chain.crt",
    "second.csr",
    "second.crt",
    "second-chain.crt",
    "one.crt",
    "two.crt",
    "1.crl",
    "2.crl",
];

/// A root's certificate, `root.crt`, and two others; two signers', `first` and `second`, whose keys are `vendor` and
/// `other-vendor`; two that name addresses of lists, and two lists of the root.
fn all() -> &'static [(&'static str, Vec<u8>)] {
    static ALL: OnceLock<Vec<(&'static str, Vec<u8>)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let scene = Scene::new();
        let cert = |words: &str| {
            let words = words.split(' ').map(|word| match word.split_once('=') {
                // The placeholder for the subject has no blanks.
                Some(("CN", name)) => format!("C=PT, ST=Lisboa, O=IR, CN={name}"),
                _ if word.starts_with('@') => scene.text(&word[1..]),
                _ => word.to_owned(),
            });
            ir_sign(["cert".to_owned()].into_iter().chain(words)).ok();
        };
        cert("root -k @ca --subject CN=Root --days 30 -o @root.crt");
        cert("root -k @other-ca --subject CN=Other --days 30 -o @other.crt");
        cert("root -k @vendor --subject CN=Third --days 30 -o @third.crt");
        for (name, key) in [("first", "vendor"), ("second", "other-vendor")] {
            cert(&format!(
                "request -k @{key} --subject CN={name} -o @{name}.csr"
            ));
            cert(&format!(
                "issue --request @{name}.csr --profile signer --ca-cert @root.crt -x @ca --days 20 \
                 -o @{name}.crt --chain @{name}-chain.crt"
            ));
        }
        for (name, address) in ["one", "two"].into_iter().zip(ADDRESSES) {
            cert(&format!(
                "issue --request @first.csr --profile signer --ca-cert @root.crt -x @ca --days 20 \
                 --crl-url {address} -o @{name}.crt"
            ));
        }
        let list = "crl --ca-cert @root.crt -x @ca --days 5";
        cert(&format!("{list} -o @1.crl"));
        cert(&format!("{list} --previous @1.crl -o @2.crl"));
        FILES.map(|name| (name, read(scene.path(name)))).into()
    })
}

/// Writes all of them into a folder.
pub fn write_to(folder: &Path) {
    for (name, bytes) in all() {
        write(folder.join(name), bytes);
    }
}
