//! The two dialects of policies.

use std::fmt;

/// Whose rules a policy follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// containers/image: skopeo, podman, CRI-O (containers-policy.json(5)).
    Containers,
    /// image-rs, of the guest components of Confidential Containers.
    ImageRs,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Containers => "containers",
            Self::ImageRs => "image-rs",
        })
    }
}
