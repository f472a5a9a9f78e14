//! Public keys that are refused, and the hints that convert them.

use std::fs;

use harness::der::{self, SECP384R1};
use harness::{Run, Sandbox};
use ir_sign::crypto::P384Key;

use super::point_of;
use super::private::refused;

/// Uses `input` as a public key, in each way there is.
#[track_caller]
fn public_refused(sandbox: &Sandbox, input: &str, status: i32, reason: &str) -> Run {
    let file = format!("key file {input}: ");
    sandbox
        .run(&format!("endorse -k ca.prv -f {input} -s out.sig"))
        .exits(status)
        .says(&file)
        .says(reason);
    assert!(!sandbox.has("out.sig"));
    sandbox
        .run(&format!(
            "sign-image -r registry -a app -v vendor.prv -s vendor.pub.sig -c {input}"
        ))
        .exits(status)
        .says(&file)
        .says(reason);
    sandbox
        .run(&format!("verify-image -r registry -a app -c {input}"))
        .exits(status)
        .says(&file)
        .says(reason);
    sandbox
        .run(&format!(
            "verify-image -r registry -a app -c ca.pub --vendor {input}"
        ))
        .exits(status)
        .says(&file)
        .says(reason);
    sandbox
        .run(&format!(
            "verify -k {input} -f vendor.pub -s vendor.pub.sig"
        ))
        .exits(status)
        .says(&file)
        .says(reason)
}

/// Executes the hint's command as it was printed, and uses the key that comes of it.
#[track_caller]
fn public_hint_converts(sandbox: &Sandbox, run: &Run) {
    sandbox.shell(&run.hint(), "").exits(0);
    assert_eq!(sandbox.read("key.pub"), sandbox.read("ca.pub"));
    sandbox
        .run("verify -k key.pub -f vendor.pub -s vendor.pub.sig")
        .exits(0);
    fs::remove_file(sandbox.path("key.pub")).expect("removed");
}

#[test]
fn a_pem_public_key_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("ec -pubin -inform DER -in ca.pub -pubout -out pub.pem");
    let run = public_refused(
        &sandbox,
        "pub.pem",
        1,
        "it is a public key in PEM; expected a public key in DER",
    );
    public_hint_converts(&sandbox, &run);
}

#[test]
fn a_compressed_point_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl(
        "ec -pubin -inform DER -in ca.pub -pubout -conv_form compressed -outform DER -out c.der",
    );
    let run = public_refused(&sandbox, "c.der", 1, "its point is compressed");
    public_hint_converts(&sandbox, &run);
}

#[test]
fn a_private_key_in_place_of_a_public_one_is_refused_with_a_command_that_helps() {
    let sandbox = Sandbox::with_keys();
    let run = public_refused(&sandbox, "ca.prv", 1, "it is a private key");
    public_hint_converts(&sandbox, &run);
}

#[test]
fn a_hybrid_point_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl(
        "ec -pubin -inform DER -in ca.pub -pubout -conv_form hybrid -outform DER -out h.pub",
    );
    let run = public_refused(&sandbox, "h.pub", 1, "its point is in the hybrid form");
    public_hint_converts(&sandbox, &run);
}

#[test]
fn a_private_key_in_any_form_is_no_public_key_and_the_hint_takes_that_out() {
    let sandbox = Sandbox::with_keys();
    for (make, file, typed, reason) in [
        (
            "ec -inform DER -in ca.prv -out",
            "sec1.pem",
            "",
            "a private key in PEM",
        ),
        (
            "pkcs8 -topk8 -nocrypt -inform DER -in ca.prv -out",
            "p8.pem",
            "",
            "a private key in PEM",
        ),
        (
            "pkcs8 -topk8 -inform DER -in ca.prv -passout pass:secret -out",
            "secret p8.pem",
            "secret\n",
            "it is an encrypted private key in PEM",
        ),
        (
            "pkcs8 -topk8 -nocrypt -inform DER -in ca.prv -outform DER -out",
            "p8.der",
            "",
            "it is a private key in PKCS#8; expected a public key",
        ),
        (
            "pkcs8 -topk8 -inform DER -in ca.prv -passout pass:secret -outform DER -out",
            "e8.der",
            "secret\n",
            "it is a private key in PKCS#8; expected a public key",
        ),
        (
            "pkcs8 -topk8 -v1 PBE-SHA1-3DES -inform DER -in ca.prv -passout pass:secret -outform DER -out",
            "e8v1.der",
            "secret\n",
            "it is a private key in PKCS#8; expected a public key",
        ),
    ] {
        sandbox.openssl(&format!("{make} made"));
        fs::rename(sandbox.path("made"), sandbox.path(file)).expect("renamed");
        let arguments = [
            "verify",
            "-k",
            file,
            "-f",
            "vendor.pub",
            "-s",
            "vendor.pub.sig",
        ];
        let run = sandbox.run_with(arguments).exits(1).says(reason);
        sandbox.shell(&run.hint(), typed).exits(0);
        assert_eq!(sandbox.read("key.pub"), sandbox.read("ca.pub"), "{file}");
        fs::remove_file(sandbox.path("key.pub")).expect("removed");
    }
}

#[test]
fn a_certificate_is_no_key_and_the_hint_takes_its_public_key_out() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("ec -inform DER -in ca.prv -out ca.pem");
    sandbox.openssl("req -x509 -new -key ca.pem -subj /CN=CA -days 9 -out crt.pem");
    let run = public_refused(&sandbox, "crt.pem", 1, "it is a certificate in PEM");
    public_hint_converts(&sandbox, &run);
    refused(&sandbox, "crt.pem", 1, "it is a certificate in PEM").says("hint: give the private");
    sandbox.openssl("x509 -in crt.pem -text -out text.pem");
    let run = public_refused(&sandbox, "text.pem", 1, "it is a certificate in PEM");
    public_hint_converts(&sandbox, &run);
}

#[test]
fn no_hint_converts_keys_of_other_algorithms_in_pem() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("genrsa -traditional -out rsa.pem 2048");
    sandbox.openssl("pkey -in rsa.pem -out rsa8.pem");
    sandbox.openssl("rsa -in rsa.pem -RSAPublicKey_out -out rsa1.pub.pem");
    sandbox.openssl("rsa -in rsa.pem -pubout -out rsa.pub.pem");
    sandbox.openssl("req -x509 -new -key rsa.pem -subj /CN=CA -days 9 -out rsa.crt.pem");
    sandbox.openssl("genpkey -algorithm ed25519 -out ed.pem");
    sandbox.openssl("pkey -in ed.pem -pubout -out ed.pub.pem");
    sandbox.openssl("pkey -in ed.pem -outform DER -out ed.der");
    for (file, is) in [
        ("rsa.pem", "a private key for RSA"),
        ("rsa8.pem", "a private key for RSA"),
        ("rsa.pub.pem", "a public key for RSA"),
        ("rsa1.pub.pem", "a public key for RSA"),
        ("rsa.crt.pem", "a certificate of a key that is not EC"),
        ("ed.pem", "a private key for Ed25519"),
        ("ed.pub.pem", "a public key for Ed25519"),
    ] {
        let is = format!("it is {is} in PEM; expected ");
        public_refused(&sandbox, file, 1, &is).says("hint: give the public key of a P-384 key");
        refused(&sandbox, file, 1, &is).says("hint: make a P-384 key: ir-sign gen-key");
    }
    public_refused(&sandbox, "ed.der", 1, "a private key for Ed25519")
        .says("hint: give the public key of a P-384 key");
    sandbox.write("other.pem", "-----BEGIN X-----\n");
    let run = public_refused(&sandbox, "other.pem", 1, "it is PEM; expected");
    assert!(!run.stderr.contains("hint:"), "{run:#?}");
}

#[test]
fn points_that_are_none_are_refused() {
    let sandbox = Sandbox::with_keys();
    let public = sandbox.read("ca.pub");
    let point = point_of(&public);
    let mut off = point.to_vec();
    off[96] ^= 1;
    let mut hybrid = point.to_vec();
    hybrid[0] = 7 - (hybrid[96] & 1);
    let mut large = point.to_vec();
    large[1..49].fill(0xff);
    let zero = [&[4], &[0; 96][..]].concat();
    let raw = &point[1..];
    for bad in [
        &off[..],
        &hybrid,
        &large,
        &zero,
        raw,
        &point[..96],
        &[0],
        &[],
    ] {
        sandbox.write("bad.pub", der::public_key(SECP384R1, bad));
        public_refused(&sandbox, "bad.pub", 1, "its point is not on the curve");
        assert!(P384Key::from_point(bad).is_err());
    }
}

#[test]
fn public_keys_of_other_curves_and_algorithms_are_refused() {
    let sandbox = Sandbox::with_keys();
    let another = "hint: give the public key of a P-384 key";
    for curve in ["prime256v1", "secp521r1", "secp256k1", "brainpoolP384r1"] {
        let make = format!("ecparam -name {curve} -genkey -noout -out k.pem");
        sandbox.openssl(&make);
        sandbox.openssl("ec -in k.pem -pubout -outform DER -out k.pub");
        public_refused(&sandbox, "k.pub", 1, curve).says(another);
        sandbox.openssl("ec -in k.pem -outform DER -out k.prv");
        public_refused(&sandbox, "k.prv", 1, "a private key on").says(another);
    }
    sandbox.openssl("genpkey -algorithm ed25519 -out k.pem");
    sandbox.openssl("pkey -in k.pem -pubout -outform DER -out k.pub");
    public_refused(&sandbox, "k.pub", 1, "a key for Ed25519").says(another);
    sandbox.openssl(
        "ec -pubin -inform DER -in ca.pub -pubout -param_enc explicit -outform DER -out k.pub",
    );
    let run = public_refused(&sandbox, "k.pub", 1, "explicit parameters");
    public_hint_converts(&sandbox, &run);
    let public = sandbox.read("ca.pub");
    sandbox.write("k.pub", der::public_key(&[], point_of(&public)));
    public_refused(&sandbox, "k.pub", 1, "without a named curve").says(another);
    sandbox.write("k.pub", der::public_key(&[5, 0], point_of(&public)));
    public_refused(&sandbox, "k.pub", 1, "without a named curve").says(another);
}

#[test]
fn bytes_after_a_public_key_are_refused_with_a_command_that_takes_them_away() {
    let sandbox = Sandbox::with_keys();
    let public = sandbox.read("ca.pub");
    for more in [&b"\n"[..], b"\0", &public] {
        sandbox.write("long.pub", [&public, more].concat());
        let reason = "bytes follow the DER SubjectPublicKeyInfo";
        let run = public_refused(&sandbox, "long.pub", 1, reason);
        public_hint_converts(&sandbox, &run);
    }
}

#[test]
fn every_other_encoding_of_a_public_key_is_refused() {
    let sandbox = Sandbox::with_keys();
    let public = sandbox.read("ca.pub");
    let body = &public[2..];
    assert_eq!(public[..2], [0x30, 0x76]);
    let reason = "it is not a DER SubjectPublicKeyInfo";
    for bad in [
        [&[0x30, 0x81, 0x76], body].concat(),
        [&[0x30, 0x82, 0, 0x76], body].concat(),
        [&[0x30, 0x80], body, &[0, 0]].concat(),
        point_of(&public).to_vec(),
        b"hello\n".to_vec(),
        Vec::new(),
    ] {
        sandbox.write("bad.pub", bad);
        public_refused(&sandbox, "bad.pub", 1, reason);
    }
    // BIT STRINGs whose last bits do not count.
    let mut unused = public.clone();
    unused[22] = 1;
    sandbox.write("bad.pub", unused);
    public_refused(&sandbox, "bad.pub", 1, "public key file bad.pub: ");
    public_refused(&sandbox, "absent.pub", 3, "cannot open: No such file");
    public_refused(&sandbox, ".", 3, "cannot read: ");
    public_refused(&sandbox, "/dev/zero", 1, "larger than 16384 bytes");
}

#[test]
fn a_public_key_cut_short_or_with_any_bit_turned_is_not_that_key() {
    let sandbox = Sandbox::with_keys();
    let public = sandbox.read("ca.pub");
    let key = P384Key::from_spki(&public).expect("the whole key is read");
    assert_eq!(key.to_spki(), public);
    for end in 0..public.len() {
        assert!(P384Key::from_spki(&public[..end]).is_err(), "{end} bytes");
    }
    for bit in 0..public.len() * 8 {
        let mut turned = public.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        assert!(P384Key::from_spki(&turned).is_err(), "bit {bit}");
    }
}
