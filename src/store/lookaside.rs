//! Lookasides: places beside a registry that hold the signatures of its images, as registries.d names them.
//!
//! A signature is at `BASE/REPOSITORY@ALGORITHM=HEX/signature-N`; host and tag of the image are not in the path.
//!
//! Source: containers/image, `docs/signature-protocols.md` and `docker/docker_image_src.go`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{Error, Kind};
use super::place::Place;
#[cfg(feature = "registry")]
use super::remote::{Options, WebFiles};
use super::signature_file::{MOST_BYTES, MOST_FILES, SignatureFile};
use crate::crypto::Digest;
use crate::files;

/// The base of a lookaside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookaside {
    /// `file://`: a folder. The host in the address does not matter.
    Folder(PathBuf),
    /// `http://` or `https://`: the address, and the query after it.
    Web {
        /// The address without query and fragment.
        base: String,
        /// The query with its question mark, or nothing.
        query: String,
    },
    /// An address of another scheme, or of none: reading it fails.
    Other(String),
}

/// A text is not an address at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not the address of a lookaside: {reason}")]
pub struct LookasideError {
    text: String,
    reason: &'static str,
}

impl Lookaside {
    /// Reads an address as Go's `net/url` does: `file:///PATH`, `http://…`, `https://…`.
    ///
    /// ```
    /// use ir_sign::store::Lookaside;
    ///
    /// let place = Lookaside::parse("file:///var/lib/a%20b/")?;
    /// assert_eq!(place, Lookaside::Folder("/var/lib/a b/".into()));
    /// # Ok::<(), ir_sign::store::LookasideError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, LookasideError> {
        let error = |reason| LookasideError {
            text: text.to_owned(),
            reason,
        };
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(error("it has a control character"));
        }
        let whole = text.split_once('#').map_or(text, |(before, _)| before);
        let is_inside = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let scheme = whole.split_once(':').filter(|(scheme, _)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_inside)
        });
        let (before, query) = match whole.find('?') {
            Some(at) => whole.split_at(at),
            None => (whole, ""),
        };
        let Some((scheme, _)) = scheme else {
            return Ok(Self::Other(text.to_owned()));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let rest = &before[scheme.len() + 1..];
                let path = match rest.strip_prefix("//") {
                    Some(rest) => {
                        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                        if !is_authority(host) {
                            return Err(error("the spelling of its host is wrong"));
                        }
                        path
                    }
                    None if rest.starts_with('/') => rest,
                    None => "",
                };
                let path = unescaped(path).ok_or_else(|| error("it has a malformed escape"))?;
                Ok(Self::Folder(path.into()))
            }
            "http" | "https" => Ok(Self::Web {
                base: before.to_owned(),
                query: query.to_owned(),
            }),
            _ => Ok(Self::Other(text.to_owned())),
        }
    }

    /// The folder of a repository's manifest below the base.
    fn below(repository: &str, manifest: &Digest) -> String {
        format!("/{repository}@{}={}", manifest.algorithm(), manifest.hex())
    }

    /// The files of a manifest's signatures: from 1 to the first gap. A number that containers/image takes for a fault
    /// is an error.
    pub fn signatures(
        &self,
        repository: &str,
        manifest: &Digest,
        #[cfg(feature = "registry")] options: &Options,
    ) -> Result<Vec<SignatureFile>, Error> {
        let below = Self::below(repository, manifest);
        #[cfg(feature = "registry")]
        let mut web = None;
        let mut found = Vec::new();
        for number in 1..=MOST_FILES {
            let file = format!("{below}/signature-{number}");
            let (name, bytes) = match self {
                Self::Folder(base) => {
                    let path = PathBuf::from(format!("{}{file}", base.display()));
                    (path.display().to_string(), read(&path)?)
                }
                #[cfg(feature = "registry")]
                Self::Web { base, query } => {
                    let address = format!("{base}{file}{query}");
                    let web = match &web {
                        Some(web) => web,
                        None => web.insert(WebFiles::at(&address, options)?),
                    };
                    let bytes = web.get(&address, MOST_BYTES)?;
                    (format!("{base}{file}"), bytes)
                }
                #[cfg(not(feature = "registry"))]
                Self::Web { base, .. } => {
                    return Err(no_place(base, "this build lacks the feature registry"));
                }
                Self::Other(text) => {
                    return Err(no_place(
                        text,
                        "its address is not one of file, http or https",
                    ));
                }
            };
            match bytes {
                None => return Ok(found),
                Some(bytes) => found.push(SignatureFile { name, bytes }),
            }
        }
        let place = Place::Repository(format!("lookaside of {repository}"));
        Err(Kind::ManySignatures { most: MOST_FILES }.at(place))
    }

    /// All files in the folder of a manifest's signatures, whatever their names, in the order of their names: as
    /// image-rs takes them. Skips files that are too long or that it cannot read.
    pub fn all_files(
        &self,
        repository: &str,
        manifest: &Digest,
    ) -> Result<Vec<SignatureFile>, Error> {
        let Self::Folder(base) = self else {
            let text = match self {
                Self::Web { base, .. } => base,
                Self::Other(text) => text,
                Self::Folder(_) => unreachable!("it is none"),
            };
            return Err(no_place(text, "image-rs reads only lookasides at file://"));
        };
        let below = Self::below(repository, manifest);
        let folder = PathBuf::from(format!("{}{below}", base.display()));
        let io = |error| Error::io(&folder, "read folder", error);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(io)?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            if paths.len() >= MOST_FILES {
                let place = Place::File(folder.clone());
                return Err(Kind::ManySignatures { most: MOST_FILES }.at(place));
            }
            paths.push(entry.map_err(io)?.path());
        }
        paths.sort();
        let limit = usize::try_from(MOST_BYTES).unwrap_or(usize::MAX);
        let read = |path: PathBuf| {
            let bytes = files::read_regular(&path, limit).ok()?;
            let name = path.display().to_string();
            Some(SignatureFile { name, bytes })
        };
        Ok(paths.into_iter().filter_map(read).collect())
    }
}

fn no_place(text: &str, reason: &str) -> Error {
    Kind::NoLookaside {
        reason: reason.to_owned(),
    }
    .at(Place::Repository(text.to_owned()))
}

/// Reads a signature's file; `None` if there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let limit = usize::try_from(MOST_BYTES).unwrap_or(usize::MAX);
    match files::read_regular(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(files::Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(files::Error::Io { action, source, .. }) => Err(Error::io(path, action, source)),
        Err(_) => Err(Kind::TooLarge { limit: MOST_BYTES }.at(Place::File(path.to_owned()))),
    }
}

/// The text with its escapes undone; `None` if an escape is malformed.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = tail else {
            return None;
        };
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let byte = digit(high)? * 16 + digit(low)?;
        bytes.push(u8::try_from(byte).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// Whether Go takes this for a host, perhaps with a user before it and a port behind. Escapes are none here.
fn is_authority(text: &str) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let is_of_user = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    let is_of_host = |c: char| {
        !c.is_ascii() || c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:[]<>\"".contains(c)
    };
    let is_port = |text: &str| {
        let digits = text.strip_prefix(':');
        text.is_empty() || digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    };
    let port = match host.strip_prefix('[') {
        Some(rest) => rest.rsplit_once(']').map(|(_, port)| port),
        None => Some(host.rfind(':').map_or("", |at| &host[at..])),
    };
    user.chars().all(is_of_user) && host.chars().all(is_of_host) && port.is_some_and(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::HashAlgorithm;

    #[test]
    fn addresses_are_read_as_go_reads_them() {
        let folder = |path: &str| Ok(Lookaside::Folder(path.into()));
        for (text, wanted) in [
            ("file:///a/b", folder("/a/b")),
            ("FILE:///a", folder("/a")),
            ("file://host/a//b/", folder("/a//b/")),
            ("file:/a", folder("/a")),
            ("file:a", folder("")),
            ("file:///a%2fb?c#d", folder("/a/b")),
            ("/a/b", Ok(Lookaside::Other("/a/b".into()))),
            ("ftp://x/a", Ok(Lookaside::Other("ftp://x/a".into()))),
            (
                "https://x.example:8/a?b#c",
                Ok(Lookaside::Web {
                    base: "https://x.example:8/a".into(),
                    query: "?b".into(),
                }),
            ),
        ] {
            assert_eq!(Lookaside::parse(text), wanted, "{text}");
        }
        assert!(Lookaside::parse("file://u:p@[::1]:8/a").is_ok());
        for text in [
            "file:///%zz",
            "file:///a%2",
            "file:///a\nb",
            "file://host:xx/a",
            "file://[::1/a",
            "file://[::1]x/a",
            "file://%41/a",
            "file://ho st/a",
            "file://u|@host/a",
        ] {
            assert!(Lookaside::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn image_rs_takes_every_file_in_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let digest = Digest::of(HashAlgorithm::Sha256, b"x");
        let place = Lookaside::Folder(folder.path().to_owned());
        let count = || place.all_files("lab/a", &digest).map(|all| all.len()).ok();
        assert_eq!(count(), Some(0));
        let below = Lookaside::below("lab/a", &digest);
        let inside = folder.path().join(&below[1..]);
        fs::create_dir_all(inside.join("folder")).expect("folders");
        for name in ["signature-2", "other"] {
            fs::write(inside.join(name), name).expect("written");
        }
        assert_eq!(count(), Some(2));
        let web = Lookaside::parse("http://127.0.0.1/").expect("an address");
        assert!(web.all_files("lab/a", &digest).is_err());
        for number in 0..MOST_FILES {
            fs::write(inside.join(number.to_string()), "x").expect("written");
        }
        assert_eq!(count(), None);
    }
}
