//! The verdict of a policy, as text for a person and as JSON for a program.

use serde_json::{Value, json};

use super::{Paint, short};
use crate::ops::policy::{Decision, LookedAt, Outcome, PolicyReport, RequirementReport, rule};
use crate::text::plain;
use crate::trust::Scope;

/// The report on one image for a person.
pub fn report(report: &PolicyReport, paint: Paint) -> String {
    let name = plain(&short(&report.image));
    let mut lines = vec![
        format!("{name} {}", report.digest),
        format!("  scope       {}", plain(&short(&report.scope.to_string()))),
    ];
    if report.requirements.is_empty() {
        lines.push("  the scope asks for nothing".into());
    }
    for requirement in &report.requirements {
        let (word, reason) = match &requirement.outcome {
            Outcome::Met => (paint.good("met        "), String::new()),
            Outcome::NotMet(reason) => (
                paint.bad("NOT met    "),
                format!(": {reason} [{}]", rule::REQUIREMENTS),
            ),
            Outcome::Undecided(error) => (paint.bad("undecided  "), format!(": {error}")),
            Outcome::NotReached => (
                paint.warn("not reached"),
                ": an earlier requirement decided".into(),
            ),
        };
        lines.push(format!(
            "  {word} {}{}",
            requirement.kind,
            plain(&short(&reason))
        ));
        for LookedAt { name, outcome } in &requirement.signatures {
            let name = plain(&short(name));
            lines.push(match outcome {
                Ok(said) => format!("    {name}: {}", plain(&short(said))),
                Err((rule, reason)) => format!("    {name}: {} [{rule}]", plain(&short(reason))),
            });
        }
    }
    let decision = report.decision();
    lines.push(match decision {
        Decision::Trusted => paint.good("trusted"),
        Decision::Allowed => paint.warn("allowed: the policy asks for no signature"),
        Decision::Refused => paint.bad("refused"),
        Decision::Undecided => paint.bad("undecided"),
    });
    lines.join("\n")
}

/// The report on one image as JSON.
pub fn report_json(report: &PolicyReport) -> Value {
    let scope = match &report.scope {
        Scope::Default => Value::from("default"),
        Scope::Of { transport, name } => json!({ "transport": transport, "name": name }),
    };
    let requirements = report.requirements.iter().map(requirement_json);
    json!({
        "reference": report.image,
        "digest": report.digest.to_string(),
        "verdict": report.decision().word(),
        "scope": scope,
        "requirements": requirements.collect::<Vec<_>>(),
        "warnings": report.all_warnings().map(short).collect::<Vec<_>>(),
    })
}

fn requirement_json(requirement: &RequirementReport) -> Value {
    let (outcome, reason) = match &requirement.outcome {
        Outcome::Met => ("met", None),
        Outcome::NotMet(reason) => ("not-met", Some(reason.clone())),
        Outcome::Undecided(error) => ("undecided", Some(error.to_string())),
        Outcome::NotReached => ("not-reached", None),
    };
    let signatures = requirement.signatures.iter().map(|one| match &one.outcome {
        Ok(said) => json!({ "name": one.name, "outcome": "met", "says": short(said) }),
        Err((rule, reason)) => json!({
            "name": one.name,
            "outcome": "not-met",
            "rule": rule,
            "reason": short(reason),
        }),
    });
    let mut value = json!({
        "type": requirement.kind,
        "outcome": outcome,
        "signatures": signatures.collect::<Vec<_>>(),
    });
    if let Some(reason) = reason {
        value["reason"] = json!(short(&reason));
    }
    if matches!(requirement.outcome, Outcome::NotMet(_)) {
        value["rule"] = json!(rule::REQUIREMENTS);
    }
    value
}
