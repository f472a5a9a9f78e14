//! One request and its answer, over TLS or not, through a proxy or not (R5, R6, R25, R62).
//!
//! This module repeats nothing, follows no redirect and unpacks nothing. Each origin has its own connections, so that
//! nothing that belongs to one origin goes to another.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use ureq::http::{Method, Request, Response, Result as Built};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, DefaultConnector};
use ureq::{Agent, AsSendBody, BodyReader, SendBody, Timeout};

use super::environment::Options;
use super::error::Problem;
use super::forward::Forward;
use super::pace::{Received, Sent};
use super::problem::shown;
use super::proxy;
use super::tls;
use super::url::{DOCKER_HUB, Origin, Scheme, Url};
use crate::image::Host;
use crate::text::plain;

/// The most bytes and the most lines in the header of an answer (R6).
const LONGEST_HEADER: usize = 64 << 10;
const MOST_LINES: usize = 100;
/// The most connections that a client keeps open to an origin (R6).
const CONNECTIONS: usize = 6;
/// The most origins whose connections a client keeps: redirects may lead to any number of origins.
const ORIGINS: usize = 16;

/// The body of a request.
pub(super) enum Payload<'a> {
    /// Nothing.
    Nothing,
    /// These bytes.
    Bytes(&'a [u8]),
    /// This many bytes from this reader.
    Stream(&'a mut dyn Read, u64),
}

/// The answer to a request: its header has come, and its body is read from it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// The address that answered.
    pub(super) url: Url,
    body: Received<BodyReader<'static>>,
    limit: std::time::Duration,
}

impl Answer {
    /// A header's text, if the answer has that header exactly once and as text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        let mut all = self.headers.get_all(name).iter();
        let first = all.next()?.to_str().ok()?;
        all.next().is_none().then_some(first)
    }

    /// The length that the answer states for its body.
    pub(super) fn length(&self) -> Option<u64> {
        self.header(&CONTENT_LENGTH)?.parse().ok()
    }

    /// Reads the body to its end, up to this many bytes.
    pub(super) fn bytes(&mut self, limit: u64) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        let read = self.body().take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.problem(error))?;
        if bytes.len() as u64 > limit {
            return Err(Problem::TooLarge { limit });
        }
        Ok(bytes)
    }

    /// The body.
    pub(super) const fn body(&mut self) -> &mut (impl Read + use<>) {
        &mut self.body
    }

    /// Turns an error of reading the body into ours.
    pub(super) fn problem(&self, error: io::Error) -> Problem {
        of_io(error, "receiving the body", self.limit)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.status, self.url)
    }
}

/// The connections of one origin.
struct Lane {
    agent: Agent,
    proxy: String,
    /// The proxy that gets the requests themselves, because there is no tunnel.
    forwards: Option<proxy::Named>,
}

impl Lane {
    /// The same problem, with the name of the machine that did not answer: the host, or the proxy before it.
    fn named(&self, problem: Problem, origin: &Origin) -> Problem {
        match problem {
            Problem::NoHost { .. } if self.proxy.is_empty() => Problem::NoHost {
                host: origin.host.clone(),
            },
            Problem::NoHost { .. } => {
                let name = self.proxy.rsplit_once(':').map_or("", |(name, _)| name);
                Problem::NoHost { host: name.into() }
            }
            Problem::Connect(why) if !self.proxy.is_empty() => {
                Problem::Connect(format!("the proxy {}: {why}", self.proxy))
            }
            other => other,
        }
    }
}

/// All connections of one client.
pub(super) struct Wire {
    pub(super) options: Options,
    /// The registry. Only it gets a client's certificate.
    host: Host,
    lanes: Mutex<HashMap<Origin, Arc<Lane>>>,
}

impl Wire {
    pub(super) fn new(host: &Host, options: &Options) -> Self {
        Self {
            options: options.clone(),
            host: host.clone(),
            lanes: Mutex::default(),
        }
    }

    /// Whether an origin is on the registry's host and port.
    fn is_registry(&self, origin: &Origin) -> bool {
        let own = Origin::new(origin.scheme, self.host.name(), self.host.port());
        own == *origin || self.host.is_docker_hub() && origin.host == DOCKER_HUB
    }

    fn lane(&self, origin: &Origin) -> Result<Arc<Lane>, Problem> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(origin) {
            return Ok(lane.clone());
        }
        if lanes.len() >= ORIGINS {
            lanes.retain(|known, _| self.is_registry(known));
        }
        let limit = Some(self.options.timeout);
        let proxy = proxy::of(&self.options.environment, origin)?;
        let shown = proxy.as_ref().map(|named| named.shown.clone());
        let (tunnel, forwards) = match origin.scheme {
            Scheme::Https => (proxy.map(|named| named.proxy), None),
            Scheme::Http => (None, proxy),
        };
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(tunnel)
            .user_agent(concat!("ir-sign/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .max_response_header_size(LONGEST_HEADER)
            .max_idle_connections(CONNECTIONS)
            .max_idle_connections_per_host(CONNECTIONS)
            .timeout_resolve(limit)
            .timeout_connect(limit)
            .timeout_send_request(limit)
            .timeout_recv_response(limit)
            .timeout_per_read(limit)
            .timeout_per_write(limit);
        if origin.scheme == Scheme::Https {
            let is_registry = self.is_registry(origin);
            let name = if is_registry {
                self.host.as_str().to_owned()
            } else {
                origin.authority()
            };
            let tls = tls::config(&self.options, &name, is_registry)?;
            config = config.https_only(true).tls_config(tls);
        } else if forwards.as_ref().is_some_and(proxy::Named::speaks_tls) {
            let name = shown.as_deref().unwrap_or_default();
            config = config.tls_config(tls::config(&self.options, name, false)?);
        }
        let agent = if forwards.is_some() {
            let connector = DefaultConnector::new().chain(Forward(origin.clone()));
            Agent::with_parts(config.build(), connector, DefaultResolver::default())
        } else {
            config.build().new_agent()
        };
        let lane = Arc::new(Lane {
            agent,
            proxy: shown.unwrap_or_default(),
            forwards,
        });
        lanes.insert(origin.clone(), lane.clone());
        Ok(lane)
    }

    /// Sends one request and takes its answer.
    pub(super) fn send(
        &self,
        method: &Method,
        url: &Url,
        headers: &[(HeaderName, HeaderValue)],
        payload: Payload<'_>,
    ) -> Result<Answer, Problem> {
        let lane = self.lane(&url.origin)?;
        let (uri, more) = match &lane.forwards {
            Some(proxy) => (proxy.uri(url), proxy.headers(url)),
            None => (url.uri(), Some(Vec::new())),
        };
        let (Some(uri), Some(more)) = (uri, more) else {
            return Err(Problem::Address);
        };
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers.iter().chain(&more) {
            request = request.header(name, value);
        }
        let limit = self.options.timeout;
        let answer = match payload {
            Payload::Nothing => run(&lane.agent, request.body(())),
            Payload::Bytes(bytes) => run(&lane.agent, request.body(bytes)),
            Payload::Stream(reader, length) => {
                let mut sent = Sent::new(reader, limit);
                let request = request.header(CONTENT_LENGTH, length);
                let answer = run(&lane.agent, request.body(SendBody::from_reader(&mut sent)));
                if let Some(error) = sent.failed {
                    return Err(Problem::Source(plain(&error.to_string())));
                }
                if sent.is_slow {
                    return Err(Problem::Slow {
                        during: "sending the body",
                        limit,
                    });
                }
                answer
            }
        };
        let (parts, body) = answer
            .map_err(|error| lane.named(of_ureq(error, &lane.proxy, limit), &url.origin))?
            .into_parts();
        if lane.forwards.is_some() && parts.status.as_u16() == 407 {
            let proxy = lane.proxy.clone();
            return Err(Problem::ProxyCredentials { proxy });
        }
        if parts.headers.len() > MOST_LINES {
            return Err(Problem::Malformed("its header has more than 100 lines"));
        }
        let is_packed = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
        if parts.status.is_success()
            && parts
                .headers
                .get_all(CONTENT_ENCODING)
                .iter()
                .any(is_packed)
        {
            return Err(Problem::Packed);
        }
        let body = body.into_with_config().limit(u64::MAX).reader();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            url: url.clone(),
            body: Received::new(body, limit),
            limit,
        })
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire({})", self.host)
    }
}

fn run(
    agent: &Agent,
    request: Built<Request<impl AsSendBody>>,
) -> Result<Response<ureq::Body>, ureq::Error> {
    agent.run(request?)
}

/// Turns an error of the request library into ours. Takes over no text that a registry may have written.
fn of_ureq(error: ureq::Error, proxy: &str, limit: std::time::Duration) -> Problem {
    let proxy = || proxy.to_owned();
    match error {
        ureq::Error::Io(error) => of_io(error, "exchanging the request and its answer", limit),
        ureq::Error::Timeout(step) => Problem::Slow {
            during: during(step),
            limit,
        },
        ureq::Error::HostNotFound => no_host(),
        ureq::Error::ConnectionFailed => Problem::Connect("no connection".into()),
        ureq::Error::ConnectProxyFailed(reason) if reason.contains(" 407/") => {
            Problem::ProxyCredentials { proxy: proxy() }
        }
        ureq::Error::ConnectProxyFailed(_) => Problem::Proxy { proxy: proxy() },
        ureq::Error::Rustls(error) => of_rustls(&error),
        ureq::Error::Tls(_) => Problem::Tls("no certificate can have the host's name".into()),
        ureq::Error::LargeResponseHeader(..) => {
            Problem::Malformed("its header has more than 64 KiB")
        }
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => Problem::Address,
        _ => Problem::Malformed("it is not well-formed HTTP"),
    }
}

const fn during(step: Timeout) -> &'static str {
    match step {
        Timeout::Resolve => "looking up the host",
        Timeout::Connect => "connecting",
        Timeout::SendRequest => "sending the request",
        Timeout::SendBody | Timeout::PerWrite => "sending the body",
        Timeout::RecvResponse => "waiting for the answer",
        _ => "receiving the answer",
    }
}

/// Turns an error of a connection into ours.
fn of_io(error: io::Error, during: &'static str, limit: std::time::Duration) -> Problem {
    let error = match ureq::Error::from(error) {
        ureq::Error::Io(error) => error,
        other => return of_ureq(other, "", limit),
    };
    // `rustls::Stream` returns its errors only inside an `io::Error`, which owns them as a box. No other way than a
    // downcast leads to the type, and the kind of the `io::Error` does not tell a bad certificate from noise.
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return of_rustls(error);
    }
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Problem::Slow { during, limit },
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::WriteZero => Problem::Cut,
        io::ErrorKind::ConnectionRefused => Problem::Connect("no server listens there".into()),
        _ if is_unknown(&error.to_string()) => no_host(),
        _ => Problem::Connect(plain(&error.to_string())),
    }
}

/// Whether the system's resolver says for good that the name does not exist. The standard library has no kind for it.
/// `EAI_AGAIN` may pass; these are its texts in glibc and musl.
fn is_unknown(error: &str) -> bool {
    let reason = error.strip_prefix("failed to lookup address information: ");
    reason.is_some_and(|reason| !reason.starts_with("Temporary failure") && reason != "Try again")
}

const fn no_host() -> Problem {
    Problem::NoHost {
        host: String::new(),
    }
}

/// Turns an error of TLS into ours.
fn of_rustls(error: &rustls::Error) -> Problem {
    match error {
        rustls::Error::InvalidMessage(_) => Problem::NoTls,
        // The text may hold names from the certificate, which the other side wrote.
        other => Problem::Tls(shown(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r60_a_name_that_nobody_knows_is_final_and_a_resolver_that_does_not_answer_is_not() {
        let of = |reason: &str| {
            let error = format!("failed to lookup address information: {reason}");
            of_io(io::Error::other(error), "", std::time::Duration::ZERO)
        };
        for known in [
            "Name or service not known",
            "No address associated with hostname",
            "Name does not resolve",
        ] {
            let problem = of(known);
            assert!(matches!(problem, Problem::NoHost { .. }) && !problem.is_passing());
        }
        for passing in ["Temporary failure in name resolution", "Try again"] {
            assert!(of(passing).is_passing(), "{passing}");
        }
    }
}
