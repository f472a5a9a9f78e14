//! Certificates, requests and revocation lists, shown; certificates verified.

use serde_json::json;

use crate::cli::args::cert::{PurposeName, Show, VerifyCert};
use crate::cli::console::{Console, Outcome, print};
use crate::cli::run::verdict::show_verdict;
use crate::cli::show::certificates::{
    certificate_json, certificate_text, list_json, list_text, request_json, request_text,
};
use crate::cli::status::Status;
use crate::ops::cert::show::{ShowFile, Shown};
use crate::ops::cert::verify::VerifyCertificate;
use crate::x509::Purpose;

pub(super) fn show(args: Show, console: &Console) -> Outcome {
    let shown = ShowFile { file: args.file }.run()?;
    if !console.settings.json {
        let text = match &shown {
            Shown::Certificates(all) => {
                let all = all.iter().map(certificate_text);
                all.collect::<Vec<_>>().join("\n")
            }
            Shown::Request(request) => request_text(request),
            Shown::List(list) => list_text(list),
        };
        print(text.as_bytes())?;
    }
    console.json(|| match &shown {
        Shown::Certificates(all) => {
            let all = all.iter().map(certificate_json);
            json!({ "certificates": all.collect::<Vec<_>>() })
        }
        Shown::Request(request) => json!({ "request": request_json(request) }),
        Shown::List(list) => json!({ "crl": list_json(list) }),
    })?;
    Ok(Status::Done)
}

pub(super) fn verify(args: VerifyCert, console: &Console) -> Outcome {
    let request = VerifyCertificate {
        file: args.file,
        trusted: args.ca,
        untrusted: args.untrusted,
        lists: args.crl,
        at: args.at.map(|time| time.0),
        purpose: match args.purpose {
            PurposeName::Notation => Purpose::Notary,
            PurposeName::Any => Purpose::Any,
        },
    };
    let verdict = request.run()?;
    show_verdict(&verdict, console)
}
