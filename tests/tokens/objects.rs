//! The attributes that a token shows of a key, and the result.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::desk::Desk;
use harness::tokens::{Fixture, Kind};
use harness::{Run, program, unhex};

/// The bytes of an attribute in `pkcs11-tool`'s hexadecimal.
fn attributes(desk: &Desk, label: &str) -> serde_json::Value {
    let listed = desk.ir("token keys {} --json").exits(0).json();
    let keys = listed["keys"].as_array().expect("a list").iter();
    let mut found = keys.filter(|key| key["label"] == label);
    found.next().expect("the key")["attributes"].clone()
}

#[test]
fn a_new_key_signs_and_nothing_else() {
    for desk in Desk::all() {
        desk.make("key");
        let attributes = attributes(&desk, "key");
        for (name, value) in [
            ("CKA_TOKEN", true),
            ("CKA_PRIVATE", true),
            ("CKA_SENSITIVE", true),
            ("CKA_EXTRACTABLE", false),
            ("CKA_SIGN", true),
            ("CKA_DECRYPT", false),
            ("CKA_UNWRAP", false),
            ("CKA_DERIVE", false),
        ] {
            assert_eq!(attributes[name], value, "{} {name}", desk.name());
        }
    }
}

#[test]
fn a_key_that_is_not_made_as_asked_for_is_removed_again() {
    let desk = Desk::new();
    for (plan, says) in [
        (
            "attr=CKA_EXTRACTABLE:01",
            "CKA_EXTRACTABLE: requested false, got true",
        ),
        (
            "attr=CKA_SENSITIVE:00",
            "CKA_SENSITIVE: requested true, got false",
        ),
        (
            "attr=CKA_DECRYPT:01",
            "CKA_DECRYPT: requested false, got true",
        ),
        (
            "attr-missing=CKA_SENSITIVE",
            "CKA_SENSITIVE: requested true, got nothing",
        ),
        ("sign=flip", "does not verify what the private key signs"),
        ("point=other", "does not verify what the private key signs"),
    ] {
        let (run, _) = desk.planned(plan, "gen-key --pkcs11-uri {key} --public key.pub");
        run.exits(1).says(says).says("the new key was removed");
        assert!(!desk.has("key.pub"), "{plan}");
        let listed = desk.ir("token keys {} --json").exits(0).json();
        assert_eq!(listed["keys"].as_array().map(Vec::len), Some(0), "{plan}");
    }
    // The report passes on the token's own words, and they do not stop it.
    let (run, _) = desk.planned("attr=CKA_LOCAL:00", "gen-key --pkcs11-uri {key}");
    run.exits(0).says("CKA_LOCAL: requested true, got false");
}

#[test]
fn a_key_that_was_made_is_told_whatever_fails_after() {
    let desk = Desk::new();
    // The run refuses at the start whatever it can know then.
    std::fs::create_dir(desk.path("public.pub")).expect("a folder");
    for public in [
        "nodir/key.pub",
        "public.pub",
        "public.pub --force",
        "/proc/key.pub",
    ] {
        let (run, planned) = desk.planned(
            "",
            &format!("gen-key --pkcs11-uri {{key}} --public {public}"),
        );
        run.says("public key file");
        let log = faulty_module::log::Log::read(&planned.log);
        assert_eq!(
            log.map_or(0, |log| log.count("C_GenerateKeyPair")),
            0,
            "{public}"
        );
    }
    // A folder that goes meanwhile.
    std::fs::create_dir(desk.path("dir")).expect("a folder");
    let uri = desk.token.uri("key");
    let planned = desk.token.planned("slow=C_GenerateKeyPair:1000");
    let mut command = desk.command(program());
    command
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args(["gen-key", "--pkcs11-uri", &uri, "--public", "dir/key.pub"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let searched =
        || faulty_module::log::Log::read(&planned.log).map_or(0, |l| l.count("C_FindObjectsFinal"));
    while searched() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::remove_dir(desk.path("dir")).expect("it is empty");
    let run = Run::from(child.wait_with_output().expect("it ends"))
        .exits(3)
        .says("public key file dir/key.pub: cannot create: No such file or directory")
        .says("the private key exists now: pkcs11:");
    extract_as_told(&desk, &run.hint());
    // Nobody takes the result.
    for json in ["", "--json"] {
        let mut command = desk.token.command("bash");
        let program = program();
        let full = format!("{program} gen-key {json} --pkcs11-uri \"$1\" >/dev/full");
        command
            .current_dir(desk.root())
            .env("PKCS11_MODULE_PATH", &desk.token.module)
            .args(["-c", &full, "bash", &desk.token.uri(&format!("full{json}"))]);
        let run = Run::from(command.output().expect("it runs"))
            .exits(3)
            .says("cannot write to standard output");
        let told = run
            .stderr
            .lines()
            .find_map(|line| line.split_once("write its public key: "));
        extract_as_told(&desk, told.expect("the command").1);
    }
}

/// Executes the command that writes the public key of a key that was made.
fn extract_as_told(desk: &Desk, hint: &str) {
    let pin = desk.token.pin_file.display();
    let line = format!("{hint} --pin-source file:{pin}")
        .replace("ir-sign ", &format!("{} ", program()))
        .replace(" FILE", " told.pub --force");
    let mut command = desk.token.command("bash");
    command
        .current_dir(desk.root())
        .env("PKCS11_MODULE_PATH", &desk.token.module)
        .args(["-c", &line]);
    Run::from(command.output().expect("it runs")).exits(0);
    assert!(desk.has("told.pub"), "{line}");
}

const MAKERS: [(&[&str], &str); 2] = [
    (&["gen-key"], "C_GenerateKeyPair"),
    (&["token", "import", "-k", "vendor.prv"], "C_CreateObject"),
];

/// Starts to make a key, with a plan that holds a call up, and comes back when it has seen that the name
/// is free.
fn begin(desk: &Desk, words: &[&str], slow: &str, uri: &str) -> Child {
    use faulty_module::log::Log;
    let planned = desk.token.planned(&format!("slow={slow}"));
    let child = desk
        .command(program())
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args(words)
        .args(["--pkcs11-uri", uri])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    while Log::read(&planned.log).map_or(0, |log| log.count("C_FindObjectsFinal")) < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn of_two_keys_of_one_name_made_at_once_one_is_removed() {
    // The token gives each run another serial number, so neither waits for the other.
    for (words, slow) in MAKERS {
        for (uri, what) in [
            ("object=a", "label"),
            ("object=a;id=%01", "label"),
            ("object=b;id=%01", "id"),
        ] {
            let Some(token) = Fixture::of(Kind::Kryoptic) else {
                return;
            };
            let desk = Desk::with(token);
            let pin = desk.token.pin_file.display();
            let uri = format!("pkcs11:{uri}?pin-source=file:{pin}");
            let first = begin(&desk, words, &format!("{slow}:1500;serial=2"), &uri);
            let other = format!("pkcs11:object=a;id=%01?pin-source=file:{pin}");
            let made = desk.ir_with(["gen-key", "--pkcs11-uri", &other]).exits(0);
            let run = Run::from(first.wait_with_output().expect("it ends"));
            run.exits(1)
                .says(&format!(
                    "another run made a key of the same {what} at the same time: "
                ))
                .says("the new key was removed")
                .says("hint: see `ir-sign token keys`");
            let listed = desk.ir("token keys {} --json").exits(0).json();
            let listed = listed["keys"].as_array().expect("a list");
            assert_eq!(listed.len(), 1, "{listed:?}");
            assert_eq!(listed[0]["uri"], made.stdout.trim(), "{listed:?}");
            // No public half is left behind either: the name can be used again.
            if what == "id" {
                desk.ir("gen-key --pkcs11-uri {b}").exits(0);
            }
        }
    }
}

#[test]
fn two_runs_that_make_keys_on_one_token_take_turns() {
    for (words, slow) in MAKERS {
        // Whether by the same module, or by another path to the token.
        for direct in [false, true] {
            let desk = Desk::new();
            let pin = desk.token.pin_file.display();
            let uri = format!("pkcs11:object=a?pin-source=file:{pin}");
            let first = begin(&desk, words, &format!("{slow}:2500"), &uri);
            let second = if direct {
                desk.ir("gen-key --pkcs11-uri {a}")
            } else {
                desk.planned("", "gen-key --pkcs11-uri {a} -q").0
            };
            let told = "token \"test token\": waiting, another run makes a key on it";
            assert_eq!(second.stderr.contains(told), direct, "{second:?}");
            second.exits(1).says("the label is in use already");
            Run::from(first.wait_with_output().expect("it ends")).exits(0);
            let listed = desk.ir("token keys {} --json").exits(0).json();
            assert_eq!(listed["keys"].as_array().map(Vec::len), Some(1));
        }
    }
}

#[test]
fn rule_7_the_public_half_comes_from_wherever_the_token_shows_it() {
    let desk = Desk::new();
    desk.make("key");
    let right = desk.read("key.pub");
    desk.write("letter", "x");
    // SoftHSM's private objects have no point: without the public object there is nothing to see.
    let (run, _) = desk.planned("no-public-object", "extract-public -i {key} -o none.pub");
    run.exits(3)
        .says("the token does not show its public half")
        .says("hint: give its public key with --public-key FILE");
    assert!(!desk.has("none.pub"));
    // The user's word counts when a signature bears it out.
    let (run, _) = desk.planned(
        "no-public-object",
        "sign -k {key} -f letter -s s --public-key other.pub --public-key key.pub",
    );
    run.exits(0);
    assert!(desk.openssl_verifies("key.pub", "s", "letter"));
    let (run, _) = desk.planned(
        "no-public-object",
        "sign -k {key} -f letter -s t --public-key other.pub",
    );
    run.exits(3)
        .says("the token does not show its public half, and it is none of the public keys that were given")
        .says("hint: give the public key of this very key");
    assert!(!desk.has("t"));
    // From the private object: a point, or a SubjectPublicKeyInfo.
    let hex = |bytes: &[u8]| {
        let digits: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
        digits.concat()
    };
    for plan in [
        format!(
            "no-public-object;attr=CKA_EC_POINT:0461{}",
            hex(&right[23..])
        ),
        format!("no-public-object;attr=CKA_EC_POINT:{}", hex(&right[23..])),
        format!("no-public-object;attr=CKA_PUBLIC_KEY_INFO:{}", hex(&right)),
    ] {
        let (run, _) = desk.planned(&plan, "extract-public -i {key} -o found.pub --force");
        run.exits(0);
        assert_eq!(desk.read("found.pub"), right, "{plan}");
        std::fs::remove_file(desk.path("found.pub")).expect("it is there");
    }
}

#[test]
fn rule_7_the_public_half_comes_from_a_certificate_of_the_same_id() {
    let desk = Desk::new();
    desk.ir("token import -k vendor.prv --pkcs11-uri {vendor-key}")
        .exits(0);
    let listed = desk.ir("token keys {} --json").exits(0).json();
    let id = listed["keys"][0]["id"].as_str().expect("an id").to_owned();
    desk.shell(
        "openssl req -x509 -new -key vendor.prv -keyform DER -subj /CN=vendor -days 2 -outform DER -out cert.der",
        "",
    )
    .exits(0);
    let cert = desk.path("cert.der").display().to_string();
    let written = desk
        .token
        .log_in(&["--write-object", &cert, "--type", "cert", "--id", &id])
        .output()
        .expect("pkcs11-tool runs");
    assert!(written.status.success(), "{written:?}");
    let (run, _) = desk.planned(
        "no-public-object",
        "extract-public -i {vendor-key} -o v.pub",
    );
    run.exits(0);
    assert_eq!(desk.read("v.pub"), desk.read("vendor.pub"));
}

#[test]
fn rule_7_a_public_half_that_is_not_the_keys_is_found_out() {
    let desk = Desk::new();
    desk.make("key");
    desk.write("letter", "x");
    for plan in ["point=other", "sign=other"] {
        let (run, _) = desk.planned(plan, "extract-public -i {key} -o x.pub");
        run.exits(1)
            .says("does not verify what the private key signs");
        let (run, _) = desk.planned(plan, "sign -k {key} -f letter -s s");
        run.exits(1).says("it was thrown away");
        assert!(!desk.has("x.pub") && !desk.has("s"), "{plan}");
    }
}

/// A signature or an endorsement by the other key is not kept as this key's.
#[test]
fn rule_7_a_public_half_is_proven_where_nothing_is_signed_too() {
    let desk = Desk::new();
    desk.make("key");
    desk.write("letter", "x");
    // The key of the point that the token is made to show.
    let scalar = format!("{}01", "00".repeat(47));
    let key = format!("303e0201010430{scalar}a00706052b81040022");
    desk.write("other", unhex(&key));
    desk.ir("extract-public -i other -o shown.pub").exits(0);
    desk.ir("sign -k other -f letter -s s").exits(0);
    desk.ir("endorse -k ca.prv -f shown.pub -s shown.sig")
        .exits(0);
    for app in ["vendors", "cas"] {
        harness::unpack("umoci", &desk.path(format!("registry/{app}")));
    }
    desk.ir("sign-image -r registry -a vendors -v other -s shown.sig -c ca.pub")
        .exits(0);
    desk.ir("sign-image -r registry -a cas -v vendor.prv -x other")
        .exits(0);
    let index = |app: &str| desk.read(format!("registry/{app}/index.json"));
    let before = [index("vendors"), index("cas")];
    for args in [
        "sign -k {key} -f letter -s s",
        "sign-image -r registry -a vendors -v {key} -s shown.sig -c ca.pub",
        "sign-image -r registry -a cas -v vendor.prv -x {key}",
    ] {
        let (run, _) = desk.planned("point=other", args);
        run.exits(1)
            .says("the public key that the token shows does not verify what the private key signs");
    }
    assert_eq!([index("vendors"), index("cas")], before);
}

#[test]
fn rule_9_a_point_is_97_raw_or_99_der_bytes_on_the_curve() {
    let desk = Desk::new();
    desk.make("key");
    let (run, _) = desk.planned("point=raw", "extract-public -i {key} -o raw.pub");
    run.exits(0);
    assert_eq!(desk.read("raw.pub"), desk.read("key.pub"));
    for (plan, says) in [
        (
            "point=compressed",
            "has 51 bytes, and 97 (raw) or 99 (DER) are right",
        ),
        ("point=off-curve", "not a point on secp384r1"),
        ("point=garbage", "CKA_EC_POINT"),
        ("point=infinity", "and 97 (raw) or 99 (DER) are right"),
    ] {
        let (run, _) = desk.planned(plan, "extract-public -i {key} -o no.pub");
        run.exits(1)
            .says(says)
            .says("key \"key\" on token \"test token\"");
        assert!(!desk.has("no.pub"), "{plan}");
    }
    // A point under another curve's name or another kind of key is none of its own.
    for other in [
        "attr=CKA_EC_PARAMS:06082a8648ce3d030107",
        "attr=CKA_KEY_TYPE:0000000000000000",
    ] {
        let (run, _) = desk.planned(other, "extract-public -i {key} -o no.pub");
        assert_ne!(run.status, 0, "{other}: {run:?}");
        assert!(run.stderr.contains("key \"key\" on token \"test token\""));
        assert!(!desk.has("no.pub"), "{other}");
    }
}

#[test]
fn rule_9_a_real_raw_point_on_softhsm_is_read() {
    let desk = Desk::new();
    desk.ir("token import -k vendor.prv --pkcs11-uri {vendor-key}")
        .exits(0);
    // A second look through the tool that keeps what it is given: the point as SoftHSM has it.
    let point = {
        let listed = desk.ir("token keys {} --json").exits(0).json();
        let id = listed["keys"][0]["id"].as_str().expect("an id").to_owned();
        desk.token.point(&id)
    };
    assert_eq!(point, desk.read("vendor.pub")[23..]);
}

#[test]
fn rule_10_only_ckm_ecdsa_is_used_and_a_token_without_it_is_refused() {
    let desk = Desk::new();
    desk.make("key");
    desk.write("letter", "x");
    let (run, planned) = desk.planned(
        "mechanisms=CKM_ECDSA_SHA384,CKM_RSA_PKCS",
        "sign -k {key} -f letter -s s",
    );
    run.exits(3)
        .says("it does not offer CKM_ECDSA for signing; it offers CKM_ECDSA_SHA384, CKM_RSA_PKCS");
    let log = faulty_module::log::Log::read(&planned.log).expect("a log");
    assert_eq!(log.count("C_SignInit"), 0);
    let (run, _) = desk.planned("mechanisms=CKM_ECDSA", "gen-key --pkcs11-uri {new}");
    run.exits(3)
        .says("it does not offer CKM_EC_KEY_PAIR_GEN for making keys");
}

#[test]
fn rule_10_exactly_96_bytes_come_back_and_verify_or_nothing_leaves() {
    let desk = Desk::new();
    desk.make("key");
    desk.write("letter", "x");
    for (plan, says) in [
        (
            "sign=flip",
            "does not verify with its own public key; it was thrown away",
        ),
        ("sign=short", "95 bytes, and 96 are right"),
        ("sign=long", "97 bytes, and 96 are right"),
        ("sign=empty", "0 bytes, and 96 are right"),
        ("sign=der", "bytes, and 96 are right"),
        ("sign=zero", "out of range"),
        ("sign=max", "out of range"),
    ] {
        let (run, _) = desk.planned(plan, "sign -k {key} -f letter -s s");
        run.exits(1).says(says);
        let names = desk.names();
        assert!(
            !names.iter().any(|n| n == "s" || n.starts_with('.')),
            "{plan}: {names:?}"
        );
    }
}

#[test]
fn a_dead_session_is_opened_again_once_with_one_more_login() {
    let desk = Desk::new();
    desk.make("key");
    desk.write("letter", "x");
    for plan in [
        "dead-session@C_Sign@1",
        "C_SignInit@1=CKR_SESSION_HANDLE_INVALID",
        "removed-once@C_Sign@1",
    ] {
        let (run, planned) = desk.planned(plan, "sign -k {key} -f letter -s s --force");
        run.exits(0);
        assert!(desk.openssl_verifies("key.pub", "s", "letter"), "{plan}");
        std::fs::remove_file(desk.path("s")).expect("it is there");
        let log = faulty_module::log::Log::read(&planned.log).expect("a log");
        assert_eq!(
            (log.count("C_Initialize"), log.count("C_Login")),
            (2, 2),
            "{plan}"
        );
    }
    for plan in [
        "C_Sign=CKR_DEVICE_ERROR",
        "removed@C_Sign@1",
        "C_SignInit=CKR_SESSION_CLOSED",
    ] {
        let (run, planned) = desk.planned(plan, "sign -k {key} -f letter -s s");
        run.exits(3);
        assert!(!desk.has("s"), "{plan}");
        let log = faulty_module::log::Log::read(&planned.log).expect("a log");
        assert!(log.count("C_Initialize") <= 2, "{plan}");
    }
    // After the new start another token is there.
    let (run, _) = desk.planned(
        "dead-session@C_Sign@1;serial@4=0123456789abcdef",
        "sign -k {key} -f letter -s s",
    );
    run.exits(3).says("it is gone");
    assert!(!desk.has("s"));
}

/// The key that `pkcs11-tool` made is ours to use, and what we made is its.
#[test]
fn keys_are_interchangeable_with_pkcs11_tool_and_openssl() {
    for desk in Desk::all() {
        let name = desk.name();
        desk.token.generate("theirs", "0a0b");
        desk.ir("extract-public -i {theirs} -o theirs.pub").exits(0);
        desk.write("letter", "Dear reader,\n");
        desk.ir("sign -k {theirs} -f letter -s theirs.sig").exits(0);
        assert!(
            desk.openssl_verifies("theirs.pub", "theirs.sig", "letter"),
            "{name}"
        );
        assert_eq!(
            desk.read("theirs.pub")[23..],
            desk.token.point("0a0b"),
            "{name}"
        );

        let uri = desk.token.uri("ours").replace(";object", ";id=%0c;object");
        desk.ir_with(["gen-key", "--pkcs11-uri", &uri, "--public", "ours.pub"])
            .exits(0);
        let digest = Command::new("openssl")
            .args(["dgst", "-sha384", "-binary"])
            .arg(desk.path("letter"))
            .output()
            .expect("openssl runs")
            .stdout;
        let raw = desk.token.sign("0c", &digest);
        let signature = harness::der::signature(&raw[..48], &raw[48..]);
        desk.write("ours.sig", signature);
        desk.ir("verify -k ours.pub -f letter -s ours.sig").exits(0);
    }
}
