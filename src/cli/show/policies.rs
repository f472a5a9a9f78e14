//! Policies in words, and as JSON for a program.

use serde_json::{Value, json};

use crate::text::plain;
use crate::trust::{Asked, Chosen, Dialect, Scope};

/// A scope and what it asks, as lines.
pub fn scope(chosen: &Chosen) -> String {
    let mut lines = vec![format!("{}:", plain(&chosen.scope.to_string()))];
    if chosen.requirements.is_empty() {
        lines.push("  it asks for nothing, so it lets every image in".into());
    }
    for requirement in &chosen.requirements {
        lines.push(format!(
            "  {}: {}",
            requirement.kind(),
            plain(&requirement.words())
        ));
    }
    lines.join("\n")
}

/// Why the scope counts for an image.
pub fn why(chosen: &Chosen, asked: &Asked, dialect: Dialect) -> String {
    let names = names(asked, dialect);
    let image = match asked {
        Asked::Docker(name) => name.to_string(),
        Asked::Path { transport, path } => format!("{transport}:{path}"),
        Asked::DockerArchive => "an image in docker-archive:".into(),
    };
    let before = match &chosen.scope {
        Scope::Default => names.as_slice(),
        Scope::Of { name, .. } => {
            let at = names.iter().position(|other| other == name);
            &names[..at.unwrap_or_default()]
        }
    };
    let before: Vec<_> = before.iter().map(|name| format!("{name:?}")).collect();
    let counts = format!("{} counts for {image}", chosen.scope);
    plain(&match before.as_slice() {
        [] => format!("{counts}: no scope can be nearer"),
        before => format!(
            "{counts}: the policy has none of the nearer scopes {}",
            before.join(", ")
        ),
    })
}

/// The scopes that may hold for an image, nearest first.
fn names(asked: &Asked, dialect: Dialect) -> Vec<String> {
    let mut names = match (dialect, asked) {
        (Dialect::Containers, _) | (_, Asked::Docker(_)) => asked.names(),
        (Dialect::ImageRs, Asked::Path { .. } | Asked::DockerArchive) => Vec::new(),
    };
    names.push(String::new());
    names
}

/// The image that is asked for.
pub fn asked_json(asked: &Asked) -> Value {
    match asked {
        Asked::Docker(name) => json!({ "transport": "docker", "name": name.to_string() }),
        Asked::Path { transport, path } => json!({ "transport": transport, "name": path }),
        Asked::DockerArchive => json!({ "transport": "docker-archive", "name": "" }),
    }
}

/// A scope and what it asks.
pub fn scope_json(chosen: &Chosen) -> Value {
    let scope = match &chosen.scope {
        Scope::Default => Value::from("default"),
        Scope::Of { transport, name } => json!({ "transport": transport, "name": name }),
    };
    let requirement = |requirement: &crate::trust::Requirement| json!({ "type": requirement.kind(), "asks": requirement.words() });
    let warnings = chosen.warnings.iter().map(ToString::to_string);
    json!({
        "scope": scope,
        "requirements": chosen.requirements.iter().map(requirement).collect::<Vec<_>>(),
        "warnings": warnings.collect::<Vec<_>>(),
    })
}
