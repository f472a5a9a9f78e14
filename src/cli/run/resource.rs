//! The commands on resources of a key broker.

use serde_json::json;

use super::written::{not_beside_json, shown, written};
use crate::cli::args::resource::{self as args, ResourceCommand};
use crate::cli::console::{Console, Failure, Outcome, print};
use crate::cli::status::Status;
use crate::files::{self, Written, is_standard};
use crate::ops::Error;
use crate::ops::resource::{Encode, Get};
use crate::output;
use crate::text::{hidden, plain};

pub(super) fn run(command: ResourceCommand, console: &Console) -> Outcome {
    match command {
        ResourceCommand::Get(args) => get(args, console),
        ResourceCommand::Encode(args) => encode(args, console),
    }
}

fn get(args: args::Get, console: &Console) -> Outcome {
    let output = args.output.filter(|path| !is_standard(path));
    if output.is_none() {
        not_beside_json("resource", "-".as_ref(), console)?;
    }
    let request = Get {
        uri: args.uri,
        broker: args.broker.at(),
        output,
        force: args.force,
    };
    let got = request.run()?;
    let source = plain(&got.source.to_string());
    match (&request.output, got.written) {
        (Some(path), Some(how)) => {
            console.note(&written(path, how));
            console.detail(&format!("fetched {} from {source}", request.uri));
        }
        _ => print_resource(&got.bytes)?,
    }
    console.json(|| {
        json!({
            "resource": request.uri.to_string(),
            "broker": got.source.to_string(),
            "output": request.output.as_ref().map(|path| path.display().to_string()),
            "size": got.bytes.len(),
            "changed": got.written == Some(Written::New),
        })
    })?;
    Ok(Status::Done)
}

/// Prints a resource. A terminal gets only text, and none that would control it.
fn print_resource(bytes: &[u8]) -> Result<(), Failure> {
    if output::is_terminal() {
        let is_line = |line: &str| hidden(line.trim_end_matches('\r')).is_none();
        let text = std::str::from_utf8(bytes).ok();
        if !text.is_some_and(|text| text.split('\n').all(is_line)) {
            let source = files::Error::Terminal;
            let role = "resource";
            return Err(Error::File { role, source }.into());
        }
    }
    print(bytes)
}

fn encode(args: args::Encode, console: &Console) -> Outcome {
    not_beside_json("offline file", &args.output, console)?;
    let request = Encode {
        resources: args.resources,
        output: args.output,
        force: args.force,
    };
    let encoded = request.run()?;
    console.note(&written(&request.output, encoded.written));
    for one in &request.resources {
        console.detail(&format!("{} from {}", one.name.as_str(), shown(&one.file)));
    }
    console.json(|| {
        let names = request.resources.iter().map(|one| one.name.as_str());
        json!({
            "output": request.output.display().to_string(),
            "changed": encoded.written == Written::New,
            "size": encoded.size,
            "resources": names.collect::<Vec<_>>(),
        })
    })?;
    Ok(Status::Done)
}
