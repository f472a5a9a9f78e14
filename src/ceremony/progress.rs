//! The progress of a ceremony, by a transcript that is not closed.

use serde_json::Value;
use toml::Table;

use super::transcript::Line;

/// The finished and the missing parts of a ceremony, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The finished parts, in the order of the plan.
    pub done: Vec<String>,
    /// The missing parts.
    pub missing: Vec<String>,
}

/// The progress; none where the transcript is closed, or holds no plan to compare it with.
pub fn progress(lines: &[Line]) -> Option<Progress> {
    let first = lines.first()?;
    if lines.last()?.event() == "signed" {
        return None;
    }
    let plan: Table = toml::from_str(first.value["plan"]["text"].as_str()?).ok()?;
    let plan = serde_json::to_value(plan).ok()?;
    let has = |event: &str, step: &str| {
        let is = |line: &Line| line.event() == event && line.value["step"] == step;
        lines.iter().any(is)
    };
    let mut progress = Progress::default();
    let mut add = |is_done: bool, what: String| {
        let list = if is_done {
            &mut progress.done
        } else {
            &mut progress.missing
        };
        list.push(what);
    };
    let written = |file: &Value| {
        let file = file.as_str().unwrap_or_default();
        let noted = |line: &Line| {
            line.event() == "output" && line.text("file").is_some_and(|noted| is_file(noted, file))
        };
        (lines.iter().any(noted), format!("{file} is written"))
    };
    if plan["ceremony"] == "root-key" || plan["ceremony"] == "root-certificate" {
        add(has("result", "make-key"), "the root key is made".into());
        let (is_done, what) = written(&plan["outputs"]["public"]);
        add(is_done, what);
        add(has("result", "passport"), "its passport is signed".into());
        let (is_done, what) = written(&plan["outputs"]["passport"]);
        add(is_done, what);
    }
    if plan["ceremony"] == "root-certificate" {
        let is_signed = has("result", "certify");
        add(is_signed, "the root's certificate is signed".into());
        let (is_done, what) = written(&plan["outputs"]["certificate"]);
        add(is_done, what);
    }
    for vendor in plan["vendors"].as_array().into_iter().flatten() {
        let name = vendor["name"].as_str().unwrap_or_default();
        let step = format!("endorse:{name}");
        add(
            has("result", &step),
            format!("vendor \"{name}\" is endorsed"),
        );
        let (is_done, what) = written(&vendor["endorsement"]);
        add(is_done, what);
    }
    for payload in plan["payloads"].as_array().into_iter().flatten() {
        let file = payload["file"].as_str().unwrap_or_default();
        let is_signed = has("result", &format!("sign:{file}"));
        add(is_signed, format!("payload {file} is signed"));
        let (is_done, what) = written(&payload["signature"]);
        add(is_done, what);
    }
    for certificate in plan["certificates"].as_array().into_iter().flatten() {
        let file = certificate["request"].as_str().unwrap_or_default();
        let is_issued = has("result", &format!("issue:{file}"));
        add(is_issued, format!("the certificate for {file} is signed"));
        let (is_done, what) = written(&certificate["certificate"]);
        add(is_done, what);
    }
    if plan["ceremony"] == "revoke" {
        add(has("result", "revoke"), "the CRL is signed".into());
        let (is_done, what) = written(&plan["outputs"]["crl"]);
        add(is_done, what);
    }
    add(
        false,
        "the transcript is signed, which closes the ceremony".into(),
    );
    Some(progress)
}

/// Whether a noted output is the plan's file, however the plan spells it.
fn is_file(noted: &str, file: &str) -> bool {
    let parts = |text: &str| {
        let parts = text.split('/').filter(|part| !["", "."].contains(part));
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    parts(file) == parts(noted)
}
