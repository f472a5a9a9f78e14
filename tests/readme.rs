//! What README.md tells to type works as it stands there, from an empty folder and home on.

mod common;

use std::fs;
use std::path::Path;

use common::{Run, Sandbox, data};

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::read_to_string(path).expect("text")
}

/// What stands below a heading, up to the next one.
fn section(heading: &str) -> String {
    let readme = readme();
    let (_, section) = readme
        .split_once(&format!("\n## {heading}\n"))
        .expect("a heading");
    section.split("\n## ").next().expect("a section").to_owned()
}

/// The lines of its code blocks.
fn lines(heading: &str) -> Vec<String> {
    let section = section(heading);
    let blocks = section.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(|block| block.lines().skip(1));
    lines.map(str::to_owned).collect()
}

/// The cells of the workflow's table that have commands, by column.
fn column(heading: &str) -> Vec<String> {
    let readme = readme();
    let mut rows = readme
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

#[track_caller]
fn types(sandbox: &Sandbox, line: &str) -> Run {
    let line = format!("export HOME=\"$PWD/home\"; {line}");
    sandbox.shell(&line, "").exits(0)
}

#[test]
fn completions_and_pages_are_installed_in_an_empty_home() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("home")).expect("a folder");
    let lines = lines("Install");
    let rest = lines.strip_prefix(&["cargo install --locked --path .".to_owned()]);
    for line in rest.expect("the program comes first") {
        types(&sandbox, line);
    }
    let share = "home/.local/share";
    assert!(sandbox.has(format!("{share}/bash-completion/completions/ir-sign")));
    assert!(sandbox.has(format!("{share}/man/man1/ir-sign.1")));
}

#[test]
fn the_workflow_works_with_either_program_as_it_is_told() {
    let ours = column("with `ir-sign`");
    assert_eq!(ours.len(), 6, "{ours:?}");
    let theirs = column("with `openssl`");
    assert_eq!(theirs.len(), 6, "{theirs:?}");
    let for_images = &ours[4..];
    for (keys, archived) in [
        (&ours[..4], false),
        (&ours[..4], true),
        (&theirs[..], false),
    ] {
        let sandbox = Sandbox::new();
        for line in keys {
            types(&sandbox, line);
        }
        // In the place of `docker save`.
        fs::copy(data("docker-save-new.tar"), sandbox.path("hello.tar")).expect("a copy");
        if archived {
            for line in lines("The workflow") {
                if !line.starts_with("docker save ") {
                    types(&sandbox, &line);
                }
            }
            let verify = "ir-sign verify-image -r registry -a hello -c root-ca.pub";
            types(&sandbox, verify);
        } else {
            // How the folder and what is in it are made is told in the text.
            let text = section("The workflow");
            let (_, text) = text.split_once("`registry` is a directory").expect("it");
            for line in text.split('`').skip(1).step_by(2).take(3) {
                if line.starts_with("mkdir ") || line.starts_with("skopeo ") {
                    types(&sandbox, &line.replace('…', "docker-archive:hello.tar"));
                }
            }
            for line in for_images {
                types(&sandbox, line);
            }
        }
    }
}
