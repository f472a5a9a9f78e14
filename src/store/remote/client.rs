//! A client of one registry: every request goes through [`Client::call`] (R3 to R6, R15, R25, R28, R29, R60).

use std::io;
use std::sync::{Mutex, PoisonError};

use ureq::http::Method;
use ureq::http::header::{AUTHORIZATION, HeaderName, HeaderValue, LOCATION};

use super::auth::Auth;
use super::environment::Options;
use super::error::{Error, Problem};
use super::problem::words;
use super::redirect::{self, MOST};
use super::retry::retry;
use super::scope::Scope;
use super::tls;
use super::url::{DOCKER_HUB, Origin, Scheme, Url, is_loopback};
use super::wire::{Answer, Payload, Wire};
use crate::image::Host;

/// A client of one registry.
#[derive(Debug)]
pub struct Client {
    host: Host,
    wire: Wire,
    auth: Auth,
    /// The origin at which the registry answers, once the client knows it.
    origin: Mutex<Option<Origin>>,
}

/// The target of a request.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    /// A path and query of the registry's.
    Path(&'a str),
    /// An address that the registry gave, with credentials or without.
    Url(&'a Url),
}

/// The body of a request, which the client may send more than once.
pub(super) enum Body<'a> {
    /// Nothing.
    Nothing,
    /// These bytes.
    Bytes(&'a [u8]),
    /// This many bytes, from their start each time.
    Source(&'a dyn Source, u64),
}

/// Bytes that the client can read from their start more than once.
pub trait Source: Sync {
    /// Reads the bytes from this offset on.
    fn open(&self, from: u64) -> io::Result<Box<dyn io::Read + Send + '_>>;
}

/// One request, which the client may send several times.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) at: At<'a>,
    pub(super) scope: &'a Scope,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Body<'a>,
    /// The thing that the request is about, for messages.
    pub(super) what: &'a str,
}

impl Client {
    /// A client of the registry on a host. This sends no request yet.
    pub fn new(host: &Host, options: &Options) -> Self {
        Self {
            host: host.clone(),
            wire: Wire::new(host, options),
            auth: Auth::new(host),
            origin: Mutex::default(),
        }
    }

    /// The registry's host.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    pub(super) const fn options(&self) -> &Options {
        &self.wire.options
    }

    /// The words of an answer that means an error, if they hold no secret.
    pub(super) fn words(&self, answer: &mut Answer) -> String {
        words(answer.body(), &|text| self.auth.is_secret(text))
    }

    /// An error, unless its text repeats a secret (R20).
    pub(super) fn error(&self, what: &str, problem: Problem) -> Error {
        let class = problem.class();
        let error = Error::new(what, problem);
        if self.auth.is_secret(error.to_string().as_bytes()) {
            return Error::new(what, Problem::Repeats { class });
        }
        error
    }

    /// The error that an answer of this status means.
    pub(super) fn refusal(&self, what: &str, mut answer: Answer) -> Error {
        let status = answer.status;
        let words = self.words(&mut answer);
        let problem = match status {
            // Whatever error code the body holds (R34).
            404 => Problem::Absent,
            _ => Problem::Status { status, words },
        };
        self.error(what, problem)
    }

    /// The same for a push: here a 404 means that the repository does not exist, and the body says why.
    pub(super) fn not_taken(&self, what: &str, mut answer: Answer) -> Error {
        let status = answer.status;
        let words = self.words(&mut answer);
        self.error(what, Problem::Status { status, words })
    }

    /// Sends a request until there is an answer to it. It answers a 401 with credentials, tries again after passing
    /// trouble, and follows redirects. The answer may still refuse in other ways.
    pub(super) fn call(&self, call: &Call<'_>) -> Result<Answer, Error> {
        let answer = retry(&self.wire.options, call.what, || self.authorised(call));
        answer.map_err(|problem| self.error(call.what, problem))
    }

    /// Sends a request once and ignores the answer: nothing depends on it.
    pub(super) fn mention(&self, call: &Call<'_>) {
        let _ = self.authorised(call);
    }

    fn authorised(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let mut shown = self.auth.header(call.scope);
        let mut met = false;
        loop {
            let (mut answer, registry) = self.found(call, shown.as_ref())?;
            if answer.status != 401 {
                return Ok(answer);
            }
            if answer.url.origin != registry {
                return Err(Problem::Redirect(
                    "to another host, which wants credentials",
                ));
            }
            let words = self.words(&mut answer);
            let was_basic = shown
                .as_ref()
                .is_some_and(|value| value.as_bytes().starts_with(b"Basic "));
            self.auth.forget(call.scope);
            if met || was_basic {
                return Err(Problem::Credentials { words });
            }
            met = true;
            shown = Some(
                self.auth
                    .meet(&self.wire, &registry, &answer, call.scope, &words)?,
            );
        }
    }

    /// Finds out where the registry answers, and sends a request there (R25).
    fn found(
        &self,
        call: &Call<'_>,
        shown: Option<&HeaderValue>,
    ) -> Result<(Answer, Origin), Problem> {
        let known = self
            .origin
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(origin) = known {
            return Ok((self.followed(call, &origin, shown)?, origin));
        }
        let (first, second) = self.origins();
        let answer = self.followed(call, &first, shown);
        let Some(second) = second else {
            let answer = answer?;
            return Ok((answer, self.settle(first)));
        };
        let try_other = match (&answer, first.scheme) {
            (Ok(answer), Scheme::Http) => answer.status == 400,
            (Err(problem), Scheme::Http) => matches!(problem, Problem::Malformed(_)),
            (Err(problem), Scheme::Https) => {
                matches!(
                    problem,
                    Problem::NoTls | Problem::Connect(_) | Problem::Proxy { .. }
                )
            }
            (Ok(_), Scheme::Https) => false,
        };
        if !try_other {
            return Ok((answer?, self.settle(first)));
        }
        match self.followed(call, &second, shown) {
            Ok(other) => Ok((other, self.settle(second))),
            // Report a rejected certificate or password. Otherwise the registry speaks plain HTTP after all, or nobody
            // answers.
            Err(
                problem @ (Problem::Tls(_)
                | Problem::TlsFiles(_)
                | Problem::ProxyCredentials { .. }),
            ) => Err(problem),
            Err(_) => Ok((answer?, self.settle(first))),
        }
    }

    fn settle(&self, origin: Origin) -> Origin {
        let mut known = self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(origin.clone());
        origin
    }

    /// The origins at which the registry may answer, in the order to try.
    fn origins(&self) -> (Origin, Option<Origin>) {
        let (name, port) = if self.host.is_docker_hub() {
            (DOCKER_HUB, None)
        } else {
            (self.host.name(), self.host.port())
        };
        let https = Origin::new(Scheme::Https, name, port);
        let http = Origin::new(Scheme::Http, name, port);
        let options = &self.wire.options;
        if is_loopback(name) {
            if tls::is_configured(options, self.host.as_str()) {
                return (https, None);
            }
            return (http, Some(https));
        }
        (https, options.allow_http.then_some(http))
    }

    /// Sends a request and follows redirects (R28, R29). Credentials of the registry's origin go nowhere
    /// else, and not back there either once a request has left it.
    fn followed(
        &self,
        call: &Call<'_>,
        registry: &Origin,
        shown: Option<&HeaderValue>,
    ) -> Result<Answer, Problem> {
        let mut url = match call.at {
            At::Path(path) => Url::new(registry.clone(), path),
            At::Url(url) => url.clone(),
        };
        let mut may_show = url.origin == *registry;
        let mut seen = vec![url.clone()];
        let is_reading = matches!(call.method, Method::GET | Method::HEAD);
        loop {
            let mut headers = call.headers.clone();
            if let Some(value) = shown.filter(|_| may_show) {
                headers.push((AUTHORIZATION, value.clone()));
            }
            let answer = self.sent(call, &url, &headers)?;
            if !redirect::is_redirect(answer.status) {
                return Ok(answer);
            }
            let location = answer.header(&LOCATION);
            let next = if is_reading {
                redirect::target(&answer, location)?
            } else {
                redirect::target_within(&answer, location)?
            };
            if seen.contains(&next) {
                return Err(Problem::Redirect("in a circle"));
            }
            if seen.len() > MOST {
                return Err(Problem::Redirect("more than ten times"));
            }
            may_show &= next.origin == *registry;
            seen.push(next.clone());
            url = next;
        }
    }

    fn sent(
        &self,
        call: &Call<'_>,
        url: &Url,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Answer, Problem> {
        match call.body {
            Body::Nothing => self.wire.send(&call.method, url, headers, Payload::Nothing),
            Body::Bytes(bytes) => self
                .wire
                .send(&call.method, url, headers, Payload::Bytes(bytes)),
            Body::Source(source, length) => {
                let mut reader = source
                    .open(0)
                    .map_err(|error| Problem::Source(error.to_string()))?;
                let payload = Payload::Stream(&mut *reader, length);
                self.wire.send(&call.method, url, headers, payload)
            }
        }
    }
}
