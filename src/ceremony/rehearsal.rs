//! Making the plan of a rehearsal from a ceremony's.

use std::path::Path;

use toml::{Table, Value};

use super::error::Error;
use super::listing::table;
use super::plan::Plan;
use crate::crypto::{Digest, HashAlgorithm};
use crate::files;

/// The most bytes of an input: a CRL's.
const MAX_INPUT: usize = 256 * 1024;

/// The text of the same plan for a rehearsal on the token with this serial number: `rehearsal` is true, and
/// the digests of the root's public key, certificate and passport, of the CRL before and of the certificates to revoke are
/// those of the files in `folder`: another token has another root. The mechanism is that token's default. All else stays, except comments and order.
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
        ("issuer", "root's certificate"),
    ] {
        let input = plan_table.get_mut(name).and_then(Value::as_table_mut);
        input.map_or(Ok(()), |input| digest_anew(input, "file", role, folder))?;
    }
    let previous = plan_table
        .get_mut("crl")
        .and_then(|crl| crl.get_mut("previous"));
    if let Some(previous) = previous.and_then(Value::as_table_mut) {
        digest_anew(previous, "file", "previous CRL", folder)?;
    }
    let revocations = plan_table
        .get_mut("revocations")
        .and_then(Value::as_array_mut);
    let revocations = revocations
        .into_iter()
        .flatten()
        .filter_map(Value::as_table_mut);
    for revocation in revocations.filter(|revocation| revocation.contains_key("certificate")) {
        digest_anew(revocation, "certificate", "certificate to revoke", folder)?;
    }
    toml::to_string(&plan_table).map_err(|error| Error::Plan {
        path: plan.path.clone(),
        reason: error.to_string(),
    })
}

/// Gives an input the digest that its file has in the folder.
fn digest_anew(
    input: &mut Table,
    name: &str,
    role: &'static str,
    folder: &Path,
) -> Result<(), Error> {
    let file = input.get(name).and_then(Value::as_str).unwrap_or_default();
    let bytes = files::read(&folder.join(file), MAX_INPUT).map_err(Error::file(role))?;
    let digest = Digest::of(HashAlgorithm::Sha384, &bytes).hex();
    input.insert("sha384".into(), Value::String(digest));
    Ok(())
}
