//! The name by which a user asks for an image, wherever it lives, in the spellings of containers-transports(5).
//!
//! | text | image |
//! |---|---|
//! | `docker://HOST[:PORT]/REPO[:TAG][@DIGEST]`, the same without `docker://` | in a registry |
//! | `oci:DIR[:TAG]`, `oci:DIR@DIGEST` | in an OCI layout |
//! | `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME]` | in an archive |
//! | `dir:PATH` | in a folder as skopeo writes it for `dir:` |
//!
//! After `oci:` and the archives the path ends at the first colon, or at the `@` of a digest. A name without
//! `docker://` must have a host, so that nobody mistakes a folder for a registry's image (R1, R2).
//!
//! Sources: containers-transports(5); OCI Distribution Specification 1.1, "Pulling manifests"; for hosts and
//! docker.io the grammar of the module `distribution/reference`.
//!
//! ```
//! use ir_sign::image::ImageName;
//!
//! let name: ImageName = "docker://busybox:1.36".parse()?;
//! assert_eq!(name.to_string(), "docker://docker.io/library/busybox:1.36");
//! assert!("busybox:1.36".parse::<ImageName>().is_err());
//! # Ok::<(), ir_sign::image::ImageNameError>(())
//! ```

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::names::{Reference, ReferenceError};
use super::repository::{Host, Repository, RepositoryError, Tag};
use crate::crypto::digest::DigestError;
use crate::crypto::{Digest, HashAlgorithm};

/// How a user names an image, wherever it lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ImageName {
    /// In a registry.
    Docker {
        /// The registry.
        host: Host,
        /// The repository in it.
        repository: Repository,
        /// The tag, if the user named one.
        tag: Option<Tag>,
        /// The digest, if the user named one: then the digest decides, and the program does not ask for the tag.
        digest: Option<Digest>,
    },
    /// In an OCI image layout.
    Layout {
        /// The layout's folder.
        path: PathBuf,
        /// The tag or digest, if the user named one.
        reference: Option<Reference>,
    },
    /// In an archive.
    Archive {
        /// Who wrote it.
        kind: ArchiveKind,
        /// The archive.
        path: PathBuf,
        /// The tag, name or digest, if the user named one.
        reference: Option<Reference>,
    },
    /// In a folder as skopeo writes it for `dir:`.
    Dir {
        /// The folder.
        path: PathBuf,
    },
}

/// The transport in an archive's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArchiveKind {
    /// `oci-archive:`, an OCI layout in a tar archive.
    Oci,
    /// `docker-archive:`, as `docker save` writes it.
    Docker,
}

impl ArchiveKind {
    /// The transport's name.
    pub const fn transport(self) -> &'static str {
        match self {
            Self::Oci => "oci-archive",
            Self::Docker => "docker-archive",
        }
    }
}

/// A text that names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageNameError {
    /// The text is empty, or ends after the transport.
    #[error("\"{0}\" names no image")]
    Empty(String),
    /// A name without `docker://` has no host.
    #[error(
        "\"{0}\" has no registry's host: a layout is oci:{0}, and an image on docker.io is docker://{0}"
    )]
    NoHost(String),
    /// There is a host and no repository.
    #[error("\"{0}\" names a registry and no repository in it")]
    NoRepository(String),
    /// A user's name, and maybe a password, stands before the host. The text is not shown.
    #[error("a registry's image is named without a user or a password")]
    UserInfo,
    /// It is a URL of a web page. The text is not shown.
    #[error("a URL of the scheme {0} names no image")]
    Url(&'static str),
    /// `docker:` without the slashes.
    #[error("\"{0}\" has no \"//\" after \"docker:\"")]
    NoSlashes(String),
    /// Slashes after a transport that takes a path, as other programs name a registry's image.
    #[error("\"{0}\" has \"//\" where a path must be")]
    Slashes(String),
    /// The transport is one of containers-transports(5) that this program does not read.
    #[error("images of the transport \"{0}\" are not read")]
    Transport(&'static str),
    /// The spelling of the host, the repository or the tag is wrong.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The text after the `@` is not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// ir-sign asks registries only for digests of two algorithms.
    #[error("\"{0}\" has a digest of {1}, and registries are asked for sha256 or sha512")]
    Algorithm(String, HashAlgorithm),
    /// The tag or digest in a layout or an archive is malformed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

/// The transports of containers-transports(5) that this program does not read.
const OTHER_TRANSPORTS: [&str; 7] = [
    "atomic",
    "containers-storage",
    "docker-daemon",
    "ostree",
    "sif",
    "tarball",
    "static",
];

impl ImageName {
    /// The image's name after `docker://HOST[/PATH]`, an app and a tag or digest, as the flags `-r`, `-a` and `-d`
    /// give them; `latest` where there is no tag or digest.
    ///
    /// ```
    /// use ir_sign::image::ImageName;
    ///
    /// let name = ImageName::in_registry("docker://localhost:5000/team", "hello", Some("1.0"))?;
    /// assert_eq!(name.to_string(), "docker://localhost:5000/team/hello:1.0");
    /// # Ok::<(), ir_sign::image::ImageNameError>(())
    /// ```
    pub fn in_registry(
        registry: &str,
        app: &str,
        reference: Option<&str>,
    ) -> Result<Self, ImageNameError> {
        let place = registry.strip_prefix("docker://").unwrap_or(registry);
        let place = place.strip_suffix('/').unwrap_or(place);
        check_userinfo(place)?;
        let (host, path) = place.split_once('/').unwrap_or((place, ""));
        if host.is_empty() {
            return Err(ImageNameError::Empty(registry.to_owned()));
        }
        let host = host.parse()?;
        let repository = match path {
            "" => app.to_owned(),
            path => format!("{path}/{app}"),
        };
        let repository = Repository::on(&host, &repository)?;
        let (tag, digest) = match reference {
            None => (None, None),
            Some(text) if Digest::is_digest_form(text) => (None, Some(registry_digest(text)?)),
            Some(text) => (Some(text.parse()?), None),
        };
        Ok(Self::Docker {
            host,
            repository,
            tag,
            digest,
        })
    }
}

impl ImageName {
    /// Reads a name as cosign's users give it: a name without a host is an image of docker.io.
    pub fn or_docker_hub(text: &str) -> Result<Self, ImageNameError> {
        match text.parse() {
            Err(ImageNameError::NoHost(_)) => format!("docker://{text}").parse(),
            other => other,
        }
    }
}

impl FromStr for ImageName {
    type Err = ImageNameError;

    fn from_str(text: &str) -> Result<Self, ImageNameError> {
        if let Some(rest) = text.strip_prefix("docker://") {
            return docker(text, rest, true);
        }
        for scheme in ["http", "https"] {
            let start = text.get(..scheme.len());
            if start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                && text[scheme.len()..].starts_with("://")
            {
                return Err(ImageNameError::Url(scheme));
            }
        }
        match text.split_once(':') {
            Some(("docker", _)) => Err(ImageNameError::NoSlashes(text.to_owned())),
            Some(("oci", rest)) => {
                let (path, reference) = place(text, rest)?;
                Ok(Self::Layout { path, reference })
            }
            Some(("oci-archive", rest)) => archive(ArchiveKind::Oci, text, rest),
            Some(("docker-archive", rest)) => archive(ArchiveKind::Docker, text, rest),
            Some(("dir", "")) => Err(ImageNameError::Empty(text.to_owned())),
            Some(("dir", path)) => Ok(Self::Dir { path: path.into() }),
            Some((transport, _)) if other(transport).is_some() => {
                let transport = other(transport).unwrap_or_default();
                Err(ImageNameError::Transport(transport))
            }
            _ => docker(text, text, false),
        }
    }
}

fn other(transport: &str) -> Option<&'static str> {
    OTHER_TRANSPORTS
        .into_iter()
        .find(|other| *other == transport)
}

fn archive(kind: ArchiveKind, text: &str, rest: &str) -> Result<ImageName, ImageNameError> {
    let (path, reference) = place(text, rest)?;
    Ok(ImageName::Archive {
        kind,
        path,
        reference,
    })
}

/// A path and a tag or digest in that place. The path ends at the first colon, or at an `@` with a digest after it.
fn place(text: &str, rest: &str) -> Result<(PathBuf, Option<Reference>), ImageNameError> {
    if rest.starts_with("//") {
        return Err(ImageNameError::Slashes(text.to_owned()));
    }
    let is_end = |(at, c): &(usize, char)| match c {
        ':' => true,
        '@' => is_digest_like(&rest[at + 1..]),
        _ => false,
    };
    let end = rest.char_indices().find(is_end);
    let (path, reference) = match end {
        None => (rest, None),
        Some((at, '@')) => {
            let digest = rest[at + 1..].parse()?;
            (&rest[..at], Some(Reference::Digest(digest)))
        }
        Some((at, _)) => (&rest[..at], Some(rest[at + 1..].parse()?)),
    };
    if path.is_empty() {
        return Err(ImageNameError::Empty(text.to_owned()));
    }
    Ok((path.into(), reference))
}

/// Whether a text after an `@` means a digest: it has the form of one, or starts with a name like those of SHA-2.
fn is_digest_like(text: &str) -> bool {
    let name = text.split_once(':').map_or(text, |(name, _)| name);
    let sha = name.get(..3).filter(|sha| sha.eq_ignore_ascii_case("sha"));
    let is_sha = sha.is_some_and(|sha| {
        let rest = &name[sha.len()..];
        !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit())
    });
    is_sha || Digest::is_digest_form(text)
}

fn registry_digest(text: &str) -> Result<Digest, ImageNameError> {
    let digest: Digest = text.parse()?;
    match digest.algorithm() {
        HashAlgorithm::Sha256 | HashAlgorithm::Sha512 => Ok(digest),
        other @ HashAlgorithm::Sha384 => Err(ImageNameError::Algorithm(text.to_owned(), other)),
    }
}

/// Refuses an `@` in the first part of a name unless a digest follows it.
fn check_userinfo(rest: &str) -> Result<(), ImageNameError> {
    let first = rest.split('/').next().unwrap_or_default();
    match first.split_once('@') {
        Some((_, behind)) if !is_digest_like(behind) => Err(ImageNameError::UserInfo),
        _ => Ok(()),
    }
}

/// Reads `[HOST[:PORT]/]REPO[:TAG][@DIGEST]`.
fn docker(text: &str, rest: &str, may_lack_host: bool) -> Result<ImageName, ImageNameError> {
    check_userinfo(rest)?;
    let (name, digest) = match rest.split_once('@') {
        None => (rest, None),
        Some((name, digest)) => (name, Some(registry_digest(digest)?)),
    };
    if name.is_empty() {
        return Err(ImageNameError::Empty(text.to_owned()));
    }
    let (host, path) = match name.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => {
            (Some(first), path)
        }
        Some(("", _)) => return Err(ImageNameError::NoHost(text.to_owned())),
        _ => (None, name),
    };
    // A colon after the last slash starts the tag.
    let last = path.rfind('/').map_or(0, |at| at + 1);
    let (path, tag) = match path[last..].split_once(':') {
        None => (path, None),
        Some((before, tag)) => (&path[..last + before.len()], Some(tag.parse()?)),
    };
    let host = match host {
        Some(host) => host.parse()?,
        None if !may_lack_host => return Err(ImageNameError::NoHost(text.to_owned())),
        // skopeo would ask Docker Hub for a repository of the host's name.
        None if !path.contains('/') && (path.contains('.') || path == "localhost") => {
            return Err(ImageNameError::NoRepository(text.to_owned()));
        }
        None => Host::docker_hub(),
    };
    if path.is_empty() {
        return Err(ImageNameError::NoRepository(text.to_owned()));
    }
    let repository = Repository::on(&host, path)?;
    Ok(ImageName::Docker {
        host,
        repository,
        tag,
        digest,
    })
}

impl fmt::Display for ImageName {
    /// The name with its transport, and docker.io's with host and `library/`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, path, reference) = match self {
            Self::Docker {
                host,
                repository,
                tag,
                digest,
            } => {
                write!(f, "docker://{host}/{repository}")?;
                if let Some(tag) = tag {
                    write!(f, ":{tag}")?;
                }
                return digest.map_or(Ok(()), |digest| write!(f, "@{digest}"));
            }
            Self::Layout { path, reference } => ("oci", path, reference.as_ref()),
            Self::Archive {
                kind,
                path,
                reference,
            } => (kind.transport(), path, reference.as_ref()),
            Self::Dir { path } => ("dir", path, None),
        };
        write!(f, "{transport}:{}", path.display())?;
        match reference {
            None => Ok(()),
            Some(Reference::Digest(digest)) => write!(f, "@{digest}"),
            Some(tag @ Reference::Tag(_)) => write!(f, ":{tag}"),
        }
    }
}
