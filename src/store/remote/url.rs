//! Addresses on the web, as registries give them: an origin, and the path and query there.
//!
//! Source: RFC 3986 (sections 3, 5.2), RFC 9110 (section 4.2); for origins RFC 6454.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ureq::http::Uri;

/// Bytes of the longest address.
const LONGEST: usize = 16 << 10;
/// The host at which Docker Hub answers (R2).
pub(super) const DOCKER_HUB: &str = "registry-1.docker.io";

/// The scheme of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    /// As they are.
    Http,
    /// By TLS.
    Https,
}

impl Scheme {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port: two addresses are of one origin exactly when all three are the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    /// In lower case; an address of IPv6 has its brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// The origin on a host; the scheme's own port if the text names none.
    pub(super) fn new(scheme: Scheme, host: &str, port: Option<u16>) -> Self {
        Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(scheme.port()),
        }
    }

    /// Whether the origin is this machine itself: 127.0.0.0/8, `::1` or localhost (R25).
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// The host with its port, as `certs.d` and `NO_PROXY` name it.
    pub(super) fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Whether a host is this machine itself.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || address(host).is_some_and(|address| address.is_loopback())
}

/// The IP address that a host's text spells.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    let inside = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    match inside {
        Some(inside) => inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority())
    }
}

/// An address on the web, without a fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Url {
    pub(super) origin: Origin,
    /// Path and query, byte for byte; starts with a slash.
    target: String,
}

impl Url {
    /// The address of this path and query at an origin. Both are ours, or come from a checked address.
    pub(super) fn new(origin: Origin, target: impl Into<String>) -> Self {
        let target = target.into();
        debug_assert!(target.starts_with('/'));
        Self { origin, target }
    }

    /// Reads an address that somebody else wrote. `None` if it is not valid, has a user or is too long.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = [Scheme::Http, Scheme::Https]
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(scheme))?;
        Self::behind(scheme, rest)
    }

    /// Reads the rest of an address after `scheme://`.
    fn behind(scheme: Scheme, rest: &str) -> Option<Self> {
        if rest.len() > LONGEST || !rest.bytes().all(is_allowed) {
            return None;
        }
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let after_address = authority.find(']').map_or(0, |at| at + 1);
        let (host, port) = match authority[after_address..].split_once(':') {
            None => (authority, None),
            Some((before, port)) => (&authority[..after_address + before.len()], Some(port)),
        };
        let port = match port {
            None | Some("") => None,
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
                Some(port.parse().ok().filter(|port| *port != 0)?)
            }
            Some(_) => return None,
        };
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        let is_host = if host.starts_with('[') {
            address(host).is_some()
        } else {
            !host.is_empty() && host.len() <= 255 && host.bytes().all(is_name)
        };
        is_host.then(|| Self {
            origin: Origin::new(scheme, host, port),
            target: clean(target),
        })
    }

    /// Resolves a reference that came in an answer from this address (RFC 3986, section 5.2).
    pub(super) fn join(&self, reference: &str) -> Option<Self> {
        if reference.len() > LONGEST || !reference.bytes().all(is_allowed) {
            return None;
        }
        let reference = reference
            .split_once('#')
            .map_or(reference, |(before, _)| before);
        if let Some(rest) = reference.strip_prefix("//") {
            return Self::behind(self.origin.scheme, rest);
        }
        if has_scheme(reference) {
            return Self::parse(reference);
        }
        let path = self.path();
        let target = match reference.chars().next() {
            None => self.target.clone(),
            Some('/') => clean(reference),
            Some('?') => format!("{path}{reference}"),
            Some(_) => {
                let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
                clean(&format!("{folder}{reference}"))
            }
        };
        Some(Self::new(self.origin.clone(), target))
    }

    /// The path without the query.
    pub(super) fn path(&self) -> &str {
        let end = self.target.find('?').unwrap_or(self.target.len());
        &self.target[..end]
    }

    /// Whether there is a query.
    pub(super) fn has_query(&self) -> bool {
        self.target.contains('?')
    }

    /// The same address with this name and value added to its query.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mark = if self.has_query() { '&' } else { '?' };
        let target = format!("{}{mark}{name}={}", self.target, escaped(value));
        Self::new(self.origin.clone(), target)
    }

    /// The whole address, query and all: for requests, never for messages (R20).
    fn whole(&self) -> String {
        format!("{}{}", self.origin, self.target)
    }

    /// The address as the library of requests has it.
    pub(super) fn uri(&self) -> Option<Uri> {
        self.whole().parse().ok()
    }
}

impl fmt::Display for Url {
    /// Without its query, which may hold a signature that opens a door (R20).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path())
    }
}

/// Whether a byte may stand in an address. Bytes that programs disagree about may not.
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte)
}

/// Whether a reference starts with a scheme, known or not.
fn has_scheme(reference: &str) -> bool {
    let end = reference.find([':', '/', '?']);
    end.is_some_and(|at| {
        let scheme = &reference[..at];
        let is_inside = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        reference[at..].starts_with(':')
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(is_inside)
    })
}

/// A path and query whose path has neither `.` nor `..` as a part, and starts with a slash.
fn clean(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut parts: Vec<&str> = Vec::new();
    let all: Vec<&str> = path.split('/').skip(1).collect();
    for (n, part) in all.iter().enumerate() {
        let is_last = n + 1 == all.len();
        match *part {
            "." => {
                if is_last {
                    parts.push("");
                }
            }
            ".." => {
                parts.pop();
                if is_last {
                    parts.push("");
                }
            }
            part => parts.push(part),
        }
    }
    format!("/{}{query}", parts.join("/"))
}

/// Text as a value in a query: all but letters, digits and `-._~` by its number (RFC 3986, section 2.3).
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte.into());
        } else {
            escaped.push('%');
            // It never fails.
            let _ = write!(escaped, "{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect(text)
    }

    #[test]
    fn r28_an_origin_is_scheme_host_and_port() {
        let origin = |text| url(text).origin;
        assert_eq!(
            origin("https://A.example/x"),
            origin("HTTPS://a.example:443?y")
        );
        for other in [
            "http://a.example",
            "https://a.example:444",
            "https://b.a.example",
            "https://a.example.",
            "https://127.0.0.1",
        ] {
            assert_ne!(origin("https://a.example/x"), origin(other), "{other}");
        }
        assert_ne!(origin("http://localhost:1"), origin("http://127.0.0.1:1"));
    }

    #[test]
    fn r25_which_hosts_are_this_machine() {
        for host in ["localhost", "127.0.0.1", "127.9.8.7", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "127.1",
            "localhost.example",
            "128.0.0.1",
            "[::2]",
            "2130706433",
            "::1",
            "0.0.0.0",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn r42_a_location_is_resolved_against_the_request() {
        let base = url("https://a.example:5000/v2/x/blobs/uploads/?a=b");
        for (reference, whole) in [
            (
                "/v2/x/blobs/uploads/1?_state=A%2Bb==&x",
                "https://a.example:5000/v2/x/blobs/uploads/1?_state=A%2Bb==&x",
            ),
            ("1?s", "https://a.example:5000/v2/x/blobs/uploads/1?s"),
            ("?s", "https://a.example:5000/v2/x/blobs/uploads/?s"),
            ("//b.example/y", "https://b.example/y"),
            ("http://b.example:80/y#z", "http://b.example/y"),
            ("HTTPS://B.example", "https://b.example/"),
            ("../../y", "https://a.example:5000/v2/x/y"),
            ("/a/../../b/./c/..", "https://a.example:5000/b/"),
            ("", "https://a.example:5000/v2/x/blobs/uploads/?a=b"),
            ("https://[::1]:5/y", "https://[::1]:5/y"),
            (
                "x/http://y",
                "https://a.example:5000/v2/x/blobs/uploads/x/http://y",
            ),
        ] {
            assert_eq!(
                base.join(reference).expect(reference).whole(),
                whole,
                "{reference}"
            );
        }
    }

    #[test]
    fn r28_what_is_no_address_of_the_web_leads_nowhere() {
        let base = url("https://a.example/x");
        for reference in [
            "file:///etc/passwd",
            "javascript:x",
            "ftp://a.example/",
            "https:/a.example",
            "https:a.example",
            "https://",
            "https:///x",
            "https://u@a.example/",
            "https://u:p@a.example/",
            "https://a.example:0/",
            "https://a.example:65536/",
            "https://a.example:+80/",
            "https://a.example:8x/",
            "https://[::1/",
            "https://[::g]/",
            "https://a b/",
            "https://a\r\nHost: b/",
            "https://a.example/\\b",
            "https://a.example\\@b/",
            "/a b",
            "/a\u{e9}",
            "/a\nb",
            "//u@b.example/",
            "http+unix://x/",
        ] {
            assert_eq!(base.join(reference), None, "{reference}");
        }
        let long = format!("/{}", "a".repeat(LONGEST));
        assert_eq!(base.join(&long), None);
    }

    #[test]
    fn r20_an_address_is_shown_without_its_query() {
        let shown = url("https://a.example/x?X-Amz-Signature=secret").to_string();
        assert_eq!(shown, "https://a.example/x");
    }

    #[test]
    fn values_in_a_query_are_escaped() {
        let with = url("http://a/x")
            .with("scope", "repository:a/b:pull,push")
            .with("b", "\u{e9} &");
        assert_eq!(
            with.whole(),
            "http://a/x?scope=repository%3Aa%2Fb%3Apull%2Cpush&b=%C3%A9%20%26"
        );
    }
}
