//! Which proxy a request goes through, from the usual variables (R27).
//!
//! The lower-case variable comes first. `NO_PROXY` holds names (with their subdomains), addresses, networks, each with
//! a port or without, and `*`. Requests to this machine itself never go through a proxy.
//!
//! A request over TLS goes through a tunnel (`CONNECT`). One without TLS goes to the proxy itself, which reads from it
//! the target, as with Go's programs: many proxies make no tunnel to other ports than 443.
//!
//! Sources: Go's `golang.org/x/net/http/httpproxy` and `net/http`; RFC 9112, section 3.2.2.

use std::fmt;
use std::net::IpAddr;

use ureq::http::Uri;
use ureq::http::header::{HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use ureq::http::uri::Scheme as UriScheme;
use ureq::{Proxy, ProxyProtocol};
use zeroize::Zeroizing;

use super::basic::basic;
use super::environment::Environment;
use super::error::Problem;
use super::url::{Origin, Scheme, Url, address};
use crate::secret::Secret;

/// A proxy, and the variable that names it.
pub(super) struct Named {
    /// The proxy for the library of requests.
    pub(super) proxy: Proxy,
    /// Its host and port, for messages.
    pub(super) shown: String,
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Named {
    /// Whether TLS is spoken with the proxy itself.
    pub(super) fn speaks_tls(&self) -> bool {
        self.proxy.protocol() == ProxyProtocol::Https
    }

    /// The proxy, to which a request without TLS goes. Its first line will name the whole address.
    pub(super) fn uri(&self, url: &Url) -> Option<Uri> {
        let scheme = if self.speaks_tls() {
            UriScheme::HTTPS
        } else {
            UriScheme::HTTP
        };
        let target = url.uri()?.into_parts().path_and_query?;
        Uri::builder()
            .scheme(scheme)
            .authority(self.shown.as_str())
            .path_and_query(target)
            .build()
            .ok()
    }

    /// Further headers of such a request: the target host, and the proxy's credentials.
    pub(super) fn headers(&self, url: &Url) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let host = HeaderValue::try_from(url.origin.authority()).ok()?;
        let user = self.proxy.username().map(|user| {
            let password = self.proxy.password().unwrap_or_default();
            let header = basic(user, &Secret::of(password.as_bytes()));
            (PROXY_AUTHORIZATION, header)
        });
        Some([(HOST, host)].into_iter().chain(user).collect())
    }
}

/// The proxy for an origin; `None` if the client connects directly.
pub(super) fn of(environment: &Environment, origin: &Origin) -> Result<Option<Named>, Problem> {
    if origin.is_loopback() {
        return Ok(None);
    }
    // A server that runs this sets HTTP_PROXY from a request's header `Proxy` (CVE-2016-5385).
    let is_cgi = environment.get("REQUEST_METHOD").is_some();
    let names: &[&'static str] = match origin.scheme {
        Scheme::Https => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        Scheme::Http if is_cgi => &["http_proxy", "all_proxy", "ALL_PROXY"],
        Scheme::Http => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let mut set = names
        .iter()
        .filter_map(|name| Some((*name, environment.get(name)?)));
    let Some((variable, value)) = set.next() else {
        return Ok(None);
    };
    let none = ["no_proxy", "NO_PROXY"]
        .into_iter()
        .find_map(|n| environment.get(n));
    if none.is_some_and(|none| is_excepted(&none.to_string_lossy(), origin)) {
        return Ok(None);
    }
    let wrong = Problem::ProxyName { variable };
    let Some(value) = value.to_str() else {
        return Err(wrong);
    };
    read(value).map(Some).ok_or(wrong)
}

/// Reads `[http[s]://][USER[:PASSWORD]@]HOST[:PORT][/]`.
fn read(value: &str) -> Option<Named> {
    let (protocol, rest) = match value.split_once("://") {
        None => (ProxyProtocol::Http, value),
        Some(("http", rest)) => (ProxyProtocol::Http, rest),
        Some(("https", rest)) => (ProxyProtocol::Https, rest),
        Some(_) => return None,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, rest),
    };
    let port = match protocol {
        ProxyProtocol::Https => 443,
        _ => 80,
    };
    let place = Url::parse(&format!("http://{place}"))?;
    if place.path() != "/" || place.has_query() {
        return None;
    }
    let host = &place.origin.host;
    // The scheme's port stands for none here.
    let named = place.origin.port;
    let port = if named == 80 && !rest.ends_with(":80") {
        port
    } else {
        named
    };
    let mut proxy = Proxy::builder(protocol).host(host).port(port);
    if let Some(user) = user {
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        proxy = proxy
            .username(&unescaped(user)?)
            .password(&unescaped(password)?);
    }
    Some(Named {
        proxy: proxy.build().ok()?,
        shown: format!("{host}:{port}"),
    })
}

/// A user or password of an address, each `%XX` the byte that it stands for.
fn unescaped(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |b: u8| char::from(b).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let text = str::from_utf8(&bytes).ok()?;
    (!text.chars().any(char::is_control)).then(|| Zeroizing::new(text.to_owned()))
}

/// Whether `NO_PROXY` names an origin.
fn is_excepted(none: &str, origin: &Origin) -> bool {
    none.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            let entry = entry.to_ascii_lowercase();
            if entry == "*" {
                return true;
            }
            let host = origin.host.as_str();
            let own = address(host);
            if let Some((network, bits)) = entry.split_once('/') {
                let network = network.parse::<IpAddr>().ok();
                let bits = bits.parse().ok();
                return network
                    .zip(bits)
                    .zip(own)
                    .is_some_and(|((network, bits), own)| is_within(own, network, bits));
            }
            let (name, port) = split_port(&entry);
            if port.is_some_and(|port| port != origin.port) {
                return false;
            }
            if let Some(address) = bare_address(name) {
                return own == Some(address);
            }
            let name = name
                .strip_prefix("*.")
                .map_or_else(|| name.to_owned(), |rest| format!(".{rest}"));
            match name.strip_prefix('.') {
                Some(_) => host.ends_with(&name),
                None => host == name || host.ends_with(&format!(".{name}")),
            }
        })
}

fn bare_address(name: &str) -> Option<IpAddr> {
    let inside = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    inside.unwrap_or(name).parse().ok()
}

/// A name and a port; an IPv6 address has a port only after brackets.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if entry.parse::<IpAddr>().is_ok() {
        return (entry, None);
    }
    match entry.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

/// Whether an address is in a network with a prefix of this many bits.
fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: &[(&'static str, &str)], url: &str) -> Option<String> {
        let environment = Environment::of(variables.iter().map(|(n, v)| (*n, v.to_owned())));
        let origin = Url::parse(url).expect("an address").origin;
        let named = of(&environment, &origin).expect("understood");
        named.map(|named| named.shown)
    }

    #[test]
    fn r27_the_variable_in_lower_case_comes_first() {
        let all = [
            ("https_proxy", "http://a:1"),
            ("HTTPS_PROXY", "b:2"),
            ("HTTP_PROXY", "c"),
            ("ALL_PROXY", "https://d"),
        ];
        assert_eq!(chosen(&all, "https://r.example").as_deref(), Some("a:1"));
        assert_eq!(
            chosen(&all[1..], "https://r.example").as_deref(),
            Some("b:2")
        );
        assert_eq!(chosen(&all, "http://r.example").as_deref(), Some("c:80"));
        assert_eq!(
            chosen(&all[3..], "https://r.example").as_deref(),
            Some("d:443")
        );
        assert_eq!(chosen(&[], "https://r.example"), None);
        assert_eq!(
            chosen(
                &[("HTTP_PROXY", "c"), ("REQUEST_METHOD", "GET")],
                "http://r.example"
            ),
            None
        );
    }

    #[test]
    fn r27_this_machine_is_never_asked_for_through_a_proxy() {
        for host in ["localhost", "127.0.0.1:5000", "[::1]:5000", "127.8.8.8"] {
            assert_eq!(
                chosen(&[("http_proxy", "a:1")], &format!("http://{host}")),
                None
            );
            assert_eq!(
                chosen(&[("all_proxy", "a:1")], &format!("https://{host}")),
                None
            );
        }
    }

    #[test]
    fn r27_no_proxy_names_hosts_addresses_networks_and_ports() {
        for (none, host, is_direct) in [
            ("*", "r.example", true),
            ("r.example", "r.example", true),
            ("R.Example", "r.example", true),
            ("example", "r.example", true),
            ("ample", "r.example", false),
            (".example", "r.example", true),
            ("*.example", "r.example", true),
            (".r.example", "r.example", false),
            ("x, r.example ,y", "r.example", true),
            ("r.example:443", "r.example", true),
            ("r.example:444", "r.example", false),
            ("r.example:444", "r.example:444", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1:443", "10.0.0.1", true),
            ("10.0.0.2", "10.0.0.1", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("10.0.0.0/8", "r.example", false),
            ("2001:db8::/32", "[2001:db8::5]", true),
            ("2001:db8::5", "[2001:db8::5]", true),
            ("[2001:db8::5]:443", "[2001:db8::5]", true),
            ("[2001:db8::5]:444", "[2001:db8::5]", false),
            ("", "r.example", false),
            (",,", "r.example", false),
        ] {
            let variables = [("https_proxy", "p:1"), ("no_proxy", none)];
            let found = chosen(&variables, &format!("https://{host}"));
            assert_eq!(found.is_none(), is_direct, "{none} {host}");
        }
    }

    #[test]
    fn r27_a_password_for_a_proxy_is_used_and_not_shown() {
        let named = read("http://ann:p%40ss%3A@proxy.example:3128/").expect("a proxy");
        assert_eq!(named.proxy.username(), Some("ann"));
        assert_eq!(named.proxy.password(), Some("p@ss:"));
        assert_eq!(format!("{named:?}"), "proxy.example:3128");
        for bad in [
            "socks5://ann:secret@a:1",
            "http://",
            "ann:secret@",
            "a:x",
            "http://a/b",
            "http://a%zz@b",
            "%0a@b",
        ] {
            let environment = Environment::of([("https_proxy", bad)]);
            let origin = Url::parse("https://r.example").expect("an address").origin;
            let shown = of(&environment, &origin).expect_err(bad).to_string();
            assert!(
                shown.contains("https_proxy") && !shown.contains("secret"),
                "{shown}"
            );
        }
    }
}
