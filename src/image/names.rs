//! The names that users give: for images and apps.

use std::fmt;
use std::str::FromStr;

use crate::crypto::Digest;
use crate::crypto::digest::DigestError;

/// How a user names an image in a layout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By the value of its entry's `org.opencontainers.image.ref.name`.
    Tag(String),
    /// By its manifest's digest.
    Digest(Digest),
}

/// A text that cannot name an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The text has the form of a digest but is not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// It is not a tag either.
    #[error(
        "\"{0}\" is not a tag; a tag has letters, digits and . _ - : @ / + and starts with a letter, a digit or _"
    )]
    Tag(String),
}

impl Reference {
    /// Bytes of the longest tag.
    pub const LONGEST: usize = 512;
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Digest first: a text in a digest's form is never a tag.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if Digest::is_digest_form(text) {
            return Ok(Self::Digest(text.parse()?));
        }
        let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = |c: char| first(c) || "._-:@/+".contains(c);
        if text.len() <= Self::LONGEST && text.starts_with(first) && text.chars().all(rest) {
            Ok(Self::Tag(text.to_owned()))
        } else {
            Err(ReferenceError::Tag(text.to_owned()))
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// The name of an image's folder in a registry directory: one path component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppName(String);

/// A text that is not an app's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not an app name; it names one folder in the registry: up to 200 letters, digits and . _ - + @, not starting with a dot or a dash"
)]
pub struct AppNameError(String);

impl AppName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppName {
    type Err = AppNameError;

    fn from_str(text: &str) -> Result<Self, AppNameError> {
        let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = |c: char| first(c) || ".-+@".contains(c);
        if text.len() <= 200 && text.starts_with(first) && text.chars().all(rest) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AppNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::HashAlgorithm;
    use proptest::prelude::*;

    #[test]
    fn a_digest_form_is_never_a_tag() {
        let digest = Digest::of(HashAlgorithm::Sha256, b"x");
        assert_eq!(digest.to_string().parse(), Ok(Reference::Digest(digest)));
        for text in ["sha256:abc", "sha512:", "SHA256:00", "blake3:00"] {
            assert!(text.parse::<Reference>().is_err(), "{text} was taken");
        }
    }

    #[test]
    fn app_names_stay_in_the_registry() {
        for bad in [
            "", ".", "..", "/", "a/b", "../a", "/a", "-a", ".a", "a\0", "a\nb", "ä",
        ] {
            assert!(bad.parse::<AppName>().is_err(), "{bad:?} was taken");
        }
        for good in ["hello", "hello-1.0", "A_b+c@d"] {
            assert!(good.parse::<AppName>().is_ok(), "{good:?} was refused");
        }
    }

    proptest! {
        #[test]
        fn references_print_as_they_were_read(text in "\\PC{0,40}|[a-z0-9:/.]{1,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }

        #[test]
        fn an_app_name_is_one_path_component(text in "\\PC{0,20}|[a-z./]{1,8}") {
            if let Ok(name) = text.parse::<AppName>() {
                let mut parts = std::path::Path::new(name.as_str()).components();
                prop_assert!(matches!(parts.next(), Some(std::path::Component::Normal(_))));
                prop_assert!(parts.next().is_none());
            }
        }
    }
}
