//! Completion scripts and manual pages, made from the definition of the commands.

use std::io;
use std::path::Path;

use clap::CommandFactory;

use super::args::Cli;
use crate::files::{self, Existing};
use crate::ops::Error;

/// A shell's completion script.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ir-sign", &mut script);
    script
}

/// Writes `ir-sign.1` and a page for each command into a folder, which is made if it is absent, and
/// returns the names of the pages.
pub fn manual(dir: &Path, existing: Existing) -> Result<Vec<String>, Error> {
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
    std::fs::create_dir_all(dir).map_err(failed(dir, "make folder"))?;
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    let commands: Vec<_> = std::iter::once(root.clone())
        .chain(root.get_subcommands().cloned())
        .collect();
    for command in commands {
        let name = match command.get_name() {
            "ir-sign" => "ir-sign".to_owned(),
            name => format!("ir-sign-{name}"),
        };
        let page = format!("{name}.1");
        let path = dir.join(&page);
        let mut bytes = Vec::new();
        clap_mangen::Man::new(command.display_name(name))
            .render(&mut bytes)
            .map_err(failed(&path, "render"))?;
        files::write(&path, &bytes, 0o644, existing).map_err(|source| Error::File {
            role: "manual page",
            source,
        })?;
        pages.push(page);
    }
    Ok(pages)
}
