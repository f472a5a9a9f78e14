//! `verify-image`: what is decided is told at once.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::{Value, json};
use signal_hook::consts::SIGPIPE;

use super::images::{asked, selection, warn_of_unseen};
use super::written::error_json;
use crate::cli::args::image::VerifyImage;
use crate::cli::bar::beside;
use crate::cli::console::{Console, Failure, Outcome, die, print};
use crate::cli::context::{beside_bar, ring};
use crate::cli::status::{self, Status};
use crate::cli::{explain, show};
use crate::crypto::Digest;
use crate::image::Descriptor;
use crate::key::KeyRef;
use crate::ops::Error;
use crate::ops::decryption;
use crate::ops::found::{Found, Totals};
use crate::ops::location::Asked;
use crate::ops::verify::VerifyImages;
use crate::report::{Report, Verdict};
use crate::text::plain;

pub(super) fn verify_image(args: VerifyImage, console: &Console) -> Outcome {
    let keys = || args.ca_pubs.iter().chain(&args.vendors);
    let ring = ring(&args.tokens, keys().map(KeyRef::pin_source), console)?;
    let by_files = keys().all(|key| matches!(key, KeyRef::File(_)));
    let broker = args.decryption.kbs.at(args.images.reach());
    let request = VerifyImages {
        decryption: decryption::keys(&args.decryption.keys, &broker)?,
        asked: asked(args.images, args.references, args.all, console)?,
        all: args.all,
        selection: selection(args.platforms),
        shard: args.fleet.shard,
        cas: args.ca_pubs,
        vendors: args.vendors,
        for_realms: args.for_realms,
        config_only: args.config_only,
        limits: args.limits.into(),
    };
    let are_many = request.all
        || request.shard.is_some()
        || request.asked.len() > 1
        || request.asked.iter().any(|asked| asked.references.len() > 1);
    let is_repository = |asked: &Asked| asked.location.is_repository();
    let mut told = Told {
        console,
        is_fleet: request.all && request.asked.iter().any(is_repository),
        status: Status::Done,
        digests: Vec::new(),
        images: Vec::new(),
        errors: Vec::new(),
        ignored: Vec::new(),
        unseen: Vec::new(),
        realm_rules: BTreeSet::new(),
        unprinted: None,
    };
    let totals = beside_bar(console, |bar| {
        request.run(&ring, bar, &mut |found| {
            let taken = told.take(found);
            if told.is_reader_gone() && by_files {
                // The rest may take long, and nobody uses it. All keys are files, so no token has to be closed.
                bar.finish();
                die(SIGPIPE);
            }
            taken
        })
    })?;
    told.end(&totals, are_many.then_some(&request))
}

/// What is told of a run on its way, and kept for its end.
struct Told<'a> {
    console: &'a Console,
    /// Whether there may be very many images: nothing is kept that can be told at once.
    is_fleet: bool,
    status: Status,
    digests: Vec<Digest>,
    images: Vec<Value>,
    errors: Vec<Value>,
    ignored: Vec<Arc<Descriptor>>,
    unseen: Vec<Arc<Descriptor>>,
    /// The rules about realms that failed.
    realm_rules: BTreeSet<&'static str>,
    /// Why something could not be printed.
    unprinted: Option<io::Error>,
}

impl Told<'_> {
    /// Tells what was found. Breaks off where nobody can be told any more.
    fn take(&mut self, found: Found) -> ControlFlow<()> {
        let mut told = Ok(());
        beside(|| told = self.tell(found));
        let Err(Failure::Output(error)) = told else {
            return ControlFlow::Continue(());
        };
        self.unprinted = Some(error);
        ControlFlow::Break(())
    }

    /// Whether nobody reads what is printed any more.
    fn is_reader_gone(&self) -> bool {
        let error = self.unprinted.as_ref();
        error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    fn tell(&mut self, found: Found) -> Result<(), Failure> {
        match found {
            Found::Verdict(Verdict::Trusted(trusted)) => {
                let digest = trusted.report().digest;
                self.report(trusted.report(), true)?;
                if self.is_fleet {
                    return self.console.result(&digest.to_string());
                }
                self.digests.push(digest);
                Ok(())
            }
            // Who trusts a CA asked for a signature.
            Found::Verdict(Verdict::Allowed(report) | Verdict::Refused(report)) => {
                self.status = status::worst([self.status, Status::Refused].into_iter());
                self.report(&report, false)
            }
            Found::Failed { reference, error } => self.error(Some(&reference), &error),
            Found::GaveUp(error) => self.error(None, &error),
            Found::Ignored(one) if self.is_fleet => {
                self.note_ignored(&one);
                Ok(())
            }
            Found::Ignored(one) => {
                self.ignored.push(one);
                Ok(())
            }
            Found::Unseen(one) => {
                self.unseen.push(one);
                Ok(())
            }
            Found::Gone(tag) => {
                let tag = plain(&tag);
                self.note(&format!("ignored {tag}: the list has it, but it is gone"));
                Ok(())
            }
            Found::Unnameable(count) => {
                self.note(&format!(
                    "ignored {count} names in the list of tags that cannot be tags"
                ));
                Ok(())
            }
        }
    }

    /// Tells a person what is not in the lines of JSON.
    fn note(&self, text: &str) {
        if !self.console.settings.json_lines {
            self.console.note(text);
        }
    }

    fn note_ignored(&self, one: &Descriptor) {
        self.note(&format!("ignored {}: not a runnable image", one.digest));
    }

    fn report(&mut self, report: &Report, trusted: bool) -> Result<(), Failure> {
        let console = self.console;
        if console.settings.json_lines {
            return console.json(|| show::report_json(report, trusted));
        }
        if console.settings.quiet && !trusted {
            for line in show::failures(report) {
                console.failure(&line);
            }
        }
        console.note(&show::report(report, trusted, console.paint));
        if console.settings.json {
            self.images.push(show::report_json(report, trusted));
        }
        let failed = report.checks.iter().filter(|check| check.has_failed());
        let of_realms = failed.filter(|check| check.is_of_realms());
        self.realm_rules.extend(of_realms.map(|check| check.rule));
        Ok(())
    }

    /// Tells of an error, of one image or of a whole place.
    fn error(&mut self, reference: Option<&str>, error: &Error) -> Result<(), Failure> {
        self.status = status::worst([self.status, explain::status(error)].into_iter());
        let mut value = error_json(error);
        if self.console.settings.json_lines {
            if let Some(reference) = reference {
                value = json!({ "reference": reference, "error": value["error"] });
            }
            return self.console.json(|| value);
        }
        self.console.error(error);
        if self.console.settings.json {
            self.errors.push(value["error"].take());
        }
        Ok(())
    }

    /// Tells the rest, with totals where there may be several images.
    fn end(self, totals: &Totals, of: Option<&VerifyImages>) -> Outcome {
        if let Some(error) = self.unprinted {
            return Err(Failure::Output(error));
        }
        let console = self.console;
        if let Some(hint) = explain::realms::hint(self.realm_rules.iter().copied()) {
            console.hint(hint);
        }
        for one in &self.ignored {
            self.note_ignored(one);
        }
        warn_of_unseen(&self.unseen, "--all verifies every image", console);
        let shard = of.and_then(|request| request.shard);
        if of.is_some() && (totals.images() != 1 || totals.are_partial()) {
            console.note(&show::totals(totals, shard));
        }
        for digest in &self.digests {
            console.result(&digest.to_string())?;
        }
        let status = self.status;
        if console.settings.json_lines {
            let line = show::totals_json(totals, shard, status);
            print(format!("{line}\n").as_bytes())?;
            return Ok(status);
        }
        console.json(|| {
            json!({
                "trusted": status == Status::Done,
                "images": self.images,
                "skipped": show::digests(&self.ignored),
                "not_looked_at": show::digests(&self.unseen),
                "errors": self.errors,
            })
        })?;
        Ok(status)
    }
}
