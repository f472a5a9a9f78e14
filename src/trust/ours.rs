//! The requirement types of this program, which both dialects read in one way.

use super::error::Fault;
use super::members::{Members, text, wrong};
use super::requirement::{EndorsedBy, NotarySigned, Vendor};
use crate::encoding::located::{Data, Value};

/// Reads `endorsedBy`.
pub(super) fn endorsed_by(mut members: Members<'_>) -> Result<EndorsedBy, Fault> {
    let ca_key_path = filled(members.need("caKeyPath")?).map_err(|f| f.within("caKeyPath"))?;
    let vendors = match members.take("vendors")? {
        None => Vec::new(),
        Some(value) => vendors(value).map_err(|f| f.within("vendors"))?,
    };
    members.end()?;
    Ok(EndorsedBy {
        ca_key_path,
        vendors,
    })
}

fn vendors(value: Value<'_>) -> Result<Vec<Vendor>, Fault> {
    let items = match value.data {
        Data::List(items) => items,
        other => return Err(wrong(value.at, &other, "a list")),
    };
    if items.is_empty() {
        return Err(Fault::new(value.at, "the list is empty"));
    }
    let items = items.into_iter().enumerate();
    let vendors = items.map(|(n, item)| vendor(item).map_err(|fault| fault.at_item(n)));
    vendors.collect()
}

fn vendor(value: Value<'_>) -> Result<Vendor, Fault> {
    let at = value.at;
    let text = filled(value)?;
    match text.strip_prefix("sha384:") {
        None => Ok(Vendor::Path(text)),
        Some(hex) if is_sha384(hex) => Ok(Vendor::Sha384(hex.to_owned())),
        Some(_) => Err(Fault::new(
            at,
            "\"sha384:\" needs 96 lower-case hexadecimal digits after it",
        )),
    }
}

fn is_sha384(hex: &str) -> bool {
    hex.len() == 96 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Reads `notarySigned`.
pub(super) fn notary_signed(mut members: Members<'_>) -> Result<NotarySigned, Fault> {
    let mut filled_member = |name: &str| filled(members.need(name)?).map_err(|f| f.within(name));
    let trust_policy = filled_member("trustPolicy")?;
    let trust_store = filled_member("trustStore")?;
    let scope = members.take("scope")?;
    let scope = scope.map(|scope| filled(scope).map_err(|f| f.within("scope")));
    let scope = scope.transpose()?;
    members.end()?;
    Ok(NotarySigned {
        trust_policy,
        trust_store,
        scope,
    })
}

/// A text that must not be empty.
fn filled(value: Value<'_>) -> Result<String, Fault> {
    let at = value.at;
    let text = text(value)?;
    if text.is_empty() {
        return Err(Fault::new(at, "the text is empty"));
    }
    Ok(text.into_owned())
}
