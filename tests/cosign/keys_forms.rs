//! Private keys in each form that openssl writes, and files that are not private keys.

use std::fs;

use harness::{Run, Sandbox};

use crate::keys::{cosign, run, with_pairs};

const CURVES: [&str; 3] = ["prime256v1", "secp384r1", "secp521r1"];

/// Imports a file without a passphrase for it, and compares the public key with openssl's.
#[track_caller]
fn imports(sandbox: &Sandbox, file: &str, public: &[u8]) {
    let arguments = format!("import-key-pair -k {file} --output-key-prefix made");
    run(sandbox, "secret", &arguments).ok();
    let made = String::from_utf8(sandbox.read("made.pub")).expect("text");
    assert_eq!(made.as_bytes(), public, "{file}");
    for ending in ["key", "pub"] {
        fs::remove_file(sandbox.path(format!("made.{ending}"))).expect("it was made");
    }
}

#[test]
fn each_form_of_openssl_on_each_curve_is_imported() {
    let sandbox = Sandbox::new();
    for curve in CURVES {
        sandbox.openssl(&format!("ecparam -name {curve} -genkey -out params.pem"));
        sandbox.openssl("ec -in params.pem -out sec1.pem");
        sandbox.openssl("ec -in params.pem -outform DER -out sec1.der");
        sandbox.openssl("ec -in params.pem -outform DER -no_public -out bare.der");
        sandbox.openssl("ec -in params.pem -outform DER -conv_form compressed -out small.der");
        sandbox.openssl("pkcs8 -topk8 -nocrypt -in params.pem -out pkcs8.pem");
        sandbox.openssl("pkcs8 -topk8 -nocrypt -in params.pem -outform DER -out pkcs8.der");
        sandbox.openssl("pkey -in params.pem -text -out text.pem");
        let public = sandbox.openssl("ec -in params.pem -pubout");
        for file in [
            "params.pem",
            "sec1.pem",
            "sec1.der",
            "bare.der",
            "small.der",
            "pkcs8.pem",
            "pkcs8.der",
        ] {
            imports(&sandbox, file, &public);
        }
        // Words after a key do not belong to it; words before one do.
        run(
            &sandbox,
            "secret",
            "import-key-pair -k text.pem --output-key-prefix made",
        )
        .ok();
        for ending in ["key", "pub"] {
            fs::remove_file(sandbox.path(format!("made.{ending}"))).expect("it was made");
        }
    }
}

#[test]
fn encrypted_pkcs8_opens_with_its_own_passphrase() {
    let sandbox = Sandbox::new();
    sandbox.write("pass", "old secret\n");
    for curve in CURVES {
        sandbox.openssl(&format!(
            "ecparam -name {curve} -genkey -noout -out key.pem"
        ));
        let public = sandbox.openssl("ec -in key.pem -pubout");
        for (n, how) in [
            "-v2 aes-256-cbc",
            "-v2 aes-128-cbc -v2prf hmacWithSHA512",
            "-v2 aes-192-cbc -iter 100000",
            "-scrypt",
            "-v2 aes-256-cbc -outform DER",
        ]
        .iter()
        .enumerate()
        {
            let to = format!("sealed-{n}");
            sandbox.openssl(&format!(
                "pkcs8 -topk8 -in key.pem -passout file:pass {how} -out {to}"
            ));
            let arguments = format!("public-key --key {to} --passphrase-source file:pass");
            let shown = run(&sandbox, "", &arguments).ok();
            assert_eq!(shown.stdout.as_bytes(), public, "{how}");
            run(&sandbox, "new secret", &format!("public-key --key {to}"))
                .exits(1)
                .says(&format!("key file {to}: wrong passphrase"));
        }
    }
}

#[test]
fn a_passphrase_is_asked_for_only_where_a_file_is_encrypted() {
    let sandbox = Sandbox::new();
    sandbox.openssl("ecparam -name secp384r1 -genkey -noout -out key.pem");
    let public = sandbox.openssl("ec -in key.pem -pubout");
    let arguments = "public-key --key key.pem --passphrase-source file:none";
    let shown = Run::of(&mut cosign(&sandbox, arguments)).ok();
    assert_eq!(shown.stdout.as_bytes(), public);
}

/// The forms that openssl writes today, and wrote before.
#[test]
fn rsa_keys_are_read_in_each_form_that_openssl_writes() {
    let sandbox = Sandbox::new();
    for bits in [2048, 3072, 4096] {
        sandbox.openssl(&format!(
            "genrsa -aes256 -passout pass:x -out sealed.pem {bits}"
        ));
        let sealed = "-in sealed.pem -passin pass:x";
        for command in [
            format!("pkey {sealed} -out pkcs8.pem"),
            format!("pkey {sealed} -outform DER -out pkcs8.der"),
            format!("rsa {sealed} -traditional -out pkcs1.pem"),
            format!("rsa {sealed} -traditional -outform DER -out pkcs1.der"),
            format!(
                "pkcs8 {sealed} -topk8 -v2 aes-256-cbc -passout pass:x -outform DER -out sealed.der"
            ),
            format!("pkcs8 {sealed} -topk8 -scrypt -passout pass:x -out scrypt.pem"),
        ] {
            sandbox.openssl(&command);
        }
        let public = sandbox.openssl("pkey -in pkcs8.pem -pubout");
        for file in [
            "sealed.pem",
            "pkcs8.pem",
            "pkcs8.der",
            "pkcs1.pem",
            "pkcs1.der",
            "sealed.der",
            "scrypt.pem",
        ] {
            let shown = run(&sandbox, "x", &format!("public-key --key {file}")).ok();
            assert_eq!(shown.stdout.as_bytes(), public, "{file}, {bits}");
        }
        run(&sandbox, "y", "public-key --key sealed.pem")
            .exits(1)
            .says("wrong passphrase");
    }
}

#[test]
fn other_keys_and_forms_are_refused_with_a_word_on_what_they_are() {
    let sandbox = with_pairs();
    let pass = "-passout pass:x";
    for command in [
        "genrsa -traditional -out short.pem 1024".to_owned(),
        "genrsa -traditional -primes 3 -out primes.pem 2048".to_owned(),
        "genpkey -algorithm rsa-pss -out pss.pem".to_owned(),
        "genrsa -traditional -out rsa.pem 2048".to_owned(),
        format!("rsa -in rsa.pem -traditional -aes256 {pass} -out oldrsa.pem"),
        "rsa -in rsa.pem -outform DER -traditional -out rsa.der".to_owned(),
        "genpkey -algorithm ed25519 -out ed.pem".to_owned(),
        "ecparam -name secp256k1 -genkey -noout -out k1.pem".to_owned(),
        "ecparam -name secp224r1 -genkey -noout -out p224.pem".to_owned(),
        "ecparam -name prime256v1 -genkey -noout -out ec.pem".to_owned(),
        "ec -in ec.pem -param_enc explicit -outform DER -out explicit.der".to_owned(),
        format!("ec -in ec.pem -aes256 {pass} -out old.pem"),
        format!("pkcs8 -topk8 -in ec.pem -v1 PBE-SHA1-3DES {pass} -out pbe.pem"),
        format!("pkcs8 -topk8 -in ec.pem -v2 aes-256-cbc -v2prf hmacWithSHA1 {pass} -out sha1.pem"),
        format!("pkcs8 -topk8 -in ec.pem -v2 des3 {pass} -out des3.pem"),
        "req -x509 -new -key ec.pem -subj /CN=x -out cert.pem".to_owned(),
        "x509 -in cert.pem -outform DER -out cert.der".to_owned(),
        format!("pkcs12 -export -inkey ec.pem -in cert.pem {pass} -out both.p12"),
        "ec -in ec.pem -pubout -outform DER -out ec.pub".to_owned(),
    ] {
        sandbox.openssl(&command);
    }
    sandbox.write("letter", "not a key\n");
    sandbox.write(
        "csr",
        "-----BEGIN CERTIFICATE REQUEST-----\nTWFu\n-----END CERTIFICATE REQUEST-----\n",
    );
    sandbox.write("cut", &sandbox.read("p256.key")[..200]);
    sandbox.write("empty", "");
    let mut rsa = sandbox.read("rsa.der");
    sandbox.write("longer.der", [&rsa[..], &[0]].concat());
    *rsa.last_mut().expect("the coefficient") ^= 2;
    sandbox.write("changed.der", rsa);
    let join = |one: &str, two: &str| [sandbox.read(one), sandbox.read(two)].concat();
    sandbox.write("two", join("ec.pem", "k1.pem"));
    sandbox.write("more", join("p256.key", "letter"));
    sandbox.write("long", vec![b'x'; 64 * 1024 + 1]);
    for (file, says) in [
        ("short.pem", "its RSA modulus has 1024 bits"),
        ("primes.pem", "an RSA key of more than two primes"),
        (
            "pss.pem",
            "it is a key for RSA-PSS; signatures are made with RSA keys and EC keys",
        ),
        ("changed.der", "its numbers do not belong together"),
        ("longer.der", "bytes follow the DER private key"),
        ("oldrsa.pem", "encrypted the old way of openssl"),
        ("ed.pem", "it is a key for Ed25519"),
        ("k1.pem", "it is a key on secp256k1"),
        ("p224.pem", "it is a key on secp224r1 (P-224)"),
        ("explicit.der", "explicit parameters"),
        ("old.pem", "encrypted the old way of openssl"),
        ("pbe.pem", "a scheme of PKCS#12"),
        ("sha1.pem", "PBES2 with HMAC-SHA-1"),
        ("des3.pem", "PBES2 with triple DES"),
        ("cert.pem", "it is a certificate"),
        ("cert.der", "it is a certificate"),
        ("both.p12", "it is PKCS#12"),
        ("ec.pub", "it is a public key"),
        ("p256.pub", "it is a public key"),
        ("letter", "it is not a private key"),
        ("empty", "it is not a private key"),
        ("csr", "CERTIFICATE REQUEST"),
        ("cut", "does not end"),
        ("two", "it holds more than a private key in PEM"),
        ("more", "it holds more than a private key in PEM"),
        ("long", "65536 bytes"),
    ] {
        let run = run(&sandbox, "x", &format!("public-key --key {file}"));
        run.exits(1)
            .says(&[&format!("key file {file}: ") as &str, says][..]);
    }
}

#[test]
fn the_hints_for_other_forms_work_as_they_are() {
    let sandbox = Sandbox::new();
    sandbox.openssl("ecparam -name secp384r1 -genkey -noout -out ec.pem");
    let public = sandbox.openssl("ec -in ec.pem -pubout");
    sandbox.openssl("ec -in ec.pem -aes256 -passout pass:x -out old.pem");
    sandbox.openssl("pkcs8 -topk8 -in ec.pem -v2 des3 -passout pass:x -out des3.pem");
    sandbox.openssl("ec -in ec.pem -param_enc explicit -out explicit.pem");
    sandbox.openssl("genrsa -traditional -aes256 -passout pass:x -out oldrsa.pem 2048");
    let rsa = sandbox.openssl("rsa -in oldrsa.pem -passin pass:x -pubout");
    for file in ["old.pem", "oldrsa.pem", "des3.pem", "explicit.pem"] {
        let hint = run(&sandbox, "x", &format!("public-key --key {file}"))
            .exits(1)
            .hint();
        // Openssl asks on a terminal, which a test has none of.
        let hint = hint.replace("pkcs8 ", "pkcs8 -passin pass:x -passout pass:x ");
        sandbox.shell(&hint, "").ok();
        let new = hint.rsplit(' ').next().expect("a file").to_owned();
        let shown = run(&sandbox, "x", &format!("public-key --key {new}")).ok();
        let wanted = if file == "oldrsa.pem" { &rsa } else { &public };
        assert_eq!(shown.stdout.as_bytes(), wanted, "{file}");
        fs::remove_file(sandbox.path(new)).expect("it was made");
    }
}
