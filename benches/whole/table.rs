//! The table of results, and its place in another document.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Error;

const START: &str = "<!-- bench:start -->\n";
const END: &str = "<!-- bench:end -->";

/// In place of a target where there is none.
pub const NO_TARGET: &str = "–";

/// One line of the table.
pub struct Row {
    /// The work.
    pub work: String,
    /// Our time.
    pub ours: String,
    /// The reference's time, and its name.
    pub reference: String,
    /// Ours by the reference's.
    pub ratio: String,
    /// The aim.
    pub target: String,
    /// Whether that was reached.
    pub met: bool,
}

/// The table in Markdown.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| work | ours | reference | ratio | target | met |\n\
         | --- | ---: | ---: | ---: | --- | --- |\n",
    );
    for row in rows {
        let met = match (&*row.target, row.met) {
            (NO_TARGET, _) => NO_TARGET,
            (_, true) => "yes",
            (_, false) => "**no**",
        };
        let Row {
            work,
            ours,
            reference,
            ratio,
            target,
            ..
        } = row;
        writeln!(
            text,
            "| {work} | {ours} | {reference} | {ratio} | {target} | {met} |"
        )
        .expect("a string takes all");
    }
    text
}

/// Puts a table between the two marks of a document.
pub fn insert(table: &Path, document: &Path) -> Result<(), Error> {
    let table = fs::read_to_string(table)?;
    let text = fs::read_to_string(document)?;
    let parts = text.split_once(START).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) = parts.ok_or_else(|| {
        let name = document.display();
        format!("{name} has no lines {START}and {END}")
    })?;
    fs::write(document, format!("{before}{START}{table}{END}{after}"))?;
    Ok(())
}
