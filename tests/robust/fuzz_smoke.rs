//! The fuzz targets without libFuzzer: each is given its seeds and, for a second, changes of them.
//!
//! The changes are the same in each run. `IR_SIGN_FUZZ_SEED=N` makes others, and `IR_SIGN_FUZZ_SECONDS=N` more of them;
//! `scripts/fuzz` looks for what those do not find. The test keeps and names an input on which a target fails.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Bytes of the longest input that is made.
const LONGEST: usize = 32 << 10;
/// Changes that are tried however busy the machine is.
const FEWEST: usize = 50;

/// Pseudo-random numbers (`SplitMix64`).
struct Dice(u64);

impl Dice {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// A part of `bytes`, mostly a short one.
    fn part<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.below(bytes.len() + 1);
        let longest = if self.below(4) == 0 { bytes.len() } else { 24 };
        let length = self.below(longest.min(bytes.len() - start) + 1);
        &bytes[start..start + length]
    }
}

/// Changes `bytes` a little; `other` is another seed, to take parts from.
fn change(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    const WORDS: [&str; 12] = [
        "",
        "\0",
        "\"",
        "\\u0000",
        "..",
        "/",
        "0",
        "-1",
        "18446744073709551616",
        "null",
        "[]",
        "{}",
    ];
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let inside = at < bytes.len();
        match dice.below(9) {
            0 if inside => bytes[at] ^= 1 << dice.below(8),
            1 if inside => bytes[at] = dice.byte(),
            2 if inside => bytes[at] = bytes[at].wrapping_add(1),
            3 => bytes.insert(at, dice.byte()),
            4 => {
                let length = dice.part(&bytes[at..]).len();
                bytes.drain(at..at + length);
            }
            5 => {
                let part = dice.part(bytes).to_vec();
                bytes.splice(at..at, part);
            }
            6 => {
                let part = dice.part(other);
                let to = (at + part.len()).min(bytes.len());
                bytes.splice(at..to, part.iter().copied());
            }
            7 => {
                let word = WORDS[dice.below(WORDS.len())];
                bytes.splice(at..at, word.bytes());
            }
            _ => {
                // A line, or what there is of one, goes or comes twice.
                let end = bytes[at..].iter().position(|b| *b == b'\n');
                let to = end.map_or(bytes.len(), |end| at + end + 1);
                if dice.below(2) == 0 {
                    bytes.drain(at..to);
                } else {
                    let line = bytes[at..to].to_vec();
                    bytes.splice(at..at, line);
                }
            }
        }
    }
    bytes.truncate(LONGEST);
}

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    let seeds = paths.into_iter().map(|path| {
        let bytes = fs::read(&path).expect("a seed");
        (path, bytes)
    });
    seeds.collect()
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn smoke(target: &str) {
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{target} has no seeds");
    for (path, bytes) in &seeds {
        let fell = catch_unwind(|| targets::run(target, bytes)).is_err();
        assert!(!fell, "{} makes {target} fall", path.display());
    }
    let seed = number("IR_SIGN_FUZZ_SEED", 1);
    let time = Duration::from_secs(number("IR_SIGN_FUZZ_SECONDS", 1));
    let mut dice = Dice(seed);
    let start = Instant::now();
    let mut tried = 0;
    while start.elapsed() < time || tried < FEWEST {
        let mut bytes = seeds[dice.below(seeds.len())].1.clone();
        let other = &seeds[dice.below(seeds.len())].1;
        change(&mut bytes, other, &mut dice);
        tried += 1;
        if catch_unwind(AssertUnwindSafe(|| targets::run(target, &bytes))).is_err() {
            let kept =
                Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{target}-{tried}"));
            fs::write(&kept, &bytes).expect("written");
            panic!(
                "{target} fell at input {tried} of IR_SIGN_FUZZ_SEED={seed}, which is in {}",
                kept.display()
            );
        }
    }
    let tried = seeds.len() + tried;
    println!("tried: seeds of the fuzz target {target} and changes of them: {tried}");
}

macro_rules! each_target {
    ($($(#[$condition:meta])? $name:ident)*) => {
        $(
            $(#[$condition])?
            #[test]
            fn $name() {
                smoke(stringify!($name));
            }
        )*

        #[test]
        fn no_target_is_left_out() {
            let known: Vec<_> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(known, [$($(#[$condition])? stringify!($name)),*]);
            let top = Path::new(env!("CARGO_MANIFEST_DIR"));
            let manifest = fs::read_to_string(top.join("fuzz/Cargo.toml")).expect("text");
            for name in known {
                let path = top.join(format!("fuzz/fuzz_targets/{name}.rs"));
                let text = fs::read_to_string(&path).unwrap_or_default();
                assert!(text.contains(&format!("run(\"{name}\", bytes)")), "{name}");
                assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
            }
        }
    };
}

each_target! {
    annotation
    archive
    #[cfg(feature = "registry")]
    auth_file
    certificate
    #[cfg(feature = "registry")]
    challenge
    config
    cosign_bundle
    cosign_envelope
    cosign_key
    cosign_payload
    cosign_statement
    crl
    docker_archive
    image_name
    index
    layer
    layout
    #[cfg(feature = "registry")]
    link
    manifest
    notary_cose
    notary_jws
    notary_trust_policy
    ocicrypt
    openpgp
    passport
    pin_source
    plan
    point
    policy_containers
    policy_image_rs
    realm_layers
    reference
    registries_d
    request
    resources
    sec1
    signature
    signing_keys
    spki
    #[cfg(feature = "registry")]
    tag_list
    transcript
    uri
}
