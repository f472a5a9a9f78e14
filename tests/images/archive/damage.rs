//! Archives that were cut short or altered.

use std::sync::OnceLock;

use ir_sign::store::archive::Problem;
use ir_sign::store::{Error, Kind};
use proptest::prelude::*;

use super::build::{Place, gzip, layout, mismatches, zstd};
use super::legacy;

/// Small archives of every kind.
fn archives() -> &'static [Vec<u8>] {
    static ARCHIVES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    ARCHIVES.get_or_init(|| {
        let plain = layout().end();
        vec![gzip(&plain), zstd(&plain), legacy::archive().end(), plain]
    })
}

/// Whatever was altered: no panic, and no blob under a name that is not its digest. (That a layer
/// of an image that `docker save` wrote is another one shows in its `diff_id` only.)
fn refused_or_sound(bytes: &[u8]) {
    let place = Place::new();
    let path = place.put(bytes);
    if let Ok((staging, _)) = place.unpack(&path) {
        assert_eq!(mismatches(staging.dir().path()), [""; 0]);
    }
}

#[test]
fn cut_short_anywhere_it_is_refused() {
    for whole in archives() {
        let end = whole.len();
        let blocks = (0..end).step_by(512);
        let odd = (0..end).step_by(211);
        for at in blocks.chain(odd).chain(end.saturating_sub(20)..end) {
            // One block of zeros is an end.
            let ended = whole.ends_with(&[0; 1024]) && at >= end - 512;
            match Place::new().check(&whole[..at]) {
                Ok(()) if ended => {}
                Err(Error {
                    kind: Kind::Archive { problem, .. },
                    ..
                }) if !ended => {
                    let fits = matches!(
                        problem,
                        Problem::Empty
                            | Problem::NotTar
                            | Problem::Truncated
                            | Problem::NoEnd
                            | Problem::Packing(_)
                    );
                    assert!(fits, "cut to {at} of {end}: {problem}");
                }
                other => panic!("cut to {at} of {end}: {other:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn one_other_byte(which in 0..4usize, at in any::<proptest::sample::Index>(), mask in 1..=255u8) {
        let mut bytes = archives()[which].clone();
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        refused_or_sound(&bytes);
    }

    #[test]
    fn one_other_byte_under_a_right_checksum(which in 2..4usize, header in 0..12usize, at in 0..512usize, new in any::<u8>()) {
        let mut bytes = archives()[which].clone();
        let start = header * 512;
        if start + 512 <= bytes.len() {
            let block = &mut bytes[start..start + 512];
            block[at] = new;
            let sum: u32 = block[..148].iter().chain(&block[156..]).map(|b| u32::from(*b)).sum();
            let text = format!("{:06o}\0 ", sum + 8 * 32);
            block[148..156].copy_from_slice(text.as_bytes());
        }
        refused_or_sound(&bytes);
    }

    #[test]
    fn noise(bytes in proptest::collection::vec(any::<u8>(), 0..3000), magic in 0..3usize) {
        let magic = [&b""[..], b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"][magic];
        let place = Place::new();
        prop_assert!(place.check(&[magic, &bytes].concat()).is_err());
    }
}
