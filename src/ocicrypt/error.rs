//! Why an encrypted layer was not opened.

use crate::class::Class;

/// Why an encrypted layer was not opened. No secret is in here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An annotation is absent.
    #[error("is encrypted and has no annotation {0}")]
    NoAnnotation(&'static str),
    /// The annotations wrap the key by other means.
    #[error("is encrypted, and no key provider has its key, only {0}")]
    OtherWrapping(String),
    /// An annotation is not what it should be.
    #[error("has an annotation {annotation} that {reason}")]
    Annotation {
        /// The annotation's name.
        annotation: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No key opens any of the packets.
    #[error("is encrypted, and none of the decryption keys ({tried}) opens it{}", wanted(.kids))]
    NoKey {
        /// How many keys were tried.
        tried: usize,
        /// The names of the keys that the packets ask for, as they state them.
        kids: Vec<String>,
    },
    /// A packet opened, and what is in it is not a key of a layer.
    #[error("has a packet whose content {0}")]
    Content(&'static str),
    /// The ciphertext's HMAC is another one.
    #[error("is not what was encrypted: its HMAC differs")]
    Hmac,
}

fn wanted(kids: &[String]) -> String {
    match kids {
        [] => String::new(),
        kids => format!("; it asks for {}", kids.join(" or ")),
    }
}

impl Error {
    /// The error's class: the layer is wrong, or not for these keys.
    pub const fn class(&self) -> Class {
        match self {
            Self::NoAnnotation(_)
            | Self::OtherWrapping(_)
            | Self::Annotation { .. }
            | Self::NoKey { .. }
            | Self::Content(_)
            | Self::Hmac => Class::Refused,
        }
    }
}
