//! Names of resources: `kbs://[HOST[:PORT]]/REPOSITORY/TYPE/TAG`.
//!
//! Source: guest-components, "KBS Resource URI". The host is ignored, as the agents ignore it.

use std::fmt;
use std::str::FromStr;

const SCHEME: &str = "kbs://";

/// Why a text names no resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadUri {
    /// It starts in another way.
    #[error("a resource's URI starts with {SCHEME}")]
    Scheme,
    /// It is of a plugin of the broker, and names no resource.
    #[error("it names a plugin of the broker, and only resources (kbs://) can be fetched")]
    Plugin,
    /// The path has other than three parts, or an empty one.
    #[error("a resource's path is REPOSITORY/TYPE/TAG: three parts, none of them empty")]
    Parts,
    /// It has a character that no agent would take as it is.
    #[error("it has a character other than A-Z, a-z, 0-9, and - _ . ~ ! $ & ' ( ) * + , ; = : @")]
    Character,
}

/// The resource: three parts, none of them empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KbsUri {
    /// `REPOSITORY/TYPE/TAG`.
    path: String,
}

impl KbsUri {
    /// Reads a URI with its scheme.
    ///
    /// ```
    /// use ir_sign::broker::KbsUri;
    /// let uri = KbsUri::parse("kbs://broker.example:8080/default/cosign-public-key/test").unwrap();
    /// assert_eq!(uri.path(), "default/cosign-public-key/test");
    /// assert_eq!(uri.to_string(), "kbs:///default/cosign-public-key/test");
    /// ```
    pub fn parse(text: &str) -> Result<Self, BadUri> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Err(if text.starts_with("kbs+") {
                BadUri::Plugin
            } else {
                BadUri::Scheme
            });
        };
        let (host, path) = rest.split_once('/').ok_or(BadUri::Parts)?;
        if !host.chars().all(|c| is_allowed(c) || "[]".contains(c)) {
            return Err(BadUri::Character);
        }
        Self::of_path(path)
    }

    /// Whether a text looks like the URI of a broker: [`KbsUri::parse`] reads it or says why not.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("kbs:") || text.starts_with("kbs+")
    }

    /// Reads `REPOSITORY/TYPE/TAG`.
    pub fn of_path(path: &str) -> Result<Self, BadUri> {
        let parts: Vec<&str> = path.split('/').collect();
        if parts.len() != 3 || parts.iter().any(|part| ["", ".", ".."].contains(part)) {
            return Err(BadUri::Parts);
        }
        if !path.chars().all(|c| c == '/' || is_allowed(c)) {
            return Err(BadUri::Character);
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// The image policy of a realm.
    pub fn policy() -> Self {
        Self::known("default/security-policy/test")
    }

    /// The public key for cosign's signatures, where a policy names a file that is not there.
    pub fn cosign_key() -> Self {
        Self::known("default/cosign-public-key/test")
    }

    /// The ring of OpenPGP keys, where a policy names a file that is not there.
    pub fn gpg_ring() -> Self {
        Self::known("default/gpg-public-config/test")
    }

    /// The configuration of lookaside stores.
    pub fn sigstore_config() -> Self {
        Self::known("default/sigstore-config/test")
    }

    fn known(path: &str) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// `REPOSITORY/TYPE/TAG`: the name in an offline file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The name that agents up to v0.4, and the platform's guide, use in an offline file.
    pub fn old_name(&self) -> Option<&'static str> {
        let known = OLD_NAMES.iter().find(|(new, _)| *new == self.path);
        known.map(|(_, old)| *old)
    }
}

/// The new names with their old ones.
const OLD_NAMES: [(&str, &str); 4] = [
    ("default/security-policy/test", "Policy"),
    ("default/cosign-public-key/test", "Cosign Key"),
    ("default/gpg-public-config/test", "GPG Keyring"),
    ("default/sigstore-config/test", "Sigstore Config"),
];

/// The characters of a URI's path (RFC 3986, section 3.3) that need no escape.
fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:@".contains(c)
}

/// The URI with an empty host, as agents get it.
impl fmt::Display for KbsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}/{}", self.path)
    }
}

impl FromStr for KbsUri {
    type Err = BadUri;

    fn from_str(text: &str) -> Result<Self, BadUri> {
        Self::parse(text)
    }
}

/// The name of a resource in an offline file: `REPOSITORY/TYPE/TAG`, or one of the four names of agents up to v0.4.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName(String);

impl ResourceName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceName {
    type Err = BadUri;

    /// Reads a name, or the resource's URI.
    fn from_str(text: &str) -> Result<Self, BadUri> {
        if OLD_NAMES.iter().any(|(_, old)| *old == text) {
            return Ok(Self(text.to_owned()));
        }
        let uri = if KbsUri::is_meant(text) {
            KbsUri::parse(text)
        } else {
            KbsUri::of_path(text)
        };
        uri.map(|uri| Self(uri.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_three_parts_and_its_host_is_ignored() {
        for text in [
            "kbs:///a/b/c",
            "kbs://broker.example:8080/a/b/c",
            "kbs://[::1]:1/a/b/c",
        ] {
            let uri = KbsUri::parse(text).expect(text);
            assert_eq!(uri.path(), "a/b/c");
            assert_eq!(uri.to_string(), "kbs:///a/b/c");
            assert_eq!(uri.old_name(), None);
        }
        assert_eq!(KbsUri::cosign_key().old_name(), Some("Cosign Key"));
        assert_ne!(
            KbsUri::parse("kbs:///a/b/C"),
            KbsUri::parse("kbs:///a/b/c"),
            "names are exact"
        );
    }

    #[test]
    fn uris_that_name_no_resource_are_refused() {
        for (text, reason) in [
            ("", BadUri::Scheme),
            ("/a/b/c", BadUri::Scheme),
            ("KBS:///a/b/c", BadUri::Scheme),
            ("kbs:/a/b/c", BadUri::Scheme),
            ("https://a/b/c/d", BadUri::Scheme),
            ("kbs+plugin:///a/b/c", BadUri::Plugin),
            ("kbs://", BadUri::Parts),
            ("kbs:///", BadUri::Parts),
            ("kbs://a/b/c", BadUri::Parts),
            ("kbs:///a/b", BadUri::Parts),
            ("kbs:///a/b/c/d", BadUri::Parts),
            ("kbs:///a/b/c/", BadUri::Parts),
            ("kbs:////b/c", BadUri::Parts),
            ("kbs:///a/../c", BadUri::Parts),
            ("kbs:///a/b/.", BadUri::Parts),
            ("kbs:///a/b/c?x", BadUri::Character),
            ("kbs:///a/b/c#x", BadUri::Character),
            ("kbs:///a/b/%63", BadUri::Character),
            ("kbs:///a/b/c d", BadUri::Character),
            ("kbs:///a/b/c\n", BadUri::Character),
            ("kbs:///a/b/é", BadUri::Character),
            ("kbs://h ost/a/b/c", BadUri::Character),
        ] {
            assert_eq!(KbsUri::parse(text), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn a_resource_of_an_offline_file_has_a_new_or_an_old_name() {
        for (text, name) in [
            ("a/b/c", "a/b/c"),
            ("kbs:///a/b/c", "a/b/c"),
            ("Policy", "Policy"),
            ("Cosign Key", "Cosign Key"),
        ] {
            let read: ResourceName = text.parse().expect(text);
            assert_eq!(read.as_str(), name);
        }
        for text in ["policy", "a/b", "/a/b/c", "kbs:a/b/c", "kbs+x:///a/b/c"] {
            assert!(text.parse::<ResourceName>().is_err(), "{text}");
        }
    }
}
