//! Limits, and what is wrong with an archive as a stream of bytes.

use std::io::Write;

use ir_sign::store::archive::{Archive, Problem};
use ir_sign::store::{Error, Kind, Limits};

use super::build::{LAYER, Place, Tar, gzip, layout, problem, zstd};

fn bomb(limits: Limits, bytes: &[u8]) -> (String, &'static str) {
    match Place::limited(limits).check(bytes) {
        Err(Error {
            kind: Kind::Bomb { what, flag, .. },
            ..
        }) => (what, flag),
        other => panic!("not a bomb: {other:?}"),
    }
}

#[test]
fn limits_hold() {
    let tar = layout().end();
    let members = Limits {
        members: 4,
        ..Limits::default()
    };
    let error = Place::limited(members).check(&tar).expect_err("refused");
    assert!(
        error.to_string().ends_with("has more than 4 members"),
        "{error}"
    );
    let five = Limits {
        members: 5,
        ..Limits::default()
    };
    Place::limited(five).check(&tar).expect("five members");
    let layer = Limits {
        layer: LAYER.len() as u64 - 1,
        ..Limits::default()
    };
    let image = Limits {
        image: tar.len() as u64 - 1,
        ..Limits::default()
    };
    for bytes in [tar.clone(), gzip(&tar), zstd(&tar)] {
        let (what, flag) = bomb(layer, &bytes);
        assert_eq!(flag, "--max-layer-size");
        assert!(what.starts_with("member \"blobs/sha256/"), "{what}");
        assert_eq!(bomb(image, &bytes).1, "--max-image-size");
        let just = Limits {
            layer: layer.layer + 1,
            image: image.image + 1,
            ..Limits::default()
        };
        Place::limited(just).check(&bytes).expect("within limits");
    }
    let document = Limits {
        document: 100,
        ..Limits::default()
    };
    let error = Place::limited(document).check(&tar).expect_err("refused");
    assert!(
        error.to_string().contains("member \"index.json\" has "),
        "{error}"
    );
}

#[test]
fn members_that_are_not_taken_count() {
    let tar = layout().file("ballast", &vec![0; 100_000]).end();
    let layer = Limits {
        layer: 99_999,
        ..Limits::default()
    };
    let image = Limits {
        image: 100_000,
        ..Limits::default()
    };
    assert_eq!(bomb(layer, &tar).1, "--max-layer-size");
    assert_eq!(bomb(image, &tar).1, "--max-image-size");
}

#[test]
fn a_bomb_is_given_up_at_the_limit() {
    // Zeros behind the end mark are the last place where one could be.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&layout().end()).expect("memory");
    for _ in 0..64 {
        encoder.write_all(&vec![0; 1 << 20]).expect("memory");
    }
    let bytes = encoder.finish().expect("memory");
    let image = Limits {
        image: 1 << 20,
        ..Limits::default()
    };
    assert_eq!(bomb(image, &bytes).1, "--max-image-size");
    Place::new().check(&bytes).expect("zeros only");
}

#[test]
fn files_that_are_no_tar_archive() {
    assert_eq!(problem(b""), Problem::Empty);
    let noise: Vec<u8> = (0..5000u32).map(|i| (i * i).to_be_bytes()[2]).collect();
    for bytes in [&b"x"[..], b"PX\x03\x04", &noise, &[b'A'; 512]] {
        assert_eq!(problem(bytes), Problem::NotTar);
        assert_eq!(problem(&gzip(bytes)), Problem::NotTar);
        assert_eq!(problem(&zstd(bytes)), Problem::NotTar);
    }
    assert_eq!(problem(&gzip(b"")), Problem::NotTar);
    assert_eq!(problem(&Tar::new().end()), Problem::NoImage);
    for magic in [&b"\x1f\x8b"[..], b"\x28\xb5\x2f\xfd"] {
        let bytes = [magic, &noise].concat();
        assert!(matches!(problem(&bytes), Problem::Packing(_)));
        assert!(matches!(problem(magic), Problem::Packing(_)));
    }
}

#[test]
fn data_after_the_end() {
    let end = layout().end();
    let mut more = end.clone();
    more.extend(layout().end());
    assert_eq!(problem(&more), Problem::Trailing);
    assert_eq!(problem(&gzip(&more)), Problem::Trailing);
    for packed in [gzip(&end), zstd(&end)] {
        let bytes = [&packed[..], b"more"].concat();
        let found = problem(&bytes);
        assert!(matches!(found, Problem::Packing(_)), "{found}");
    }
    // Several streams are one: gzip and zstd say so.
    let (head, tail) = end.split_at(700);
    for bytes in [[gzip(head), gzip(tail)], [zstd(head), zstd(tail)]] {
        Place::new().check(&bytes.concat()).expect("one archive");
    }
}

#[test]
fn a_wide_zstd_window_is_refused_unless_it_may_be_so_wide() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.window_log(27).expect("a window");
    encoder.write_all(&layout().end()).expect("memory");
    let packed = encoder.finish().expect("memory");
    let found = problem(&packed);
    assert!(matches!(found, Problem::Packing(_)), "{found}");
    let limits = |window| Limits {
        window,
        ..Limits::default()
    };
    let checked = |window| Place::limited(limits(window)).check(&packed);
    assert!(checked((128 << 20) - 1).is_err());
    checked(128 << 20).expect("an archive");
}

#[test]
fn archives_are_regular_files() {
    let place = Place::new();
    let fifo = place.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a pipe");
    for path in [fifo, place.path().to_owned()] {
        let error = Archive::open(&path, Limits::default()).expect_err("refused");
        assert!(
            matches!(
                error,
                Error {
                    kind: Kind::NotAFile,
                    ..
                }
            ),
            "{error}"
        );
    }
    let error = Archive::open(&place.path().join("none"), Limits::default());
    assert!(matches!(
        error,
        Err(Error {
            kind: Kind::Io { .. },
            ..
        })
    ));
}
