//! `policy check`: tells each verdict, and what led to it, as soon as it is there.

use serde_json::{Value, json};

use super::images::selection;
#[cfg(feature = "registry")]
use crate::cli::args::broker::ReachArgs;
use crate::cli::args::policy_check::PolicyCheckArgs;
use crate::cli::bar::beside;
use crate::cli::console::{Console, Failure, Outcome, tell};
use crate::cli::context::{beside_bar, reporting};
use crate::cli::status::{self, Status};
use crate::cli::{explain, show};
use crate::ops::decryption;
#[cfg(not(feature = "registry"))]
use crate::ops::location::RegistryOptions;
use crate::ops::policy::check::{Finding, Homes, PolicyCheck};
use crate::ops::policy::{Decision, PolicyReport};

/// What is told at the end.
struct Told<'a> {
    console: &'a Console,
    status: Status,
    images: Vec<Value>,
    errors: Vec<Value>,
    warned: Vec<String>,
    digests: Vec<String>,
    unprinted: Option<Failure>,
}

pub(super) fn check(args: PolicyCheckArgs, console: &Console) -> Outcome {
    #[cfg(feature = "registry")]
    let (options, reach) = {
        let options = reporting(args.remote.options(), console);
        let (timeout, allow_http) = (options.timeout, options.allow_http);
        let reach = ReachArgs {
            timeout,
            allow_http,
        };
        (options, reach)
    };
    #[cfg(not(feature = "registry"))]
    let (options, reach) = (reporting(RegistryOptions::default(), console), args.reach);
    let chosen = args.platforms.platform.is_some() || args.platforms.all_platforms;
    let broker = args.decryption.kbs.at(reach);
    let request = PolicyCheck {
        images: args.images,
        policy: args.policy,
        dialect: args.dialect.dialect,
        registries_d: args.registries_d,
        selection: chosen.then(|| selection(args.platforms)),
        decryption: decryption::keys(&args.decryption.keys, &broker)?,
        broker,
        options,
        homes: Homes {
            home: std::env::var_os("HOME").map(Into::into),
        },
        limits: args.limits.into(),
    };
    let mut told = Told {
        console,
        status: Status::Done,
        images: Vec::new(),
        errors: Vec::new(),
        warned: Vec::new(),
        digests: Vec::new(),
        unprinted: None,
    };
    beside_bar(console, |bar| {
        request.run(bar, &mut |finding| {
            beside(|| told.take(&finding));
        })
    })?;
    told.end()
}

const fn status_of(decision: Decision) -> Status {
    match decision {
        Decision::Trusted | Decision::Allowed => Status::Done,
        Decision::Refused => Status::Refused,
        Decision::Undecided => Status::Undecided,
    }
}

impl Told<'_> {
    fn take(&mut self, finding: &Finding) {
        if let Err(failure) = self.tell(finding) {
            self.unprinted.get_or_insert(failure);
        }
    }

    fn tell(&mut self, finding: &Finding) -> Result<(), Failure> {
        let console = self.console;
        let (status, value, is_error) = match finding {
            Ok(report) => {
                let decision = report.decision();
                self.warn(report);
                if status_of(decision) == Status::Done {
                    self.digests.push(report.digest.to_string());
                    console.note(&show::policy::report(report, console.paint));
                } else {
                    // A quiet run says why, too.
                    tell(&show::policy::report(report, console.paint));
                }
                (
                    status_of(decision),
                    show::policy::report_json(report),
                    false,
                )
            }
            Err((image, error)) => {
                console.error(error);
                let value = super::written::error_json(error)["error"].take();
                let value = json!({ "reference": image, "error": value });
                (explain::status(error), value, true)
            }
        };
        self.status = status::worst([self.status, status].into_iter());
        if console.settings.json_lines {
            return console.json(|| value);
        }
        if is_error {
            self.errors.push(value);
        } else {
            self.images.push(value);
        }
        Ok(())
    }

    /// Warns of each laxity once: those of the policy concern every image.
    fn warn(&mut self, report: &PolicyReport) {
        for warning in report.all_warnings() {
            if !self.warned.iter().any(|known| known == warning) {
                self.console.caution(warning);
                self.warned.push(warning.to_owned());
            }
        }
    }

    fn end(self) -> Outcome {
        if let Some(failure) = self.unprinted {
            return Err(failure);
        }
        let (console, status) = (self.console, self.status);
        for digest in &self.digests {
            console.result(digest)?;
        }
        if console.settings.json {
            console.json(|| {
                json!({
                    "allowed": status == Status::Done,
                    "images": self.images,
                    "errors": self.errors,
                })
            })?;
        }
        Ok(status)
    }
}
