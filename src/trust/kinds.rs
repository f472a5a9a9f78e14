//! The list of requirement types, and how each is read.

use super::dialect::Dialect;
use super::error::{Doubt, Fault, Laxity, Step};
use super::members::{Members, text};
use super::requirement::Requirement;
use super::scheme::{self, SchemeType};
use super::{containers, image_rs, ours};
use crate::encoding::located::{Data, Reader, Value};

/// Reads a list of requirements.
pub(super) fn list(
    reader: &mut Reader<'_>,
    dialect: Dialect,
    schemes: &[SchemeType],
) -> Result<(Vec<Requirement>, Vec<Doubt>), Fault> {
    let at = reader.next_at();
    let mut requirements = Vec::new();
    let mut doubts = Vec::new();
    let mut n = 0;
    reader.items(|reader| {
        let value = reader.value()?;
        let mut found = Vec::new();
        let requirement = requirement(value, dialect, schemes, &mut found);
        requirements.push(requirement.map_err(|fault| fault.at_item(n))?);
        doubts.extend(found.into_iter().map(|doubt| doubt.inside(Step::Index(n))));
        n += 1;
        Ok::<(), Fault>(())
    })?;
    if requirements.is_empty() {
        match dialect {
            Dialect::Containers => {
                let reason = "the list has no requirement; one that lets nothing in is \"reject\"";
                return Err(Fault::new(at, reason));
            }
            Dialect::ImageRs => doubts.push(Doubt::new(at, Laxity::EmptyList)),
        }
    }
    Ok((requirements, doubts))
}

fn requirement(
    value: Value<'_>,
    dialect: Dialect,
    schemes: &[SchemeType],
    doubts: &mut Vec<Doubt>,
) -> Result<Requirement, Fault> {
    if dialect == Dialect::ImageRs {
        check_numbers(&value)?;
    }
    let mut members = Members::of(value)?;
    let at = members.at();
    let kind = text(members.need("type")?).map_err(|fault| fault.within("type"))?;
    match (&*kind, dialect) {
        ("reject" | "insecureAcceptAnything", _) => {
            if dialect == Dialect::Containers {
                members.end()?;
            }
            Ok(match &*kind {
                "reject" => Requirement::Reject,
                _ => Requirement::InsecureAcceptAnything,
            })
        }
        ("signedBy", Dialect::Containers) => {
            containers::signed_by(members).map(Requirement::SignedBy)
        }
        ("signedBy", Dialect::ImageRs) => image_rs::signed_by(members).map(Requirement::SignedBy),
        ("sigstoreSigned", Dialect::Containers) => {
            containers::sigstore_signed(members).map(Requirement::SigstoreSigned)
        }
        ("sigstoreSigned", Dialect::ImageRs) => {
            image_rs::sigstore_signed(members, doubts).map(Requirement::SigstoreSigned)
        }
        ("signedBaseLayer", Dialect::Containers) => {
            containers::signed_base_layer(members).map(Requirement::SignedBaseLayer)
        }
        ("endorsedBy", _) => ours::endorsed_by(members).map(Requirement::EndorsedBy),
        ("notarySigned", _) => ours::notary_signed(members).map(Requirement::NotarySigned),
        (other, _) => {
            if let Some(kind) = schemes.iter().find(|kind| kind.name == other) {
                return scheme::read(kind, members).map(Requirement::Added);
            }
            let reason = format!("there is no requirement type {other:?}");
            Err(Fault::new(at, reason).within("type"))
        }
    }
}

/// image-rs reads each number in a requirement, in members that it ignores too, as a double.
fn check_numbers(value: &Value<'_>) -> Result<(), Fault> {
    match &value.data {
        Data::Number(text) if text.parse::<f64>().is_ok_and(f64::is_finite) => Ok(()),
        Data::Number(_) => Err(Fault::new(value.at, "the number is out of range")),
        Data::Null | Data::Bool(_) | Data::Text(_) => Ok(()),
        Data::List(items) => items.iter().try_for_each(check_numbers),
        Data::Object(members) => members.iter().try_for_each(|m| check_numbers(&m.value)),
    }
}
