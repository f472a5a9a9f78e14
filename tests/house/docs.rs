//! README.md and docs/ say what is so: their links lead somewhere, and their commands work as they stand there, from an
//! empty folder and home on.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use harness::{Run, Sandbox, copy_keys, data};

const TOP: &str = env!("CARGO_MANIFEST_DIR");
/// Words that the README may have: a screen or two.
const MOST_WORDS: usize = 1300;

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(TOP).join(name)).expect("text")
}

/// README.md, SECURITY.md and all of docs/.
fn pages() -> Vec<String> {
    let mut names = vec!["README.md".to_owned(), "SECURITY.md".to_owned()];
    for entry in fs::read_dir(Path::new(TOP).join("docs")).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        names.push(format!("docs/{}", name.to_string_lossy()));
    }
    names
}

/// The anchors that a page's headings get where it is shown.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        });
        kept.collect()
    };
    headings.map(anchor).collect()
}

/// The targets of a page's links.
fn links(text: &str) -> Vec<String> {
    let parts = text.split("](").skip(1);
    let target = |part: &str| part.split(')').next().map(str::to_owned);
    parts.filter_map(target).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut tried = 0;
    for name in pages() {
        let folder = Path::new(&name).parent().expect("a folder").to_owned();
        for link in links(&page(&name)) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                PathBuf::from(&name)
            } else {
                folder.join(file)
            };
            let there = Path::new(TOP).join(&target);
            assert!(there.exists(), "{name}: {link} leads nowhere");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&there).expect("text");
                assert!(anchors(&text).contains(anchor), "{name}: {link}");
            }
            tried += 1;
        }
    }
    assert!(tried > 15, "only {tried} links were found");
}

#[test]
fn every_page_of_docs_is_linked_from_the_readme() {
    let readme = links(&page("README.md"));
    for name in pages().iter().filter(|name| name.starts_with("docs/")) {
        assert!(readme.contains(name), "{name}");
    }
}

#[test]
fn the_readme_is_a_screen_or_two() {
    let words = page("README.md").split_whitespace().count();
    assert!(words <= MOST_WORDS, "{words} words");
}

/// The blocks of code in this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(found) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if found == language {
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

/// An empty folder with a home, in which `docker save` gives an archive of the tests.
fn newcomer() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("home")).expect("a folder");
    fs::create_dir_all(sandbox.path("bin")).expect("a folder");
    let archive = data("docker-save-new.tar");
    let script = format!("#!/bin/sh\nexec cp '{}' \"$4\"\n", archive.display());
    sandbox.write("bin/docker", script);
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(sandbox.path("bin/docker"), executable).expect("a mode");
    for name in ["softhsm", "scripts"] {
        symlink(Path::new(TOP).join(name), sandbox.path(name)).expect("a link");
    }
    sandbox
}

/// Runs lines in one bash, which ends at the first that fails.
#[track_caller]
fn types(sandbox: &Sandbox, lines: &str) -> Run {
    sandbox.write("typed", lines);
    let script = "export HOME=\"$PWD/home\" PATH=\"$PWD/bin:$PATH\"; exec bash -eu typed";
    sandbox.shell(script, "").exits(0)
}

#[test]
fn completions_and_pages_are_installed_in_an_empty_home() {
    let sandbox = newcomer();
    let install = &blocks(&page("README.md"), "sh")[1];
    let rest = install.strip_prefix("cargo install --locked --path .\n");
    types(&sandbox, rest.expect("the program comes first"));
    let share = "home/.local/share";
    assert!(sandbox.has(format!("{share}/bash-completion/completions/ir-sign")));
    assert!(sandbox.has(format!("{share}/man/man1/ir-sign.1")));
}

/// Whether lines are as told, where `…` stands for the rest of a line and a line of it for any lines.
fn as_told(told: &[&str], lines: &[&str]) -> bool {
    match told {
        [] => lines.is_empty(),
        ["…", rest @ ..] => (0..=lines.len()).any(|n| as_told(rest, &lines[n..])),
        [first, rest @ ..] => lines.split_first().is_some_and(|(line, lines)| {
            let fits = match first.strip_suffix('…') {
                Some(start) => line.starts_with(start),
                None => line == first,
            };
            fits && as_told(rest, lines)
        }),
    }
}

#[test]
fn the_quick_start_prints_what_the_readme_shows() {
    let sandbox = newcomer();
    let block = blocks(&page("README.md"), "console").remove(0);
    let mut commands = 0;
    for step in format!("\n{block}").split("\n$ ").skip(1) {
        let (command, told) = step.split_once('\n').unwrap_or((step, ""));
        let run = types(&sandbox, &format!("exec 2>&1\n{command}"));
        let printed: Vec<&str> = run.stdout.lines().collect();
        let told: Vec<&str> = told.lines().collect();
        assert!(as_told(&told, &printed), "{command}\n{}", run.stdout);
        commands += 1;
    }
    assert_eq!(commands, 6);
}

#[test]
fn what_differs_from_what_is_told_is_seen() {
    for (told, lines, same) in [
        (&["a", "…", "b…"][..], &["a", "x", "y", "bc"][..], true),
        (&["a", "…", "b…"], &["a", "bc"], true),
        (&["a"], &["a", "b"], false),
        (&["a", "b"], &["a"], false),
        (&["b…"], &["ab"], false),
        (&["…"], &[], true),
    ] {
        assert_eq!(as_told(told, lines), same, "{told:?} {lines:?}");
    }
}

/// A registry with a signed app, and the keys that it is signed with, as a page's commands expect them.
fn vendor() -> Sandbox {
    let sandbox = newcomer();
    copy_keys(sandbox.root());
    for kind in ["prv", "pub"] {
        let (from, to) = (format!("ca.{kind}"), format!("root-ca.{kind}"));
        fs::rename(sandbox.path(from), sandbox.path(to)).expect("renamed");
    }
    sandbox
}

#[test]
fn each_command_of_a_page_works_as_it_stands_there() {
    // It wants an image and a key provider: tests/broker types it in.
    let has_own_test = |name: &String| name == "docs/key-broker.md";
    let pages = pages().into_iter().filter(|name| !has_own_test(name));
    for name in pages.filter(|name| name.starts_with("docs/")) {
        let sandbox = vendor();
        let text = page(&name);
        let lines = blocks(&text, "sh").join("\n");
        if name == "docs/scripting.md" {
            sandbox.unpack("umoci", "hello");
            types(
                &sandbox,
                "ir-sign sign-image -r registry -a hello -v vendor.prv -s vendor.pub.sig -c root-ca.pub",
            );
        }
        types(&sandbox, &lines);
    }
}

/// The cells of the workflow's table that have commands, by column.
fn column(heading: &str) -> Vec<String> {
    let workflow = page("docs/workflow.md");
    let mut rows = workflow
        .lines()
        .skip_while(|line| !line.starts_with("| who | does |"))
        .take_while(|line| line.starts_with('|'));
    let cells = |row: &str| -> Vec<String> {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    let head = cells(rows.next().expect("a table"));
    let at = head.iter().position(|cell| cell == heading);
    let at = at.expect("a column");
    let mut before = String::new();
    let mut commands = Vec::new();
    for row in rows.skip(1) {
        let mut row = cells(row);
        let does = row[1].clone();
        let mut cell = row.remove(at);
        if cell == "the same" {
            cell = before.replace("root-ca", "vendor");
        }
        assert!(cell.is_empty() || cell.contains('`'), "{does}: {cell}");
        commands.extend(cell.split('`').skip(1).step_by(2).map(str::to_owned));
        before = cell;
    }
    commands
}

#[test]
fn the_workflow_works_with_either_program_as_it_is_told() {
    let ours = column("with `ir-sign`");
    assert_eq!(ours.len(), 6, "{ours:?}");
    let theirs = column("with `openssl`");
    assert_eq!(theirs.len(), 6, "{theirs:?}");
    let archived = blocks(&page("docs/workflow.md"), "sh").remove(0);
    for (keys, from_archive) in [
        (&ours[..4], false),
        (&ours[..4], true),
        (&theirs[..], false),
    ] {
        let sandbox = newcomer();
        for line in keys {
            types(&sandbox, line);
        }
        if from_archive {
            types(&sandbox, &archived);
            let verify = "ir-sign verify-image -r registry -a hello -c root-ca.pub";
            types(&sandbox, verify);
            continue;
        }
        types(&sandbox, "docker save hello:latest -o hello.tar");
        // The text tells how the folder is made, and how an image comes into it.
        let text = page("docs/workflow.md");
        let (_, text) = text.split_once("`registry` is a directory").expect("it");
        for line in text.split('`').skip(1).step_by(2).take(4) {
            if line.starts_with("mkdir ") || line.starts_with("skopeo ") {
                types(&sandbox, &line.replace('…', "docker-archive:hello.tar"));
            }
        }
        for line in &ours[4..] {
            types(&sandbox, line);
        }
    }
}
