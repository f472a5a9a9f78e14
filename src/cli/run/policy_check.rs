//! `policy check`: tells each verdict, and what led to it, as soon as it is there.

use super::images::selection;
use super::many::Many;
#[cfg(feature = "registry")]
use crate::cli::args::broker::ReachArgs;
use crate::cli::args::policy_check::PolicyCheckArgs;
use crate::cli::console::{Console, Failure, Outcome, tell};
use crate::cli::context::{beside_bar, reporting};
use crate::cli::show;
use crate::cli::status::Status;
use crate::ops::Error;
use crate::ops::decryption;
#[cfg(not(feature = "registry"))]
use crate::ops::location::RegistryOptions;
use crate::ops::many::all_tags;
use crate::ops::notation::trust;
use crate::ops::policy::check::{Homes, PolicyCheck};
use crate::ops::policy::{Decision, PolicyReport};

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
    let mut images = args.images;
    if args.many.all {
        images = beside_bar(console, |bar| all_tags(images, &options, bar))?;
    }
    let shard = args.many.fleet.shard;
    let are_many = args.many.all || shard.is_some() || images.len() > 1;
    let request = PolicyCheck {
        images,
        shard,
        policy: args.policy,
        dialect: args.dialect.dialect,
        registries_d: args.registries_d,
        selection: chosen.then(|| selection(args.platforms)),
        lists: trust::read_lists(&args.crl).map_err(Error::from)?,
        decryption: decryption::keys(&args.decryption.keys, &broker)?,
        broker,
        options,
        homes: Homes {
            home: std::env::var_os("HOME").map(Into::into),
        },
        limits: args.limits.into(),
    };
    let mut many = Many::new(request.shard, console);
    let mut told = Told::default();
    beside_bar(console, |bar| {
        request.run(bar, &mut |found| {
            many.take(found, |many, report| told.tell(many, &report))
        })
    })?;
    for digest in &told.digests {
        console.result(digest)?;
    }
    let is_allowed = many.status() == Status::Done;
    many.end(are_many, ("allowed", is_allowed))
}

/// What is kept of reports.
#[derive(Default)]
struct Told {
    warned: Vec<String>,
    /// The images that the policy lets in.
    digests: Vec<String>,
}

impl Told {
    fn tell(&mut self, many: &mut Many<'_>, report: &PolicyReport) -> Result<(), Failure> {
        let console = many.console;
        self.warn(report, console);
        let decision = report.decision();
        match decision {
            Decision::Trusted | Decision::Allowed => {
                if many.tells_people() {
                    self.digests.push(report.digest.to_string());
                    console.note(&show::policy::report(report, console.paint));
                }
            }
            // A quiet run says why, too.
            Decision::Refused | Decision::Undecided if many.tells_people() => {
                tell(&show::policy::report(report, console.paint));
            }
            Decision::Refused | Decision::Undecided => {}
        }
        many.decided(decision, || show::policy::report_json(report))
    }

    /// Warns of each laxity once: those of the policy concern every image.
    fn warn(&mut self, report: &PolicyReport, console: &Console) {
        for warning in report.all_warnings() {
            if !self.warned.iter().any(|known| known == warning) {
                console.caution(warning);
                self.warned.push(warning.to_owned());
            }
        }
    }
}
