//! Comparing the transcript of a rehearsal with that of the ceremony: what must be alike is alike.

use serde_json::Value;

use super::Error;
use super::transcript;
use std::path::Path;

/// Members that differ from one ceremony to the next: which token it was, times, keys, and what
/// follows from them. A key's attributes are not among them, nor the program.
const FREE: [&str; 17] = [
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
    "passport",
    "rehearsal",
    "attended",
    "people",
    "torn_bytes",
];

/// The differences of two transcripts that ought not to be, in words.
pub fn diff(a: &Path, b: &Path) -> Result<Vec<String>, Error> {
    let lines = |path: &Path| {
        let bytes = transcript::read(path)?;
        let (lines, _) = transcript::parse(&bytes).map_err(|(line, reason)| Error::Transcript {
            path: path.to_owned(),
            line,
            reason,
        })?;
        Ok::<_, Error>(lines)
    };
    let (a, b) = (lines(a)?, lines(b)?);
    let mut differences = Vec::new();
    for (n, (a, b)) in a.iter().zip(&b).enumerate() {
        compare(
            &format!("line {}", n + 1),
            "",
            &a.value,
            &b.value,
            &mut differences,
        );
    }
    if a.len() != b.len() {
        differences.push(format!("one has {} lines, the other {}", a.len(), b.len()));
    }
    Ok(differences)
}

fn compare(line: &str, name: &str, a: &Value, b: &Value, differences: &mut Vec<String>) {
    if FREE.contains(&name) {
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
    // Digests of inputs follow from keys; the token of a rehearsal is never hardware.
    if ["serial", "sha384", "rehearsal", "hardware-without-flag"].contains(&name) {
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
