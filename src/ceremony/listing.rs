//! A list of the things that a plan names, for scripts, so that they need not read plans.

use toml::{Table, Value};

use super::error::Error;
use super::plan::Plan;

/// One thing that a plan names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `plan`, `input` or `output`.
    pub what: &'static str,
    /// Of the plan: `ceremony`, `token`, `key`. Of inputs: `root`, `passport`, `issuer`, `vendor`, `payload`,
    /// `request`, `previous-crl`, `revoked`. Of outputs: `public`, `passport`, `endorsement`, `signatures`,
    /// `certificate`, `crl`, `transcript`.
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
    for role in ["root", "passport", "issuer"] {
        add("input", role, text(table.get(role), "file"));
    }
    let list = |name: &str| {
        let list = table.get(name).and_then(Value::as_array);
        list.into_iter().flatten().collect::<Vec<&Value>>()
    };
    let vendors = list("vendors");
    for vendor in &vendors {
        add("input", "vendor", text(Some(vendor), "public"));
    }
    let payloads = list("payloads");
    for payload in &payloads {
        add("input", "payload", text(Some(payload), "file"));
    }
    let certificates = list("certificates");
    for certificate in &certificates {
        add("input", "request", text(Some(certificate), "request"));
    }
    let crl = table.get("crl");
    let previous = crl.and_then(|crl| crl.get("previous"));
    add("input", "previous-crl", text(previous, "file"));
    for revocation in list("revocations") {
        add("input", "revoked", text(Some(revocation), "certificate"));
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
    for certificate in certificates {
        let file = text(Some(certificate), "certificate");
        add("output", "certificate", file);
    }
    for role in ["certificate", "crl", "transcript"] {
        add("output", role, text(table.get("outputs"), role));
    }
    Ok(all)
}

/// The plan's TOML, which is valid.
pub(super) fn table(plan: &Plan) -> Result<Table, Error> {
    toml::from_str(&plan.text).map_err(|error| Error::Plan {
        path: plan.path.clone(),
        reason: error.message().replace('\n', " "),
    })
}
