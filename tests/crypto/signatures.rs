//! Signatures of files: interchangeable with those of OpenSSL, and nothing but strict DER is read.

use std::fs::{self, hard_link};
use std::os::unix::fs::symlink;
use std::process::Stdio;

use harness::der::{self, ORDER, SECP384R1};
use harness::{Sandbox, unhex};
use ir_sign::crypto::p384::{ALGORITHM, signature_from_der};
use ir_sign::crypto::{P384Key, Prehash, Signed};
use ir_sign::key::Signer;
use ir_sign::key::file::FileKey;
use proptest::prelude::*;

/// Content of `length` bytes without a short period.
fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        bytes.extend((state >> 11).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// `r` and `s` of a signature, 48 bytes each.
fn parts(signature: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let signature = p384::ecdsa::Signature::from_der(signature).expect("a signature");
    let (r, s) = signature.split_bytes();
    (r.to_vec(), s.to_vec())
}

// --- with OpenSSL ------------------------------------------------------------------------------

#[test]
fn openssl_and_we_verify_each_other() {
    // Around the block of the hash and the buffers of the reader, and many of those.
    for length in [
        0, 1, 111, 112, 127, 128, 129, 262_143, 262_144, 262_145, 30_000_001,
    ] {
        let sandbox = Sandbox::with_keys();
        sandbox.write("file", content(length));
        sandbox.run("sign -k ca.prv -f file -s ours").exits(0);
        sandbox.openssl("dgst -sha384 -verify ca.pub -keyform DER -signature ours file");
        sandbox.openssl("dgst -sha384 -sign ca.prv -keyform DER -out theirs file");
        sandbox
            .run("verify -k ca.pub -f file -s theirs")
            .exits(0)
            .says("file was signed by SHA256:");
    }
}

#[test]
fn signing_twice_gives_the_same_bytes() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    sandbox.run("sign -k ca.prv -f file -s a").exits(0);
    sandbox.run("sign -k ca.prv -f file -s b").exits(0);
    assert_eq!(sandbox.read("a"), sandbox.read("b"));
    sandbox.write("file", "Content");
    sandbox.run("sign -k ca.prv -f file -s c").exits(0);
    let (r, _) = parts(&sandbox.read("a"));
    assert_ne!(r, parts(&sandbox.read("c")).0, "a nonce was used twice");
}

#[test]
fn an_endorsement_is_a_signature_of_the_public_key() {
    let sandbox = Sandbox::with_keys();
    sandbox.run("endorse -k ca.prv -f other.pub -s a").exits(0);
    sandbox.run("sign -k ca.prv -f other.pub -s b").exits(0);
    assert_eq!(sandbox.read("a"), sandbox.read("b"));
    sandbox.openssl("dgst -sha384 -verify ca.pub -keyform DER -signature a other.pub");
}

#[test]
fn a_pipe_can_be_signed_and_verified() {
    let sandbox = Sandbox::with_keys();
    let bytes = content(1_000_000);
    sandbox.write("file", &bytes);
    sandbox
        .shell("cat file | ir-sign sign -k ca.prv -f /dev/stdin -s sig", "")
        .exits(0);
    sandbox.run("verify -k ca.pub -f file -s sig").exits(0);
    sandbox
        .shell(
            "cat file | ir-sign verify -k ca.pub -f /dev/stdin -s sig",
            "",
        )
        .exits(0);
}

#[test]
fn signatures_of_something_else_are_refused() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    sandbox.run("sign -k ca.prv -f file -s sig").exits(0);
    sandbox.run("verify -k ca.pub -f file -s sig").exits(0);
    let reason = "is not a signature of file by key";
    sandbox
        .run("verify -k other.pub -f file -s sig")
        .exits(1)
        .says(reason);
    for other in ["contenT", "content\n", "conten", ""] {
        sandbox.write("file", other);
        let run = sandbox.run("verify --json -k ca.pub -f file -s sig");
        let run = run.exits(1).says(reason);
        assert_eq!(run.json()["error"]["status"], 1);
    }
    sandbox.run("verify -k ca.pub -f absent -s sig").exits(3);
    sandbox.run("verify -k ca.pub -f file -s absent").exits(3);
    sandbox.run("verify -k ca.pub -f . -s sig").exits(3);
}

// --- RFC 6979 ----------------------------------------------------------------------------------

/// The key of RFC 6979, appendix A.2.6.
const RFC_KEY: &str = "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA
                       9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5";

/// Its signatures with SHA-384: the message, r, s.
const RFC_SIGNATURES: [(&str, &str, &str); 2] = [
    (
        "sample",
        "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA7
         3D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
        "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526
         203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
    ),
    (
        "test",
        "8203B63D3C853E8D77227FB377BCF7B7B772E97892A80F36
         AB775D509D7A5FEB0542A7F0812998DA8F1DD3CA3CF023DB",
        "DDD0760448D42D8A43AF45AF836FCE4DE8BE06B485E9B61B
         827C2F13173923E06A739F040649A667BF3B828246BAA5A5",
    ),
];

#[test]
fn the_signatures_of_rfc_6979_come_out() {
    let sandbox = Sandbox::new();
    let key = der::private_key(&unhex(RFC_KEY), Some(SECP384R1), None);
    sandbox.write("rfc.prv", key);
    for (message, r, s) in RFC_SIGNATURES {
        sandbox.write("file", message);
        let name = format!("{message}.sig");
        sandbox
            .run(&format!("sign -k rfc.prv -f file -s {name}"))
            .exits(0);
        let expected = der::signature(&unhex(r), &unhex(s));
        assert_eq!(sandbox.read(name), expected, "{message}");
    }
}

// --- signature files that are refused ----------------------------------------------------------

#[test]
fn anything_but_strict_der_is_refused() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    sandbox.run("sign -k ca.prv -f file -s good").exits(0);
    let good = sandbox.read("good");
    let (r, s) = parts(&good);
    let order = unhex(ORDER);
    let mut above = order.clone();
    above[47] += 1;
    let raw = [&r[..], &s].concat();
    let body = &good[2..];
    let length = u8::try_from(body.len()).expect("short");
    let integer = |content: &[u8]| der::element(der::INTEGER, content);
    let pair = |r: Vec<u8>, s: Vec<u8>| der::element(der::SEQUENCE, &[r, s].concat());
    let negative: Vec<u8> = [&[0xff], &r[1..]].concat();
    let hex = harness::hex(&good);
    let bad: &[(&str, Vec<u8>)] = &[
        ("empty", Vec::new()),
        ("raw", raw),
        ("hexadecimal", hex.into_bytes()),
        ("a line feed after it", [&good[..], b"\n"].concat()),
        ("another one after it", [&good[..], &good].concat()),
        ("a byte short", good[..good.len() - 1].to_vec()),
        ("long length", [&[0x30, 0x81, length], body].concat()),
        ("longer length", [&[0x30, 0x82, 0, length], body].concat()),
        ("indefinite length", [&[0x30, 0x80], body, &[0, 0]].concat()),
        ("a SET", [&[0x31, length], body].concat()),
        ("no s", der::element(der::SEQUENCE, &der::integer(&r))),
        (
            "three integers",
            der::element(der::SEQUENCE, &[body, &[2, 1, 1]].concat()),
        ),
        ("r = 0", der::signature(&[0], &s)),
        ("s = 0", der::signature(&r, &[0])),
        ("both 0", der::signature(&[0], &[0])),
        ("r without content", pair(integer(&[]), integer(&[1]))),
        ("r = n", der::signature(&order, &s)),
        ("s = n", der::signature(&r, &order)),
        ("r = n + 1", der::signature(&above, &s)),
        ("s = n + 1", der::signature(&r, &above)),
        ("r > 384 bits", der::signature(&[&[1], &r[..]].concat(), &s)),
        ("s > 384 bits", der::signature(&r, &[&[1], &s[..]].concat())),
        ("negative r", pair(integer(&negative), der::integer(&s))),
        ("negative s", pair(der::integer(&r), integer(&negative))),
        (
            "a zero too many before r",
            pair(integer(&[&[0, 0], &r[..]].concat()), der::integer(&s)),
        ),
        (
            "a zero too many before s",
            pair(der::integer(&r), integer(&[&[0, 0], &s[..]].concat())),
        ),
        ("longer than any signature", vec![0x30; 5000]),
    ];
    for (what, bytes) in bad {
        assert!(signature_from_der(bytes).is_err(), "{what}");
        sandbox.write("bad", bytes);
        let run = sandbox.run("verify -k ca.pub -f file -s bad").exits(1);
        assert!(
            run.stderr.contains("error: signature file bad: "),
            "{what}: {run:#?}"
        );
        if bytes.len() < 4096 {
            run.says("strict DER").says("hint: signatures are DER");
        }
        // The run does not take one for the signature that is there already either.
        sandbox.run("sign -k ca.prv -f file -s bad").exits(1);
        assert_eq!(sandbox.read("bad"), *bytes, "{what}");
    }
}

#[test]
fn the_high_and_the_low_form_of_s_are_both_valid() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    sandbox.run("sign -k ca.prv -f file -s sig").exits(0);
    let signature = p384::ecdsa::Signature::from_der(&sandbox.read("sig")).expect("a signature");
    let (r, s) = signature.split_scalars();
    let other = p384::ecdsa::Signature::from_scalars(*r, -*s).expect("a signature");
    sandbox.write("other", other.to_der().as_bytes());
    assert_ne!(sandbox.read("other"), sandbox.read("sig"));
    sandbox.run("verify -k ca.pub -f file -s other").exits(0);
    sandbox.openssl("dgst -sha384 -verify ca.pub -keyform DER -signature other file");
}

proptest! {
    #[test]
    fn a_signature_has_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..110)) {
        if let Ok(signature) = signature_from_der(&bytes) {
            prop_assert_eq!(signature.to_bytes(), bytes);
        }
    }

    #[test]
    fn signatures_of_small_numbers_are_read_and_hold_for_nothing(r in 1..300_u16, s in 1..300_u16) {
        let bytes = der::signature(&r.to_be_bytes(), &s.to_be_bytes());
        let signature = signature_from_der(&bytes).expect("in range");
        prop_assert_eq!(signature.to_bytes(), bytes);
        let key = FileKey::from_sec1(&der::private_key(&[7; 48], Some(SECP384R1), None)).expect("a key");
        prop_assert!(!key.public_key().verifies(&Prehash::sha384(b"content"), &signature));
    }

    #[test]
    fn a_signature_with_any_byte_changed_is_refused(at in 0..102_usize, change in 1..=255_u8) {
        let key = FileKey::from_sec1(&der::private_key(&[7; 48], Some(SECP384R1), None)).expect("a key");
        let prehash = Prehash::sha384(b"content");
        let mut bytes = key.sign(ALGORITHM, Signed::Hashed(&prehash)).expect("a signature").to_bytes();
        let at = at % bytes.len();
        bytes[at] ^= change;
        let holds = signature_from_der(&bytes).is_ok_and(|s| key.public_key().verifies(&prehash, &s));
        prop_assert!(!holds);
    }
}

// --- signature files that are there already ----------------------------------------------------

#[test]
fn a_valid_signature_that_is_there_is_kept() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    sandbox.openssl("dgst -sha384 -sign ca.prv -keyform DER -out sig file");
    let theirs = sandbox.read("sig");
    let modified = || {
        let metadata = fs::metadata(sandbox.path("sig")).expect("a file");
        metadata.modified().expect("a time")
    };
    let before = modified();
    for force in ["", "--force"] {
        let run = sandbox.run(&format!("sign --json -k ca.prv -f file -s sig {force}"));
        let run = run.exits(0).says("sig is up to date");
        assert_eq!(run.json()["changed"], false);
        assert_eq!(sandbox.read("sig"), theirs);
        assert_eq!(modified(), before);
    }
}

#[test]
fn an_endorsement_that_is_there_is_kept() {
    let sandbox = Sandbox::with_keys();
    let theirs = sandbox.read("vendor.pub.sig");
    sandbox
        .run("endorse -k ca.prv -f vendor.pub -s vendor.pub.sig --force")
        .exits(0)
        .says("is up to date");
    assert_eq!(sandbox.read("vendor.pub.sig"), theirs);
}

#[test]
fn other_content_is_replaced_only_if_forced() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    sandbox.openssl("dgst -sha384 -sign other.prv -keyform DER -out foreign file");
    sandbox.openssl("dgst -sha384 -sign ca.prv -keyform DER -out stale vendor.pub");
    let valid = |name: &str| format!("verify -k ca.pub -f file -s {name}");
    let random = sandbox.read("foreign");
    let empty = Vec::new();
    let text = b"a letter to my mother".to_vec();
    let stale = sandbox.read("stale");
    for bytes in [random, empty, text, stale, vec![0; 10_000]] {
        sandbox.write("sig", &bytes);
        sandbox
            .run("sign -k ca.prv -f file -s sig")
            .exits(1)
            .says("signature file sig: already exists, with other content")
            .says("hint: --force replaces the signature file");
        assert_eq!(sandbox.read("sig"), bytes);
        sandbox
            .run("sign -k ca.prv -f file -s sig --force")
            .exits(0);
        sandbox.run(&valid("sig")).exits(0);
    }
}

#[test]
fn only_regular_files_are_replaced() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("target", "content");
    fs::create_dir(sandbox.path("folder")).expect("a folder");
    symlink("target", sandbox.path("link")).expect("a link");
    symlink("nowhere", sandbox.path("dangling")).expect("a link");
    let names = sandbox.names();
    for output in ["folder", "link", "dangling", "/dev/null"] {
        for force in ["", "--force"] {
            sandbox
                .run(&format!("sign -k ca.prv -f ca.pub -s {output} {force}"))
                .exits(1)
                .says("already exists, and is not a regular file");
        }
    }
    assert_eq!(sandbox.names(), names);
    assert_eq!(sandbox.read("target"), b"content");
}

#[test]
fn an_output_that_is_an_input_is_wrong_usage() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    for (original, name) in [("file", "f"), ("ca.prv", "k")] {
        symlink(original, sandbox.path(format!("{name}-link"))).expect("a link");
        hard_link(sandbox.path(original), sandbox.path(format!("{name}-hard"))).expect("a link");
    }
    symlink(".", sandbox.path("here")).expect("a link");
    let names = sandbox.names();
    let key = sandbox.read("ca.prv");
    let absolute = sandbox.path("file");
    let absolute = absolute.to_str().expect("a path of UTF-8");
    for output in [
        "file",
        "./file",
        "here/file",
        "here/./file",
        absolute,
        "f-link",
        "f-hard",
        "ca.prv",
        "./ca.prv",
        "k-link",
        "k-hard",
    ] {
        for force in ["", "--force"] {
            sandbox
                .run(&format!("sign -k ca.prv -f file -s {output} {force}"))
                .exits(2)
                .says(&format!(
                    "error: signature file {output}: is the same file as another one in this command"
                ));
        }
    }
    for (input, output) in [("f-link", "file"), ("f-hard", "file"), ("file", "f-hard")] {
        sandbox
            .run(&format!("sign -k ca.prv -f {input} -s {output} --force"))
            .exits(2);
    }
    for output in ["ca.prv", "./ca.prv", "k-link", "k-hard"] {
        sandbox
            .run(&format!("extract-public -i ca.prv -o {output} --force"))
            .exits(2)
            .says("public key file");
    }
    assert_eq!(sandbox.names(), names);
    assert_eq!(sandbox.read("ca.prv"), key);
    assert_eq!(sandbox.read("file"), b"content");
}

#[test]
fn runs_that_write_one_signature_all_succeed() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    let start = || {
        let mut command = sandbox.command(harness::program());
        command.args(["sign", "-k", "ca.prv", "-f", "file", "-s", "sig"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program runs")
    };
    for _ in 0..10 {
        let children: Vec<_> = std::iter::repeat_with(start).take(8).collect();
        let mut wrote = 0;
        for child in children {
            // One that was overtaken between looking and writing finds what it would have written.
            let output = child.wait_with_output().expect("the program ends");
            let run = harness::Run::from(output).exits(0);
            wrote += usize::from(run.stderr.contains("wrote sig\n"));
        }
        assert_eq!(wrote, 1);
        sandbox.run("verify -k ca.pub -f file -s sig").exits(0);
        let names = sandbox.names();
        assert!(!names.iter().any(|n| n.starts_with('.')), "{names:?}");
        fs::remove_file(sandbox.path("sig")).expect("removed");
    }
}

// --- Wycheproof --------------------------------------------------------------------------------

#[test]
fn every_vector_of_wycheproof_is_judged_right() {
    let (groups, count) = crate::wycheproof::load("ecdsa_secp384r1_sha384");
    let (mut valid, mut invalid) = (0, 0);
    for group in &groups {
        let key = P384Key::from_spki(&group.spki).expect("a public key");
        for test in &group.tests {
            let prehash = Prehash::sha384(&test.message);
            let signature = signature_from_der(&test.signature);
            let holds = signature.is_ok_and(|s| key.verifies(&prehash, &s));
            // A vector that is only acceptable is not strict DER: it is refused.
            let expected = test.result == "valid";
            assert_eq!(holds, expected, "{}: {}", test.id, test.comment);
            *if expected { &mut valid } else { &mut invalid } += 1;
        }
    }
    println!(
        "tried: Wycheproof's signatures: {} ({valid} valid, {invalid} invalid)",
        valid + invalid
    );
    assert_eq!(valid + invalid, count);
    assert!(
        valid > 100 && invalid > 100,
        "{valid} valid, {invalid} invalid"
    );
}

#[test]
fn vectors_of_wycheproof_hold_on_the_command_line() {
    let (groups, _) = crate::wycheproof::load("ecdsa_secp384r1_sha384");
    let sandbox = Sandbox::new();
    for group in groups.iter().take(12) {
        sandbox.write("key.pub", &group.spki);
        for test in group.tests.iter().take(12) {
            sandbox.write("file", &test.message);
            sandbox.write("sig", &test.signature);
            let run = sandbox.run("verify -k key.pub -f file -s sig");
            let expected = i32::from(test.result != "valid");
            assert_eq!(run.status, expected, "{}: {run:#?}", test.id);
        }
    }
}

// --- standard output ---------------------------------------------------------------------------

#[test]
fn a_result_that_cannot_be_printed_is_no_success() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    sandbox.unpack("multi", "two");
    let image = "-r registry -a app -d latest";
    for command in [
        "gen-key --json -o new.prv",
        "extract-public --json -i ca.prv -o new.pub",
        "sign --json -k ca.prv -f ca.pub -s sig",
        "endorse --json -k ca.prv -f other.pub -s other.sig",
        "verify --json -k ca.pub -f vendor.pub -s vendor.pub.sig",
        "verify --json -k other.pub -f vendor.pub -s vendor.pub.sig",
        "extract-public --json -i absent -o new.pub",
        &format!("inspect-image {image}"),
        &format!("inspect-image --json {image}"),
        "prune --json -r registry -a app",
        &format!("sign-image {image} -v vendor.prv -x ca.prv"),
        &format!("sign-image --json {image} -v vendor.prv -x ca.prv"),
        &format!("verify-image {image} -c ca.pub"),
        &format!("verify-image --json {image} -c ca.pub"),
        &format!("verify-image --json {image} -c other.pub"),
        "completions bash",
        "--help",
        "--version",
        "sign --help",
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let mut child = sandbox.command(harness::program());
        let child = child
            .args(command.split(' '))
            .stdout(full.expect("/dev/full"));
        let run: harness::Run = child.output().expect("the program runs").into();
        assert_eq!(run.status, 3, "{command}: {run:#?}");
        assert!(run.stderr.contains("error: "), "{command}: {run:#?}");
    }
}
