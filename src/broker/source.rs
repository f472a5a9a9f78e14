//! The place of a broker: a file, or an agent's address.

use std::ffi::OsStr;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// The file that an agent without another broker reads, and this program where the user names none.
pub const DEFAULT_FILE: &str = "/etc/aa-offline_fs_kbc-resources.json";

const SCHEME: &str = "grpc://";

/// Where a broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file with resources, as `aa-offline_fs_kbc-resources.json`.
    OfflineFile(PathBuf),
    /// An agent that answers `GetResource` over gRPC, without TLS.
    Grpc {
        /// A name or an IP address; one of IPv6 is in brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Why a text names no broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSource {
    /// The address has another form.
    #[error("an agent's address is {SCHEME}HOST:PORT")]
    Address,
    /// The scheme is another one.
    #[error(
        "a broker is the path of an offline file, or {SCHEME}HOST:PORT; a file of this name is ./NAME"
    )]
    Scheme,
}

impl Source {
    /// Reads the path of an offline file, or `grpc://HOST:PORT`.
    pub fn parse(text: &OsStr) -> Result<Self, BadSource> {
        let Some(address) = text.to_str().and_then(|text| text.strip_prefix(SCHEME)) else {
            let is_url = text.to_str().is_some_and(|text| {
                let scheme = text.split_once("://").map(|(scheme, _)| scheme);
                scheme.is_some_and(|scheme| !scheme.contains('/'))
            });
            return if is_url {
                Err(BadSource::Scheme)
            } else {
                Ok(Self::OfflineFile(text.into()))
            };
        };
        let (host, port) = address.rsplit_once(':').ok_or(BadSource::Address)?;
        let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_port && *port != 0);
        let port = port.ok_or(BadSource::Address)?;
        let is_name = |host: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            !host.is_empty() && host.chars().all(fits)
        };
        if !is_name(host) && inside_brackets(host).is_none() {
            return Err(BadSource::Address);
        }
        let host = host.to_owned();
        Ok(Self::Grpc { host, port })
    }

    /// The default file, where it exists.
    pub fn default_if_there() -> Option<Self> {
        let path = Path::new(DEFAULT_FILE);
        path.exists().then(|| Self::OfflineFile(path.to_owned()))
    }

    /// Whether the broker is on this machine: a file, or an agent at 127.0.0.0/8, `[::1]` or localhost.
    pub fn is_local(&self) -> bool {
        match self {
            Self::OfflineFile(_) => true,
            Self::Grpc { host, .. } => {
                let v4 = host.parse::<Ipv4Addr>();
                host == "localhost"
                    || v4.is_ok_and(|address| address.is_loopback())
                    || inside_brackets(host).is_some_and(|address| address.is_loopback())
            }
        }
    }
}

fn inside_brackets(host: &str) -> Option<Ipv6Addr> {
    let inside = host.strip_prefix('[')?.strip_suffix(']')?;
    inside.parse().ok()
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfflineFile(path) => write!(f, "{}", path.display()),
            Self::Grpc { host, port } => write!(f, "{SCHEME}{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Source, BadSource> {
        Source::parse(OsStr::new(text))
    }

    #[test]
    fn a_broker_is_a_file_or_an_address() {
        for text in ["resources.json", "/etc/x", "./grpc://x", "grpc:x", "a:1"] {
            assert_eq!(parse(text), Ok(Source::OfflineFile(text.into())), "{text}");
        }
        for (text, host, port, is_local) in [
            ("grpc://127.0.0.1:50000", "127.0.0.1", 50000, true),
            ("grpc://127.9.9.9:1", "127.9.9.9", 1, true),
            ("grpc://localhost:50001", "localhost", 50001, true),
            ("grpc://[::1]:50001", "[::1]", 50001, true),
            ("grpc://[::2]:50001", "[::2]", 50001, false),
            ("grpc://127.1:80", "127.1", 80, false),
            ("grpc://0.0.0.0:80", "0.0.0.0", 80, false),
            ("grpc://agent.example:80", "agent.example", 80, false),
            (
                "grpc://localhost.example:80",
                "localhost.example",
                80,
                false,
            ),
        ] {
            let host = host.to_owned();
            let source = parse(text).expect(text);
            assert_eq!(source, Source::Grpc { host, port });
            assert_eq!(source.is_local(), is_local, "{text}");
            assert_eq!(source.to_string(), text);
        }
    }

    #[test]
    fn an_address_of_another_form_is_refused() {
        for text in [
            "grpc://",
            "grpc://127.0.0.1",
            "grpc://127.0.0.1:",
            "grpc://127.0.0.1:0",
            "grpc://127.0.0.1:+1",
            "grpc://127.0.0.1:65536",
            "grpc://127.0.0.1:1/",
            "grpc://user@127.0.0.1:1",
            "grpc://::1:1",
            "grpc://[::1:1",
            "grpc://:1",
            "grpc://a b:1",
        ] {
            assert_eq!(parse(text), Err(BadSource::Address), "{text}");
        }
        for text in ["http://127.0.0.1:1", "GRPC://a:1", "kbs:///a/b/c"] {
            assert_eq!(parse(text), Err(BadSource::Scheme), "{text}");
        }
    }
}
