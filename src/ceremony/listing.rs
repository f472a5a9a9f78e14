//! A list of the things that a plan names, for scripts, so that they need not read plans.

use toml::{Table, Value};

use super::error::Error;
use super::plan::Plan;

/// One thing that a plan names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `plan`, `input` or `output`.
    pub what: &'static str,
    /// Of the plan: `ceremony`, `token`, `key`. Of inputs: `root`, `passport`, `vendor`, `payload`. Of
    /// outputs: `public`, `passport`, `endorsement`, `signatures`, `transcript`.
    pub role: &'static str,
    /// A name, or a file as the plan spells it, without tabs, line breaks or invisible characters.
    pub name: String,
}

/// All that a plan names, in the order of a ceremony. Reads no file.
pub fn named(plan: &Plan) -> Result<Vec<Named>, Error> {
    let table = table(plan)?;
    let text = |members: Option<&Value>, name: &str| {
        let member = members.and_then(|members| members.get(name));
        member.and_then(Value::as_str).map(str::to_owned)
    };
    let mut all = Vec::new();
    let mut add = |what, role, name: Option<String>| {
        all.extend(name.map(|name| Named { what, role, name }));
    };
    let ceremony = table.get("ceremony").and_then(Value::as_str);
    add("plan", "ceremony", ceremony.map(str::to_owned));
    for name in ["token", "key"] {
        add("plan", name, text(table.get(name), "label"));
    }
    for role in ["root", "passport"] {
        add("input", role, text(table.get(role), "file"));
    }
    let vendors = table.get("vendors").and_then(Value::as_array);
    let vendors: Vec<&Value> = vendors.into_iter().flatten().collect();
    for vendor in &vendors {
        add("input", "vendor", text(Some(vendor), "public"));
    }
    let payloads = table.get("payloads").and_then(Value::as_array);
    let payloads: Vec<&Value> = payloads.into_iter().flatten().collect();
    for payload in &payloads {
        add("input", "payload", text(Some(payload), "file"));
    }
    for role in ["public", "passport"] {
        add("output", role, text(table.get("outputs"), role));
    }
    for vendor in vendors {
        add("output", "endorsement", text(Some(vendor), "endorsement"));
    }
    for payload in payloads {
        add("output", "signatures", text(Some(payload), "signature"));
    }
    let role = "transcript";
    add("output", role, text(table.get("outputs"), role));
    Ok(all)
}

/// The plan's TOML, which is valid.
pub(super) fn table(plan: &Plan) -> Result<Table, Error> {
    toml::from_str(&plan.text).map_err(|error| Error::Plan {
        path: plan.path.clone(),
        reason: error.message().replace('\n', " "),
    })
}
