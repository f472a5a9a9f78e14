//! Advice on an image that is absent, or that cannot be read.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::ErrorKind;
use std::path::Path;

use super::keys::free;
use super::nearest::{nearest, nearest_app};
#[cfg(feature = "registry")]
use super::registries;
use super::shell::{quoted, word};
use super::{archives, realms};
use crate::crypto::Digest;
use crate::image::{Platform, Reference};
use crate::ops::{Carrier, Way};
use crate::store::{self, Kind, Place};

/// The hint for a place without any image.
const fn of_none(place: &Place) -> &'static str {
    match place {
        Place::Repository(_) => {
            "see that the name is right, and that your credentials may read it; ir-sign copy brings images there"
        }
        _ => {
            "bring one into the registry: ir-sign extract-sign-image -f ARCHIVE, or skopeo copy SOURCE oci:DIR/NAME:TAG"
        }
    }
}

pub(super) fn of_layout(error: &store::Error) -> Option<String> {
    match &error.kind {
        Kind::Lacking { parts, .. } => Some(format!(
            "copy the image there again; if it will never be there, also remove the blobs that only it led to: {}",
            for_good(parts)
        )),
        Kind::IsIndex { platforms, .. } if platforms.is_empty() => None,
        Kind::IsIndex {
            platforms, lacking, ..
        } => {
            let by_digest = || {
                // A platform of several images may come before it.
                let last = platforms.iter().filter_map(|name| name.rsplit(' ').next());
                let digest = last.into_iter().find(|name| Digest::is_digest_form(name));
                digest.map_or_else(
                    || BY_DIGEST.to_owned(),
                    |digest| format!("name one by its digest: -d {digest}"),
                )
            };
            let one = only_one(platforms).map_or_else(by_digest, |platform| {
                format!("name one with --platform {}", word(platform))
            });
            Some(if lacking.is_empty() {
                format!("{one}, or take them all (sign: --all-platforms, verify: --all)")
            } else {
                one
            })
        }
        Kind::Platform { found: 2.., .. } => Some(BY_DIGEST.into()),
        Kind::NotOneImage { found: 0, .. } => Some(of_none(&error.place).into()),
        Kind::NotOneImage { present, .. } if present.is_empty() => None,
        Kind::NotOneImage { present, .. } => Some(nameable(present).map_or_else(
            || BY_DIGEST.to_owned(),
            |name| format!("name it: -d {0}, or :{0} behind oci:DIR or an archive's name", word(name)),
        )),
        Kind::NoSuchImage {
            unreferenced: true, ..
        } => Some(
            "a blob of that digest is there, but nothing leads to it: signing gives an image a new digest".into(),
        ),
        #[cfg(feature = "registry")]
        Kind::Registry { problem, .. } => registries::of_registry(&error.place, problem),
        #[cfg(feature = "registry")]
        Kind::NoSuchImage {
            reference: Reference::Tag(tag),
            present,
            ..
        } if let Place::Repository(name) = &error.place => {
            Some(registries::of_absent(name, tag, present))
        }
        Kind::NoSuchImage {
            reference: Reference::Tag(tag),
            present,
            ..
        } => nearest(tag, present.iter().map(String::as_str))
            .map(|name| format!("did you mean -d {}?", word(name))),
        Kind::Archive { problem } => archives::of(error.place.path()?, problem),
        Kind::NotAFile if error.place.path()?.join("oci-layout").is_file() => Some(format!(
            "ir-sign signs a layout in place: cp -r {} DIR/NAME, then ir-sign sign-image -r DIR -a NAME",
            quoted(error.place.path()?)
        )),
        Kind::SkopeoDir => Some(archives::from_dir(&quoted(error.place.path()?))),
        Kind::Bomb { flag, .. } => Some(format!("if it is really so large, raise {flag}")),
        Kind::TagTaken { .. } => Some("leave --no-move out to move it, or name another tag".into()),
        Kind::SameTag { .. } => Some("name the one that should get it with -d, by its present tag or its digest".into()),
        Kind::NotForRealms { .. } => Some(realms::BUILD.into()),
        Kind::Name => Some("rename it, or move it away".into()),
        Kind::Lost { .. } | Kind::Replaced => Some("run it again".into()),
        Kind::Exists if matches!(error.place, Place::Archive(_)) => Some("replace it with --force, or name another file".into()),
        Kind::Exists => Some(
            "sign what is there with sign-image, choose another name with -a, or replace it with --force".into(),
        ),
        Kind::NoRegistry => Some(format!(
            "see that -r is right; a new registry is made by: mkdir -p {}",
            quoted(error.place.path()?)
        )),
        Kind::Io { action: store::dir::LAST, .. } => Some(
            "everything is written, but a power failure may lose it: check the disk, and run this again".into(),
        ),
        // Not every file system can, and another user's folder is not ours to touch.
        Kind::Io { action: "replace", .. } => Some(MOVE.into()),
        Kind::Io { action: "lock", source, .. } if store::dir::has_no_locks(source) => Some(
            "the file system has no locks (flock), and without them two runs could undo each other's changes: work on a copy of the registry elsewhere; verifying works in place".into(),
        ),
        Kind::Io { action: "open folder", source, .. }
            if source.kind() == ErrorKind::NotFound =>
        {
            let near = error.place.path().and_then(nearest_app);
            Some(near.map_or_else(
                || "an app is a folder of the registry: DIR/NAME with an OCI image layout in it".into(),
                |app| format!("did you mean -a {}?", word(&app)),
            ))
        }
        Kind::AmbiguousTag { names, .. } => Some(nameable(names).map_or_else(
            || BY_DIGEST.to_owned(),
            |name| format!("name it by its full name or its digest: -d {}", word(name)),
        )),
        _ => None,
    }
}

/// For something else in the place of an app.
pub(super) const MOVE: &str = "move it away, or choose another name with -a";

/// Advice for a vendor with two endorsements.
pub(super) fn of_endorsements(way: &Way) -> Option<String> {
    match way {
        Way::Either(image) => take_endorsement(image),
        Way::InUse => Some(
            "a realm that started with one endorsement loses its data with another: sign with the one in use (-s, -c); \
             `ir-sign inspect-image -d DIGEST --endorsement FILE` writes the one that an image carries"
                .into(),
        ),
        Way::OneByOne => Some(
            "a realm that started with one endorsement loses its data with another: sign one image at a time (-d), \
             and each keeps its own"
                .into(),
        ),
    }
}

/// Advice for a vendor with two endorsements, one of them on an image in use.
fn take_endorsement(image: &Carrier) -> Option<String> {
    let registry = image.layout.parent()?;
    let registry = if registry.as_os_str().is_empty() {
        Path::new(".")
    } else {
        registry
    };
    let app = word(image.layout.file_name()?);
    let file = free("sig");
    Some(format!(
        "a realm that started with one endorsement loses its data with another, so keep that of the image in use. \
         Sign with -s {file} and -c CA.pub instead of -x, after this (or the same of the other image) \
         wrote {file}: ir-sign inspect-image -r {} -a {app} -d {} --endorsement {file}",
        quoted(registry),
        image.digest
    ))
}

/// For images that have the same tag and platform.
const BY_DIGEST: &str = "name one by its digest: -d sha256:…";

/// The flags that name these as absent for ever.
fn for_good(parts: &[store::Part]) -> String {
    const MOST: usize = 4;
    let flag = |part: &store::Part| part.digest().map(|digest| format!("--absent {digest}"));
    let flags: Vec<_> = parts.iter().filter_map(flag).collect();
    if flags.len() > MOST {
        return "--absent all".into();
    }
    flags.join(" ")
}

/// The first name that -d accepts, and that only one image has.
fn nameable(names: &[String]) -> Option<&String> {
    let times = times(names);
    let alone = |name: &&String| times.get(name) == Some(&1);
    names
        .iter()
        .filter(alone)
        .find(|name| name.parse::<Reference>().is_ok())
}

/// The number of each: there may be very many, all untrusted.
fn times<T: Eq + Hash>(all: impl IntoIterator<Item = T>) -> HashMap<T, usize> {
    let mut times = HashMap::new();
    for one in all {
        *times.entry(one).or_default() += 1;
    }
    times
}

/// The most bytes of a platform that a hint repeats: it is untrusted.
const LONG_PLATFORM: usize = 100;

/// How many of the untrusted platforms a hint considers.
const MOST_TRIED: usize = 16;

/// The first platform that --platform accepts, and that only one image has.
fn only_one(platforms: &[String]) -> Option<&String> {
    let read = |name: &String| name.parse::<Platform>().ok();
    let all: Vec<_> = platforms.iter().filter_map(read).collect();
    let times = times(platforms);
    let mut named = platforms
        .iter()
        .filter(|name| {
            name.len() <= LONG_PLATFORM && times.get(name) == Some(&1) && !name.contains(' ')
        })
        .take(MOST_TRIED);
    named.find(|name| {
        read(name)
            .is_some_and(|wanted| all.iter().filter(|p| p.serves(&wanted)).take(2).count() == 1)
    })
}
