//! The parts of a name in a registry: host, repository and tag, spelt in one way (R1, R2).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// Bytes that host and repository may have together.
const LONGEST_NAME: usize = 255;
/// Bytes of the longest tag.
const LONGEST_TAG: usize = 128;
/// The present host name of Docker Hub, and the old one.
const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_OF_OLD: &str = "index.docker.io";

/// A text that is not a host, repository or tag of a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    /// The spelling of the host is wrong.
    #[error("\"{0}\" is not the name or address of a host")]
    Host(String),
    /// The port is none.
    #[error("\"{0}\" is not a port; ports are 1 to 65535")]
    Port(String),
    /// The spelling of the repository is wrong.
    #[error(
        "\"{0}\" is not a repository; its parts have lower-case letters and digits, with one of . _ __ or dashes between them"
    )]
    Repository(String),
    /// The host and the repository are too long together.
    #[error(
        "the registry's name and the repository have {0} bytes, more than the limit of {LONGEST_NAME}"
    )]
    Length(usize),
    /// The spelling of the tag is wrong.
    #[error(
        "\"{0}\" is not a tag of a registry; it has up to {LONGEST_TAG} letters, digits and . _ - and starts with a letter, a digit or _"
    )]
    Tag(String),
}

/// A registry's host, with its port if the user named one, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    text: Box<str>,
    /// Where the name ends and the colon of the port stands.
    name: usize,
    port: Option<u16>,
    spelling: Spelling,
}

/// How the user wrote a host. Two spellings of one host are the same host.
#[derive(Clone, Debug)]
struct Spelling(Box<str>);

impl PartialEq for Spelling {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Spelling {}

impl std::hash::Hash for Spelling {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

impl Host {
    /// Docker Hub.
    pub fn docker_hub() -> Self {
        Self {
            text: DOCKER_HUB.into(),
            name: DOCKER_HUB.len(),
            port: None,
            spelling: Spelling(DOCKER_HUB.into()),
        }
    }

    /// Whether it is Docker Hub.
    pub fn is_docker_hub(&self) -> bool {
        *self.text == *DOCKER_HUB
    }

    /// `HOST[:PORT]`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `HOST[:PORT]` in the user's upper and lower case, which scopes of policies tell apart.
    pub fn spelling(&self) -> &str {
        &self.spelling.0
    }

    /// The name or address without the port; an IPv6 address keeps its brackets.
    pub fn name(&self) -> &str {
        &self.text[..self.name]
    }

    /// The port, if the user named one.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}

impl FromStr for Host {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        let lower = text.to_ascii_lowercase();
        // An address of IPv6 has colons of its own.
        let end = lower.find(']').map_or(0, |at| at + 1);
        let (name, port) = match lower[end..].split_once(':') {
            None => (lower.as_str(), None),
            Some((before, port)) => (&lower[..end + before.len()], Some(port)),
        };
        if !is_host_name(name) {
            return Err(RepositoryError::Host(text.to_owned()));
        }
        let port = port.map(read_port).transpose()?;
        if name == DOCKER_HUB_OF_OLD && port.is_none() {
            return Ok(Self::docker_hub());
        }
        let name = name.len();
        Ok(Self {
            text: lower.into(),
            name,
            port,
            spelling: Spelling(text.into()),
        })
    }
}

/// A port in its one spelling: no sign, no blank, no zero in front.
fn read_port(text: &str) -> Result<u16, RepositoryError> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    let port = text.parse().ok().filter(|_| is_number);
    port.ok_or_else(|| RepositoryError::Port(text.to_owned()))
}

fn is_host_name(name: &str) -> bool {
    if let Some(address) = name.strip_prefix('[') {
        let address = address.strip_suffix(']');
        return address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let is_inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !name.is_empty()
        && name.split('.').all(|label| {
            let ends = !label.starts_with('-') && !label.ends_with('-');
            !label.is_empty() && ends && label.bytes().all(is_inside)
        })
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A repository in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository(Box<str>);

impl Repository {
    /// The repository of that name on a host; one of Docker Hub in one part is in `library/`.
    pub fn on(host: &Host, text: &str) -> Result<Self, RepositoryError> {
        if !text.split('/').all(is_component) {
            return Err(RepositoryError::Repository(text.to_owned()));
        }
        let text = if host.is_docker_hub() && !text.contains('/') {
            format!("library/{text}")
        } else {
            text.to_owned()
        };
        let length = host.as_str().len() + 1 + text.len();
        if length > LONGEST_NAME {
            return Err(RepositoryError::Length(length));
        }
        Ok(Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether it is `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator = |text: &str| {
        ["", ".", "_", "__"].contains(&text)
            || (!text.is_empty() && text.bytes().all(|b| b == b'-'))
    };
    text.starts_with(is_word) && text.ends_with(is_word) && text.split(is_word).all(is_separator)
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tag as registries have them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Box<str>);

impl Tag {
    /// The tag that a name without a tag means.
    pub fn latest() -> Self {
        Self("latest".into())
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = |c: char| first(c) || c == '.' || c == '-';
        if text.len() <= LONGEST_TAG && text.starts_with(first) && text.chars().all(rest) {
            Ok(Self(text.into()))
        } else {
            Err(RepositoryError::Tag(text.to_owned()))
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
