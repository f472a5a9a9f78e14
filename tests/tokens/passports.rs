//! Key passports: made from a token's statements, signed by the key, and compared before it signs.

use crate::desk::Desk;
use harness::tokens::Kind;
use harness::{Run, program};

#[test]
fn a_passport_is_made_and_required_on_every_module() {
    for desk in Desk::all() {
        let name = desk.name();
        desk.make("key");
        desk.write("letter", "x");
        // NSS says of no key that it was made there, and some modules do not say all the rest.
        let refused = desk.ir("token passport {key} -o key.passport");
        let accepts = if desk.token.kind == Kind::Nss {
            refused.exits(1).says("CKA_LOCAL is false, not true");
            " --accept CKA_LOCAL"
        } else {
            refused.exits(0);
            ""
        };
        desk.ir(&format!(
            "token passport {{key}} -o key.passport{accepts} --force"
        ))
        .exits(0);
        desk.ir(&format!("token passport {{key}} -o key.passport{accepts}"))
            .exits(0)
            .says("up to date");
        let run = desk.ir("sign -k {key} -f letter -s s --require-passport key.passport");
        run.exits(0);
        assert!(desk.openssl_verifies("key.pub", "s", "letter"), "{name}");
        let text = String::from_utf8(desk.read("key.passport")).expect("text");
        let statement: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        assert_eq!(statement["token"]["label"], desk.token.label, "{name}");
        assert_eq!(
            statement["key"]["attributes"]["CKA_EXTRACTABLE"], false,
            "{name}"
        );
    }
}

#[test]
fn every_changed_byte_of_a_passport_is_refused() {
    let desk = Desk::new();
    desk.make("key");
    desk.ir("token passport {key} -o key.passport").exits(0);
    let passport = desk.read("key.passport");
    assert!(ir_sign::key::pkcs11::Passport::parse(&passport).is_ok());
    for at in 0..passport.len() {
        for flip in [1, 0x20, 0x80] {
            let mut changed = passport.clone();
            changed[at] ^= flip;
            let parsed = ir_sign::key::pkcs11::Passport::parse(&changed);
            assert!(parsed.is_err(), "byte {at} ^ {flip:#x} was taken");
        }
        assert!(
            ir_sign::key::pkcs11::Passport::parse(&passport[..at]).is_err(),
            "cut at {at}"
        );
    }
    for more in ["\n", " ", "{}\n"] {
        let longer = [&passport, more.as_bytes()].concat();
        assert!(
            ir_sign::key::pkcs11::Passport::parse(&longer).is_err(),
            "{more:?} behind it"
        );
    }
}

#[test]
fn a_token_key_or_attribute_that_differs_from_the_passport_is_refused() {
    let desk = Desk::new();
    desk.make("key");
    desk.make("another");
    desk.write("letter", "x");
    desk.ir("token passport {key} -o key.passport").exits(0);
    let sign = "sign -k {key} -f letter -s s --require-passport key.passport";
    for (plan, differs) in [
        (
            "attr=CKA_EXTRACTABLE:01",
            "key.attributes.CKA_EXTRACTABLE was false and is true",
        ),
        (
            "attr=CKA_LOCAL:00",
            "key.attributes.CKA_LOCAL was true and is false",
        ),
        (
            "attr=CKA_ALWAYS_SENSITIVE:00",
            "CKA_ALWAYS_SENSITIVE was true and is false",
        ),
        (
            "attr=CKA_NEVER_EXTRACTABLE:00",
            "CKA_NEVER_EXTRACTABLE was true and is false",
        ),
        (
            "attr-missing=CKA_LOCAL",
            "key.attributes.CKA_LOCAL was true and is null",
        ),
        ("serial=00000001", "token.serial was"),
    ] {
        let (run, _) = desk.planned(plan, sign);
        run.exits(1).says("passport key.passport").says(differs);
        assert!(!desk.has("s"), "{plan}");
    }
    let (run, _) = desk.planned("", sign);
    run.exits(0);
    // Another key, a key in a file, and a passport that is not used.
    desk.ir("sign -k {another} -f letter -s t --require-passport key.passport")
        .exits(1)
        .says("has none of the passports that are required");
    desk.ir("sign -k vendor.prv -f letter -s t --require-passport key.passport")
        .exits(1)
        .says("this command signs with no key that it is about");
    assert!(!desk.has("t"));
    harness::unpack("umoci", &desk.path("registry/hello"));
    let image = "sign-image -r registry -a hello -v vendor.prv -x {key}";
    desk.ir(&format!("{image} --require-passport key.passport"))
        .exits(0);
    desk.ir("token passport {another} -o another.passport")
        .exits(0);
    desk.ir(&format!(
        "{image} --require-passport key.passport --require-passport another.passport"
    ))
    .exits(1)
    .says("passport another.passport");
}

/// Certificates, cosign's signatures and notation's are under the same rule as ours.
#[test]
fn every_family_refuses_a_key_that_differs_from_its_passport() {
    let desk = Desk::new();
    desk.make("key");
    desk.make("another");
    desk.write("letter", "x");
    harness::unpack("umoci", &desk.path("hello"));
    desk.ir("token passport {key} -o key.passport").exits(0);
    let subject = "--subject C=PT,ST=Lisboa,O=IR,CN";
    let root = format!("cert root -k {{another}} {subject}=Root --days 9 -o root.crt");
    desk.ir(&root).exits(0);
    desk.ir(&format!(
        "cert request -k {{key}} {subject}=Signer -o key.csr --require-passport key.passport"
    ))
    .exits(0);
    desk.ir(
        "cert issue --request key.csr --profile signer --ca-cert root.crt -x {another} --days 8 \
         -o key.crt --chain chain.crt",
    )
    .exits(0);
    let commands = [
        format!("cert root -k {{key}} {subject}=Other --days 9 -o out"),
        "cert crl --ca-cert root.crt -x {key} --days 9 -o out".to_owned(),
        "cosign sign-blob --key {key} letter --output-signature out".to_owned(),
        "cosign sign --key {key} --sign-container-identity h/a oci:hello:latest --output-signature out"
            .to_owned(),
        "notation sign --plugin ir-sign --id {key} --plugin-config certificate_chain=chain.crt oci:hello"
            .to_owned(),
    ];
    let layout = || Run::of(std::process::Command::new("find").arg(desk.path("hello"))).stdout;
    let before = layout();
    for command in &commands {
        let required = format!("{command} --require-passport key.passport");
        let (run, _) = desk.planned("attr=CKA_LOCAL:00", &required);
        run.exits(1)
            .says("key.attributes.CKA_LOCAL was true and is false");
        let of_another = command.replace("{key}", "{another}");
        desk.ir(&format!("{of_another} --require-passport key.passport"))
            .exits(1)
            .says("has none of the passports that are required");
        assert!(!desk.has("out"), "{command}");
        assert_eq!(layout(), before, "{command}");
    }
    for command in [&commands[2], &commands[4]] {
        desk.ir(&format!("{command} --require-passport key.passport"))
            .exits(0);
    }
}

/// All passports of a key have to fit, and more than one may.
#[test]
fn several_passports_of_one_key_have_to_fit_all() {
    let desk = Desk::new();
    desk.make("key");
    desk.write("letter", "x");
    desk.ir("token passport {key} -o a").exits(0);
    let (run, _) = desk.planned("serial=2", "token passport {key} -o b");
    run.exits(0);
    let sign = "sign -k {key} -f letter -s s --require-passport a --require-passport";
    for (last, differs) in [("b", true), ("a", false)] {
        let run = desk.ir(&format!("{sign} {last}"));
        assert_eq!(desk.has("s"), !differs);
        if differs {
            run.exits(1).says("passport b: token.serial was");
        } else {
            run.exits(0);
        }
    }
    // One that would not be read is not written.
    let label = "41".repeat(17 * 1024);
    let uri = format!("token passport {}", desk.token.uri("key"));
    let (run, _) = desk.planned(&format!("attr=CKA_LABEL:{label}"), &format!("{uri} -o c"));
    run.exits(3).says("no passport is made: it would have");
    assert!(!desk.has("c"));
}

#[test]
fn a_passport_is_not_made_for_a_key_that_was_outside() {
    let desk = Desk::new();
    desk.ir("token import -k vendor.prv --pkcs11-uri {imported}")
        .exits(0);
    desk.ir("token passport {imported} -o p")
        .exits(1)
        .says("CKA_LOCAL is false, not true")
        .says("CKA_ALWAYS_SENSITIVE is false, not true")
        .says("CKA_NEVER_EXTRACTABLE is false, not true");
    assert!(!desk.has("p"));
    let accept = "--accept CKA_LOCAL --accept CKA_ALWAYS_SENSITIVE --accept CKA_NEVER_EXTRACTABLE";
    desk.ir(&format!("token passport {{imported}} -o p {accept}"))
        .exits(0);
    desk.ir("token passport {imported} -o q --accept CKA_TYPO")
        .exits(2);
}

/// A passport can be taken for nothing else that a key signs, and nothing else for a passport.
#[test]
fn a_passports_signature_is_of_nothing_else() {
    let desk = Desk::new();
    desk.make("key");
    desk.ir("token passport {key} -o p").exits(0);
    let text = String::from_utf8(desk.read("p")).expect("text");
    let (statement, _) = text.split_once('\n').expect("two lines");
    desk.write("statement", format!("{statement}\n"));
    desk.ir("sign -k {key} -f statement -s s").exits(0);
    let signature = desk.shell("base64 -w0 s", "").stdout;
    desk.write(
        "forged",
        format!("{statement}\n{{\"signature\":\"{signature}\"}}\n"),
    );
    desk.ir("sign -k {key} -f statement -s t --require-passport forged")
        .exits(1)
        .says("its signature does not hold");
}

/// With --force an output replaces what is there, but nothing that the command reads.
#[test]
fn what_is_read_for_a_token_is_never_an_output() {
    let desk = Desk::new();
    desk.make("key");
    desk.write("letter", "x");
    desk.write("pin", "1234");
    std::fs::copy(&desk.token.pin_file, desk.path("pin")).expect("copied");
    desk.ir("token passport {key} -o key.passport").exits(0);
    let key = format!(
        "{}?pin-source=file:pin",
        desk.token.uri("key").split('?').next().expect("a URI")
    );
    let plain = desk
        .token
        .uri("key")
        .split('?')
        .next()
        .expect("a URI")
        .to_owned();
    for (args, output) in [
        (format!("sign -k {key} -f letter -s pin"), "pin"),
        (
            format!("sign -k {plain} --pin-source file:pin -f letter -s ./pin"),
            "pin",
        ),
        (
            format!("sign -k {key} -f letter -s key.passport --require-passport key.passport"),
            "key.passport",
        ),
        (
            format!("sign -k {key} -f letter -s key.pub --public-key key.pub"),
            "key.pub",
        ),
        (format!("token passport {key} -o pin"), "pin"),
        (
            format!("token passport {plain} --pin-source file:pin -o pin"),
            "pin",
        ),
        (format!("extract-public -k {key} -o pin"), "pin"),
        (
            format!(
                "gen-key --pkcs11-uri {}?pin-source=file:pin --public pin",
                plain.replace("=key", "=new")
            ),
            "pin",
        ),
    ] {
        let before = desk.read(output);
        let args = args.replace("extract-public -k", "extract-public -i");
        desk.ir(&format!("{args} --force"))
            .exits(2)
            .says("is the same file as another one");
        assert_eq!(desk.read(output), before, "{args}");
    }
    assert!(
        !desk
            .ir("token keys {}")
            .exits(0)
            .stdout
            .contains("object=new")
    );
    // The module that the environment names, and the file behind a descriptor.
    std::fs::copy(&desk.token.module, desk.path("module.so")).expect("copied");
    for (output, source) in [("module.so", "file:pin"), ("pin", "fd:3 3<pin")] {
        let before = desk.read(output);
        let mut command = desk.token.command("bash");
        let program = program();
        let sign = format!(
            "{program} sign --force -k '{plain}' -f letter -s {output} --pin-source {source}"
        );
        command
            .current_dir(desk.root())
            .env("PKCS11_MODULE_PATH", "./module.so")
            .args(["-c", &sign]);
        Run::from(command.output().expect("it starts"))
            .exits(2)
            .says("is the same file as another one");
        assert_eq!(desk.read(output), before, "{output}");
    }
}
