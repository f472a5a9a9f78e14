//! Whether realms get an image that is signed: the server has to load the app, and the realm to take the image.

use std::slice;

use crate::image::Reference;
use crate::image::realm::{Finding, rule};
use crate::report::Check;
use crate::store::{Error, Layout, Selection};

/// What keeps realms from what was signed, as far as the layout says it. Nothing is said of images that only a digest
/// names, as those of an index for several platforms: realms get those by it.
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

/// What is wrong with the names by which images were asked for.
fn names(layout: &Layout, references: &[Reference]) -> Vec<Finding> {
    if references.is_empty() {
        return layout.realm_name(None).into_iter().collect();
    }
    let of_each = references
        .iter()
        .filter_map(|reference| layout.realm_name(Some(reference)));
    of_each.collect()
}

/// A check for each rule for apps, and for the name by which an image was asked for.
pub(super) fn checks(of_app: &[Finding], of_name: Option<&Finding>) -> Vec<Check> {
    let of_name = of_name.map_or(&[][..], slice::from_ref);
    let rules = rule::OF_APPS.into_iter().chain([rule::TAG_IMAGE]);
    let check = |rule| {
        let mut all = of_app.iter().chain(of_name);
        match all.find(|finding| finding.rule == rule) {
            Some(finding) => Check::failed(rule, finding.reason.clone()),
            None => Check::passed(rule),
        }
    };
    rules.map(check).collect()
}
