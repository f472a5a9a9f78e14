//! What to do about an app that realms cannot get.

use crate::image::realm::{Finding, rule};

const MENDABLE: &str =
    "sign it with --for-realms, which leaves out what no server loads and shortens tags";
const HISTORY: &str =
    "build the image anew so that its config has a history: without --omit-history or --no-history";
/// For what only another build changes.
pub const BUILD: &str = "build the image anew, in one layer, without eStargz or zstd:chunked: \
                     buildah build --squash-all, or docker buildx build --output type=oci,compression=gzip --provenance=false";

/// What can be done.
pub fn hint<'a>(rules: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let mut all = rules.into_iter().peekable();
    all.peek()?;
    if all.peek() == Some(&rule::CONFIG_HISTORY) {
        return Some(HISTORY);
    }
    let of_layout = |rule: &str| rule::OF_APPS.contains(&rule) || rule == rule::TAG_IMAGE;
    Some(if all.all(of_layout) { MENDABLE } else { BUILD })
}

/// The same of findings.
pub fn of(findings: &[Finding]) -> Option<&'static str> {
    hint(findings.iter().map(|finding| finding.rule))
}
