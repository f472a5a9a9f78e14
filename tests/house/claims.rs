//! SECURITY.md claims what tests prove: each test that it names is there, and each rule that the
//! program reports has its claim.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use harness::top;

use crate::tidy::files;

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("text")
}

/// The names of all tests.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in files("tests").iter().chain(&files("src")) {
        let text = text(path);
        assert!(
            !text.contains(concat!("#[", "ignore")),
            "{}: a test that never runs proves nothing",
            path.display()
        );
        if !is_compiled(path) {
            continue;
        }
        for part in text.split("#[test]").skip(1) {
            let name = part
                .split("fn ")
                .nth(1)
                .and_then(|rest| rest.split('(').next());
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

/// Whether a file is a program or a library, or named as a module by the one above it.
fn is_compiled(path: &Path) -> bool {
    let folder = path.parent().expect("it is in a folder");
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let stem = stem.expect("a name");
    if ["main", "lib"].contains(&stem) {
        return true;
    }
    let of_folder = folder.with_extension("rs");
    let (above, name) = match stem {
        "mod" => (folder.parent().expect("a folder"), folder.file_name()),
        _ => (folder, path.file_stem()),
    };
    let named = format!(
        "mod {};",
        name.and_then(|name| name.to_str()).expect("a name")
    );
    let places = ["main.rs", "lib.rs", "mod.rs"].map(|file| above.join(file));
    let all = places.into_iter().chain([of_folder]);
    all.filter(|place| place.is_file())
        .any(|place| text(&place).contains(&named))
}

/// The rules that the program reports by.
fn rules() -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    for path in files("src") {
        for line in text(&path).lines() {
            let Some((_, value)) = line.split_once(": &str = \"") else {
                continue;
            };
            let rule = value.trim_end_matches("\";");
            let kinds = [
                "image.",
                "annotation.",
                "ceremony.",
                "cert.",
                "cosign.",
                "notary.",
                "policy.",
                "realm.",
                "simple.",
            ];
            let is_rule = kinds.iter().any(|kind| rule.starts_with(kind));
            if is_rule {
                rules.insert(rule.to_owned());
            }
        }
    }
    rules
}

/// The cells of the tables whose last column is named so.
fn rows() -> Vec<Vec<String>> {
    let page = text(&top().join("SECURITY.md"));
    let mut rows = Vec::new();
    let mut within = false;
    for line in page.lines() {
        let cells: Vec<String> = line
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect();
        if !line.starts_with('|') {
            within = false;
        } else if cells.last().is_some_and(|cell| cell == "proved by") {
            within = true;
        } else if within && !line.starts_with("|-") {
            rows.push(cells);
        }
    }
    rows
}

/// The words between back-ticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_claim_names_tests_that_are_there() {
    let tests = tests();
    let rows = rows();
    assert!(
        rows.len() > 20 && tests.len() > 300,
        "{} {}",
        rows.len(),
        tests.len()
    );
    for row in rows {
        let proofs = row.last().map(|cell| quoted(cell)).unwrap_or_default();
        assert!(!proofs.is_empty(), "nothing proves: {}", row[0]);
        for proof in proofs {
            assert!(
                tests.contains(proof),
                "there is no test {proof} for: {}",
                row[0]
            );
        }
    }
}

#[test]
fn every_rule_has_its_claim_and_every_claim_its_rule() {
    let rules = rules();
    assert!(rules.len() > 10, "{rules:?}");
    let claimed: BTreeSet<String> = rows()
        .iter()
        .filter(|row| row.len() == 3)
        .flat_map(|row| {
            quoted(&row[1])
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(claimed, rules);
}
