//! The commands on ceremonies.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::ceremony_work::lines_of;
use crate::ceremony::plan::Plan;
use crate::ceremony::programs::Part;
use crate::ceremony::run::{Run, Stage};
use crate::ceremony::verify::{Expected, Verified, verify};
use crate::ceremony::work::Work;
use crate::ceremony::{Error, check, diff, listing, programs, progress, rehearsal, report};
use crate::cli::args::ceremony::{
    Against, CeremonyCommand, Check, Diff, MakeRehearsal, Report, RunPlan, VerifyTranscript,
};
use crate::cli::args::token::TokenArgs;
use crate::cli::console::{Console, Failure, Outcome, tell};
use crate::cli::context::ring_with;
use crate::cli::prompt;
use crate::cli::show;
use crate::cli::status::Status;
use crate::crypto::{Digest, HashAlgorithm};
use crate::files::{self, Existing};
use crate::key::{self, KeyRing};
use crate::text::plain;

/// No program is larger.
const MAX_PROGRAM: usize = 256 * 1024 * 1024;

/// Runs a command on ceremonies.
pub(super) fn run(command: CeremonyCommand, console: &Console) -> Outcome {
    match command {
        CeremonyCommand::Check(args) => check_plan(args, console),
        CeremonyCommand::Rehearsal(args) => make_rehearsal(&args, console),
        CeremonyCommand::Run(args) => run_plan(args, console),
        CeremonyCommand::Verify(args) => verify_transcript(&args, console),
        CeremonyCommand::Report(args) => write_report(&args, console),
        CeremonyCommand::Diff(args) => compare(&args, console),
    }
}

/// The plan, and a ring that requires the passport in the plan.
fn ready(path: &Path, tokens: TokenArgs, console: &Console) -> Result<(Plan, KeyRing), Failure> {
    let plan = Plan::read(path)?;
    let passports = plan.passport()?.into_iter().collect();
    // People reviewed the plan: no flag changes it.
    let planned = plan.mechanism();
    if let Some(named) = tokens.mechanism
        && named != planned
    {
        return Err(Error::Plan {
            path: path.to_owned(),
            reason: format!("its key's mechanism is {planned}, and --mechanism names {named}"),
        }
        .into());
    }
    let tokens = TokenArgs {
        mechanism: Some(planned),
        ..tokens
    };
    let ring = ring_with(&tokens, passports, NonZeroUsize::MIN, [], console)?;
    Ok((plan, ring))
}

fn check_plan(args: Check, console: &Console) -> Outcome {
    if args.list {
        return list(&args.plan, console);
    }
    if args.files {
        let plan = Plan::read(&args.plan)?;
        let work = check::check_files(&plan)?;
        tell_work(&plan, None, &work, console)?;
        return Ok(Status::Done);
    }
    let (plan, ring) = ready(&args.plan, args.tokens, console)?;
    let checked = check::check(&plan, &ring)?;
    let token = checked.token.token.uri.to_string();
    tell_work(&plan, Some(&token), &checked.work, console)?;
    Ok(Status::Done)
}

/// Prints the things that a plan names, one a line: kind, role and name, separated by tabs.
fn list(path: &Path, console: &Console) -> Outcome {
    let named = listing::named(&Plan::read(path)?)?;
    for one in &named {
        console.result(&format!("{}\t{}\t{}", one.what, one.role, one.name))?;
    }
    console.json(|| {
        let named = named.iter();
        let named = named.map(|n| json!({ "what": n.what, "role": n.role, "name": n.name }));
        json!({ "named": named.collect::<Vec<_>>() })
    })?;
    Ok(Status::Done)
}

fn make_rehearsal(args: &MakeRehearsal, console: &Console) -> Outcome {
    let plan = Plan::read(&args.plan)?;
    let folder = files::parent_of(&args.rehearsal);
    let text = rehearsal::of(&plan, &args.serial, &folder)?;
    files::write(&args.rehearsal, text.as_bytes(), 0o644, Existing::Keep).map_err(|source| {
        Error::File {
            role: "rehearsal's plan",
            source,
        }
    })?;
    let path = args.rehearsal.display().to_string();
    console.note(&format!("wrote {}", plain(&path)));
    console.json(|| json!({ "plan": path }))?;
    Ok(Status::Done)
}

/// Prints the work of a plan, and the token if it was checked.
fn tell_work(
    plan: &Plan,
    token: Option<&str>,
    work: &Work,
    console: &Console,
) -> Result<(), Failure> {
    console.note(&format!(
        "plan {}: {}",
        plain(&plan.path.display().to_string()),
        plain(plan.title())
    ));
    if plan.is_rehearsal() {
        console.note("a rehearsal: do not trust anything that it makes");
    }
    if let Some(token) = token {
        console.note(&format!("token {token}"));
    }
    let work = lines_of(work);
    for line in &work {
        console.note(&plain(line));
    }
    for person in plan.people() {
        console.note(&format!("{}: {}", person.role.name(), plain(&person.name)));
    }
    console.note(match token {
        Some(_) => "everything matches the plan",
        None => "the files match the plan; ir-sign did not check the token",
    });
    console.json(|| {
        json!({
            "title": plan.title(),
            "rehearsal": plan.is_rehearsal(),
            "sha384": plan.digest,
            "token": token,
            "work": work,
        })
    })
}

/// The terminal of this process, or none in an unattended rehearsal.
struct Terminal {
    quiet: bool,
}

impl Stage for Terminal {
    fn open(&mut self) -> Result<(), Error> {
        prompt::is_there().map_err(Error::NoTerminal)
    }

    fn show(&mut self, text: &str) {
        if !self.quiet {
            for line in text.split('\n') {
                tell(&plain(line));
            }
        }
    }

    fn ask(&mut self, question: &str) -> Result<String, Error> {
        prompt::line(&plain(question)).map_err(Error::NoTerminal)
    }
}

fn run_plan(args: RunPlan, console: &Console) -> Outcome {
    let (plan, ring) = ready(&args.plan, args.tokens, console)?;
    let mut stage = Terminal {
        quiet: args.unattended && console.settings.quiet,
    };
    let mut run = Run {
        plan: &plan,
        ring: &ring,
        stage: &mut stage,
        unattended: args.unattended,
    };
    let outcome = run.run()?;
    let path = |path: &PathBuf| path.display().to_string();
    console.result(&path(&outcome.transcript))?;
    console.json(|| {
        json!({
            "transcript": path(&outcome.transcript),
            "outputs": outcome.outputs.iter().map(path).collect::<Vec<_>>(),
            "root": show::fingerprint(&outcome.root.fingerprint()),
            "resumed": outcome.resumed,
        })
    })?;
    Ok(Status::Done)
}

fn verified(transcript: &Path, against: &Against) -> Result<Verified, Failure> {
    let root = against.ca_pub.as_deref().map(key::read_public);
    let program = against.program.as_deref().map(|path| {
        files::read(path, MAX_PROGRAM).map(|bytes| Digest::of(HashAlgorithm::Sha384, &bytes))
    });
    let expected = Expected {
        root: root.transpose()?,
        program: program.transpose().map_err(|source| Error::File {
            role: "program",
            source,
        })?,
    };
    Ok(verify(transcript, against.files.as_deref(), expected)?)
}

fn verify_transcript(args: &VerifyTranscript, console: &Console) -> Outcome {
    let found = verified(&args.transcript, &args.against)?;
    tell_findings(&found, console);
    tell_progress(&found, console);
    let holds = found.holds();
    if let (Some(root), true) = (&found.root, holds) {
        console.note(&format!("signed by {}", root.fingerprint()));
        if args.against.ca_pub.is_none() {
            console.note("compare that with the root key you know, or give it with -c");
        }
        console.result(&root.fingerprint().to_string())?;
    }
    console.json(|| findings_json(&found))?;
    Ok(if holds { Status::Done } else { Status::Refused })
}

/// The progress of an interrupted ceremony.
fn tell_progress(found: &Verified, console: &Console) {
    let Some(progress) = progress::progress(&found.lines) else {
        return;
    };
    console.note("this ceremony was interrupted or still runs; from its plan");
    for (word, list) in [("done   ", &progress.done), ("missing", &progress.missing)] {
        for what in list {
            console.note(&format!("  {word} {}", plain(&show::short(what))));
        }
    }
    console.note("to go on, run the same plan again: ir-sign ceremony run PLAN");
}

fn findings_json(found: &Verified) -> Value {
    let progress = progress::progress(&found.lines);
    let findings = found.checks.iter().map(|check| {
        json!({
            "rule": check.rule,
            "about": show::short(check.about.as_deref().unwrap_or_default()),
            "passed": !check.has_failed(),
            "reason": check.failure().map(show::short),
        })
    });
    json!({
        "holds": found.holds(),
        "rehearsal": is_rehearsal(found),
        "root": found.root.map_or(Value::Null, |root| show::fingerprint(&root.fingerprint())),
        "findings": findings.collect::<Vec<_>>(),
        "interrupted": progress.map(|progress| json!({
            "done": progress.done,
            "missing": progress.missing,
        })),
    })
}

fn is_rehearsal(found: &Verified) -> bool {
    let first = found.lines.first();
    first.is_some_and(|line| line.value["rehearsal"] == true)
}

fn tell_findings(found: &Verified, console: &Console) {
    if is_rehearsal(found) {
        console.note("REHEARSAL: do not trust anything that it made");
    }
    let programs = programs::programs(&found.lines);
    if programs.len() > 1 {
        console.warn(&format!("{} different programs took part", programs.len()));
        for program in &programs {
            let Part {
                time,
                program,
                sha384,
            } = program;
            console.note(&format!(
                "  from {time}: {program}, SHA-384 {sha384}",
                time = plain(time),
                program = plain(program),
                sha384 = plain(sha384)
            ));
        }
    }
    for check in &found.checks {
        let about = check.about.as_deref().unwrap_or_default();
        if let (Some(why), true) = (check.failure(), console.settings.quiet) {
            console.failure(&format!("FAILED {}: {about}: {why}", check.rule));
        }
        let about = plain(&show::short(about));
        console.note(&match check.failure() {
            None => format!("{} {}: {about}", console.paint.good("passed"), check.rule),
            Some(why) => format!(
                "{} {}: {about}: {}",
                console.paint.bad("FAILED"),
                check.rule,
                plain(&show::short(why))
            ),
        });
    }
}

fn write_report(args: &Report, console: &Console) -> Outcome {
    let found = verified(&args.transcript, &args.against)?;
    if !found.holds() {
        tell_findings(&found, console);
        console.failure("ir-sign writes no report, because the transcript does not verify");
        console.json(|| findings_json(&found))?;
        return Ok(Status::Refused);
    }
    let existing = if args.force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    let mut pages = Vec::new();
    for (ending, page) in [
        (".md", report::markdown(&found)),
        (".html", report::html(&found)),
    ] {
        let mut path: OsString = args.transcript.clone().into();
        path.push(ending);
        let path = PathBuf::from(path);
        files::write(&path, page.as_bytes(), 0o644, existing).map_err(|source| Error::File {
            role: "report",
            source,
        })?;
        let path = path.display().to_string();
        console.note(&format!("wrote {}", plain(&path)));
        pages.push(path);
    }
    console.json(|| json!({ "pages": pages }))?;
    Ok(Status::Done)
}

fn compare(args: &Diff, console: &Console) -> Outcome {
    let diff::Compared {
        differences,
        interruptions,
    } = diff::diff(&args.a, &args.b)?;
    for interruption in &interruptions {
        console.note(&format!("interruption: {}", plain(interruption)));
    }
    for difference in &differences {
        console.result(&plain(difference))?;
    }
    if differences.is_empty() {
        console.note("they differ in nothing but tokens, times, keys and signatures");
    }
    console.json(|| {
        json!({
            "alike": differences.is_empty(),
            "differences": differences,
            "interruptions": interruptions,
        })
    })?;
    Ok(if differences.is_empty() {
        Status::Done
    } else {
        Status::Refused
    })
}
