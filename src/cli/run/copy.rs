//! Copying images.

use serde_json::json;

use crate::cli::args::copy::Copy;
use crate::cli::console::{Console, Outcome};
use crate::cli::context::beside_bar;
#[cfg(feature = "registry")]
use crate::cli::context::reporting;
use crate::cli::show;
use crate::cli::status::Status;
use crate::ops::copy::{self, Along};
use crate::store::Limits;
use crate::text::plain;

pub(super) fn copy(args: Copy, console: &Console) -> Outcome {
    let request = copy::Copy {
        from: args.from,
        to: args.to,
        platform: args.platform,
        along: match (args.along.with_signatures, args.along.for_realms) {
            (true, _) => Along::Signatures,
            (_, true) => Along::ForRealms,
            _ => Along::Image,
        },
        may_move: !args.no_move,
        force: args.force,
        limits: Limits::default(),
        jobs: args.jobs,
        #[cfg(feature = "registry")]
        registries: reporting(args.remote.options(), console),
    };
    let copied = beside_bar(console, |bar| request.run(bar))?;
    let counts = copied.counts;
    let tag = copied
        .tag
        .as_deref()
        .map_or_else(String::new, |tag| format!(":{tag}"));
    console.note(&format!(
        "copied {} to {}{}: {} sent ({} bytes){}{}",
        plain(&copied.name),
        plain(&copied.place.to_string()),
        plain(&tag),
        blobs(counts.sent),
        counts.bytes,
        some(counts.there, "there already"),
        some(counts.mounted, "taken from another repository"),
    ));
    for moved in &copied.moved {
        let tag = plain(&moved.tag);
        console.note(&match moved.from {
            Some(from) => format!("{tag} moved from {from} to {}", moved.to),
            None => format!("{tag} leads to {}", moved.to),
        });
    }
    for mended in &copied.mended {
        console.note(&show::mended(mended));
    }
    for along in &copied.along {
        console.note(&format!("copied its referrer {along}"));
    }
    for warning in &copied.warnings {
        console.warn(warning);
    }
    console.realms(&copied.realms);
    console.result(&copied.digest.to_string())?;
    console.json(|| {
        let moved = copied.moved.iter().map(|moved| {
            json!({
                "tag": moved.tag,
                "from": moved.from.map(|digest| digest.to_string()),
                "to": moved.to.to_string(),
            })
        });
        json!({
            "image": copied.name,
            "digest": copied.digest.to_string(),
            "place": copied.place.to_string(),
            "tag": copied.tag,
            "moved": moved.collect::<Vec<_>>(),
            "along": copied.along.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "sent": counts.sent,
            "sent_bytes": counts.bytes,
            "there": counts.there,
            "mounted": counts.mounted,
            "mended": copied.mended.iter().map(show::mended_json).collect::<Vec<_>>(),
            "realms": show::realms_json(&copied.realms),
        })
    })?;
    Ok(Status::Done)
}

/// How many blobs need not be sent, if any.
fn some(count: usize, why: &str) -> String {
    match count {
        0 => String::new(),
        count => format!(", {count} {why}"),
    }
}

fn blobs(count: usize) -> String {
    match count {
        1 => "1 blob".into(),
        count => format!("{count} blobs"),
    }
}
