//! The commands about policies.

use serde_json::{Value, json};

use super::policy_check;
use super::written::{not_beside_json, shown, written};
use crate::cli::args::policy::{PolicyCommand, PolicyExport, PolicyShow};
use crate::cli::console::{Console, Outcome, print};
use crate::cli::show::policies;
use crate::cli::status::Status;
use crate::files::Written;
use crate::ops::policies::{Export, PolicyFile, asked};
use crate::trust::Rest;

pub(super) fn run(command: PolicyCommand, console: &Console) -> Outcome {
    match command {
        PolicyCommand::Check(args) => policy_check::check(*args, console),
        PolicyCommand::Show(args) => show(&args, console),
        PolicyCommand::Export(args) => export(args, console),
    }
}

fn show(args: &PolicyShow, console: &Console) -> Outcome {
    let file = PolicyFile::read(&args.file)?;
    let policy = file.policy(args.dialect.dialect)?;
    for warning in policy.warnings() {
        console.warn(&warning.to_string());
    }
    let (scopes, asked): (Vec<_>, _) = match &args.image {
        None => (policy.scopes().collect(), None),
        Some(image) => {
            let asked = asked(image)?;
            (vec![policy.for_image(&asked)], Some(asked))
        }
    };
    for (n, chosen) in scopes.iter().enumerate() {
        for warning in &chosen.warnings {
            console.warn(&warning.to_string());
        }
        if n > 0 {
            console.result("")?;
        }
        console.result(&policies::scope(chosen))?;
        if let Some(asked) = &asked {
            console.note(&policies::why(chosen, asked, policy.dialect()));
        }
    }
    console.json(|| {
        let warnings = policy.warnings().iter().map(ToString::to_string);
        let image = asked.as_ref().map(policies::asked_json);
        json!({
            "policy": shown(&args.file),
            "dialect": policy.dialect().to_string(),
            "image": image,
            "scopes": scopes.iter().map(policies::scope_json).collect::<Value>(),
            "warnings": warnings.collect::<Vec<_>>(),
        })
    })?;
    Ok(Status::Done)
}

fn export(args: PolicyExport, console: &Console) -> Outcome {
    if let Some(output) = &args.output {
        not_beside_json("policy file", output, console)?;
    }
    let request = Export {
        file: args.file,
        dialect: args.dialect.dialect,
        rest: if args.drop { Rest::Stays } else { Rest::Reject },
        output: args.output,
        force: args.force,
    };
    let done = request.run()?;
    for note in &done.notes {
        console.warn(note);
    }
    match (&request.output, done.written) {
        (Some(output), Some(how)) => console.note(&written(output, how)),
        _ if console.settings.json => {}
        _ => print(done.text.as_bytes())?,
    }
    console.json(|| {
        let policy: Value = serde_json::from_str(&done.text).unwrap_or_default();
        json!({
            "file": request.output.as_ref().map(|output| output.display().to_string()),
            "changed": done.written.map(|how| how == Written::New),
            "policy": policy,
            "notes": done.notes,
        })
    })?;
    Ok(Status::Done)
}
