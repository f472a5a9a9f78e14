//! The image a user asks for, and the scopes that may hold for it, nearest first.

use super::dialect::Dialect;
use super::reference::{DockerReference, ReferenceError};

/// The transport of images in registries.
const DOCKER: &str = "docker";

/// The name of an image as policies see it.
///
/// ```
/// use ir_sign::trust::Asked;
///
/// let asked = Asked::docker("b.example:5000/team/app")?;
/// let scopes = ["b.example:5000/team/app:latest", "b.example:5000/team/app", "b.example:5000/team",
///     "b.example:5000", "*.example"];
/// assert_eq!(asked.names(), scopes);
/// # Ok::<(), ir_sign::trust::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// In a registry; with the tag `latest` where the user named neither tag nor digest.
    Docker(DockerReference),
    /// At a path: `dir`, `oci` or `oci-archive`.
    Path {
        /// The transport.
        transport: &'static str,
        /// The path of the folder or archive: absolute, without symbolic links, without a tag.
        path: String,
    },
    /// In an archive as `docker save` writes it.
    DockerArchive,
}

impl Asked {
    /// An image in a registry, by its name with or without `docker://`. The host keeps its upper and lower case: so do
    /// scopes.
    pub fn docker(name: &str) -> Result<Self, ReferenceError> {
        let name = name.strip_prefix("docker://").unwrap_or(name);
        DockerReference::parse(name).map(|name| Self::Docker(name.or_latest()))
    }

    /// The transport.
    pub const fn transport(&self) -> &'static str {
        match self {
            Self::Docker(_) => DOCKER,
            Self::Path { transport, .. } => transport,
            Self::DockerArchive => "docker-archive",
        }
    }

    /// The transport under which a policy of this dialect has its scopes. To image-rs every image is one of `docker`.
    pub(super) const fn transport_in(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Containers => self.transport(),
            Dialect::ImageRs => DOCKER,
        }
    }

    /// The reference, for an image in a registry.
    pub const fn reference(&self) -> Option<&DockerReference> {
        match self {
            Self::Docker(reference) => Some(reference),
            Self::Path { .. } | Self::DockerArchive => None,
        }
    }

    /// The scopes that may hold for it, nearest first, without `""` and the default.
    ///
    /// Source: containers-policy.json(5), "Supported transports and their scopes".
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Docker(reference) => reference.scopes(),
            Self::Path { path, .. } => {
                let parents = path.match_indices('/').rev().map(|(at, _)| &path[..at]);
                let parents = parents.filter(|parent| !parent.is_empty());
                let names = std::iter::once(path.as_str()).chain(parents);
                names.map(str::to_owned).collect()
            }
            Self::DockerArchive => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        Asked::docker(text).expect(text).names()
    }

    #[test]
    fn names_are_written_out_before_scopes_are_looked_up() {
        assert_eq!(
            names("docker://busybox"),
            [
                "docker.io/library/busybox:latest",
                "docker.io/library/busybox",
                "docker.io/library",
                "docker.io",
                "*.io"
            ]
        );
    }

    #[test]
    fn a_digest_has_another_scope_than_a_tag_and_addresses_have_wildcards() {
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(
            names(&format!("127.0.0.1:5000/a@{digest}")),
            [
                format!("127.0.0.1:5000/a@{digest}").as_str(),
                "127.0.0.1:5000/a",
                "127.0.0.1:5000",
                "*.0.0.1",
                "*.0.1",
                "*.1"
            ]
        );
    }

    #[test]
    fn a_path_has_its_parents_without_the_root() {
        let path = "/srv/images/app".to_owned();
        let asked = Asked::Path {
            transport: "oci",
            path,
        };
        assert_eq!(asked.names(), ["/srv/images/app", "/srv/images", "/srv"]);
        assert_eq!(Asked::DockerArchive.names(), Vec::<String>::new());
    }
}
