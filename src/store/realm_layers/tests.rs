//! Tests of each fault that realms refuse, and of each form that they accept, in handmade archives.

mod archive;

use archive::{Layer, header_of_map, layer, records_of};
use tar::{EntryType, Header};

use super::model::check_layers;
use crate::image::realm::rule;

/// The rules that the layers break. Checks archives with and without an end mark, in pieces of several sizes.
fn broken(layers: &[Layer]) -> Vec<&'static str> {
    let ended: Vec<_> = layers.iter().cloned().map(Layer::end).collect();
    let mut found = None;
    for layers in [layers, &ended] {
        let layers: Vec<&[u8]> = layers.iter().map(|layer| &layer.0[..]).collect();
        for step in [1, 511, 4096] {
            let findings = check_layers(&layers, step);
            for finding in &findings {
                assert!(finding.reason.starts_with("layer "), "{finding:?}");
                assert!(
                    !finding.reason.contains(['\n', '\0', '\u{1b}']),
                    "{finding:?}"
                );
            }
            let rules: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
            assert_eq!(
                *found.get_or_insert(rules.clone()),
                rules,
                "in steps of {step}"
            );
        }
    }
    found.expect("it was tried")
}

#[track_caller]
fn takes(layers: &[Layer]) {
    assert_eq!(broken(layers), [""; 0]);
}

#[track_caller]
fn refuses(rule: &str, layers: &[Layer]) {
    assert_eq!(broken(layers), [rule]);
}

#[test]
fn a_folder_that_a_later_layer_removes_or_replaces() {
    let below = layer().folder("d").file("d/x").file("f");
    let over = |above: Layer| [below.clone(), above];
    refuses(rule::WHITEOUT_OF_FOLDER, &over(layer().file(".wh.d")));
    refuses(rule::WHITEOUT_OF_FOLDER, &over(layer().file("d/.wh.")));
    refuses(rule::WHITEOUT_OF_FOLDER, &over(layer().file("d/.wh...")));
    refuses(rule::OVER_FOLDER, &over(layer().file("d")));
    refuses(rule::OVER_FOLDER, &over(layer().link("d", "f")));
    refuses(rule::OVER_FOLDER, &over(layer().hard("d", "f")));
    refuses(
        rule::OVER_FOLDER,
        &over(layer().member(EntryType::Fifo, "d", "", b"")),
    );
    refuses(rule::FOLDER_OVER_FILE, &over(layer().folder("f")));
    refuses(rule::LAYER_PATH, &over(layer().file("f/x")));
    refuses(rule::OVER_FOLDER, &[layer().folder("d").file("d")]);
    // The findings do not include the consequences of a fault.
    refuses(
        rule::WHITEOUT_OF_FOLDER,
        &over(layer().file(".wh.d").file("d")),
    );
    refuses(
        rule::OVER_FOLDER,
        &[below.clone(), layer().file("d"), layer().file(".wh.d")],
    );
    takes(&over(layer().folder("d").file("d/x").file("d/y")));
    takes(&over(layer().file(".wh.f").folder("f")));
    takes(&over(layer().file("d/.wh.x")));
    takes(&over(layer().file("d/.wh..wh..opq").file("d/y")));
    takes(&over(layer().file("d/y").file("d/.wh..wh..opq")));
    takes(&[
        below.clone(),
        layer().file("d/.wh.x"),
        layer().folder("d/x"),
    ]);
    takes(&[below, layer().file(".wh..wh..opq"), layer().file("d")]);
}

#[test]
fn a_link_in_the_place_of_what_is_there() {
    let below = layer().file("f").file("g").link("l", "f");
    let over = |above: Layer| [below.clone(), above];
    refuses(rule::LINK_OVER_FILE, &over(layer().link("l", "g")));
    refuses(rule::LINK_OVER_FILE, &over(layer().link("f", "g")));
    refuses(rule::LINK_OVER_FILE, &over(layer().hard("f", "g")));
    refuses(
        rule::LINK_OVER_FILE,
        &[layer().link("l", "g").link("l", "g")],
    );
    takes(&over(layer().file("l")));
    takes(&over(layer().file(".wh.l").link("l", "g")));
}

#[test]
fn whiteouts_of_what_is_not_there() {
    let below = layer()
        .file("d/x")
        .link("dangling", "nothing")
        .link("good", "d/x")
        .link("etc", "/etc");
    let over = |above: &str| [below.clone(), layer().file(above)];
    refuses(rule::WHITEOUT_OF_NOTHING, &over(".wh.nothing"));
    refuses(rule::WHITEOUT_OF_NOTHING, &over("new/.wh.x"));
    refuses(rule::WHITEOUT_OF_NOTHING, &over(".wh.dangling"));
    refuses(rule::WHITEOUT_OF_NOTHING, &over(".wh.etc"));
    refuses(rule::WHITEOUT_OF_NOTHING, &over(".wh..wh.aufs"));
    refuses(
        rule::WHITEOUT_OF_NOTHING,
        &[layer().file("x").file(".wh.x")],
    );
    refuses(
        rule::WHITEOUT_OF_NOTHING,
        &[below.clone(), layer().file("d/.wh.x").file("d/.wh.x")],
    );
    refuses(
        rule::WHITEOUT_OF_NOTHING,
        &[
            below.clone(),
            layer().file("d/.wh..wh..opq").file("d/.wh.x"),
        ],
    );
    refuses(rule::OPAQUE_OF_NOTHING, &over("new/.wh..wh..opq"));
    refuses(rule::OPAQUE_OF_NOTHING, &over("d/x/.wh..wh..opq"));
    refuses(
        rule::OPAQUE_OF_NOTHING,
        &[below.clone(), layer().folder("n").file("n/.wh..wh..opq")],
    );
    refuses(rule::LAYER_PATH, &over("etc/.wh.passwd"));
    refuses(rule::LAYER_PATH, &over("etc/.wh..wh..opq"));
    refuses(rule::LAYER_PATH, &over("/d/.wh.x"));
    refuses(rule::LAYER_PATH, &over("d/../.wh.good"));
    takes(&over(".wh.good"));
    takes(&over("d/.wh.x"));
    // These are not whiteouts: a link, and a file of an old type.
    takes(&[below.clone(), layer().link(".wh.x", "d")]);
    takes(&[
        below,
        layer().member(EntryType::Continuous, ".wh.y", "", b""),
    ]);
}

#[test]
fn hard_links() {
    let below = layer()
        .file("a")
        .link("l", "a")
        .link("abs", "/a")
        .folder("d")
        .link("up", "../a");
    let over = |above: Layer| [below.clone(), above];
    for target in ["/a", "nothing", "d", "abs", "up", "a/x"] {
        refuses(rule::HARD_LINK, &over(layer().hard("h", target)));
    }
    takes(&over(layer().hard("h", "a")));
    takes(&over(layer().hard("d/h", "./a")));
    takes(&over(layer().hard("h", "d/../a")));
    takes(&over(layer().hard("h", "l").hard("i", "h")));
    takes(&[layer().file("a").hard("/h", "a")]);
}

#[test]
fn paths_through_links() {
    let below = layer()
        .folder("usr/lib")
        .link("lib", "usr/lib")
        .link("abs", "/usr/lib")
        .link("usr/out", "../../usr")
        .link("usr/in", "../usr/lib")
        .link("dangling", "nothing")
        .link("loop", "loop");
    let over = |above: Layer| [below.clone(), above];
    for link in ["abs", "usr/out", "dangling", "loop"] {
        refuses(rule::LAYER_PATH, &over(layer().file(&format!("{link}/x"))));
        refuses(
            rule::LAYER_PATH,
            &over(layer().file(&format!("{link}/new/x"))),
        );
    }
    refuses(rule::LAYER_PATH, &over(layer().folder("abs")));
    refuses(rule::FOLDER_OVER_FILE, &over(layer().folder("dangling")));
    refuses(rule::LAYER_PATH, &[layer().file("../x")]);
    refuses(rule::LAYER_PATH, &[layer().file("a/../x")]);
    refuses(
        rule::LAYER_PATH,
        &[layer()
            .file(&"a".repeat(90))
            .pax(&[("path", &"a".repeat(256))])
            .file("x")],
    );
    takes(&over(layer().folder("lib/").file("lib/x").file("usr/in/y")));
    takes(&over(layer().file("lib/x").hard("y", "usr/lib/x")));
    takes(&over(layer().file("abs")));
    takes(&[
        below.clone(),
        layer().file("lib/x"),
        layer().file("usr/lib/.wh.x"),
    ]);
}

#[test]
fn names_and_types_that_realms_take() {
    let long = ["n".repeat(200), "m".repeat(200)].join("/");
    let gnu = |kind, text: &str| {
        layer().member(kind, "././@LongLink", "", format!("{text}\0").as_bytes())
    };
    takes(&[]);
    takes(&[layer(), layer()]);
    takes(&[layer()
        .folder("./")
        .file("./a")
        .file("/b/c")
        .folder("/b/")
        .file("d//e")
        .file("a")]);
    takes(&[layer().file("x").file("x").folder("y").folder("y")]);
    takes(&[
        layer()
            .pax(&[("path", &long), ("mtime", "1.5")])
            .file("short"),
        layer().pax(&[("path", &long)]).file("s"),
    ]);
    let named = gnu(EntryType::GNULongName, &long).file("short");
    takes(std::slice::from_ref(&named));
    let hard = gnu(EntryType::GNULongLink, &long).hard("h", &long[..100]);
    takes(&[named, hard]);
    takes(&[layer()
        .member(
            EntryType::XGlobalHeader,
            "pax_global_header",
            "",
            &records_of(&[("comment", "x")]),
        )
        .file("x")]);
    takes(&[layer()
        .pax(&[
            ("SCHILY.xattr.user.a", "a\nb"),
            ("SCHILY.xattr.security.capability", "\u{1}"),
        ])
        .file("x")]);
    takes(&[layer()
        .pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.name", "real")])
        .file("GNUSparseFile.0/real")]);
    takes(&[layer()
        .member(EntryType::Char, "dev/null", "", b"")
        .member(EntryType::Block, "dev/sda", "", b"")
        .member(EntryType::Fifo, "run/pipe", "", b"")
        .member(EntryType::Continuous, "dev/null", "", b"")]);
}

#[test]
fn a_sparse_file_of_old_gnu_tar() {
    refuses(
        rule::LAYER_SPARSE,
        &[layer().member(EntryType::GNUSparse, "s", "", b"").file("x")],
    );
    // The map of the sparse file may continue in blocks that are not headers.
    let mut map = vec![0; 1536];
    map[504] = 1;
    let above = layer().folder("s");
    refuses(rule::LAYER_SPARSE, &[layer().header(header_of_map(), &map)]);
    let mut two = broken(&[layer().header(header_of_map(), &map), above]);
    two.sort_unstable();
    assert_eq!(two, [rule::FOLDER_OVER_FILE, rule::LAYER_SPARSE]);
}

#[test]
fn archives_that_readers_read_differently_are_refused() {
    let is_broken = |layer: Layer| refuses(rule::LAYER_TAR, &[layer.file("x")]);
    // Readers differ about the size, or the name, of this file.
    is_broken(layer().pax(&[("size", "0")]).file("a"));
    is_broken(layer().pax(&[("path", "a")]).pax(&[("path", "b")]));
    is_broken(layer().pax(&[("path", "a"), ("path", "b")]));
    is_broken(layer().member(EntryType::XHeader, "pax", "", b"5 path=x\n"));
    is_broken(layer().member(
        EntryType::XGlobalHeader,
        "g",
        "",
        &records_of(&[("path", "x")]),
    ));
    is_broken(
        layer()
            .member(EntryType::GNULongName, "l", "", b"a\0")
            .pax(&[("path", "b")]),
    );
    takes(&[layer().pax(&[("size", "7")]).file("a")]);
    for size in [
        *b"            ",
        [0; 12],
        *b"+0000000003\0",
        [0xff; 12],
        *b"3\x007         ",
    ] {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[0] = b'a';
        header.as_old_mut().size = size;
        is_broken(layer().header(header, b""));
    }
    let mut binary = Header::new_gnu();
    binary.as_old_mut().name[0] = b'a';
    binary.as_old_mut().size = *b"\x80\0\0\0\0\0\0\0\0\0\0\x07";
    takes(&[layer().header(binary, b"content")]);
    let mut old = Header::new_old();
    old.as_old_mut().name[0] = b'a';
    old.set_entry_type(EntryType::XHeader);
    old.set_size(0);
    is_broken(layer().header(old, b""));
    let mut sums = layer().file("a");
    sums.0[0] = b'b';
    is_broken(sums);
    is_broken(layer().link("l", ""));
    for cut in [1, 511, 513, 1023] {
        let cut = Layer(layer().file("a").0[..cut].to_vec());
        let layers: &[&[u8]] = &[&cut.0];
        assert_eq!(
            check_layers(layers, 100)[0].rule,
            rule::LAYER_TAR,
            "{}",
            cut.0.len()
        );
    }
    refuses(rule::LAYER_TAR, &[Layer(vec![b'x'; 512])]);
}

#[test]
fn names_that_mean_different_things() {
    refuses(
        rule::LAYER_PATH,
        &[layer().pax(&[("path", "a\0b")]).file("a")],
    );
    refuses(
        rule::LAYER_PATH,
        &[layer()
            .member(EntryType::GNULongName, "l", "", b"a\0b\0")
            .file("a")],
    );
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..2].copy_from_slice(b"\xff\xfe");
    header.set_size(0);
    refuses(rule::LAYER_PATH, &[layer().header(header.clone(), b"")]);
    header.set_entry_type(EntryType::Directory);
    takes(&[layer().header(header, b"")]);
    let long = "t".repeat(150);
    let link = layer().pax(&[("linkpath", &long)]).link("l", &long[..100]);
    refuses(rule::LINK_TARGET, &[link]);
    takes(&[layer().pax(&[("linkpath", "t")]).link("l", "t")]);
}

#[test]
fn after_what_cannot_be_read_nothing_is_said_of_higher_layers() {
    refuses(
        rule::LAYER_TAR,
        &[Layer(vec![b'x'; 512]), layer().file(".wh.x")],
    );
}

#[test]
fn more_names_than_are_kept_are_not_passed_over() {
    let long = vec!["n".repeat(200); 18].join("/");
    let many = (0..1500).fold(layer(), |layer, n| {
        layer
            .pax(&[("path", &format!("{n:04}{long}"))])
            .file("short")
    });
    let findings = check_layers(&[&many.0, &layer().file(".wh.x").0], 1 << 20);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].rule, rule::LAYER_NAMES);
}

#[test]
fn of_many_faults_the_first_is_told_with_how_many_more() {
    let below = (0..5).fold(layer(), |layer, n| layer.folder(&format!("d\x1b{n}")));
    let above = (0..5).fold(layer(), |layer, n| layer.file(&format!(".wh.d\x1b{n}")));
    let findings = check_layers(&[&below.0, &above.0], 512);
    assert_eq!(findings.len(), 1);
    assert_eq!(
        findings[0].reason,
        "layer 2 has a whiteout of \"d\\u{1b}0\", which is a folder (and 4 more)"
    );
}
