//! The report of one verdict, and the status that follows from it.

use crate::cli::console::{Console, Outcome};
use crate::cli::show;
use crate::cli::status::Status;
use crate::report::Verdict;

/// Shows a verdict: with `-q` only its failures.
pub(in crate::cli::run) fn show_verdict(verdict: &Verdict, console: &Console) -> Outcome {
    let trusted = verdict.is_trusted();
    let report = verdict.report();
    if console.settings.quiet && !trusted {
        for line in show::failures(report) {
            console.failure(&line);
        }
    }
    console.note(&show::report(report, trusted, console.paint));
    console.json(|| show::report_json(report, trusted))?;
    Ok(if trusted {
        Status::Done
    } else {
        Status::Refused
    })
}
