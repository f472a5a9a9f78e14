//! The tests that hold for every module.

use crate::desk::Desk;
use harness::tokens::Kind;

#[test]
fn a_key_is_made_shown_and_signs_on_every_module() {
    for desk in Desk::all() {
        let name = desk.name();
        let made = desk
            .ir("gen-key --pkcs11-uri {root-ca} --public root-ca.pub --json")
            .exits(0);
        assert!(
            made.json()["key"]
                .as_str()
                .expect(&name)
                .contains("object=root-ca"),
            "{name}"
        );
        assert_eq!(desk.read("root-ca.pub").len(), 120, "{name}");
        desk.ir("extract-public -i {root-ca} -o again.pub").exits(0);
        assert_eq!(desk.read("again.pub"), desk.read("root-ca.pub"), "{name}");

        desk.write("letter", "Dear reader,\n");
        desk.ir("sign -k {root-ca} -f letter -s letter.sig")
            .exits(0);
        assert!(
            desk.openssl_verifies("root-ca.pub", "letter.sig", "letter"),
            "{name}"
        );
        desk.ir("verify -k root-ca.pub -f letter -s letter.sig")
            .exits(0);
        desk.ir("verify -k {root-ca} -f letter -s letter.sig")
            .exits(0);
        let first = desk.read("letter.sig");
        desk.ir("sign --pkcs11-uri {root-ca} -f letter -s letter.sig")
            .exits(0)
            .says("up to date");
        assert_eq!(
            desk.read("letter.sig"),
            first,
            "{name}: a token signs differently each time"
        );

        desk.ir("endorse -k {root-ca} -f vendor.pub -s by-token.sig")
            .exits(0);
        assert!(
            desk.openssl_verifies("root-ca.pub", "by-token.sig", "vendor.pub"),
            "{name}"
        );
    }
}

#[test]
fn images_are_signed_by_any_mix_of_files_and_tokens_on_every_module() {
    for desk in Desk::all() {
        let name = desk.name();
        desk.make("root");
        desk.make("vendor-key");
        desk.ir("endorse -k {root} -f vendor-key.pub -s vendor-key.sig")
            .exits(0);
        desk.ir("endorse -k {root} -f vendor.pub -s vendor-file.sig")
            .exits(0);
        let ways = [
            ("a", "-v {vendor-key} -s vendor-key.sig -c root.pub"),
            ("b", "--pkcs11-uri {vendor-key} -x {root}"),
            ("c", "-v vendor.prv -x {root}"),
            ("d", "-v vendor.prv -s vendor-file.sig -c {root}"),
        ];
        for (app, keys) in ways {
            // A TPM without a resource manager has room for one key in a run.
            let one_key = desk.token.kind == Kind::Tpm;
            if one_key && app == "b" {
                continue;
            }
            // Each in a registry of its own: an endorsement in use is used again.
            std::fs::create_dir(desk.path(app)).expect("a folder");
            harness::unpack("umoci", &desk.path(app).join("hello"));
            let signed = desk
                .ir(&format!("sign-image -r {app} -a hello {keys}"))
                .exits(0);
            let digest = signed.stdout.trim().to_owned();
            let verified = desk
                .ir(&format!("verify-image -r {app} -a hello -c root.pub"))
                .exits(0);
            assert_eq!(verified.stdout.trim(), digest, "{name} {app}");
            let vendor = if one_key {
                "vendor-key.pub"
            } else {
                "{vendor-key}"
            };
            desk.ir(&format!(
                "verify-image -r {app} -a hello -c {{root}} --vendor {vendor}"
            ))
            .exits(i32::from(app > "b"));
        }
        // A file for the CA, and the vendor on the token.
        std::fs::create_dir(desk.path("e")).expect("a folder");
        let archive = harness::data("docker-save-new.tar");
        let extract = format!(
            "extract-sign-image -r e -f {} -a hello -v {{vendor-key}} -x other.prv",
            archive.display()
        );
        let first = desk.ir(&extract).exits(0);
        // A token signs otherwise each time: the signature that is there is kept.
        let second = desk.ir(&extract).exits(0);
        assert_eq!(first.stdout, second.stdout, "{name}");
        assert!(second.stderr.contains("nothing was changed"), "{name}");
        desk.ir("verify-image -r e -a hello -c other.pub --vendor vendor-key.pub")
            .exits(0);
        desk.ir("verify-image -r e -a hello -c root.pub").exits(1);
    }
}

#[test]
fn keys_are_listed_and_examined_on_every_module() {
    for desk in Desk::all() {
        let name = desk.name();
        desk.make("one");
        // Before there is a second key: see below.
        let doctor = desk.ir("token doctor {} --login").exits(0);
        assert!(
            doctor.stdout.contains("signs; fingerprint"),
            "{name}: {}",
            doctor.stdout
        );
        desk.make("two");
        let listed = desk.ir("token keys {} --json").exits(0).json();
        let keys = listed["keys"].as_array().expect("a list");
        let labels: Vec<&str> = keys
            .iter()
            .filter_map(|key| key["label"].as_str())
            .collect();
        assert_eq!(labels.len(), 2, "{name}: {labels:?}");
        assert!(
            labels.contains(&"one") && labels.contains(&"two"),
            "{name}: {labels:?}"
        );
        for key in keys {
            let label = key["label"].as_str().expect("a label");
            assert_eq!(key["curve"], "secp384r1", "{name}");
            assert_eq!(key["attributes"]["CKA_SENSITIVE"], true, "{name}");
            assert_eq!(key["attributes"]["CKA_EXTRACTABLE"], false, "{name}");
            assert_eq!(key["attributes"]["CKA_SIGN"], true, "{name}");
            // The URI finds the key and no other, as it is printed.
            let uri = key["uri"].as_str().expect("a URI");
            let pin = format!("?pin-source=file:{}", desk.token.pin_file.display());
            let out = format!("{label}.copied.pub");
            desk.ir_with(["extract-public", "-i", &format!("{uri}{pin}"), "-o", &out])
                .exits(0);
            assert_eq!(desk.read(out), desk.read(format!("{label}.pub")), "{name}");
        }
        let listed = desk.ir("token list").exits(0).stdout;
        assert!(listed.contains(&desk.token.label), "{name}: {listed}");
    }
}

#[test]
fn a_label_or_id_in_use_is_refused_on_every_module() {
    for desk in Desk::all() {
        desk.make("taken");
        let before = desk.read("taken.pub");
        desk.ir("gen-key --pkcs11-uri {taken} --public second.pub")
            .exits(1)
            .says("the label is in use already");
        assert!(!desk.has("second.pub"));
        let listed = desk.ir("token keys {} --json").exits(0).json();
        let id = listed["keys"][0]["id"].as_str().expect("an id").to_owned();
        let pairs = id.as_bytes().chunks(2);
        let escaped: Vec<String> = pairs
            .map(|pair| format!("%{}", String::from_utf8_lossy(pair)))
            .collect();
        let escaped = escaped.concat();
        let uri = desk
            .token
            .uri("other")
            .replace(";object", &format!(";id={escaped};object"));
        desk.ir_with(["gen-key", "--pkcs11-uri", &uri])
            .exits(1)
            .says("the id is in use already");
        desk.ir("extract-public -i {taken} -o after.pub").exits(0);
        assert_eq!(desk.read("after.pub"), before, "{}", desk.name());
    }
}

#[test]
fn a_wrong_pin_is_tried_once_on_every_module() {
    for desk in Desk::all() {
        desk.make("key");
        desk.write("letter", "x");
        desk.write("wrong", "00000000");
        let uri = desk.token.uri("key");
        let (uri, _) = uri.split_once('?').expect("a query");
        let uri = format!("{uri}?pin-source=file:wrong");
        let run = desk
            .ir_with(["sign", "-k", &uri, "-f", "letter", "-s", "s"])
            .exits(3);
        assert!(
            run.stderr.contains("file:wrong") && run.stderr.contains("CKR_PIN_INCORRECT"),
            "{}: {}",
            desk.name(),
            run.stderr
        );
        assert!(!run.stderr.contains("00000000"));
        assert!(!desk.has("s"));
    }
}

#[test]
fn an_unplugged_token_is_told_and_nothing_is_written() {
    let Some(token) = harness::tokens::Fixture::of(Kind::P11Kit) else {
        return;
    };
    let mut desk = Desk::with(token);
    desk.make("key");
    desk.write("letter", "x");
    desk.token.unplug();
    desk.ir("sign -k {key} -f letter -s s").exits(3);
    assert!(!desk.has("s"));
    desk.token.replug();
    desk.ir("sign -k {key} -f letter -s s").exits(0);
    assert!(desk.openssl_verifies("key.pub", "s", "letter"));
}
