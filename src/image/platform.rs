//! The systems and machines of an image (OCI image-spec, "Image Index" and "Image Configuration").

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// A platform, as a descriptor or a config states it, and as `--platform` takes it:
/// `OS[(VERSION[+FEATURE…])]/ARCH[/VARIANT]` (containerd/platforms, `FormatAll`).
///
/// An empty text states nothing, as it does to Go's readers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The operating system, `linux`.
    pub os: String,
    /// The CPU architecture, `amd64`.
    pub architecture: String,
    /// The variant of the architecture, `v8`.
    pub variant: Option<String>,
    /// The version of the operating system, `10.0.17763.1`.
    pub os_version: Option<String>,
    /// The features of the operating system that the image wants.
    pub os_features: Option<OsFeatures>,
}

/// Features of an operating system: at least one, each once, sorted, because comparisons ignore the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OsFeatures(String);

impl OsFeatures {
    /// Those that are in a list; `None` for a list that names none.
    pub fn of<T: AsRef<str>>(list: &[T]) -> Option<Self> {
        let mut names: Vec<_> = list.iter().map(AsRef::as_ref).collect();
        names.retain(|name| !name.is_empty());
        names.sort_unstable();
        names.dedup();
        let names: Vec<_> = names.into_iter().map(escaped).collect();
        (!names.is_empty()).then(|| Self(names.join("+")))
    }

    /// In containerd's spelling, `FEATURE[+FEATURE…]`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.0.split('+').filter_map(unescaped)
    }
}

impl Platform {
    /// Whether an entry that states `self` says of an image what the image's config states: each member that it states
    /// is the same in the config, in any spelling. Runtimes choose by the entry. Many configs state no variant, and
    /// those that `BuildKit` wrote for Windows state no version; then the entry may have any. Features have no such
    /// exception: an image whose config states none needs none.
    pub fn holds_for(&self, config: &Self) -> bool {
        self.agrees(config, true)
    }

    /// Whether each member that `self` states `other` states too, and the same, in whatever spelling.
    pub fn is_stated_by(&self, other: &Self) -> bool {
        self.agrees(other, false)
    }

    fn agrees(&self, other: &Self, may_lack: bool) -> bool {
        let (ours, theirs) = (self.normalised(), other.normalised());
        let same = |ours: &str, theirs: &str| ours.is_empty() || ours == theirs;
        let same_variant = || {
            if other.states_variant() {
                ours.variant == theirs.variant
            } else {
                may_lack
            }
        };
        let same_version = || match &theirs.os_version {
            Some(_) => ours.os_version == theirs.os_version,
            None => may_lack,
        };
        same(&ours.os, &theirs.os)
            && same(&ours.architecture, &theirs.architecture)
            && (!self.states_variant() || same_variant())
            && (ours.os_version.is_none() || same_version())
            && (ours.os_features.is_none() || ours.os_features == theirs.os_features)
    }

    /// The members that both state alike.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let (ours, theirs) = (self.normalised(), other.normalised());
        let same_text = |ours: String, theirs: String| {
            if ours == theirs { ours } else { String::new() }
        };
        let states_variant = ours.architecture == theirs.architecture
            && ours.variant == theirs.variant
            && self.states_variant()
            && other.states_variant();
        // Normalising removes the usual variant of an architecture, although the text states it.
        let variant = || ours.variant.clone().or_else(|| self.variant.clone());
        Self {
            variant: states_variant.then(variant).flatten(),
            os_version: ours
                .os_version
                .filter(|v| theirs.os_version.as_ref() == Some(v)),
            os_features: ours
                .os_features
                .filter(|f| theirs.os_features.as_ref() == Some(f)),
            os: same_text(ours.os, theirs.os),
            architecture: same_text(ours.architecture, theirs.architecture),
        }
    }

    /// Whether nothing is stated.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an image for `self` is one that a user who asked for `wanted` means: a variant, version or
    /// features that were not asked for may be any. Other spellings of a platform are that platform, no system
    /// stated is any, and a version's first parts mean each version that starts with them.
    pub fn serves(&self, wanted: &Self) -> bool {
        let any_variant = !wanted.states_variant();
        let (ours, wanted) = (self.normalised(), wanted.normalised());
        let is_version = |wanted: &String| {
            let rest = ours
                .os_version
                .as_ref()
                .and_then(|v| v.strip_prefix(wanted));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        (ours.os == wanted.os || ours.os.is_empty())
            && ours.architecture == wanted.architecture
            && (any_variant || ours.variant == wanted.variant)
            && wanted.os_version.as_ref().is_none_or(is_version)
            && (wanted.os_features.is_none() || ours.os_features == wanted.os_features)
    }

    /// Whether `self` serves everything that it states, but does not state everything that the user wants, so that the
    /// answer is open.
    pub fn leaves_open(&self, wanted: &Self) -> bool {
        let mut rest = wanted.clone();
        if self.os.is_empty() {
            rest.os.clear();
        }
        if self.architecture.is_empty() {
            rest.architecture.clear();
        }
        if !self.states_variant() {
            rest.variant = None;
        }
        if self.os_version.is_none() {
            rest.os_version = None;
        }
        if self.os_features.is_none() {
            rest.os_features = None;
        }
        rest != *wanted && self.serves(&rest)
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
            ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
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
            os_version: self.os_version.clone().filter(|v| !v.is_empty()),
            os_features: self.os_features.clone(),
        }
    }

    /// Whether a variant is stated, by itself or by the architecture's name.
    fn states_variant(&self) -> bool {
        let has_variant = self.variant.as_ref().is_some_and(|v| !v.is_empty());
        let named = ["armhf", "armel"];
        has_variant || named.contains(&self.architecture.to_lowercase().as_str())
    }

    /// Whether it is the platform that `BuildKit` states for content that no runtime can run.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        if self.os_version.is_some() || self.os_features.is_some() {
            let version = self.os_version.as_deref().map(escaped);
            write!(f, "({}", version.unwrap_or_default())?;
            if let Some(features) = &self.os_features {
                write!(f, "+{}", features.as_str())?;
            }
            f.write_char(')')?;
        }
        write!(f, "/{}", self.architecture)?;
        self.variant
            .as_ref()
            .map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// The characters that would end a version or a feature in a platform's text.
const MARKS: [char; 5] = ['%', '+', '(', ')', '/'];

/// A version or a feature with percent signs for the marks (RFC 3986, section 2.1).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if MARKS.contains(&c) {
            // It never fails.
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Undoes the escaping; `None` if a percent sign has no two hexadecimal digits after it.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut out = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        out.push(u8::from_str_radix(digits, 16).ok()?);
        out.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(out).ok()
}

/// A text that is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a platform; the form is OS[(VERSION)]/ARCH[/VARIANT], as in linux/arm64/v8 or windows(10.0.17763.1)/amd64"
)]
pub struct PlatformError(String);

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        parsed(text).ok_or_else(|| PlatformError(text.to_owned()))
    }
}

fn parsed(text: &str) -> Option<Platform> {
    let mut parts = text.split('/');
    let (system, architecture, variant) = (parts.next()?, parts.next()?, parts.next());
    let (os, options) = match system.split_once('(') {
        Some((os, rest)) => (os, Some(rest.strip_suffix(')')?)),
        None => (system, None),
    };
    let is_name = |name: &&str| !name.is_empty() && !name.contains(['(', ')']);
    let names = [Some(os), Some(architecture), variant];
    if parts.next().is_some() || !names.iter().flatten().all(is_name) {
        return None;
    }
    let mut platform = Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.map(str::to_owned),
        ..Platform::default()
    };
    if let Some(options) = options {
        let mut options = options.split('+');
        let version = unescaped(options.next()?)?;
        let features: Vec<_> = options.map(unescaped).collect::<Option<_>>()?;
        if features.iter().any(String::is_empty) || (version.is_empty() && features.is_empty()) {
            return None;
        }
        platform.os_version = (!version.is_empty()).then_some(version);
        platform.os_features = OsFeatures::of(&features);
    }
    Some(platform)
}

#[cfg(test)]
mod tests;
