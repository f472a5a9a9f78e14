//! What users call things: images, apps, platforms.

use std::fmt;
use std::str::FromStr;

use crate::crypto::Digest;
use crate::crypto::digest::DigestError;

/// A platform, as a descriptor states it and as `--platform` takes it: `OS/ARCH[/VARIANT]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The operating system, `linux`.
    pub os: String,
    /// The CPU architecture, `amd64`.
    pub architecture: String,
    /// The variant of the architecture, `v8`.
    pub variant: Option<String>,
}

impl Platform {
    /// Whether an image for `self` is one that a user who asked for `wanted` means: a variant that
    /// was not asked for may be any. Other spellings of a platform are that platform, and no system
    /// stated is any.
    pub fn serves(&self, wanted: &Self) -> bool {
        let any_variant = wanted.variant.is_none();
        let (ours, wanted) = (self.normalised(), wanted.normalised());
        (ours.os == wanted.os || ours.os.is_empty())
            && ours.architecture == wanted.architecture
            && (any_variant || ours.variant == wanted.variant)
    }

    /// The platform in the spelling by which containerd and docker compare platforms (containerd/platforms,
    /// `Normalize`): an index may list one image as `x86_64` and another as `amd64`.
    #[must_use]
    pub fn normalised(&self) -> Self {
        let os = match self.os.to_lowercase() {
            os if os == "macos" => "darwin".into(),
            os => os,
        };
        let variant = self.variant.as_deref().unwrap_or_default().to_lowercase();
        let architecture = self.architecture.to_lowercase();
        let (architecture, variant) = match (&*architecture, &*variant) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
            ("x86_64" | "x86-64", variant) => ("amd64", variant),
            ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
            ("aarch64", variant) => ("arm64", variant),
            ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
            ("armel", _) | ("arm", "6") => ("arm", "v6"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "8") => ("arm", "v8"),
            other => other,
        };
        Self {
            os,
            architecture: architecture.to_owned(),
            variant: (!variant.is_empty()).then(|| variant.to_owned()),
        }
    }

    /// Whether it is the one that `BuildKit` states for what nobody could run.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }

    /// Whether operating system and architecture are the same, whatever the variants are.
    pub fn is_system(&self, other: &Self) -> bool {
        self.os == other.os && self.architecture == other.architecture
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant
            .as_ref()
            .map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// A text that is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a platform; the form is OS/ARCH[/VARIANT], as in linux/arm64/v8")]
pub struct PlatformError(String);

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let mut parts = text.split('/').map(str::to_owned);
        let (os, architecture, variant) = (parts.next(), parts.next(), parts.next());
        match (os, architecture, parts.next()) {
            (Some(os), Some(architecture), None)
                if !os.is_empty() && !architecture.is_empty() && variant.as_deref() != Some("") =>
            {
                Ok(Self {
                    os,
                    architecture,
                    variant,
                })
            }
            _ => Err(PlatformError(text.to_owned())),
        }
    }
}

/// How a user names an image in a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// By the value of its entry's `org.opencontainers.image.ref.name`.
    Tag(String),
    /// By its manifest's digest.
    Digest(Digest),
}

/// A text that cannot name an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It has the form of a digest and is not one.
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

    #[test]
    fn a_platform_serves_in_every_spelling() {
        let platform = |text: &str| -> Platform { text.parse().expect(text) };
        for (ours, wanted, serves) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/x86_64", "linux/amd64", true),
            ("Linux/X86-64", "linux/amd64", true),
            ("linux/amd64", "linux/x86_64", true),
            ("linux/amd64/v1", "linux/amd64/v1", true),
            ("linux/amd64", "linux/amd64/v1", true),
            ("linux/amd64/v3", "linux/amd64", true),
            ("linux/amd64/v3", "linux/amd64/v2", false),
            ("linux/amd64", "linux/amd64/v3", false),
            ("linux/aarch64", "linux/arm64", true),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm64/8", "linux/arm64/v8", true),
            ("linux/arm64/v9", "linux/arm64/v8", false),
            ("linux/arm", "linux/arm/v7", true),
            ("linux/armhf", "linux/arm/v7", true),
            ("linux/armel", "linux/arm/v6", true),
            ("linux/arm/6", "linux/arm/v6", true),
            ("linux/arm/v6", "linux/arm", true),
            ("linux/arm/v6", "linux/arm/v7", false),
            ("linux/i386", "linux/386", true),
            ("macos/arm64", "darwin/arm64", true),
            ("windows/amd64", "linux/amd64", false),
            ("linux/s390x", "linux/amd64", false),
        ] {
            let (ours, wanted) = (platform(ours), platform(wanted));
            assert_eq!(ours.serves(&wanted), serves, "{ours} for {wanted}");
        }
        let anywhere = Platform {
            os: String::new(),
            ..platform("linux/amd64")
        };
        assert!(anywhere.serves(&platform("linux/amd64")));
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

        #[test]
        fn platforms_print_as_they_were_read(text in "[a-z0-9/]{0,20}") {
            if let Ok(platform) = text.parse::<Platform>() {
                prop_assert_eq!(platform.to_string(), text);
            }
        }
    }
}
