//! The findings that keep realms from an app, and the changes that mend them.

use serde_json::{Value, json};

use super::short::short;
use crate::image::realm::Finding;
use crate::store::Mended;
use crate::text::plain;

/// The findings that keep realms from an app, as JSON.
pub fn realms_json(findings: &[Finding]) -> Value {
    let one = |finding: &Finding| json!({ "rule": finding.rule, "reason": short(&finding.reason) });
    findings.iter().map(one).collect()
}

/// A change that lets realms get an app's images, for a person.
pub fn mended(mended: &Mended) -> String {
    let text = match mended {
        Mended::LeftOut { name, reason } => {
            format!("left out {name}, which no server loads: {reason}")
        }
        Mended::Tag {
            from,
            to: Some(to),
            digest,
        } => format!("tag \"{from}\" became \"{to}\", of {digest}"),
        Mended::Tag {
            from,
            to: None,
            digest,
        } => {
            format!("tag \"{from}\" was removed: realms get {digest} by its digest")
        }
        Mended::Named { tag, digest } => {
            format!("tag \"{tag}\" now names {digest} itself, not an index")
        }
        Mended::Several { tag, images } => {
            const MOST: usize = 20;
            let shown: Vec<_> = images.iter().take(MOST).map(ToString::to_string).collect();
            let more = if images.len() > MOST { " and more" } else { "" };
            format!(
                "tag \"{tag}\" names an index of several images, which realms refuse: name one by its digest: {}{more}",
                shown.join(", ")
            )
        }
        Mended::Rewritten { old, new } => {
            format!("{old} was rewritten with OCI's types and became {new}")
        }
    };
    plain(&short(&text))
}

/// The same as JSON.
pub fn mended_json(mended: &Mended) -> Value {
    match mended {
        Mended::LeftOut { name, reason } => {
            json!({ "kind": "left-out", "name": name, "reason": short(reason) })
        }
        Mended::Tag { from, to, digest } => {
            json!({ "kind": "tag", "from": from, "to": to, "digest": digest.to_string() })
        }
        Mended::Named { tag, digest } => {
            json!({ "kind": "named", "tag": tag, "digest": digest.to_string() })
        }
        Mended::Several { tag, images } => json!({
            "kind": "several",
            "tag": tag,
            "images": images.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Mended::Rewritten { old, new } => {
            json!({ "kind": "rewritten", "digest": new.to_string(), "previous_digest": old.to_string() })
        }
    }
}
