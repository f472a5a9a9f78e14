//! Verifying images by the trust policy.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::common::{failed, folders, images, metadata};
use crate::cli::args::notation::image::Verify;
use crate::cli::console::{Console, Failure, Outcome};
use crate::cli::context::beside_bar;
use crate::cli::run::many::Many;
use crate::cli::show;
use crate::encoding::time;
use crate::ops::notation::stores::StoreFolder;
use crate::ops::notation::trust;
use crate::ops::notation::verify::{NotationVerdict, NotationVerify};
use crate::ops::policy::Decision;
use crate::text::plain;

/// `notation verify`.
pub(super) fn verify(args: Verify, console: &Console) -> Outcome {
    let folders = folders()?;
    let (_, _, policy) = trust::policy(&folders).map_err(failed)?;
    let images = images(&args.images, args.many.all, &args.family, console)?;
    let are_many = args.many.all || args.many.fleet.shard.is_some() || images.len() > 1;
    let request = NotationVerify {
        images,
        shard: args.many.fleet.shard,
        scope: args.scope,
        metadata: metadata(args.user_metadata).map_err(failed)?,
        most: args.max_signatures,
        policy,
        stores: StoreFolder::new(folders.trust_stores()),
        lists: trust::read_lists(&args.crl).map_err(failed)?,
        now: SystemTime::now(),
    };
    let mut many = Many::new(request.shard, console);
    beside_bar(console, |bar| {
        request.run(bar, &mut |found| {
            many.take(found, |many, verdict| tell(many, &verdict))
        });
    });
    let are_trusted = many.are_trusted();
    many.end(are_many, ("trusted", are_trusted))
}

fn tell(many: &mut Many<'_>, verdict: &NotationVerdict) -> Result<(), Failure> {
    if many.tells_people() {
        show_verdict(verdict, many.console)?;
    }
    let decision = if verdict.skipped {
        Decision::Allowed
    } else if verdict.met {
        Decision::Trusted
    } else {
        Decision::Refused
    };
    many.decided(decision, || verdict_json(verdict))
}

fn show_verdict(verdict: &NotationVerdict, console: &Console) -> Result<(), Failure> {
    let report = &verdict.report;
    if verdict.skipped {
        console.note(&format!(
            "{}: NOT VERIFIED: the statement {:?} of the trust policy skips verification",
            plain(&report.subject),
            verdict.statement
        ));
        return console.result(&report.digest.to_string());
    }
    if !verdict.met && console.settings.quiet {
        for line in show::failures(report) {
            console.failure(&line);
        }
    }
    console.note(&show::report(report, verdict.met, console.paint));
    for (digest, reason) in &verdict.refused {
        console.note(&format!("  signature {digest}: {}", plain(reason)));
    }
    if let (Some(subject), Some(signature)) = (&verdict.subject, verdict.signature) {
        console.note(&format!("  signed by {}", plain(subject)));
        console.note(&format!("  signature {signature}"));
    }
    if let Some(until) = verdict.holds_until {
        console.note(&format!("  holds until {}", time::write(until)));
    }
    for note in &verdict.notes {
        console.note(&format!("  note: {}", plain(note)));
    }
    if verdict.met {
        console.result(&report.digest.to_string())?;
    }
    Ok(())
}

fn verdict_json(verdict: &NotationVerdict) -> Value {
    let mut value = show::report_json(&verdict.report, verdict.met && !verdict.skipped);
    value["skipped"] = verdict.skipped.into();
    value["statement"] = verdict.statement.clone().into();
    value["signature"] = json!(verdict.signature.map(|digest| digest.to_string()));
    value["signer"] = json!(verdict.subject);
    value["holds_until"] = json!(verdict.holds_until.map(time::write));
    let refused = verdict
        .refused
        .iter()
        .map(|(digest, reason)| json!({ "signature": digest.to_string(), "reason": reason }));
    value["refused"] = refused.collect::<Vec<_>>().into();
    value["notes"] = json!(verdict.notes);
    value
}
