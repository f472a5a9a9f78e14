//! Archives that are refused, for their form or their content.

use std::fs;

use ir_sign::progress::Silent;
use ir_sign::store::archive::{Archive, Problem};
use ir_sign::store::{Error, Kind, Limits, Problem as PartProblem, Registry};

use super::build::{
    LAYER, LAYOUT_FILE, Place, Tar, blob_name, blobs, gzip, header, index, layout, problem,
};

#[test]
fn the_image_to_be_spoilt_is_good() {
    Place::new().check(&layout().end()).expect("a layout");
}

#[test]
fn harmless_oddities_are_taken() {
    for tar in [
        layout().file("manifest.json", b"[]"),
        layout()
            .file("manifest.json", b"[]")
            .file("repositories", b""),
        layout().file("a/b/index.json", b"{}"),
        layout()
            .member(b"./", b'5', "", b"")
            .member(b"blobs/", b'5', "", b""),
        layout()
            .member(b"blobs/", b'5', "", b"")
            .member(b"blobs", b'5', "", b""),
        layout().member(b"blobs/", b'0', "", b""),
        layout().member(b"x", b'7', "", b"contiguous"),
        layout().pax(b'g', &[("comment", "from git")]),
        layout()
            .pax(b'x', &[("mtime", "1.5"), ("path", "x")])
            .file("y", b"z"),
        layout()
            .member(b"././@LongLink", b'L', "", b"a/long/name\0")
            .file("a", b""),
    ] {
        Place::new().check(&tar.end()).expect("harmless");
    }
    // One block of zeros marks the end, too.
    let lone = layout().raw(&[0; 512]).unended();
    Place::new().check(&lone).expect("ended");
    let padded = layout().raw(&[0; 10_007]).unended();
    Place::new().check(&padded).expect("ended");
}

#[test]
fn names_with_dots_and_in_pax_headers_are_the_names() {
    let mut tar = Tar::new();
    for (n, blob) in [
        super::build::config(),
        super::build::manifest(),
        LAYER.to_vec(),
    ]
    .iter()
    .enumerate()
    {
        let name = blob_name(blob);
        tar = if n == 0 {
            tar.pax(b'x', &[("path", &name)]).file("other", blob)
        } else {
            tar.file(&format!("./{name}"), blob)
        };
    }
    let tar = tar
        .file("./oci-layout", LAYOUT_FILE)
        .member(b"././@LongLink", b'L', "", b"./index.json\0")
        .file("index.jso", &index(&["1.0"]));
    Place::new().check(&tar.end()).expect("a layout");
}

#[test]
fn names_that_are_not_taken() {
    for name in [
        &b"../x"[..],
        b"a/../../x",
        b"a/../b",
        b"..",
        b"/etc/passwd",
        b"bad\xff",
        b"",
        b".",
        b"./",
    ] {
        let found = problem(&layout().member(name, b'0', "", b"x").end());
        assert!(matches!(found, Problem::Name { .. }), "{found}");
        assert!(found.to_string().starts_with("member \""), "{found}");
    }
    for name in [&b"../x/"[..], b"/x/"] {
        let found = problem(&layout().member(name, b'5', "", b"").end());
        assert!(matches!(found, Problem::Name { .. }), "{found}");
    }
    for tar in [
        layout().pax(b'x', &[("path", "../x")]).file("x", b""),
        layout().pax(b'x', &[("path", "x\0y")]).file("x", b""),
        layout().member(b"L", b'L', "", b"/x\0").file("x", b""),
        layout()
            .pax(b'x', &[("path", &"long".repeat(2000))])
            .file("x", b""),
    ] {
        let found = problem(&tar.end());
        assert!(matches!(found, Problem::Name { .. }), "{found}");
        assert!(found.to_string().len() < 300, "{found}");
    }
}

/// They are nothing in a layout, and left out.
#[test]
fn names_under_blobs_that_are_none_of_a_blob_are_left_out() {
    for name in [
        &b"blobs/sha256/x"[..],
        b"blobs/x",
        b"blobs/md5/d41d8cd98f00b204e9800998ecf8427e",
        b"blobs/sha256/E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        b"blobs/sha512/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ] {
        let tar = layout().member(name, b'0', "", b"x").end();
        Place::new().check(&tar).expect("all else is a layout");
    }
}

#[test]
fn types_that_are_not_taken() {
    for (kind, link, called) in [
        (b'2', "blobs", "a symbolic link"),
        (b'1', "index.json", "a hard link"),
        (b'3', "", "a character device"),
        (b'4', "", "a block device"),
        (b'6', "", "a named pipe"),
        (b'S', "", "a sparse file"),
        (b'M', "", "of an unknown type"),
        (b'V', "", "of an unknown type"),
        (b'?', "", "of an unknown type"),
    ] {
        let found = problem(&layout().member(b"thing", kind, link, b"").end());
        let text = found.to_string();
        assert!(
            text.starts_with(&format!("member \"thing\" is {called}")),
            "{text}"
        );
    }
    // Only an archive without an index.json may have these links.
    let found = problem(
        &layout()
            .member(b"a/layer.tar", b'2', "../oci-layout", b"")
            .end(),
    );
    assert!(matches!(found, Problem::Kind { .. }), "{found}");
    for records in [
        &[("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")][..],
        &[("GNU.sparse.map", "0,1")],
    ] {
        let found = problem(&layout().pax(b'x', records).file("thing", b"x").end());
        let text = found.to_string();
        assert!(
            text.starts_with("member \"thing\" is a sparse file"),
            "{text}"
        );
    }
}

#[test]
fn only_files_have_content() {
    for (name, kind) in [
        (&b"folder"[..], b'5'),
        (b"a/layer.tar", b'2'),
        (b"v7/", b'0'),
    ] {
        let found = problem(&layout().member(name, kind, "x", b"content").end());
        assert!(matches!(found, Problem::Name { .. }), "{found}");
    }
}

#[test]
fn no_name_is_there_twice_with_different_content() {
    for tar in [
        layout().file("index.json", &index(&["1.1"])),
        layout().file("./index.json", b"{}"),
        layout().file("oci-layout", b"{}"),
        layout().file("x", b"").file(".//x", b"x"),
        layout().file("x", b"1").file("x", b"1").file("x", b"2"),
        layout()
            .file("manifest.json", b"[]")
            .file("manifest.json", b"[ ]"),
        layout().file("x", b"").member(b"x/", b'5', "", b""),
        layout().member(b"x/", b'5', "", b"").file("x", b""),
        layout().file(&blob_name(LAYER), b"another layer"),
    ] {
        let found = problem(&tar.end());
        assert!(matches!(found, Problem::Duplicate(_)), "{found}");
    }
    for same in [
        layout().file("index.json", &index(&["1.0"])),
        layout().file("./oci-layout", LAYOUT_FILE),
        layout().file("x", b"1").file(".//x", b"1").file("x", b"1"),
        layout().file(&blob_name(LAYER), LAYER),
    ] {
        Place::new().check(&same.end()).expect("the same twice");
    }
    let many = |n| {
        let names = (0..n).map(|n| format!("{n}"));
        let twice = |tar: Tar, name: String| tar.file(&name, b"").file(&name, b"");
        Place::new().check(&names.fold(layout(), twice).end())
    };
    many(4096).expect("as many as the limit says");
    let error = many(4097).expect_err("more").to_string();
    assert!(
        error.ends_with("has more than 4096 repeated members"),
        "{error}"
    );
}

#[test]
fn blobs_have_the_digest_that_they_are_named_by() {
    let name = blob_name(b"this");
    for wrong in [&b"that"[..], b"", &vec![1; 600_000]] {
        let found = problem(&layout().file(&name, wrong).end());
        let Problem::Blob { name: named, .. } = &found else {
            panic!("{found}");
        };
        assert_eq!(*named, name);
    }
}

#[test]
fn the_documents_are_checked_in_the_survey() {
    let survey = |tar: Tar| {
        let place = Place::new();
        let path = place.put(&tar.end());
        let archive = Archive::open(&path, Limits::default()).expect("opened");
        match archive.survey(&Silent) {
            Err(Error {
                kind: Kind::Archive { problem, .. },
                ..
            }) => problem,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("taken"),
        }
    };
    let found = survey(blobs());
    assert_eq!(found, Problem::NoImage);
    let found = survey(blobs().file("index.json", &index(&["1.0"])));
    assert!(matches!(found, Problem::NotALayout(_)), "{found}");
    let found = survey(
        blobs()
            .file("index.json", &index(&["1.0"]))
            .file("oci-layout", br#"{"imageLayoutVersion":"2.0.0"}"#),
    );
    assert!(matches!(found, Problem::NotALayout(_)), "{found}");
    let found = survey(layout().file("manifest.json", b"not even JSON"));
    assert!(matches!(found, Problem::Document { .. }), "{found}");
    let found = survey(layout().file("manifest.json", &vec![b' '; 2 << 20]));
    assert!(matches!(found, Problem::TooLarge { .. }), "{found}");
    let found = survey(layout().file("repositories", b"{}"));
    assert!(matches!(found, Problem::OlderList(_)), "{found}");
    for bad in [
        &b"{}"[..],
        b"",
        b"[]",
        br#"{"schemaVersion":2,"manifests":1}"#,
    ] {
        let found = survey(
            blobs()
                .file("oci-layout", LAYOUT_FILE)
                .file("index.json", bad),
        );
        assert!(matches!(found, Problem::Document { .. }), "{found}");
    }
}

#[test]
fn no_tag_is_spelt_like_a_digest() {
    let tar = blobs()
        .file("oci-layout", LAYOUT_FILE)
        .file("index.json", &index(&["1.0", "sha256:abc"]));
    let place = Place::new();
    let archive = Archive::open(&place.put(&tar.end()), Limits::default());
    let survey = archive
        .expect("an archive")
        .survey(&Silent)
        .expect("an index");
    let reference = "1.0".parse().expect("a reference");
    for reference in [None, Some(&reference)] {
        let Err(Error {
            kind: Kind::Part { problem, .. },
            ..
        }) = survey.check_reference(reference)
        else {
            panic!("taken");
        };
        assert!(matches!(problem, PartProblem::DigestTag(_)), "{problem}");
    }
}

#[test]
fn a_size_in_a_pax_header_counts_in_both_passes() {
    let content = [3; 600];
    let hidden = header(b"evil", b'0', "", 0);
    // A reader that believed the header's 0 would take the content's first block for a member.
    let mut inner = content.to_vec();
    inner[..512].copy_from_slice(hidden.as_bytes());
    let tar = layout()
        .pax(b'x', &[("size", "600")])
        .raw(header(blob_name(&inner).as_bytes(), b'0', "", 0).as_bytes())
        .content(&inner);
    let place = Place::new();
    let path = place.put(&tar.clone().end());
    let (staging, _) = place.unpack(&path).expect("a layout");
    assert_eq!(mismatches_and_length(&staging, &inner), 600);
    for bad in ["", "-1", "+600", "0x10", "18446744073709551616"] {
        let tar = layout().pax(b'x', &[("size", bad)]).file("x", b"");
        let found = problem(&tar.end());
        assert!(matches!(found, Problem::Header { .. }), "{bad}: {found}");
    }
    let huge = layout()
        .pax(b'x', &[("size", "18446744073709551615")])
        .file("x", b"");
    let unlimited = Limits {
        layer: u64::MAX,
        image: u64::MAX,
        ..Limits::default()
    };
    for bytes in [huge.clone().end(), gzip(&huge.end())] {
        let error = Place::limited(unlimited)
            .check(&bytes)
            .expect_err("refused");
        assert!(error.to_string().ends_with("is cut short"), "{error}");
    }
}

fn mismatches_and_length(staging: &ir_sign::store::Staging<'_>, blob: &[u8]) -> u64 {
    let folder = staging.dir().path();
    assert_eq!(super::build::mismatches(folder), [""; 0]);
    let metadata = fs::metadata(folder.join(blob_name(blob)));
    metadata.expect("a blob").len()
}

#[test]
fn faults_of_a_header_are_told_with_their_place() {
    let good = layout();
    let at = good.clone().unended().len();
    let mut bytes = good.file("x", b"").end();
    bytes[at] ^= 1;
    let found = problem(&bytes);
    let Problem::Header { position, reason } = found else {
        panic!("{found}");
    };
    assert_eq!((position, reason), (at as u64, "its checksum is wrong"));
}

#[test]
fn an_archive_that_ends_within_a_member_is_cut_short() {
    let whole = layout().file("ballast", &[7; 5000]).end();
    let within = whole.len() - 1024 - 3000;
    let between = whole.len() - 1024;
    for (length, wanted) in [
        (within, Problem::Truncated),
        (between - 100, Problem::Truncated),
        (between, Problem::NoEnd),
        (between + 100, Problem::Truncated),
    ] {
        assert_eq!(problem(&whole[..length]), wanted, "{length}");
        assert_eq!(problem(&gzip(&whole[..length])), wanted, "{length}, packed");
    }
    // A member that the run reads and does not pass over, and that would end with a block.
    let index = format!("{:1024}", String::from_utf8_lossy(&index(&["1.0"])));
    let layout = blobs().file("oci-layout", LAYOUT_FILE);
    let layout = layout.file("index.json", index.as_bytes()).unended();
    let cut = &layout[..layout.len() - 100];
    assert_eq!(problem(cut), Problem::Truncated);
    assert_eq!(problem(&gzip(cut)), Problem::Truncated);
}

#[test]
fn an_extension_has_64_kib_at_most() {
    let tar = |length: usize| {
        let comment = format!("{length} comment={}\n", "x".repeat(length - 15));
        layout()
            .member(b"x", b'x', "", comment.as_bytes())
            .file("y", b"")
    };
    Place::new().check(&tar(65_536).end()).expect("harmless");
    let found = problem(&tar(65_537).end());
    assert!(matches!(found, Problem::Header { .. }), "{found}");
}

#[test]
fn extensions_are_about_one_member() {
    let twice = layout()
        .pax(b'x', &[("path", "a"), ("path", "b")])
        .file("x", b"");
    let both = layout()
        .member(b"L", b'L', "", b"a\0")
        .pax(b'x', &[("path", "b")])
        .file("x", b"");
    let two = layout()
        .pax(b'x', &[("a", "b")])
        .pax(b'x', &[("a", "b")])
        .file("x", b"");
    let none = layout().pax(b'x', &[("path", "a")]);
    let no_named = layout().member(b"L", b'L', "", b"a\0");
    let no_link = layout().member(b"K", b'K', "", b"a\0");
    let global = layout().pax(b'g', &[("path", "index.json")]).file("x", b"");
    let long = layout()
        .member(b"L", b'L', "", &vec![b'a'; 70_000])
        .file("x", b"");
    let malformed = layout().member(b"x", b'x', "", b"7 a=b\n").file("x", b"");
    // Go's reader forgets the first one at the second.
    let between = [
        layout().pax(b'x', &[("path", "a")]),
        layout().member(b"L", b'L', "", b"a\0"),
    ]
    .map(|tar| tar.pax(b'g', &[("comment", "x")]).file("x", b""));
    for tar in [
        twice, both, two, none, no_named, no_link, global, long, malformed,
    ]
    .into_iter()
    .chain(between)
    {
        let found = problem(&tar.end());
        assert!(matches!(found, Problem::Header { .. }), "{found}");
    }
}

/// The header of a member, changed at a place, with the right checksum.
fn changed(kind: u8, content: &[u8], at: usize, bytes: &[u8]) -> Tar {
    let mut header = header(b"z", kind, "", content.len() as u64);
    header.as_mut_bytes()[at..at + bytes.len()].copy_from_slice(bytes);
    header.set_cksum();
    layout().raw(header.as_bytes()).content(content)
}

#[test]
fn names_that_readers_disagree_about_are_refused() {
    const MAGIC: usize = 257;
    const PREFIX: usize = 345;
    let posix: &[u8] = b"ustar\x0000";
    // An extension, by its type, in a header of which readers differ whether it can be one.
    for magic in [&b"ustar\x0001"[..], b"usta\n---", &[0; 8]] {
        for (kind, content) in [(b'x', &b"9 path=y\n"[..]), (b'L', b"y\0")] {
            let tar = changed(kind, content, MAGIC, magic).file("x", b"");
            let found = problem(&tar.end());
            assert!(
                matches!(found, Problem::Header { .. }),
                "{magic:?}: {found}"
            );
        }
        let tar = changed(b'x', b"9 path=y\n", MAGIC, posix).file("x", b"");
        Place::new().check(&tar.end()).expect("POSIX's own");
    }
    // A name's first part, which some readers put before the name.
    for magic in [&b"ustar  \0"[..], b"ustar\x0001", &[0; 8]] {
        let bytes = [magic, &[0; PREFIX - MAGIC - 8], b"elsewhere"].concat();
        let found = problem(&changed(b'0', b"", MAGIC, &bytes).end());
        assert!(matches!(found, Problem::Name { .. }), "{magic:?}: {found}");
    }
    // star has times in the last part of what is POSIX's first part of a name, and Go reads them.
    let star = |prefix: &[u8], trailer: &[u8; 4]| {
        let mut bytes = [0; 512 - MAGIC];
        bytes[..8].copy_from_slice(posix);
        bytes[PREFIX - MAGIC..][..prefix.len()].copy_from_slice(prefix);
        bytes[508 - MAGIC..].copy_from_slice(trailer);
        changed(b'0', b"", MAGIC, &bytes).end()
    };
    let times = [&[b'a'; 131][..], &[b'0'; 24]].concat();
    let found = problem(&star(&times, b"tar\0"));
    assert!(matches!(found, Problem::Name { .. }), "{found}");
    for (prefix, trailer) in [(&times[..], &[0; 4]), (&times[..131], b"tar\0")] {
        let place = Place::new();
        place.check(&star(prefix, trailer)).expect("read alike");
    }
}

#[test]
fn an_archive_that_changes_gains_nothing() {
    let honest = layout().end();
    for changed in [
        layout().member(b"../../evil", b'0', "", b"x").end(),
        layout().member(b"blobs/sha256", b'2', "/tmp", b"").end(),
        layout().file(&blob_name(LAYER), LAYER).end(),
        layout().file(&blob_name(b"a"), b"b").end(),
        layout().end()[..2048].to_vec(),
    ] {
        let place = Place::new();
        let path = place.put(&honest);
        let archive = Archive::open(&path, Limits::default()).expect("opened");
        let survey = archive.survey(&Silent).expect("honest");
        place.put(&changed);
        let registry = Registry::open(place.path(), Limits::default()).expect("a registry");
        let staging = registry
            .stage(&"app".parse().expect("a name"))
            .expect("a folder");
        let error = archive.unpack(&survey, staging.dir(), &Silent);
        assert!(
            matches!(
                error,
                Err(Error {
                    kind: Kind::Archive { .. },
                    ..
                })
            ),
            "{error:?}"
        );
        assert!(!place.path().join("evil").exists());
    }
    // Another index.json is not taken over.
    let place = Place::new();
    let path = place.put(&honest);
    let archive = Archive::open(&path, Limits::default()).expect("opened");
    let survey = archive.survey(&Silent).expect("honest");
    let other = blobs()
        .file("oci-layout", b"{}")
        .file("index.json", &index(&["2.0"]));
    place.put(&other.end());
    let registry = Registry::open(place.path(), Limits::default()).expect("a registry");
    let staging = registry
        .stage(&"app".parse().expect("a name"))
        .expect("a folder");
    archive
        .unpack(&survey, staging.dir(), &Silent)
        .expect("unpacked");
    let written = fs::read(staging.dir().path().join("index.json")).expect("a file");
    assert_eq!(written, index(&["1.0"]));
}
