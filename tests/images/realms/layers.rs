//! The run finds what realms cannot unpack in the images of real builders, and finds nothing else.

use std::collections::BTreeSet;
use std::fs;

use harness::builders::{self, Case, Expected, Kind};
use ir_sign::image::Reference;
use ir_sign::image::realm::rule;
use ir_sign::progress::Silent;
use ir_sign::store::archive::Archive;
use ir_sign::store::{Layout, Limits, Registry, Selection, realm_layers};

/// The rules that the images which signing would be asked for break.
fn broken(case: &Case) -> BTreeSet<&'static str> {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits {
        window: 32 << 20,
        ..Limits::default()
    };
    let app = "app".parse().expect("a name");
    match case.kind {
        Kind::Layout | Kind::Dir => {
            case.unpack(&folder.path().join("app"));
            let registry = Registry::open(folder.path(), limits).expect("a registry");
            found(&registry.layout(&app).expect("a layout"), case)
        }
        Kind::Archive => {
            fs::create_dir_all(folder.path()).expect("a folder");
            let registry = Registry::open(folder.path(), limits).expect("a registry");
            let archive = Archive::open(&case.archive(), limits).expect("an archive");
            let survey = archive.survey(&Silent).expect("images");
            let staging = registry.stage(&app).expect("a folder");
            archive
                .unpack(&survey, staging.dir(), &Silent)
                .expect("it unpacks");
            found(&staging.layout().expect("a layout"), case)
        }
    }
}

fn found(layout: &Layout, case: &Case) -> BTreeSet<&'static str> {
    let named = case.args.iter().position(|arg| arg == "-d");
    let named = named.map(|at| case.args[at + 1].parse::<Reference>().expect("a reference"));
    let named = named.as_slice();
    let reader = layout.reader();
    let targets = reader
        .resolve(named, &Selection::All)
        .or_else(|_| reader.all_images().map(|(targets, _)| targets));
    let mut rules = BTreeSet::new();
    for target in targets.expect("images") {
        let Ok(image) = reader.load(&target) else {
            continue;
        };
        rules.extend(realm_layers::check_config(&image).iter().map(|f| f.rule));
        let findings = reader
            .check_layers_for_realms(&image, &Silent)
            .expect("it is read");
        for finding in findings.realm.into_iter().flatten() {
            println!("{}: {}: {}", case.name, finding.rule, finding.reason);
            rules.insert(finding.rule);
        }
    }
    rules
}

fn each(wanted: impl Fn(&Case) -> bool, test: impl Fn(&Case, BTreeSet<&'static str>)) {
    let cases: Vec<_> = builders::cases().into_iter().filter(wanted).collect();
    assert!(!cases.is_empty());
    for case in cases {
        let broken = broken(&case);
        test(&case, broken);
    }
}

#[test]
fn an_image_that_realms_get_breaks_no_rule() {
    each(
        |case| matches!(case.expected, Expected::Served | Expected::ForRealms),
        |case, broken| assert_eq!(broken, BTreeSet::new(), "{}", case.name),
    );
}

#[test]
fn an_image_that_no_realm_unpacks_breaks_the_rule_that_says_why() {
    let why = |reason: &str| match reason {
        r if r.contains("history") => rule::CONFIG_HISTORY,
        r if r.contains("gzip of several") => rule::GZIP_MEMBERS,
        r if r.contains("frames") => rule::ZSTD_FRAMES,
        r if r.contains("directory whiteout") => rule::WHITEOUT_OF_FOLDER,
        r if r.contains("replaced") => rule::OVER_FOLDER,
        other => panic!("{other}"),
    };
    each(
        |case| case.expected == Expected::NotUnpacked,
        |case, broken| {
            let why = why(&case.reason);
            assert_eq!(broken, [why].into(), "{}: {}", case.name, case.reason);
        },
    );
}
