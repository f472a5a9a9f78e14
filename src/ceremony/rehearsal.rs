//! Making the plan of a rehearsal from a ceremony's.

use std::path::Path;

use toml::Value;

use super::error::Error;
use super::listing::table;
use super::plan::Plan;
use crate::crypto::{Digest, HashAlgorithm};
use crate::files;

/// The most bytes of a public key or passport.
const MAX_INPUT: usize = 16 * 1024;

/// The text of the same plan for a rehearsal on the token with this serial number: `rehearsal` is true, and
/// the digests of the root's public key and passport are those of the files in `folder`, for another token
/// has another root. The mechanism is that token's default. All else stays, except comments and order.
pub fn of(plan: &Plan, serial: &str, folder: &Path) -> Result<String, Error> {
    let mut plan_table = table(plan)?;
    plan_table.insert("rehearsal".into(), Value::Boolean(true));
    if let Some(token) = plan_table.get_mut("token").and_then(Value::as_table_mut) {
        token.insert("serial".into(), Value::String(serial.to_owned()));
        token.remove("hardware-without-flag");
    }
    if let Some(key) = plan_table.get_mut("key").and_then(Value::as_table_mut) {
        // The other token may not have it.
        key.remove("mechanism");
    }
    for (name, role) in [
        ("root", "root's public key"),
        ("passport", "root's passport"),
    ] {
        let Some(input) = plan_table.get_mut(name).and_then(Value::as_table_mut) else {
            continue;
        };
        let file = input
            .get("file")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let bytes = files::read(&folder.join(file), MAX_INPUT).map_err(Error::file(role))?;
        let digest = Digest::of(HashAlgorithm::Sha384, &bytes).hex();
        input.insert("sha384".into(), Value::String(digest));
    }
    toml::to_string(&plan_table).map_err(|error| Error::Plan {
        path: plan.path.clone(),
        reason: error.to_string(),
    })
}
