//! The shape of the source: which module may use which, and a few rules for every file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use harness::top;

const MOST_LINES: usize = 450;
/// Of files of tests, fuzz targets and benches.
const MOST_LINES_OF_TESTS: usize = 800;

/// Each folder, or file, at the top of `src` and what it may use, besides itself.
const LAYERS: [(&str, &[&str]); 23] = [
    ("class", &[]),
    ("output", &[]),
    ("parallel", &[]),
    ("progress", &[]),
    ("secret", &[]),
    ("text", &[]),
    ("files", &["class", "output", "secret"]),
    ("encoding", &[]),
    ("crypto", &["encoding"]),
    ("image", &["encoding", "crypto"]),
    ("x509", &["encoding", "crypto"]),
    ("report", &["crypto", "image"]),
    (
        "key",
        &[
            "class", "output", "parallel", "progress", "secret", "text", "files", "encoding",
            "crypto", "x509", "report",
        ],
    ),
    (
        "scheme",
        &["class", "encoding", "crypto", "image", "x509", "report"],
    ),
    (
        "trust",
        &[
            "class", "encoding", "crypto", "image", "x509", "report", "scheme",
        ],
    ),
    (
        "ocicrypt",
        &["class", "secret", "text", "encoding", "crypto"],
    ),
    (
        "store",
        &[
            "class", "output", "parallel", "progress", "secret", "text", "files", "encoding",
            "crypto", "image", "report", "ocicrypt",
        ],
    ),
    ("broker", &["class", "text", "files", "encoding"]),
    (
        "ceremony",
        &[
            "class", "text", "files", "encoding", "crypto", "x509", "report", "key", "scheme",
        ],
    ),
    (
        "ops",
        &[
            "class", "output", "parallel", "progress", "secret", "text", "files", "encoding",
            "crypto", "image", "x509", "report", "key", "scheme", "trust", "ocicrypt", "store",
            "broker", "ceremony",
        ],
    ),
    (
        "cli",
        &[
            "class", "output", "parallel", "progress", "secret", "text", "files", "encoding",
            "crypto", "image", "x509", "report", "key", "scheme", "trust", "ocicrypt", "store",
            "broker", "ceremony", "ops",
        ],
    ),
    ("lib", &[]),
    ("main", &["cli"]),
];

/// Replaces comments and the content of literals by spaces, so that the rest is code.
fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    while at < chars.len() {
        let rest = &chars[at..];
        let length = match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['r', '"' | '#', ..] if !before_is_word(&chars, at) => raw_string(rest),
            ['"', ..] => string(rest),
            ['\'', '\\', ..] => {
                2 + rest[2..]
                    .iter()
                    .skip(1)
                    .position(|c| *c == '\'')
                    .unwrap_or(0)
                    + 2
            }
            ['\'', _, '\'', ..] => 3,
            _ => 0,
        };
        if length == 0 {
            out.push(chars[at]);
            at += 1;
        } else {
            let length = length.min(rest.len());
            out.extend(rest[..length].iter().map(|c| blank(*c)));
            at += length;
        }
    }
    out
}

fn before_is_word(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let end: String = format!("\"{}", "#".repeat(hashes));
    let end: Vec<char> = end.chars().collect();
    let start = 2 + hashes;
    let found = rest[start..].windows(end.len()).position(|w| w == end);
    found.map_or(rest.len(), |at| start + at + end.len())
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The modules at the top of the crate that code names, each with its line.
fn used(text: &str) -> Vec<(usize, String)> {
    let code = code(text);
    let mut found = Vec::new();
    for root in ["crate::", "ir_sign::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            for (offset, name) in first_names(&code[at + root.len()..]) {
                let line = code[..at + root.len() + offset].matches('\n').count() + 1;
                found.push((line, name));
            }
        }
    }
    found
}

/// The first names of a path, or of each path in braces.
fn first_names(rest: &str) -> Vec<(usize, String)> {
    let name = |text: &str| -> String {
        let word = |c: &char| c.is_alphanumeric() || *c == '_';
        text.chars().take_while(word).collect()
    };
    if !rest.starts_with('{') {
        return vec![(0, name(rest))];
    }
    let mut names = Vec::new();
    let mut depth = 0;
    let mut wanted = false;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => (depth, wanted) = (depth + 1, depth == 0),
            '}' => depth -= 1,
            ',' => wanted = depth == 1,
            c if c.is_whitespace() => {}
            _ if wanted => {
                names.push((at, name(&rest[at..])));
                wanted = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// The one module whose files may have unsafe code.
const UNSAFE: &str = "key/pkcs11/raw";

/// Whether a comment says, in the lines just before, why an unsafe block is sound.
fn explained(before: &[&str]) -> bool {
    let mut lines = before.iter().rev().map(|line| line.trim());
    let comment = lines
        .by_ref()
        .take(8)
        .take_while(|line| !line.ends_with(';'));
    comment
        .into_iter()
        .any(|line| line.starts_with("// SAFETY: "))
}

/// The faults of a file at this path below `src`, as lines with file and line.
fn problems(path: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut tell = |line: usize, what: String| {
        problems.push(format!("src/{}:{line}: {what}", path.display()));
    };
    let first = path.components().next().expect("a name").as_os_str();
    let module = Path::new(first).file_stem().expect("a name");
    let module = module.to_string_lossy().into_owned();
    match LAYERS.iter().find(|(name, _)| *name == module) {
        None => tell(1, format!("{module} has no place in tests/house/tidy.rs")),
        Some((_, allowed)) => {
            for (line, name) in used(text) {
                if name != module && !allowed.contains(&name.as_str()) {
                    tell(line, format!("{module} must not use {name}"));
                }
            }
        }
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        tell(lines, format!("{lines} lines, more than {MOST_LINES}"));
    }
    if !text.starts_with("//! ") {
        tell(1, "does not start with a //! comment".into());
    }
    for (n, line) in code(text).lines().enumerate() {
        for word in ["todo!", "unimplemented!", "dbg!"] {
            if line.contains(word) {
                tell(n + 1, format!("{word} is left in"));
            }
        }
    }
    // Forbidden in the program, denied in the library, for one module of it needs it.
    let lint = |name: &str| code(text).contains(name);
    if path == Path::new("main.rs") && !lint("#![forbid(unsafe_code)]")
        || path == Path::new("lib.rs") && !lint("#![deny(unsafe_code)]")
    {
        tell(1, "does not forbid unsafe code".into());
    }
    if path.starts_with(UNSAFE) {
        for (n, line) in code(text).lines().enumerate() {
            let before = text.lines().take(n).collect::<Vec<_>>();
            if line.contains("unsafe {") && !explained(&before) {
                tell(n + 1, "an unsafe block without a SAFETY comment".into());
            }
        }
    } else if let Some(n) = code(text)
        .lines()
        .position(|line| line.contains("unsafe ") || line.contains("allow(unsafe_code)"))
    {
        tell(n + 1, "unsafe code is for key/pkcs11/raw alone".into());
    }
    problems
}

/// The Rust files below a folder of the source tree.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![top().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn every_source_file_keeps_the_rules() {
    let src = top().join("src");
    let mut all = Vec::new();
    for path in files("src") {
        let text = fs::read_to_string(&path).expect("a file in UTF-8");
        let name = path.strip_prefix(&src).expect("it is in there");
        all.extend(problems(name, &text));
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn each_file_of_tests_is_read_in_one_sitting() {
    // Not all of `fuzz`: a run of its own puts crates that others wrote there.
    for folder in ["benches", "fuzz/fuzz_targets", "fuzz/src", "tests"] {
        let files = files(folder);
        assert!(!files.is_empty(), "{folder}");
        for path in files {
            let lines = fs::read_to_string(&path).expect("text").lines().count();
            let path = path.display();
            assert!(lines <= MOST_LINES_OF_TESTS, "{path} has {lines} lines");
        }
    }
}

#[test]
fn the_layers_are_in_order() {
    // Nothing may use what may use it.
    for (name, allowed) in LAYERS {
        for used in allowed {
            let (_, back) = LAYERS.iter().find(|(n, _)| n == used).expect("a layer");
            assert!(!back.contains(&name), "{name} and {used} use one another");
        }
    }
    let axes = ["key", "scheme", "store"];
    for (name, allowed) in LAYERS.iter().filter(|(n, _)| axes.contains(n)) {
        assert!(!allowed.iter().any(|a| axes.contains(a)), "{name}");
    }
}

/// Problems of a sample, without the path.
fn sample(path: &str, text: &str) -> BTreeSet<String> {
    let text = format!("//! A sample.\n{text}");
    let problems = problems(Path::new(path), &text).into_iter();
    let prefix = format!("src/{path}:");
    problems
        .map(|p| p.strip_prefix(&prefix).expect("the file").to_owned())
        .collect()
}

#[test]
fn unsafe_code_is_found_where_it_must_not_be() {
    for (path, text, problem) in [
        (
            "store/a.rs",
            "fn f() { unsafe { g() } }",
            "2: unsafe code is for key/pkcs11/raw alone",
        ),
        (
            "store/a.rs",
            "#![allow(unsafe_code)]",
            "2: unsafe code is for key/pkcs11/raw alone",
        ),
        (
            "key/pkcs11/raw/call.rs",
            "fn f() {\n    // Fast.\n    unsafe { g() }\n}",
            "4: an unsafe block without a SAFETY comment",
        ),
        (
            "lib.rs",
            "// #![deny(unsafe_code)]",
            "1: does not forbid unsafe code",
        ),
        (
            "main.rs",
            "#![deny(unsafe_code)]",
            "1: does not forbid unsafe code",
        ),
    ] {
        let wanted = BTreeSet::from([problem.to_owned()]);
        assert_eq!(sample(path, text), wanted, "{path}: {text}");
    }
    let fine = "fn f() {\n    // SAFETY: it is.\n    unsafe { g() }\n}";
    assert_eq!(sample(UNSAFE, fine), BTreeSet::new());
}

#[test]
fn a_broken_layer_is_found_with_its_line() {
    let one = |line: usize, what: &str| BTreeSet::from([format!("{line}: {what}")]);
    for (path, text, line, what) in [
        (
            "store/a.rs",
            "use crate::key::KeyRef;",
            2,
            "store must not use key",
        ),
        (
            "store/a/b.rs",
            "\n\nuse crate::scheme;",
            4,
            "store must not use scheme",
        ),
        (
            "key/mod.rs",
            "pub use crate::image::Image;",
            2,
            "key must not use image",
        ),
        (
            "scheme/a.rs",
            "fn f() { crate::store::x(); }",
            2,
            "scheme must not use store",
        ),
        (
            "report.rs",
            "fn f(e: &crate::scheme::Error) {}",
            2,
            "report must not use scheme",
        ),
        ("ops/a.rs", "use crate::cli;", 2, "ops must not use cli"),
        (
            "crypto/a.rs",
            "use crate::{\n    encoding,\n    image,\n};",
            4,
            "crypto must not use image",
        ),
        (
            "image.rs",
            "use crate::{crypto::{a, report}, store::{Dir}};",
            2,
            "image must not use store",
        ),
        (
            "key/a.rs",
            "/* x /* y */ */ use crate::store;",
            2,
            "key must not use store",
        ),
        (
            "key/a.rs",
            "let c = '\"'; use crate::store;",
            2,
            "key must not use store",
        ),
        (
            "key/a.rs",
            "let c = '\\''; use crate::store;",
            2,
            "key must not use store",
        ),
        (
            "main.rs",
            "#![forbid(unsafe_code)]\nuse ir_sign::ops;",
            3,
            "main must not use ops",
        ),
        ("new.rs", "", 1, "new has no place in tests/house/tidy.rs"),
        ("store/a.rs", "fn f() { todo!() }", 2, "todo! is left in"),
        (
            "store/a.rs",
            "fn f() { unimplemented!() }",
            2,
            "unimplemented! is left in",
        ),
        ("store/a.rs", "fn f() { dbg!(1); }", 2, "dbg! is left in"),
    ] {
        assert_eq!(sample(path, text), one(line, what), "{path}: {text}");
    }
    let long = "\n".repeat(MOST_LINES);
    assert_eq!(
        sample("store/a.rs", &long),
        one(451, "451 lines, more than 450")
    );
    let bare = problems(Path::new("store/a.rs"), "// A sample.\n");
    assert_eq!(
        bare,
        ["src/store/a.rs:1: does not start with a //! comment"]
    );
}

#[test]
fn what_is_not_code_is_not_found() {
    for text in [
        "use crate::crypto::Digest;\nuse crate::store::Dir;\nuse super::Error;",
        "// use crate::key;\n/* crate::key */\n/// [`crate::key`]",
        "let s = \"crate::key todo!()\"; let r = r#\"crate::key \" dbg!\"#;",
        "let s = \"\\\" crate::key\";",
        "use not_crate::key; fn f<'a>(x: &'a str) {}",
        "let c = '\"'; let d = '\\\\'; // crate::key",
    ] {
        assert_eq!(sample("store/a.rs", text), BTreeSet::new(), "{text}");
    }
}
