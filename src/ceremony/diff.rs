//! Comparing the transcript of a rehearsal with that of the ceremony.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::error::Error;
use super::transcript::{self, Line};

/// Members that differ from one ceremony to the next: which token it was, times, keys, and what
/// follows from them. A key's attributes are not among them, nor the program.
const FREE: [&str; 25] = [
    "n",
    "prev",
    "time",
    "serial",
    "manufacturer",
    "model",
    "hardware",
    "firmware",
    "id",
    "spki",
    "sha256",
    "sha384",
    "signature",
    "signatures",
    "passport",
    "rehearsal",
    "attended",
    "people",
    "torn_bytes",
    // The bytes of certificates and CRLs, and what follows from other certificates.
    "tbs",
    "certificate",
    "crl",
    "previous",
    "revoked",
    "number",
];

/// The result of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// The differences that should not be, in words.
    pub differences: Vec<String>,
    /// Interruptions, refusals and failures, and the steps that the run repeated because of them.
    pub interruptions: Vec<String>,
}

/// Compares two transcripts step by step, and ignores lines between the steps.
pub fn diff(a: &Path, b: &Path) -> Result<Compared, Error> {
    let lines = |path: &Path| {
        let bytes = transcript::read(path)?;
        let (lines, _) = transcript::parse(&bytes).map_err(|(line, reason)| Error::Transcript {
            path: path.to_owned(),
            line,
            reason,
        })?;
        Ok::<_, Error>(lines)
    };
    let (a_lines, b_lines) = (lines(a)?, lines(b)?);
    let mut compared = Compared::default();
    let a_steps = steps(&a_lines, a, &mut compared);
    let b_steps = steps(&b_lines, b, &mut compared);
    let differences = &mut compared.differences;
    let find = |steps: &[(String, &Line)], name: &str| steps.iter().position(|(n, _)| n == name);
    let mut places = Vec::new();
    for (name, line) in &a_steps {
        match find(&b_steps, name) {
            Some(at) => {
                places.push(at);
                compare(name, "", &line.value, &b_steps[at].1.value, differences);
            }
            None => differences.push(format!("{name}: only {} has it", a.display())),
        }
    }
    for (name, _) in &b_steps {
        if find(&a_steps, name).is_none() {
            differences.push(format!("{name}: only {} has it", b.display()));
        }
    }
    let before = places.array_windows().position(|[one, next]| one > next);
    if let Some(at) = before {
        let name = &b_steps[places[at]].0;
        differences.push(format!("{name}: it comes at different places in the two"));
    }
    Ok(compared)
}

/// The lines about the work, each once and with a name. The others go into a separate list.
fn steps<'a>(lines: &'a [Line], path: &Path, compared: &mut Compared) -> Vec<(String, &'a Line)> {
    let mut steps = Vec::new();
    let mut known = BTreeSet::new();
    for (n, line) in lines.iter().enumerate() {
        let event = line.event();
        let name = match line.text("step") {
            Some(step) => format!("step {step}, {event}"),
            None => event.to_owned(),
        };
        let place = format!("{}: line {}", path.display(), n + 1);
        let mut apart = |what: String| compared.interruptions.push(format!("{place}: {what}"));
        let text = |name: &str| line.text(name).unwrap_or_default();
        match event {
            "resumed" => {
                apart("resumed after an interruption".to_owned());
                if line.value["tool"] != lines[0].value["tool"] {
                    compared.differences.push(format!(
                        "{place}: another program resumed it: {} instead of {}",
                        line.value["tool"], lines[0].value["tool"]
                    ));
                }
            }
            "stopped" => apart(format!(
                "{} did not confirm step {}",
                text("by"),
                text("step")
            )),
            "failed" => apart(format!("step {} failed: {}", text("step"), text("error"))),
            _ if known.insert(name.clone()) => {
                if line.value["found_after_interruption"] == true {
                    apart(format!("{name}: the key was there after an interruption"));
                }
                steps.push((name, line));
            }
            _ => apart(format!("{name}: again")),
        }
    }
    steps
}

fn compare(line: &str, name: &str, a: &Value, b: &Value, differences: &mut Vec<String>) {
    // The separate list reports that the run found a key.
    if FREE.contains(&name) || name == "found_after_interruption" {
        return;
    }
    match (a, b) {
        (Value::Object(x), Value::Object(y)) if name != "tool" => {
            let added = y.keys().filter(|name| !x.contains_key(*name));
            for name in x.keys().chain(added) {
                compare(line, name, &a[name], &b[name], differences);
            }
        }
        (Value::String(x), Value::String(y)) if name == "text" => {
            compare_plans(line, x, y, differences);
        }
        _ if a == b => {}
        _ => differences.push(format!("{line}: {name} is {a} in one and {b} in the other")),
    }
}

/// Compares plans member by member.
fn compare_plans(line: &str, a: &str, b: &str, differences: &mut Vec<String>) {
    let read = |text: &str| {
        let table: Option<toml::Table> = toml::from_str(text).ok();
        table.and_then(|table| serde_json::to_value(table).ok())
    };
    match (read(a), read(b)) {
        (Some(a), Some(b)) => {
            let line = format!("{line}: plan");
            compare_plan(&line, "", &a, &b, differences);
        }
        _ => differences.push(format!("{line}: a plan is not TOML")),
    }
}

fn compare_plan(line: &str, name: &str, a: &Value, b: &Value, differences: &mut Vec<String>) {
    // Digests of inputs follow from keys; the token of a rehearsal is never hardware, and may sign by another
    // mechanism.
    let of_tokens = ["serial", "hardware-without-flag", "mechanism"];
    if of_tokens.contains(&name) || ["sha384", "rehearsal"].contains(&name) {
        return;
    }
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let added = y.keys().filter(|name| !x.contains_key(*name));
            for name in x.keys().chain(added) {
                compare_plan(line, name, &a[name], &b[name], differences);
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (a, b) in x.iter().zip(y) {
                compare_plan(line, name, a, b, differences);
            }
        }
        _ if a == b => {}
        _ => differences.push(format!("{line}: {name} is {a} in one and {b} in the other")),
    }
}
