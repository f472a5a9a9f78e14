//! Advice on an app that realms cannot get.

use crate::image::realm::{Finding, rule};

const MENDABLE: &str = "sign-image --for-realms leaves out what no server loads and shortens tags; copy --for-realms does so in another layout";
const HISTORY: &str =
    "build the image anew so that its config has a history: without --omit-history or --no-history";
/// For findings that only another build changes.
pub const BUILD: &str = "build the image anew, in one layer, without eStargz or zstd:chunked: \
                     buildah build --squash-all, or docker buildx build --output type=oci,compression=gzip --provenance=false";

/// The advice: for findings that only another build changes, if there are any; else on signing.
pub fn hint<'a>(rules: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let of_layout = |rule: &str| rule::OF_APPS.contains(&rule) || rule == rule::TAG_IMAGE;
    let mends = rules.into_iter().map(|rule| match rule {
        rule::CONFIG_HISTORY => (1, HISTORY),
        rule if of_layout(rule) => (0, MENDABLE),
        _ => (2, BUILD),
    });
    mends
        .max_by_key(|(weight, _)| *weight)
        .map(|(_, hint)| hint)
}

/// The same of findings.
pub fn of(findings: &[Finding]) -> Option<&'static str> {
    hint(findings.iter().map(|finding| finding.rule))
}
