//! A finished run leaves nothing of a private key in its memory.
//!
//! The program runs under gdb, which writes a core when the program syncs its output (while it
//! still needs the key) and another one when it is about to exit. The key must be in the first, or
//! the search is no good, and not in the second.
//!
//! Wants gdb. `IR_SIGN_TESTS_WITHOUT_GDB=1` leaves these tests out where there is none.

use std::collections::BTreeSet;
use std::fs;

use aho_corasick::AhoCorasick;
use base64ct::{Base64, Encoding};
use harness::{Sandbox, program};
use p384::elliptic_curve::ff::{Field, PrimeField};
use p384::{NonZeroScalar, Scalar};
use sha2::block_api::compress512;
use sha2::{Digest, Sha384};

/// As many bytes of a secret as count as a find. Two limbs never stand closer than this.
const WINDOW: usize = 8;

/// Byte strings that nobody may find, each with a name.
#[derive(Default)]
struct Needles {
    names: Vec<String>,
    bytes: Vec<Vec<u8>>,
}

impl Needles {
    fn add(&mut self, name: String, bytes: &[u8]) {
        self.names.push(name);
        self.bytes.push(bytes.to_vec());
    }

    /// Every window of a byte string and of its reverse: so limbs of any size in any order are
    /// found, as long as `WINDOW` bytes stand together.
    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        let mut reversed = bytes.to_vec();
        reversed.reverse();
        for (order, bytes) in [("", bytes), (", little-endian", &reversed)] {
            for window in bytes.windows(WINDOW) {
                self.add(format!("{name}{order}"), window);
            }
        }
    }

    /// A number below the group's order, in each form that arithmetic gives it.
    fn scalar(&mut self, name: &str, scalar: &Scalar) {
        // 2^384: what the arithmetic multiplies its numbers with.
        let montgomery = Field::pow_vartime(&Scalar::from(2_u64), [384]);
        self.bytes(name, &scalar.to_repr());
        self.bytes(
            &format!("{name}, Montgomery form"),
            &(*scalar * montgomery).to_repr(),
        );
        let digits = signed_digits(&scalar.to_repr());
        // Fewer digits than this may be found by chance.
        for window in digits.windows(2 * WINDOW) {
            self.add(format!("{name}, digits"), window);
        }
    }

    /// A key of HMAC-SHA-384, and the states of its two hashes.
    fn hmac_key(&mut self, name: &str, key: &[u8]) {
        self.bytes(name, key);
        for pad in [0x36, 0x5c] {
            for word in hmac_state(key, pad) {
                self.bytes(&format!("{name}, hashed"), &word.to_be_bytes());
            }
        }
    }

    /// The names of what is in `haystack`.
    fn found_in(&self, haystack: &[u8]) -> BTreeSet<&str> {
        let search = AhoCorasick::new(&self.bytes).expect("a search for all at once");
        let matches = search.find_iter(haystack);
        matches
            .map(|found| self.names[found.pattern().as_usize()].as_str())
            .collect()
    }
}

/// The digits of a number to base 16 from -8 to 7, the lowest first: what a multiplication of a
/// point is driven by.
fn signed_digits(big_endian: &[u8]) -> Vec<u8> {
    let nibbles = big_endian.iter().rev().flat_map(|b| [b & 15, b >> 4]);
    let mut carry = 0;
    let mut digits: Vec<u8> = nibbles
        .map(|nibble| {
            let digit = nibble + carry;
            carry = u8::from(digit >= 8);
            digit.wrapping_sub(carry << 4)
        })
        .collect();
    digits.push(carry);
    digits
}

/// A key of HMAC-SHA-384, padded to the block that is hashed first (RFC 2104).
fn hmac_block(key: &[u8], pad: u8) -> [u8; 128] {
    let mut block = [pad; 128];
    for (byte, key) in block.iter_mut().zip(key) {
        *byte ^= key;
    }
    block
}

/// SHA-384's state after that block.
fn hmac_state(key: &[u8], pad: u8) -> [u64; 8] {
    // FIPS 180-4, section 5.3.4.
    let mut state = [
        0xcbbb_9d5d_c105_9ed8,
        0x629a_292a_367c_d507,
        0x9159_015a_3070_dd17,
        0x152f_ecd8_f70e_5939,
        0x6733_2667_ffc0_0b31,
        0x8eb4_4a87_6858_1511,
        0xdb0c_2e0d_64f9_8fa7,
        0x47b5_481d_befa_4fa4,
    ];
    compress512(&mut state, &[hmac_block(key, pad)]);
    state
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut inner = Sha384::new_with_prefix(hmac_block(key, 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha384::new_with_prefix(hmac_block(key, 0x5c));
    outer.update(inner.finalize());
    outer.finalize().to_vec()
}

fn number(bytes: &[u8]) -> Scalar {
    let repr = bytes.try_into().expect("48 bytes");
    Option::from(Scalar::from_repr(repr)).expect("a number below the order")
}

/// A private key's secrets.
fn of_key(needles: &mut Needles, name: &str, key: &[u8]) -> Scalar {
    let scalar = number(&key[8..56]);
    needles.scalar(name, &scalar);
    scalar
}

/// The secrets behind a signature: each of them leads to the private key (RFC 6979, section 3.2,
/// and FIPS 186-5, section 6.4.1).
fn of_signature(needles: &mut Needles, name: &str, key: &Scalar, message: &[u8], der: &[u8]) {
    let signature = p384::ecdsa::Signature::from_der(der).expect("a signature");
    let (r, s): (NonZeroScalar, NonZeroScalar) = signature.split_scalars();
    let hash = Sha384::digest(message);
    // A hash above the order is as likely as a collision.
    let z = number(&hash);
    let s_inverse: Scalar = Option::from(s.as_ref().invert()).expect("s is not zero");
    let sum = z + *r * key;
    let k = s_inverse * sum;

    // The states of HMAC_DRBG, whose last value is k.
    let mut state = vec![0; 48];
    let mut value = vec![1; 48];
    for round in [0, 1] {
        state = hmac(&state, &[&value, &[round], &key.to_repr(), &hash]);
        needles.hmac_key(&format!("{name}: HMAC key {round}"), &state);
        value = hmac(&state, &[&value]);
        needles.bytes(&format!("{name}: HMAC value {round}"), &value);
    }
    assert_eq!(hmac(&state, &[&value]), k.to_repr().to_vec(), "{name}");

    needles.scalar(&format!("{name}: k"), &k);
    let k_inverse: Scalar = Option::from(k.invert()).expect("k is not zero");
    needles.scalar(&format!("{name}: 1/k"), &k_inverse);
    needles.scalar(&format!("{name}: r d"), &(*r * key));
    needles.scalar(&format!("{name}: z + r d"), &sum);
}

/// Whether these tests are to be left out.
fn left_out() -> bool {
    let left_out = std::env::var_os("IR_SIGN_TESTS_WITHOUT_GDB").is_some();
    if left_out {
        eprintln!("left out, as IR_SIGN_TESTS_WITHOUT_GDB asks");
    }
    left_out
}

/// Runs the program under gdb, and returns its memory at the first call of each of these system
/// calls.
fn cores<const N: usize>(
    sandbox: &Sandbox,
    arguments: &str,
    syscalls: [&str; N],
    ending: &str,
) -> [Vec<u8>; N] {
    let mut script = [
        "set debuginfod enabled off",
        "set startup-with-shell off",
        "set disable-randomization off",
        "set use-coredump-filter off",
        "set dump-excluded-mappings on",
    ]
    .map(str::to_owned)
    .to_vec();
    for (n, syscall) in syscalls.iter().enumerate() {
        script.push(format!("catch syscall {syscall}"));
        script.push(if n == 0 { "run" } else { "continue" }.to_owned());
        script.push(format!("generate-core-file {syscall}.core"));
        script.push("delete".to_owned());
    }
    script.push("continue".to_owned());

    let mut gdb = sandbox.command("gdb");
    gdb.args(["--batch", "-nx", "--readnever", "-iex", "set auto-load off"]);
    gdb.args(script.iter().flat_map(|line| ["-ex", line]));
    gdb.args(["--args", program()]).args(arguments.split(' '));
    let output = gdb
        .output()
        .expect("gdb runs; without it IR_SIGN_TESTS_WITHOUT_GDB=1 leaves this test out");
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(ending), "{told}");
    syscalls.map(|syscall| {
        let stop = format!("(call to syscall {syscall})");
        assert!(told.contains(&stop), "not stopped: {told}");
        let name = format!("{syscall}.core");
        let core = sandbox.read(&name);
        fs::remove_file(sandbox.path(name)).expect("removed");
        assert_whole(&core, arguments);
        core
    })
}

/// The memory of a run that succeeds: as it synced its output, and as it was about to exit.
fn used_and_done(sandbox: &Sandbox, arguments: &str) -> [Vec<u8>; 2] {
    let syscalls = ["fsync", "exit_group"];
    cores(sandbox, arguments, syscalls, "exited normally")
}

/// The memory of a run that is refused, as it was about to exit.
fn refused(sandbox: &Sandbox, arguments: &str) -> Vec<u8> {
    let [done] = cores(sandbox, arguments, ["exit_group"], "exited with code 01");
    done
}

/// Asserts that the search finds what is certainly there: the program's own arguments.
#[track_caller]
fn assert_whole(core: &[u8], arguments: &str) {
    let mut needles = Needles::default();
    let path = program().as_bytes();
    needles.add("the program's path".into(), path);
    let argument = format!("\0{}\0", arguments.replace(' ', "\0"));
    needles.add("its arguments".into(), argument.as_bytes());
    assert_eq!(needles.found_in(core).len(), 2, "the core is not whole");
}

#[track_caller]
fn assert_clean(core: &[u8], needles: &Needles) {
    let found = needles.found_in(core);
    assert!(found.is_empty(), "a finished run still holds {found:#?}");
}

#[track_caller]
fn assert_holds(core: &[u8], needles: &Needles) {
    assert!(
        !needles.found_in(core).is_empty(),
        "the key is not found while it is in use: the search is no good"
    );
}

#[test]
fn sign_forgets_the_key_and_the_nonce() {
    if left_out() {
        return;
    }
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    let arguments = "sign -k ca.prv -f file -s sig";
    let [used, done] = used_and_done(&sandbox, arguments);
    let mut key = Needles::default();
    let d = of_key(&mut key, "d", &sandbox.read("ca.prv"));
    let mut nonce = Needles::default();
    of_signature(&mut nonce, "sig", &d, b"content", &sandbox.read("sig"));
    assert_holds(&used, &key);
    // The nonce is done with as soon as there is a signature.
    assert_clean(&used, &nonce);
    assert_clean(&done, &key);
    assert_clean(&done, &nonce);
}

#[test]
fn gen_key_forgets_the_key() {
    if left_out() {
        return;
    }
    let sandbox = Sandbox::new();
    let arguments = "gen-key -o new.prv --public new.pub";
    let [used, done] = used_and_done(&sandbox, arguments);
    let mut key = Needles::default();
    of_key(&mut key, "d", &sandbox.read("new.prv"));
    assert_holds(&used, &key);
    assert_clean(&done, &key);
}

#[test]
fn extract_public_forgets_the_key() {
    if left_out() {
        return;
    }
    let sandbox = Sandbox::with_keys();
    let arguments = "extract-public -i ca.prv -o out.pub";
    let [used, done] = used_and_done(&sandbox, arguments);
    let mut key = Needles::default();
    of_key(&mut key, "d", &sandbox.read("ca.prv"));
    // The key is done with before the output is written.
    assert_clean(&used, &key);
    assert_clean(&done, &key);
}

#[test]
fn sign_image_forgets_the_keys_and_the_nonces() {
    if left_out() {
        return;
    }
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    let arguments = "sign-image --json -r registry -a app -d latest -v vendor.prv -x ca.prv";
    let [used, done] = used_and_done(&sandbox, arguments);

    let mut keys = Needles::default();
    let vendor = of_key(&mut keys, "vendor's d", &sandbox.read("vendor.prv"));
    let ca = of_key(&mut keys, "CA's d", &sandbox.read("ca.prv"));
    let index = sandbox.json("registry/app/index.json");
    let manifest = index["manifests"][0]["digest"].as_str().expect("a digest");
    let manifest = sandbox.blob("app", manifest);
    let annotation = |name: &str| {
        let key = format!("com.samsung.islet.image.{name}");
        let value = &manifest["annotations"][key];
        harness::unhex(value.as_str().expect("an annotation"))
    };
    let config = manifest["config"]["digest"].as_str().expect("a digest");
    let config = config.replace(':', "/");
    let config = sandbox.read(format!("registry/app/blobs/{config}"));
    let mut nonces = Needles::default();
    of_signature(
        &mut nonces,
        "image",
        &vendor,
        &config,
        &annotation("signature"),
    );
    of_signature(
        &mut nonces,
        "endorsement",
        &ca,
        &sandbox.read("vendor.pub"),
        &annotation("vendorpub.signature"),
    );

    assert_holds(&used, &keys);
    assert_clean(&used, &nonces);
    assert_clean(&done, &keys);
    assert_clean(&done, &nonces);
}

#[test]
fn a_refused_key_is_forgotten_too() {
    if left_out() {
        return;
    }
    // A key whose public part is another's: it was read whole and parsed before it was refused.
    let sandbox = Sandbox::with_keys();
    let mut bytes = sandbox.read("ca.prv");
    let other = sandbox.read("other.pub");
    let point = bytes.len() - 97;
    bytes[point..].copy_from_slice(&other[23..]);
    sandbox.write("bad.prv", &bytes);
    let done = refused(&sandbox, "sign -k bad.prv -f ca.pub -s sig");
    let mut key = Needles::default();
    of_key(&mut key, "d", &bytes);
    assert_clean(&done, &key);
    // PKCS#8 holds the scalar too.
    sandbox.openssl("pkcs8 -topk8 -nocrypt -inform DER -in ca.prv -outform DER -out p8.der");
    let done = refused(&sandbox, "sign -k p8.der -f ca.pub -s sig");
    assert_clean(&done, &key);
    // So does PEM, as text.
    sandbox.openssl("ec -inform DER -in ca.prv -out ca.pem");
    let pem = sandbox.read("ca.pem");
    for line in pem.split(|b| *b == b'\n').filter(|l| l.len() > WINDOW) {
        if !line.starts_with(b"-") {
            key.bytes("PEM", line);
        }
    }
    let done = refused(&sandbox, "sign -k ca.pem -f ca.pub -s sig");
    assert_clean(&done, &key);
}

#[test]
fn a_private_key_in_the_place_of_another_file_is_forgotten_too() {
    if left_out() {
        return;
    }
    let sandbox = Sandbox::with_keys();
    let mut key = Needles::default();
    of_key(&mut key, "d", &sandbox.read("ca.prv"));
    for arguments in [
        "verify -k ca.prv -f vendor.pub -s vendor.pub.sig",
        "endorse -k vendor.prv -f ca.prv -s sig",
        "verify -k ca.pub -f vendor.pub -s ca.prv",
    ] {
        let done = refused(&sandbox, arguments);
        assert_clean(&done, &key);
    }
}

/// The passphrase of the encrypted keys here.
const PASSPHRASE: &str = "plover xyzzy plugh, said the dwarf";

/// The secret of a cosign key file: the key that scrypt makes of the passphrase.
fn of_scrypt(needles: &mut Needles, text: &[u8]) {
    let text = String::from_utf8(text.to_vec()).expect("text");
    let lines = text.lines().filter(|line| !line.starts_with('-'));
    let json = Base64::decode_vec(&lines.collect::<String>()).expect("base64");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let salt = json["kdf"]["salt"].as_str().expect("a salt");
    let salt = Base64::decode_vec(salt).expect("base64");
    let mut key = [0; 32];
    let params = scrypt::Params::new(16, 8, 1).expect("parameters");
    scrypt::scrypt(PASSPHRASE.as_bytes(), &salt, &params, &mut key).expect("a key");
    needles.bytes("scrypt's key", &key);
}

#[test]
fn a_passphrase_and_what_it_opens_are_forgotten() {
    if left_out() {
        return;
    }
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    sandbox.write("pass", PASSPHRASE);
    // cosign's form, and PKCS#8 as openssl encrypts it.
    sandbox
        .run("cosign generate-key-pair --curve p384 --passphrase-source file:pass")
        .exits(0);
    sandbox.openssl(
        "pkcs8 -topk8 -inform DER -in ca.prv -v2 aes-256-cbc -passout file:pass -out p8.pem",
    );
    let mut passphrase = Needles::default();
    passphrase.bytes("passphrase", PASSPHRASE.as_bytes());
    let mut ca = Needles::default();
    of_key(&mut ca, "d", &sandbox.read("ca.prv"));
    let mut derived = Needles::default();
    of_scrypt(&mut derived, &sandbox.read("cosign.key"));
    for (key, secret) in [("cosign.key", None), ("p8.pem", Some(&ca))] {
        let arguments = format!(
            "cosign sign-blob --key {key} --passphrase-source file:pass --output-signature {key}.sig file"
        );
        let [used, done] = used_and_done(&sandbox, &arguments);
        if let Some(secret) = secret {
            assert_holds(&used, secret);
            assert_clean(&done, secret);
        }
        // The passphrase is done with as soon as the key is open.
        for core in [&used, &done] {
            assert_clean(core, &passphrase);
            assert_clean(core, &derived);
        }
    }
    // A wrong one is forgotten too, and a new one.
    sandbox.write("wrong", PASSPHRASE.replace("dwarf", "wumpus"));
    let mut wrong = Needles::default();
    wrong.bytes("passphrase", &sandbox.read("wrong"));
    for key in ["cosign.key", "p8.pem"] {
        let arguments = format!(
            "cosign sign-blob --key {key} --passphrase-source file:wrong --output-signature out file"
        );
        assert_clean(&refused(&sandbox, &arguments), &wrong);
    }
    let arguments =
        "cosign generate-key-pair --output-key-prefix new --passphrase-source file:pass";
    let [used, done] = used_and_done(&sandbox, arguments);
    assert_clean(&used, &passphrase);
    assert_clean(&done, &passphrase);
}
