//! Reports the verdict on each image as soon as the run has it, and a summary at the end.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::written::error_json;
use crate::cli::bar::beside;
use crate::cli::console::{Console, Failure, Outcome, print};
use crate::cli::status::{self, Status};
use crate::cli::{explain, show};
use crate::ops::Error;
use crate::ops::found::Totals;
use crate::ops::many::One;
use crate::ops::policy::Decision;
use crate::ops::shard::Shard;

/// The verdicts of a run so far.
pub(super) struct Many<'a> {
    pub(super) console: &'a Console,
    shard: Option<Shard>,
    totals: Totals,
    status: Status,
    images: Vec<Value>,
    errors: Vec<Value>,
    /// Why something could not be printed.
    unprinted: Option<Failure>,
}

const fn status_of(decision: Decision) -> Status {
    match decision {
        Decision::Trusted | Decision::Allowed => Status::Done,
        Decision::Refused => Status::Refused,
        Decision::Undecided => Status::Undecided,
    }
}

impl<'a> Many<'a> {
    pub(super) fn new(shard: Option<Shard>, console: &'a Console) -> Self {
        Self {
            console,
            shard,
            totals: Totals::default(),
            status: Status::Done,
            images: Vec::new(),
            errors: Vec::new(),
            unprinted: None,
        }
    }

    /// Takes a finding, and tells of a decision by `tell`. Breaks off where nobody can be told any more.
    pub(super) fn take<T>(
        &mut self,
        found: One<T>,
        tell: impl FnOnce(&mut Self, T) -> Result<(), Failure>,
    ) -> ControlFlow<()> {
        let mut told = Ok(());
        beside(|| {
            told = match found {
                One::Decided(decided) => tell(self, decided),
                One::Failed { reference, error } => self.failed(&reference, &error),
                One::InOtherShard => {
                    self.totals.in_other_shards += 1;
                    Ok(())
                }
            };
        });
        match told {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.unprinted = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    /// Whether people are told of each image; a program that reads line by line gets all of it in its lines.
    pub(super) const fn tells_people(&self) -> bool {
        !self.console.settings.json_lines
    }

    /// Counts a decision, and keeps or prints it for a program.
    pub(super) fn decided(
        &mut self,
        decision: Decision,
        value: impl FnOnce() -> Value,
    ) -> Result<(), Failure> {
        *match decision {
            Decision::Trusted => &mut self.totals.trusted,
            Decision::Allowed => &mut self.totals.allowed,
            Decision::Refused => &mut self.totals.refused,
            Decision::Undecided => &mut self.totals.undecided,
        } += 1;
        self.status = status::worst([self.status, status_of(decision)].into_iter());
        if self.console.settings.json_lines {
            return self.console.json(value);
        }
        if self.console.settings.json {
            self.images.push(value());
        }
        Ok(())
    }

    fn failed(&mut self, reference: &str, error: &Error) -> Result<(), Failure> {
        let status = explain::status(error);
        *match status {
            Status::Refused => &mut self.totals.refused,
            Status::Done | Status::Usage | Status::Undecided => &mut self.totals.undecided,
        } += 1;
        self.status = status::worst([self.status, status].into_iter());
        if self.console.settings.json_lines {
            return self.console.json(|| {
                let value = error_json(error)["error"].take();
                json!({ "reference": reference, "error": value })
            });
        }
        self.console.error(error);
        if self.console.settings.json {
            self.errors.push(error_json(error)["error"].take());
        }
        Ok(())
    }

    /// The status of all images so far.
    pub(super) const fn status(&self) -> Status {
        self.status
    }

    /// Whether each image is trusted, and not only let in.
    pub(super) fn are_trusted(&self) -> bool {
        self.status == Status::Done && self.totals.allowed == 0
    }

    /// Tells the rest: totals where there may be many images, and `summary`, a name and a value, with all images for a
    /// program.
    pub(super) fn end(self, are_many: bool, summary: (&str, bool)) -> Outcome {
        if let Some(failure) = self.unprinted {
            return Err(failure);
        }
        let (console, status) = (self.console, self.status);
        if console.settings.json_lines {
            let mut line = show::totals_json(&self.totals, self.shard, status);
            line["totals"]["allowed"] = self.totals.allowed.into();
            print(format!("{line}\n").as_bytes())?;
            return Ok(status);
        }
        if are_many {
            console.note(&show::totals(&self.totals, self.shard));
        }
        let (images, errors) = (self.images, self.errors);
        let (name, value) = summary;
        console.json(|| json!({ name: value, "images": images, "errors": errors }))?;
        Ok(status)
    }
}
