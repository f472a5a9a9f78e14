//! Whole processes, side by side: `ir-sign` against the tools that do comparable work.
//!
//! `scripts/bench` runs this twice: once to make the inputs, once to measure. They are two
//! processes because the kernel counts what a parent has had in memory as its children's peak.

mod bench;
mod content;
mod images;
mod inputs;
mod job;
mod layout;
mod notation;
mod policy;
mod registry;
mod rows;
mod table;
mod tokens;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Error = Box<dyn std::error::Error>;

/// Where the inputs are, and the program that is measured.
struct Place {
    root: PathBuf,
    program: PathBuf,
}

impl Place {
    fn new(root: &str) -> Self {
        let built = || env!("CARGO_BIN_EXE_ir-sign").into();
        Self {
            root: root.into(),
            // Set to measure another build of the program.
            program: std::env::var_os("IR_SIGN").map_or_else(built, PathBuf::from),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts this too, without saying `--bench`.
    if !arguments.iter().any(|a| a == "--bench") {
        return ExitCode::SUCCESS;
    }
    let words: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|a| *a != "--bench")
        .collect();
    let done = match words[..] {
        ["inputs", root, ref wanted @ ..] => inputs::make(&Place::new(root), wanted),
        ["raw", count, sessions] => tokens::raw(count, sessions, false),
        ["raw", count, sessions, "verified"] => tokens::raw(count, sessions, true),
        ["measure", root, table, ref wanted @ ..] => {
            measure(&Place::new(root), Path::new(table), wanted)
        }
        ["insert", table, readme] => table::insert(Path::new(table), Path::new(readme)),
        // Plain `cargo bench` has no inputs to measure.
        _ => {
            eprintln!("whole processes are measured by scripts/bench");
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(place: &Place, output: &Path, wanted: &[&str]) -> Result<(), Error> {
    let rows = rows::measure(place, wanted)?;
    std::fs::write(output, table::markdown(&rows))?;
    Ok(())
}
