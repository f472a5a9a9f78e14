//! `signedIdentity`: which name a signature must bear.

use super::asked::Asked;
use super::reference::{DockerReference, ReferenceError};

/// Which name a signature must bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// `matchExact`: the requested name, with its tag or digest.
    MatchExact,
    /// `matchRepoDigestOrExact`: by tag as `matchExact`; by digest the same repository with any tag or digest.
    MatchRepoDigestOrExact,
    /// `matchRepository`: the same repository.
    MatchRepository,
    /// `exactReference`: this name.
    ExactReference(String),
    /// `exactRepository`: a name in this repository.
    ExactRepository(String),
    /// `remapIdentity`: as `matchRepoDigestOrExact`, after one prefix of the name is exchanged for another.
    RemapIdentity {
        /// The prefix of the requested name.
        prefix: String,
        /// The prefix in its place.
        signed_prefix: String,
    },
}

/// Why the name in a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// It is another name.
    #[error("the signature is for {signed:?}, but {kind} wants {wanted}")]
    Other {
        /// The name in the signature.
        signed: String,
        /// The type of the identity.
        kind: &'static str,
        /// The name that would be accepted.
        wanted: String,
    },
    /// The name in the signature has no tag and no digest.
    #[error("the signature is for {signed:?}, without a tag, but {kind} wants {wanted}")]
    NoTag {
        /// The name in the signature.
        signed: String,
        /// The type of the identity.
        kind: &'static str,
        /// The name that would be accepted.
        wanted: String,
    },
    /// The image has no name in a registry.
    #[error("an image of the transport {transport} has no name that {kind} could compare")]
    NoName {
        /// The transport.
        transport: &'static str,
        /// The type of the identity.
        kind: &'static str,
    },
    /// The type is not supported by the dialect.
    #[error("image-rs takes no signedIdentity of type {0} for sigstoreSigned")]
    Unsupported(&'static str),
    /// matchExact of image-rs takes no digest.
    #[error("image-rs takes no digest for matchExact")]
    Digest,
    /// A name cannot be read.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

impl Identity {
    /// The name of the type.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::MatchExact => "matchExact",
            Self::MatchRepoDigestOrExact => "matchRepoDigestOrExact",
            Self::MatchRepository => "matchRepository",
            Self::ExactReference(_) => "exactReference",
            Self::ExactRepository(_) => "exactRepository",
            Self::RemapIdentity { .. } => "remapIdentity",
        }
    }

    /// Whether a signature with this name counts for the requested image in containers/image.
    ///
    /// Source: containers-policy.json(5), "signedBy", "signedIdentity".
    pub fn admits(&self, asked: &Asked, signed: &str) -> Result<(), NotAdmitted> {
        let signature = DockerReference::parse(signed)?;
        match self {
            Self::MatchExact => self.whole(self.name_of(asked)?, &signature, signed),
            Self::MatchRepoDigestOrExact => {
                self.by_digest_or_whole(self.name_of(asked)?, &signature, signed)
            }
            Self::MatchRepository => {
                self.same(self.name_of(asked)?.name(), signature.name(), signed)
            }
            Self::ExactReference(name) => {
                self.whole(&DockerReference::parse(name)?, &signature, signed)
            }
            Self::ExactRepository(name) => {
                let wanted = DockerReference::parse(name)?;
                self.same(wanted.name(), signature.name(), signed)
            }
            Self::RemapIdentity {
                prefix,
                signed_prefix,
            } => {
                let intended = self.name_of(asked)?;
                let remapped = remap(intended, prefix, signed_prefix)?;
                let intended = remapped.as_ref().unwrap_or(intended);
                self.by_digest_or_whole(intended, &signature, signed)
            }
        }
    }

    /// The same to image-rs, which compares texts.
    pub(super) fn admits_in_image_rs(
        &self,
        asked: &Asked,
        signed: &str,
    ) -> Result<(), NotAdmitted> {
        let repository = || DockerReference::parse(signed).map(|name| name.name().to_owned());
        match self {
            Self::MatchExact => {
                let intended = self.name_of(asked)?;
                if intended.digest().is_some() {
                    return Err(NotAdmitted::Digest);
                }
                self.same(&intended.to_string(), signed, signed)
            }
            Self::MatchRepoDigestOrExact => self.tag_and_digest(self.name_of(asked)?, signed),
            Self::MatchRepository => self.same(self.name_of(asked)?.name(), &repository()?, signed),
            Self::ExactReference(name) => self.same(name, signed, signed),
            Self::ExactRepository(name) => self.same(name, &repository()?, signed),
            Self::RemapIdentity {
                prefix,
                signed_prefix,
            } => {
                let intended = self.name_of(asked)?.to_string();
                // The prefix may end inside a part of the name: that is how image-rs compares.
                let remapped = match intended.strip_prefix(prefix.as_str()) {
                    Some(rest) => format!("{signed_prefix}{rest}"),
                    None => intended,
                };
                let remapped = DockerReference::parse(&remapped)?.or_latest();
                self.tag_and_digest(&remapped, signed)
            }
        }
    }

    fn name_of<'a>(&self, asked: &'a Asked) -> Result<&'a DockerReference, NotAdmitted> {
        asked.reference().ok_or_else(|| NotAdmitted::NoName {
            transport: asked.transport(),
            kind: self.kind(),
        })
    }

    fn same(&self, wanted: &str, found: &str, signed: &str) -> Result<(), NotAdmitted> {
        if wanted == found {
            return Ok(());
        }
        Err(NotAdmitted::Other {
            signed: signed.to_owned(),
            kind: self.kind(),
            wanted: wanted.to_owned(),
        })
    }

    fn whole(
        &self,
        wanted: &DockerReference,
        signature: &DockerReference,
        signed: &str,
    ) -> Result<(), NotAdmitted> {
        // Neither gets a tag that it does not have.
        if signature.is_name_only() {
            return Err(NotAdmitted::NoTag {
                signed: signed.to_owned(),
                kind: self.kind(),
                wanted: wanted.to_string(),
            });
        }
        self.same(&wanted.to_string(), &signature.to_string(), signed)
    }

    fn by_digest_or_whole(
        &self,
        wanted: &DockerReference,
        signature: &DockerReference,
        signed: &str,
    ) -> Result<(), NotAdmitted> {
        // A signature without a tag holds in neither case.
        if wanted.tag().is_some() || signature.is_name_only() {
            return self.whole(wanted, signature, signed);
        }
        self.same(wanted.name(), signature.name(), signed)
    }

    fn tag_and_digest(&self, wanted: &DockerReference, signed: &str) -> Result<(), NotAdmitted> {
        if wanted.tag().is_some() {
            self.same(&wanted.to_string(), signed, signed)?;
        }
        if wanted.digest().is_some() {
            let signature = DockerReference::parse(signed)?;
            self.same(wanted.name(), signature.name(), signed)?;
        }
        Ok(())
    }
}

/// The name with another prefix; `None` where it does not have the prefix, in whole parts.
fn remap(
    name: &DockerReference,
    prefix: &str,
    signed_prefix: &str,
) -> Result<Option<DockerReference>, ReferenceError> {
    let rest = name.name().strip_prefix(prefix);
    if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Ok(None);
    }
    let text = format!("{signed_prefix}{}", &name.to_string()[prefix.len()..]);
    let remapped = DockerReference::parse(&text)?;
    if remapped.to_string() == text {
        Ok(Some(remapped))
    } else {
        Err(ReferenceError::short(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "docker://r.example:5000/lab/a:v1";

    fn digest() -> String {
        format!("docker://r.example:5000/lab/a@sha256:{}", "0".repeat(64))
    }

    fn admits(identity: &Identity, asked: &str, signed: &str) -> bool {
        let asked = Asked::docker(asked).expect(asked);
        identity.admits(&asked, signed).is_ok()
    }

    fn in_image_rs(identity: &Identity, asked: &str, signed: &str) -> bool {
        let asked = Asked::docker(asked).expect(asked);
        identity.admits_in_image_rs(&asked, signed).is_ok()
    }

    /// Names in signatures, and whether they hold by tag and by digest.
    fn check(identity: &Identity, cases: &[(&str, bool, bool)]) {
        for (signed, by_tag, by_digest) in cases {
            assert_eq!(admits(identity, TAG, signed), *by_tag, "{signed} by tag");
            let by = admits(identity, &digest(), signed);
            assert_eq!(by, *by_digest, "{signed} by digest");
        }
    }

    #[test]
    fn match_exact_wants_tag_or_digest_as_asked() {
        let of_digest = digest().replace("docker://", "");
        check(
            &Identity::MatchExact,
            &[
                ("r.example:5000/lab/a:v1", true, false),
                ("r.example:5000/lab/a:v2", false, false),
                ("r.example:5000/lab/a", false, false),
                (&of_digest, false, true),
                ("R.example:5000/lab/a:v1", false, false),
                ("lab/a:v1", false, false),
                ("", false, false),
                ("UPPER CASE", false, false),
            ],
        );
    }

    #[test]
    fn the_default_takes_any_tag_by_digest_and_never_a_name_without() {
        let other_digest = format!("r.example:5000/lab/a@sha256:{}", "1".repeat(64));
        check(
            &Identity::MatchRepoDigestOrExact,
            &[
                ("r.example:5000/lab/a:v1", true, true),
                ("r.example:5000/lab/a:v2", false, true),
                ("r.example:5000/lab/a", false, false),
                (&other_digest, false, true),
                ("r.example:5000/lab/b:v1", false, false),
            ],
        );
    }

    #[test]
    fn match_repository_ignores_the_tag_and_writes_names_out() {
        check(
            &Identity::MatchRepository,
            &[
                ("r.example:5000/lab/a", true, true),
                ("r.example:5000/lab/a:v7", true, true),
                ("r.example/lab/a:v1", false, false),
                ("a:v1", false, false),
            ],
        );
        let rule = Identity::MatchRepository;
        assert!(admits(&rule, "docker://busybox", "index.docker.io/busybox"));
        assert!(in_image_rs(&rule, "docker://busybox", "busybox:1"));
    }

    #[test]
    fn exact_names_have_nothing_to_do_with_the_name_asked_for() {
        let reference = Identity::ExactReference("up.example/team/app:v1".into());
        check(
            &reference,
            &[
                ("up.example/team/app:v1", true, true),
                ("up.example/team/app:v2", false, false),
                ("up.example/team/app", false, false),
            ],
        );
        check(
            &Identity::ExactRepository("busybox:ignored".into()),
            &[
                ("docker.io/library/busybox", true, true),
                ("busybox:3", true, true),
                ("box", false, false),
            ],
        );
        let folder = Asked::Path {
            transport: "dir",
            path: "/a".into(),
        };
        assert!(reference.admits(&folder, "up.example/team/app:v1").is_ok());
        let error = Identity::MatchRepository.admits(&folder, "up.example/team/app:v1");
        assert!(
            matches!(error, Err(NotAdmitted::NoName { .. })),
            "{error:?}"
        );
    }

    #[test]
    fn a_remapped_name_is_compared_as_the_default_does() {
        let remap = |prefix: &str, signed_prefix: &str| Identity::RemapIdentity {
            prefix: prefix.into(),
            signed_prefix: signed_prefix.into(),
        };
        let rule = remap("r.example:5000", "up.example/mirror");
        check(
            &rule,
            &[
                ("up.example/mirror/lab/a:v1", true, true),
                ("up.example/mirror/lab/a:v2", false, true),
                ("up.example/mirror/lab/a", false, false),
                ("r.example:5000/lab/a:v1", false, false),
            ],
        );
        // Whole parts only, and the host with its port is one.
        for prefix in [
            "r.example",
            "r.example:5000/la",
            "lab",
            "r.example:5000/lab/a/b",
        ] {
            let unchanged = [("r.example:5000/lab/a:v1", true, true)];
            check(&remap(prefix, "x.example"), &unchanged);
        }
        check(
            &remap("r.example:5000/lab/a", "up.example/b"),
            &[("up.example/b:v1", true, true)],
        );
        // The result must be written in full already.
        check(
            &remap("r.example:5000/lab/a", "busybox"),
            &[("busybox:v1", false, false)],
        );
    }

    #[test]
    fn image_rs_compares_texts() {
        let exact = Identity::MatchExact;
        assert!(in_image_rs(&exact, TAG, "r.example:5000/lab/a:v1"));
        assert!(!in_image_rs(
            &exact,
            &digest(),
            &digest().replace("docker://", "")
        ));
        assert!(!in_image_rs(&exact, "docker://busybox:1", "busybox:1"));
        assert!(admits(&exact, "docker://busybox:1", "busybox:1"));
        let repository = |name: &str| Identity::ExactRepository(name.into());
        assert!(in_image_rs(
            &repository("docker.io/library/busybox"),
            TAG,
            "busybox:1"
        ));
        assert!(!in_image_rs(&repository("busybox"), TAG, "busybox:1"));
        assert!(!in_image_rs(
            &repository("up.example/a:v1"),
            TAG,
            "up.example/a:v1"
        ));
        let default = Identity::MatchRepoDigestOrExact;
        assert!(in_image_rs(&default, &digest(), "r.example:5000/lab/a"));
        assert!(!in_image_rs(&default, TAG, "r.example:5000/lab/a"));
        let both = format!("{TAG}@sha256:{}", "0".repeat(64));
        assert!(!in_image_rs(&default, &both, "r.example:5000/lab/a:v1"));
        let remap = Identity::RemapIdentity {
            prefix: "r.ex".into(),
            signed_prefix: "s.ex".into(),
        };
        assert!(in_image_rs(&remap, TAG, "s.example:5000/lab/a:v1"));
        assert!(!admits(&remap, TAG, "s.example:5000/lab/a:v1"));
    }
}
