//! Completion scripts and manual pages, made from the definition of the commands.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory};

use super::args::Cli;
use super::pages;
use super::roff::page_of;
use crate::files::{self, Existing, Written};
use crate::ops::Error;

/// A shell's completion script.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    if shell == clap_complete::Shell::Zsh {
        // Deferred commands have no flags yet.
        command.build();
        command = without_colons(command);
    }
    clap_complete::generate(shell, &mut command, "ir-sign", &mut script);
    if shell == clap_complete::Shell::Bash {
        one_name(script)
    } else {
        script
    }
}

/// The generator for bash spells a program's name with a hyphen in two ways, so that the script finds no
/// subcommands (<https://github.com/clap-rs/clap/issues/6421>). This makes the two the same.
fn one_name(script: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(script) {
        Ok(text) => text.replace("ir__subcmd__sign", "ir__sign").into_bytes(),
        Err(other) => other.into_bytes(),
    }
}

/// The generator for zsh does not escape the names of values, in which a colon ends a field.
fn without_colons(command: Command) -> Command {
    let has_colon = |arg: &Arg| {
        let names = arg.get_value_names().unwrap_or_default();
        names.iter().any(|name| name.contains(':'))
    };
    command
        .mut_args(|arg| {
            if has_colon(&arg) {
                arg.value_name("SPEC")
            } else {
                arg
            }
        })
        .mut_subcommands(without_colons)
}

/// Writes `ir-sign.1` and a page for each command, those of `token` and `ceremony` too, into a folder, which is made if it is absent, and
/// returns the names of the pages, and which are new.
pub fn manual(dir: &Path, existing: Existing) -> Result<Vec<(String, Written)>, Error> {
    let failed = |path: &Path, action| {
        let path = path.to_owned();
        move |source: io::Error| Error::File {
            role: "manual page",
            source: files::Error::Io {
                path,
                action,
                source,
            },
        }
    };
    let refused = |source| Error::File {
        role: "manual page",
        source,
    };
    std::fs::create_dir_all(dir).map_err(failed(dir, "make folder"))?;
    let mut root = pages::complete(Cli::command().disable_help_subcommand(true));
    root.build();
    let mut pages = Vec::new();
    // Checks all before it writes one.
    for (name, command) in with_all_below("ir-sign".to_owned(), &root) {
        let page = format!("{name}.1");
        let path = dir.join(&page);
        let bytes = page_of(&name, command).map_err(failed(&path, "render"))?;
        files::check(&path, &bytes, existing).map_err(refused)?;
        pages.push((page, path, bytes));
    }
    let write = |(page, path, bytes): (String, PathBuf, Vec<u8>)| {
        let written = files::write(&path, &bytes, 0o644, existing).map_err(refused)?;
        Ok((page, written))
    };
    pages.into_iter().map(write).collect()
}

/// A command and all below it, by the names of their pages.
fn with_all_below(name: String, command: &Command) -> Vec<(String, &Command)> {
    let below = command.get_subcommands().flat_map(|sub| {
        let name = format!("{name}-{}", sub.get_name());
        with_all_below(name, sub)
    });
    let below: Vec<_> = below.collect();
    std::iter::once((name, command)).chain(below).collect()
}
