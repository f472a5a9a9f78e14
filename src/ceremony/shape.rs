//! The members of a transcript's lines: those of their event, and no others.

use serde_json::Value;

use super::step::Step;

/// The members of every line.
const EVERY: &str = "n:n prev:s time:s event:s";
const TOOL: &str = "name:s version:s sha384:s";
const PLAN: &str = "sha384:s text:s";
const TOKEN: &str = "label:s manufacturer:s model:s serial:s hardware:s firmware:s";
const PERSON: &str = "name:s role:s";

/// The member that a line lacks, or has too much; none for a line of an unknown event.
pub(super) fn wrong(line: &Value) -> Option<String> {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    let own = match (text("event"), text("step")) {
        ("start", _) => "title:s rehearsal:b attended:b tool:o plan:o people:a torn_bytes:n",
        ("resumed", _) if line["attended"].is_null() => "after:n torn_bytes:n tool:o token:o",
        ("resumed", _) => "after:n torn_bytes:n attended:b tool:o token:o",
        ("token", _) => "token:o",
        ("root", "root") if line["certificate"].is_null() => "step:s spki:s sha256:s passport:s?",
        ("root", "root") => "step:s spki:s sha256:s passport:s? certificate:s",
        ("root", _) => return Some("its step is not \"root\"".into()),
        ("confirmed", _) => "step:s people:a",
        ("intent", step) => of_intent(step, line),
        ("result", step) => of_result(step),
        ("output", _) => "step:s file:s role:s sha384:s",
        ("failed", _) => "step:s error:s",
        ("stopped", _) => "step:s by:s",
        ("signed", _) => "signature:s",
        _ => return None,
    };
    members("", line, &format!("{EVERY} {own}")).or_else(|| {
        let people = line["people"].as_array().into_iter().flatten();
        let mut people = people.filter(|person| person.is_object());
        [("tool", TOOL), ("plan", PLAN), ("token", TOKEN)]
            .iter()
            .filter(|(name, _)| line[name].is_object())
            .find_map(|(name, inner)| members(&format!("{name}."), &line[name], inner))
            .or_else(|| program(&line["tool"]))
            .or_else(|| people.find_map(|person| members("people.", person, PERSON)))
    })
}

/// The members of a line before a step is done.
fn of_intent(step: &str, line: &Value) -> &'static str {
    match Step::of(step) {
        Some(Step::MakeKey) if line["again"] == true => "step:s id:s again:b",
        Some(Step::MakeKey) => "step:s label:s id:s curve:s",
        Some(Step::Endorse(_)) => "step:s vendor:s spki:s sha256:s",
        Some(Step::Sign(_)) => "step:s payload:s says:o",
        Some(Step::Certify) => "step:s tbs:s says:o",
        Some(Step::Issue(_)) => "step:s request:s tbs:s says:o",
        Some(Step::Revoke) => "step:s previous:s? revoked:a tbs:s says:o",
        Some(Step::Passport | Step::Close) | None => "step:s",
    }
}

/// The members of a line after a step was done.
fn of_result(step: &str) -> &'static str {
    match Step::of(step) {
        Some(Step::MakeKey) => {
            "step:s found_after_interruption:b spki:s sha256:s attributes:o oddities:a"
        }
        Some(Step::Passport) => "step:s passport:s",
        Some(Step::Endorse(_)) => "step:s vendor:s spki:s sha256:s kept:b signature:s",
        Some(Step::Sign(_)) => "step:s payload:s says:o kept:b signatures:a",
        Some(Step::Certify) => "step:s certificate:s says:o",
        Some(Step::Issue(_)) => "step:s request:s certificate:s says:o",
        Some(Step::Revoke) => "step:s previous:s? revoked:a crl:s says:o",
        Some(Step::Close) | None => "step:s",
    }
}

/// The fault of a line's entry for the program.
fn program(tool: &Value) -> Option<String> {
    const DIGITS: usize = 96;
    let text = |name: &str| tool[name].as_str().unwrap_or("-");
    let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let digest = tool["sha384"].as_str();
    if digest.is_some_and(|digest| digest.len() != DIGITS || !digest.bytes().all(is_digit)) {
        return Some("its tool.sha384 is not a SHA-384".into());
    }
    let is_named = !text("name").is_empty() && !text("version").is_empty();
    (!is_named).then(|| "its tool has no name or no version".into())
}

/// Compares the members of an object with `name:kind` words; a `?` stands for null as well.
fn members(of: &str, object: &Value, wanted: &str) -> Option<String> {
    let found = object.as_object()?;
    let wanted: Vec<(&str, &str)> = wanted
        .split(' ')
        .filter_map(|word| word.split_once(':'))
        .collect();
    for (name, kind) in &wanted {
        let Some(value) = found.get(*name) else {
            return Some(format!("it has no {of}{name}"));
        };
        let fits = match (kind.as_bytes()[0], value) {
            (_, Value::Null) => kind.ends_with('?'),
            (b's', Value::String(_))
            | (b'b', Value::Bool(_))
            | (b'o', Value::Object(_))
            | (b'a', Value::Array(_)) => true,
            (b'n', number) => number.is_u64(),
            _ => false,
        };
        if !fits {
            return Some(format!("its {of}{name} is not of the right kind"));
        }
    }
    let odd = |name: &&String| !wanted.iter().any(|(known, _)| known == name);
    let odd = found.keys().find(odd);
    odd.map(|name| format!("it has an unknown member: {of}{name}"))
}
