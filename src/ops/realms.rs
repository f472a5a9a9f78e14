//! Whether realms get an image that is signed: the server has to load the app, and the realm to take the image.

use std::collections::BTreeMap;
use std::slice;

use crate::image::Reference;
use crate::image::realm::{Finding, rule};
use crate::report::Check;
use crate::store::{Error, Layout, Reader, Selected, Selection};

/// The findings that keep realms from the signed images, as far as the layout shows them. Images that only a digest
/// names, as those of an index for several platforms, have none: realms get them by the digest.
pub(super) fn of_signed(
    layout: &Layout,
    references: &[Reference],
    selection: &Selection,
    images: usize,
) -> Result<Vec<Finding>, Error> {
    let mut findings = layout.realm_findings()?;
    if images == 1 || *selection != Selection::All {
        findings.extend(names(layout, references));
    }
    Ok(findings)
}

/// The same of an image that was copied there.
pub(super) fn of_copied(layout: &Layout, reference: &Reference) -> Result<Vec<Finding>, Error> {
    let mut findings = layout.realm_findings()?;
    let reference = slice::from_ref(reference);
    if layout.reader().resolve(reference, &Selection::One).is_ok() {
        findings.extend(names(layout, reference));
    }
    Ok(findings)
}

/// The images that the references mean, without the entries that no server loads.
pub(super) fn selected(
    reader: &Reader<'_>,
    references: &[Reference],
    selection: &Selection,
) -> Result<Vec<Selected>, Error> {
    if references.is_empty() {
        return meant(reader, &[], selection);
    }
    let mut all = Vec::new();
    for reference in references {
        all.extend(meant(reader, slice::from_ref(reference), selection)?);
    }
    Ok(all)
}

fn meant(
    reader: &Reader<'_>,
    reference: &[Reference],
    selection: &Selection,
) -> Result<Vec<Selected>, Error> {
    if matches!(selection, Selection::One | Selection::All) {
        let mut left = Vec::new();
        for selected in reader.resolve(reference, &Selection::Any)? {
            if reader.is_served(&selected.descriptor)? {
                left.push(selected);
            }
        }
        if left.len() == 1 || (!left.is_empty() && *selection == Selection::All) {
            return Ok(left);
        }
    }
    // Several images, or broken ones, give the usual error.
    reader.resolve(reference, selection)
}

/// The findings that keep realms from images, with the images' names.
pub(super) fn of_images(found: BTreeMap<String, Vec<Finding>>) -> Vec<Finding> {
    let named = |(name, found): (String, Vec<Finding>)| {
        let one = move |Finding { rule, reason }: Finding| {
            Finding::new(rule, format_args!("image {name}: {reason}"))
        };
        found.into_iter().map(one)
    };
    found.into_iter().flat_map(named).collect()
}

/// The findings on the names by which the user asked for images.
fn names(layout: &Layout, references: &[Reference]) -> Vec<Finding> {
    if references.is_empty() {
        return layout.realm_name(None).into_iter().collect();
    }
    let of_each = references
        .iter()
        .filter_map(|reference| layout.realm_name(Some(reference)));
    of_each.collect()
}

/// A check for each rule on apps, and for the name by which the user asked for an image.
pub(super) fn checks(of_app: &[Finding], of_name: Option<&Finding>) -> Vec<Check> {
    let of_name = of_name.map_or(&[][..], slice::from_ref);
    let found: Vec<_> = of_app.iter().chain(of_name).cloned().collect();
    against(&rule::OF_APPS, &found)
        .into_iter()
        .chain(against(&[rule::TAG_IMAGE], &found))
        .collect()
}

/// A check for each of these rules.
pub(super) fn against(rules: &[&'static str], found: &[Finding]) -> Vec<Check> {
    let check = |rule: &&'static str| {
        let finding = found.iter().find(|finding| finding.rule == *rule);
        finding.map_or_else(
            || Check::passed(rule),
            |finding| Check::failed(rule, finding.reason.clone()),
        )
    };
    rules.iter().map(check).collect()
}
