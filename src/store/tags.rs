//! Names: the only image of a place, and the entries that a tag means.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::error::{Error, Kind};
use super::place::Place;
use super::problem::{Part, Problem};
use crate::crypto::Digest;
use crate::image::{Descriptor, Reference};

/// The names of an entry of `index.json`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    pub(super) tag: Option<&'a str>,
    /// The name with its repository, as containerd and docker write it.
    pub(super) full_name: Option<&'a str>,
    pub(super) digest: Digest,
}

impl<'a> Named<'a> {
    pub(super) fn of(descriptor: &'a Descriptor) -> Self {
        Self {
            tag: descriptor.tag(),
            full_name: descriptor.full_name.as_deref(),
            digest: descriptor.digest,
        }
    }
}

/// Refuses tags that could mean something else to another reader, even if the user asks for another tag.
pub(super) fn check_tags(place: &Place, entries: &[Arc<Descriptor>]) -> Result<(), Error> {
    let mut tags = entries.iter().filter_map(|d| d.tag());
    match tags.find(|tag| Digest::is_digest_form(tag)) {
        Some(tag) => {
            let problem = Problem::DigestTag(tag.to_owned());
            Err(Error::part(place, Part::IndexJson, problem))
        }
        None => Ok(()),
    }
}

/// The only manifest or index that entries lead to, and its name. If any entries have tags, only those count.
pub(super) fn only_one<'a>(
    place: &Place,
    entries: impl Iterator<Item = Named<'a>> + Clone,
) -> Result<(String, Digest), Error> {
    let any_tag = entries.clone().any(|entry| entry.tag.is_some());
    let candidates = entries.filter(|entry| entry.tag.is_some() || !any_tag);
    let digests: HashSet<_> = candidates.clone().map(|entry| entry.digest).collect();
    match candidates.clone().next() {
        Some(entry) if digests.len() == 1 => Ok((called(entry.tag, &entry.digest), entry.digest)),
        _ => Err(Kind::NotOneImage {
            found: digests.len(),
            present: names(candidates),
        }
        .at(place.clone())),
    }
}

/// The positions of the entries with this tag or, if no entry has this tag, with this full name. An error if they lead
/// to several digests. Other tags may lead to several digests.
pub(super) fn places_of<'a>(
    place: &Place,
    entries: impl Iterator<Item = Named<'a>> + Clone,
    wanted: &str,
) -> Result<Vec<usize>, Error> {
    let full = full_name(wanted).map(|(full, _)| full);
    let is_called = |name: &str| {
        name == wanted || full.is_some() && full_name(name).map(|(full, _)| full) == full
    };
    let has_tag = |entry: &Named<'_>| entry.tag == Some(wanted);
    let has_name = |entry: &Named<'_>| entry.full_name.is_some_and(is_called);
    let by_tag = entries.clone().any(|entry| has_tag(&entry));
    let numbered = entries.enumerate().filter(|(_, entry)| {
        if by_tag {
            has_tag(entry)
        } else {
            has_name(entry)
        }
    });
    let digests: HashSet<_> = numbered.clone().map(|(_, entry)| entry.digest).collect();
    if digests.len() > 1 {
        let candidates = numbered.map(|(_, entry)| entry);
        let kind = Kind::AmbiguousTag {
            tag: wanted.to_owned(),
            found: digests.len(),
            names: names(candidates.clone()),
            present: with_digests(candidates),
        };
        return Err(kind.at(place.clone()));
    }
    Ok(numbered.map(|(place, _)| place).collect())
}

/// The unambiguous name of each manifest or index: a tag or a full name that no other has, or else its digest.
pub(super) fn names<'a>(entries: impl Iterator<Item = Named<'a>> + Clone) -> Vec<String> {
    let mut owners: HashMap<&str, Option<Digest>> = HashMap::new();
    for entry in entries.clone() {
        let names = [entry.tag, entry.full_name];
        for name in names.into_iter().flatten() {
            let owner = owners.entry(name).or_insert(Some(entry.digest));
            *owner = owner.filter(|digest| *digest == entry.digest);
        }
    }
    let is_alone = |name: &&str| owners.get(name).is_some_and(Option::is_some);
    let mut seen = HashSet::new();
    entries
        .map(|entry| {
            let name = entry.tag.filter(is_alone);
            called(name.or(entry.full_name.filter(is_alone)), &entry.digest)
        })
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

/// Each digest, with its full name if it has one.
fn with_digests<'a>(entries: impl Iterator<Item = Named<'a>>) -> Vec<String> {
    let mut seen = HashSet::new();
    entries
        .filter(|entry| seen.insert((entry.digest, entry.full_name)))
        .map(|entry| match entry.full_name {
            Some(name) => format!("{name} {}", entry.digest),
            None => entry.digest.to_string(),
        })
        .collect()
}

/// Splits a `NAME:TAG` into the full name, with the tag, and only the tag. A full name starts with a registry's host
/// name: the part before the first slash, if that part has a dot or a colon, is `localhost`, or has upper case.
/// Otherwise the host is `docker.io`, where names of one part are in `library` (distribution/reference,
/// `ParseNormalizedNamed`).
pub(super) fn full_name(repo_tag: &str) -> Option<(String, &str)> {
    let (name, tag) = repo_tag.rsplit_once(':')?;
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| first(c) || matches!(c, '.' | '-');
    // If a slash follows the colon, the colon belongs to a port.
    let is_tag = tag.len() <= 128 && tag.starts_with(first) && tag.chars().all(rest);
    let is_name = matches!(repo_tag.parse(), Ok(Reference::Tag(_))) && !repo_tag.contains('@');
    if !is_tag || !is_name {
        return None;
    }
    let is_host = |part: &str| {
        part.contains(['.', ':']) || part == "localhost" || part.to_ascii_lowercase() != part
    };
    let (host, path) = match name.split_once('/') {
        Some(("index.docker.io", path)) => ("docker.io", path),
        Some((host, path)) if is_host(host) => (host, path),
        _ => ("docker.io", name),
    };
    let library = if host == "docker.io" && !path.contains('/') {
        "library/"
    } else {
        ""
    };
    Some((format!("{host}/{library}{path}:{tag}"), tag))
}

/// The name of an entry: its tag, or else its digest.
pub(super) fn called(tag: Option<&str>, digest: &Digest) -> String {
    tag.map_or_else(|| digest.to_string(), str::to_owned)
}

/// The tag that cosign gives to its attachments to a digest; `ending` is `sig` or `att`.
pub(super) fn cosigns(digest: &Digest, ending: &str) -> String {
    format!("{}.{ending}", digest.to_string().replacen(':', "-", 1))
}

/// Whether a tag is one that cosign gives to its attachments to an image: `sha256-HEX.sig`.
pub(super) fn is_cosigns(tag: &str) -> bool {
    let (name, ending) = tag.rsplit_once('.').unwrap_or_default();
    let digest = name.replacen('-', ":", 1);
    matches!(ending, "sig" | "att" | "sbom") && digest.parse::<Digest>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names() {
        for (repo_tag, full, tag) in [
            ("hello:1.0", "docker.io/library/hello:1.0", "1.0"),
            (
                "docker.io/library/hello:1.0",
                "docker.io/library/hello:1.0",
                "1.0",
            ),
            ("docker.io/hello:1.0", "docker.io/library/hello:1.0", "1.0"),
            ("index.docker.io/a/b:c", "docker.io/a/b:c", "c"),
            ("me/hello:x", "docker.io/me/hello:x", "x"),
            ("localhost/hello:x", "localhost/hello:x", "x"),
            ("host:5000/hello:x", "host:5000/hello:x", "x"),
            ("ghcr.io/a/b/c:v1", "ghcr.io/a/b/c:v1", "v1"),
        ] {
            assert_eq!(
                full_name(repo_tag),
                Some((full.to_owned(), tag)),
                "{repo_tag}"
            );
        }
        let long = format!("a:{}", "x".repeat(129));
        for bad in [
            "",
            "hello",
            ":1",
            "hello:",
            "host:5000/hello",
            "a@sha256:b",
            "hello:.x",
            "he llo:1",
            "../x:1",
            "sha256:abc",
            &long,
        ] {
            assert_eq!(full_name(bad), None, "{bad} was taken");
        }
    }
}
