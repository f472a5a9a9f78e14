//! Names of images in signatures and policies, by the grammar of the module `distribution/reference`, as containers/image
//! has it: hosts keep their upper and lower case, and Docker Hub's short names are written out.

use std::fmt;

use crate::crypto::Digest;

/// Bytes that the name before tag and digest may have.
const LONGEST_NAME: usize = 255;
/// Characters of the longest tag.
const LONGEST_TAG: usize = 128;

/// A text that is not a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a reference of an image: {reason}")]
pub struct ReferenceError {
    text: String,
    reason: &'static str,
}

impl ReferenceError {
    /// A name that is not written out where it must be.
    pub(super) fn short(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            reason: "it must be written in full",
        }
    }
}

/// A name of an image, written out: `docker.io/library/busybox:1.36`.
///
/// ```
/// use ir_sign::trust::DockerReference;
///
/// let name = DockerReference::parse("busybox:1.36")?;
/// assert_eq!(name.to_string(), "docker.io/library/busybox:1.36");
/// assert_eq!(name.name(), "docker.io/library/busybox");
/// assert!(DockerReference::parse("example.com/UPPER").is_err());
/// # Ok::<(), ir_sign::trust::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DockerReference {
    /// Host and repository.
    name: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl DockerReference {
    /// Reads a name, short or written out.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let error = |reason| ReferenceError {
            text: text.to_owned(),
            reason,
        };
        if text.len() == 64 && is_lower_hex(text) {
            return Err(error("64 hexadecimal digits are an image's ID"));
        }
        let (host, rest) = match text.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            _ => ("docker.io", text),
        };
        let host = match host {
            "index.docker.io" => "docker.io",
            host => host,
        };
        let (rest, digest) = match rest.split_once('@') {
            None => (rest, None),
            Some((rest, digest)) => (rest, Some(digest)),
        };
        let (path, tag) = match rest.split_once(':') {
            None => (rest, None),
            Some((path, tag)) => (path, Some(tag)),
        };
        if path.is_empty() {
            return Err(error("it has no repository"));
        }
        if !is_host(host) {
            return Err(error("its host is misspelt"));
        }
        if !path.split('/').all(is_component) {
            return Err(error("its repository is misspelt"));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(error("its tag is misspelt"));
        }
        if digest.is_some_and(|digest| digest.parse::<Digest>().is_err()) {
            return Err(error("its digest is not a digest"));
        }
        let library = if host == "docker.io" && !path.contains('/') {
            "library/"
        } else {
            ""
        };
        let name = format!("{host}/{library}{path}");
        if name.len() > LONGEST_NAME {
            return Err(error("its name has more than 255 bytes"));
        }
        Ok(Self {
            name,
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// Host and repository.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Whether it has neither tag nor digest.
    pub const fn is_name_only(&self) -> bool {
        self.tag.is_none() && self.digest.is_none()
    }

    /// The scopes that may hold for it, nearest first: itself, its repository and the parents of that, the host, and
    /// wildcards for the host.
    ///
    /// Source: containers-policy.json(5), "docker:"; containers-registries.d(5).
    pub fn scopes(&self) -> Vec<String> {
        let mut names = vec![self.to_string()];
        let mut name = self.name();
        loop {
            names.push(name.to_owned());
            match name.rsplit_once('/') {
                Some((parent, _)) => name = parent,
                None => break,
            }
        }
        // A wildcard stands for the first parts of a host, and does not see the port.
        let mut host = name.split(':').next().unwrap_or_default();
        while let Some((_, rest)) = host.split_once('.') {
            names.push(format!("*.{rest}"));
            host = rest;
        }
        names
    }

    /// The same, with the tag `latest` where it has neither tag nor digest.
    pub(super) fn or_latest(mut self) -> Self {
        if self.is_name_only() {
            self.tag = Some("latest".to_owned());
        }
        self
    }
}

impl fmt::Display for DockerReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// Whether `remapIdentity` takes this as a prefix: a host, or a name that starts with what may be one.
pub(super) fn is_prefix(text: &str) -> bool {
    match text.split_once('/') {
        None => is_host(text),
        Some((host, path)) => is_host(host) && path.split('/').all(is_component),
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether it is a host, perhaps with a port. This grammar has no IPv6 addresses.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.split_once(':') {
        None => (text, None),
        Some((host, port)) => (host, Some(port)),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if !port.is_none_or(is_port) {
        return false;
    }
    host.split('.').all(|label| {
        let ends = !label.starts_with('-') && !label.ends_with('-');
        let is_inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty() && ends && label.bytes().all(is_inside)
    })
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

fn is_tag(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| first(c) || c == '.' || c == '-';
    text.len() <= LONGEST_TAG && text.starts_with(first) && text.chars().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_are_written_out() {
        for (text, written) in [
            ("busybox", "docker.io/library/busybox"),
            ("team/app:1", "docker.io/team/app:1"),
            ("index.docker.io/busybox:1", "docker.io/library/busybox:1"),
            ("docker.io/library/busybox", "docker.io/library/busybox"),
            ("localhost/a", "localhost/a"),
            (
                "Example.COM:0500/a/b_c__d---e:_T.-",
                "Example.COM:0500/a/b_c__d---e:_T.-",
            ),
            ("a:5000/b:c", "a:5000/b:c"),
        ] {
            let read = DockerReference::parse(text).expect(text);
            assert_eq!(read.to_string(), written);
            let both = format!("{text}@{DIGEST}");
            let read = DockerReference::parse(&both).expect("with a digest");
            assert_eq!(read.to_string(), format!("{written}@{DIGEST}"));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let hex = &DIGEST[7..];
        let long = format!("example.com/{}", "a".repeat(244));
        for text in [
            "",
            "UPPER CASE",
            "Upper",
            "a/B",
            "a b",
            "a:",
            ":t",
            "a:t:u",
            "a@",
            "a@sha256:12",
            "a/",
            "/a",
            "a//b",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a.example/",
            "a.example:/b",
            "a.example:x/b",
            "-.example/b",
            "[::1/b",
            "[::1]:5000/b",
            "[]/b",
            "[::1]x/b",
            "docker://a",
            hex,
            &long,
            "a@SHA256:0123456789abcdef0123456789abcdef",
        ] {
            assert!(DockerReference::parse(text).is_err(), "{text:?} was taken");
        }
        let longest_tag = format!("a:{}", "t".repeat(128));
        assert!(DockerReference::parse(&longest_tag).is_ok());
        assert!(DockerReference::parse(&(longest_tag + "t")).is_err());
    }
}
