//! Results as text for a person and as JSON for a program.

pub mod certificates;
pub mod policies;
pub mod policy;
mod realms;
mod short;

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

pub use realms::{mended, mended_json, realms_json};
pub use short::short;

use super::status::Status;
use crate::crypto::p384::Fingerprint;
use crate::encoding::hex::hex;
use crate::image::Descriptor;
use crate::key::hidden;
use crate::ops::endorsement::Source;
use crate::ops::found::Totals;
use crate::ops::inspect::{Content, Inspected};
use crate::ops::shard::Shard;
use crate::ops::signed::{SignedImage, SignedImages};
use crate::report::{Check, Outcome, Report, Signatory};
use crate::scheme::annotation::Claim;
use crate::store::{Pruned, Referrer};
use crate::text::plain;

/// Colours parts of a text, if wanted.
#[derive(Clone, Copy, Debug)]
pub struct Paint(pub bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Something good.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Something bad.
    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Something notable.
    pub fn warn(self, text: &str) -> String {
        self.with("33", text)
    }
}

/// One verdict for a person.
pub fn report(report: &Report, trusted: bool, paint: Paint) -> String {
    let subject = plain(&short(&report.subject));
    let mut lines = vec![format!("{subject} {}", report.digest)];
    for Check { rule, outcome, .. } in &report.checks {
        let (word, reason) = match outcome {
            Outcome::Passed => (paint.good("passed     "), String::new()),
            Outcome::Warned(reason) => {
                let reason = plain(&short(reason));
                (paint.warn("passed     "), format!(": {reason}"))
            }
            Outcome::Failed(reason) => {
                let reason = plain(&short(reason));
                (paint.bad("FAILED     "), format!(": {reason}"))
            }
            Outcome::Blocked => (
                paint.warn("not checked"),
                ": an earlier check failed".into(),
            ),
            Outcome::LeftOut => (paint.warn("not checked"), ": left out as asked".into()),
            Outcome::Unchecked(missing) => {
                let missing = plain(&short(missing));
                (paint.warn("not checked"), format!(": {missing}"))
            }
        };
        lines.push(format!("  {word} {rule}{reason}"));
    }
    for Signatory { role, fingerprint } in &report.signatories {
        lines.push(format!("  {role:<11} {fingerprint}"));
    }
    let left_out = report
        .checks
        .iter()
        .any(|check| matches!(check.outcome, Outcome::LeftOut | Outcome::Unchecked(_)));
    lines.push(match (trusted, left_out) {
        (true, false) => paint.good("trusted"),
        (true, true) => paint.good("trusted, except for what was not checked"),
        (false, _) => paint.bad(refusal(report)),
    });
    lines.join("\n")
}

/// The failures of an untrusted image, for a quiet run, one a line.
pub fn failures(report: &Report) -> Vec<String> {
    let name = format!("{} {}", report.subject, report.digest);
    let failed = report.checks.iter().filter_map(|check| {
        let reason = check.failure()?;
        Some(format!("{name}: FAILED {}: {reason}", check.rule))
    });
    let end = format!("{name}: {}", refusal(report));
    failed.chain([end]).collect()
}

/// The words for a verdict that is not good: an image may be trusted, but useless to realms.
fn refusal(report: &Report) -> &'static str {
    if report
        .checks
        .iter()
        .all(|check| !check.has_failed() || check.is_of_realms())
    {
        "NOT for realms: they cannot get it"
    } else {
        "NOT trusted"
    }
}

/// One verdict as JSON.
pub fn report_json(report: &Report, trusted: bool) -> Value {
    let check = |check: &Check| {
        let (outcome, reason) = match &check.outcome {
            Outcome::Passed => ("passed", None),
            Outcome::Warned(reason) => ("warned", Some(short(reason))),
            Outcome::Failed(reason) => ("failed", Some(short(reason))),
            Outcome::Blocked => ("blocked", None),
            Outcome::LeftOut => ("left-out", None),
            Outcome::Unchecked(missing) => ("unchecked", Some(short(missing))),
        };
        let mut value = json!({ "rule": check.rule, "outcome": outcome });
        if let Some(reason) = reason {
            value["reason"] = json!(reason);
        }
        value
    };
    let signatory =
        |s: &Signatory| json!({ "role": s.role, "fingerprint": fingerprint(&s.fingerprint) });
    json!({
        "reference": report.subject,
        "digest": report.digest.to_string(),
        "trusted": trusted,
        "checks": report.checks.iter().map(check).collect::<Vec<_>>(),
        "signatories": report.signatories.iter().map(signatory).collect::<Vec<_>>(),
    })
}

/// How many images there were, for a person.
pub fn totals(totals: &Totals, shard: Option<Shard>) -> String {
    let images = match totals.images() {
        1 => "1 image".to_owned(),
        images => format!("{images} images"),
    };
    let shard = shard.map_or_else(String::new, |shard| format!(" in shard {shard}"));
    let mut text = format!(
        "{images}{shard}: {} trusted, {} refused, {} undecided",
        totals.trusted, totals.refused, totals.undecided
    );
    for (count, what) in [
        (totals.allowed, "allowed"),
        (totals.in_other_shards, "in other shards"),
        (totals.gone, "gone"),
        (totals.not_looked_at, "not looked at"),
    ] {
        if count > 0 {
            let _ = write!(text, "; {count} {what}");
        }
    }
    text
}

/// The same for a program.
pub fn totals_json(totals: &Totals, shard: Option<Shard>, status: Status) -> Value {
    json!({
        "totals": {
            "images": totals.images(),
            "trusted": totals.trusted,
            "refused": totals.refused,
            "undecided": totals.undecided,
            "ignored": totals.ignored,
            "gone": totals.gone,
            "shard": shard.map(|shard| shard.to_string()),
            "in_other_shards": totals.in_other_shards,
            "not_looked_at": totals.not_looked_at,
            "status": status as u8,
        }
    })
}

/// An error as JSON.
pub fn error_json(message: &str, hint: Option<&str>, status: Status) -> Value {
    json!({
        "error": {
            "message": short(message),
            "hint": hint.map(hidden::pins),
            "status": status as u8,
        }
    })
}

/// A fingerprint as JSON: the same text as for a person.
pub fn fingerprint(fingerprint: &Fingerprint) -> Value {
    json!(fingerprint.to_string())
}

/// The result of signing an image, for a person.
pub fn signed(image: &SignedImage) -> String {
    let name = plain(&image.applied.name);
    let tags: Vec<String> = image
        .applied
        .tags
        .iter()
        .chain(&image.applied.index_tags)
        .map(|tag| plain(tag))
        .collect();
    let tags = if tags.is_empty() {
        "no tag leads to it".to_owned()
    } else {
        let more = if image.applied.more_index_tags {
            " and more"
        } else {
            ""
        };
        format!("tags that lead to it: {}{more}", tags.join(", "))
    };
    if image.was_signed() {
        format!("{name} already carries this signature; {tags}")
    } else {
        format!(
            "{name} is signed: {} became {}; {tags}",
            image.applied.old, image.applied.new
        )
    }
}

/// Where the endorsement comes from, for a person.
pub fn endorsement(source: &Source) -> String {
    match source {
        Source::Given => "used the given endorsement".into(),
        Source::Found(image) => format!("used the endorsement in use, from {}", plain(image)),
        Source::Made => "the CA's key made a new endorsement of the vendor".into(),
    }
}

/// A referrer of an unsigned manifest, for a person.
pub fn referrer(referrer: &Referrer) -> String {
    let tag = referrer.tag.as_ref();
    let tag = tag.map_or_else(String::new, |tag| format!(" (tag {})", plain(tag)));
    format!(
        "{}{tag} refers to {}, the image before this change, not to the signed image",
        referrer.digest, referrer.subject
    )
}

/// The digests of these images, as JSON.
pub fn digests(descriptors: &[Arc<Descriptor>]) -> Value {
    descriptors.iter().map(|d| d.digest.to_string()).collect()
}

/// The result of signing, as JSON.
pub fn signed_json(signed: &SignedImages) -> Value {
    let image = |image: &SignedImage| {
        let mut value = json!({
            "reference": image.applied.name,
            "digest": image.applied.new.to_string(),
            "previous_digest": image.applied.old.to_string(),
            "config": image.config.to_string(),
            "changed": signed.changed && !image.was_signed(),
            "tags": image.applied.tags,
            "index_tags": image.applied.index_tags,
        });
        if image.applied.more_index_tags {
            value["more_index_tags"] = json!(true);
        }
        value
    };
    let referrer = |referrer: &Referrer| {
        json!({
            "digest": referrer.digest.to_string(),
            "tag": referrer.tag,
            "subject": referrer.subject.to_string(),
        })
    };
    let endorsement = match &signed.endorsement {
        Source::Given => json!({ "source": "given" }),
        Source::Found(image) => json!({ "source": "found", "image": image }),
        Source::Made => json!({ "source": "made" }),
    };
    json!({
        "layout": signed.layout.display().to_string(),
        "images": signed.images.iter().map(image).collect::<Vec<_>>(),
        "vendor": fingerprint(&signed.vendor),
        "ca": fingerprint(&signed.ca),
        "endorsement": endorsement,
        "changed": signed.changed,
        "referrers": signed.referrers.iter().map(referrer).collect::<Vec<_>>(),
        "not_looked_at": digests(&signed.unseen),
        "warnings": signed.warnings.iter().map(|text| short(text)).collect::<Vec<_>>(),
        "mended": signed.mended.iter().map(mended_json).collect::<Vec<_>>(),
        "realms": realms_json(&signed.realms),
    })
}

/// The content of an entry, for a person.
pub fn inspected(entry: &Inspected) -> String {
    let descriptor = &entry.descriptor;
    let indent = "  ".repeat(entry.depth);
    let tag = descriptor.tag().map_or("(no tag)", |tag| tag);
    let name = if entry.depth == 0 {
        format!("{} ", plain(tag))
    } else {
        String::new()
    };
    let mut lines = vec![format!("{indent}{name}{}", descriptor.digest)];
    let mut add = |text: String| lines.push(format!("{indent}    {text}"));
    match &*entry.content {
        Content::Index => add("image index".into()),
        Content::Attestation => add("attestation about an image".into()),
        Content::Unreadable(reason) => add(plain(&short(reason))),
        Content::Image(image, claim) => {
            add(format!(
                "image for {}, {} {}, config {}",
                plain(&image.platform.to_string()),
                image.layers,
                if image.layers == 1 { "layer" } else { "layers" },
                image.config
            ));
            match claim {
                None => add("not signed".into()),
                Some(claim) => claimed(claim).into_iter().for_each(add),
            }
        }
    }
    lines.join("\n")
}

fn claimed(claim: &Claim) -> Vec<String> {
    let vendor = match &claim.vendor {
        Ok(vendor) => format!("says it is signed by vendor {}", vendor.fingerprint()),
        Err(reason) => format!(
            "says it is signed, by an unknown vendor: {}",
            plain(&short(reason))
        ),
    };
    let holds = if claim.config_signed {
        "that vendor's signature of the config holds; this command does not check whether a CA vouches for the vendor"
    } else {
        "no signature of the config by that vendor holds"
    };
    vec![vendor, holds.into()]
}

/// The content of an entry, as JSON.
pub fn inspected_json(entry: &Inspected) -> Value {
    let descriptor = &entry.descriptor;
    let mut value = json!({
        "depth": entry.depth,
        "digest": descriptor.digest.to_string(),
        "media_type": descriptor.media_type,
        "size": descriptor.size,
        "tag": descriptor.tag(),
        "platform": descriptor.platform.as_ref().map(ToString::to_string),
    });
    match &*entry.content {
        Content::Index => value["kind"] = json!("index"),
        Content::Attestation => value["kind"] = json!("attestation"),
        Content::Unreadable(reason) => {
            value["kind"] = json!("unreadable");
            value["reason"] = json!(short(reason));
        }
        Content::Image(image, claim) => {
            value["kind"] = json!("image");
            value["platform"] = json!(image.platform.to_string());
            value["config"] = json!(image.config.to_string());
            value["layers"] = json!(image.layers);
            value["claim"] = claim.as_ref().map_or(Value::Null, |claim| {
                let vendor = claim.vendor.as_ref();
                json!({
                    "vendor": vendor.ok().map(|v| v.fingerprint().to_string()),
                    "vendor_public_key": vendor.ok().map(|v| hex(&v.to_spki())),
                    "error": vendor.err().map(|reason| short(reason)),
                    "config_signed": claim.config_signed,
                    "endorsement": claim.endorsement.as_ref().map(|s| hex(&s.to_bytes())),
                })
            });
        }
    }
    value
}

/// Tells a person about a file that pruning keeps.
pub fn foreign(name: &str) -> String {
    if name.contains('/') {
        format!("blobs/{name} has a name that no blob can have, so it stays")
    } else {
        format!("{name} has the name of a temporary file, but is not a file, so it stays")
    }
}

/// The result of pruning, as JSON.
pub fn pruned_json(pruned: &Pruned, dry_run: bool) -> Value {
    let found = !pruned.blobs.is_empty() || !pruned.temporary.is_empty();
    let blobs = pruned.blobs.iter();
    json!({
        "removed": found && !dry_run,
        "blobs": blobs
            .map(|(digest, size)| json!({ "digest": digest.to_string(), "size": size }))
            .collect::<Vec<_>>(),
        "temporary": pruned.temporary,
        "foreign": pruned.foreign,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_drive_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb\nc\u{9b}é"), "a\\u{1b}[2Jb\\nc\\u{9b}é");
        for c in "\u{200b}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}\u{ad}\u{e0041}".chars() {
            let escaped = format!("a\\u{{{:x}}}b", u32::from(c));
            assert_eq!(plain(&format!("a{c}b")), escaped);
        }
    }
}
