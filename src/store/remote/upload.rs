//! Uploads blobs: whole if the registry accepts that, else in pieces (R41 to R45).
//!
//! Source: OCI Distribution Specification 1.1, "Pushing blobs".

use std::io::{self, Read};

use ureq::http::Method;
use ureq::http::header::{
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RANGE,
};

use super::client::{At, Body, Call, Source};
use super::error::{Error, Problem};
use super::manifest::CONTENT_DIGEST;
use super::problem::shown;
use super::repository::RemoteRepository;
use super::scope::Scope;
use super::url::{Scheme, Url, escaped};
use super::wire::Answer;
use crate::crypto::{Digest, HashAlgorithm};
use crate::image::{Blob, Repository};

/// Bytes of a piece if the registry does not state a smallest size.
const PIECE: u64 = 16 << 20;
/// The largest piece that a registry may want: the client reads it again if the first try fails, and never holds it.
const LARGEST_PIECE: u64 = 1 << 30;
const MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// How a blob got into the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The blob was there before.
    Present,
    /// The registry mounted the blob from another of its repositories.
    Mounted,
    /// The client sent the blob.
    Sent,
}

/// Bytes in memory are a source too.
impl Source for Blob {
    fn open(&self, from: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(Box::new(self.bytes().get(from..).unwrap_or_default()))
    }
}

/// A part of a source.
struct Part<'a> {
    source: &'a dyn Source,
    from: u64,
    length: u64,
}

impl Source for Part<'_> {
    fn open(&self, from: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let reader = self.source.open(self.from + from)?;
        Ok(Box::new(reader.take(self.length.saturating_sub(from))))
    }
}

/// A session in which the client sends a blob.
struct Session {
    /// The address for the next bytes.
    at: Url,
    /// The fewest bytes of a piece, if the registry wants pieces.
    least: Option<u64>,
}

/// The result of a try.
enum Tried {
    Done,
    /// The registry knows nothing of the session.
    Gone,
}

impl RemoteRepository {
    /// Whether the registry says that it has a blob of that length. The registry may be wrong (R41).
    pub fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool, Error> {
        let what = self.what(&format!("blob {digest}"));
        let path = self.path(&format!("blobs/{digest}"));
        let asked = self.ask(Method::HEAD, At::Path(&path), None, None, &what);
        match asked {
            Ok(answer) => match answer.status {
                200 => Ok(answer.length() == Some(size)),
                // Some registries have no HEAD, and their storage may refuse it (R29).
                404 | 401 | 403 | 405 => Ok(false),
                _ => Err(self.client.refusal(&what, answer)),
            },
            Err(Error {
                problem:
                    Problem::Anonymous { .. } | Problem::Credentials { .. } | Problem::Redirect(_),
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts a blob into the repository, unless it is there. `from` is another repository of the registry that may have
    /// the blob.
    pub fn push_blob(
        &self,
        digest: &Digest,
        size: u64,
        source: &dyn Source,
        from: Option<&Repository>,
    ) -> Result<Pushed, Error> {
        if self.has_blob(digest, size)? {
            return Ok(Pushed::Present);
        }
        self.send_blob(digest, size, source, from)
    }

    /// Puts a blob into the repository, even if the registry says that it has the blob.
    pub fn send_blob(
        &self,
        digest: &Digest,
        size: u64,
        source: &dyn Source,
        from: Option<&Repository>,
    ) -> Result<Pushed, Error> {
        let what = self.what(&format!("blob {digest}"));
        let mut session = None;
        if let Some(from) = from.filter(|from| *from != self.name()) {
            match self.mount(digest, from, &what)? {
                Mount::Done => return Ok(Pushed::Mounted),
                Mount::Session(begun) => session = Some(begun),
                Mount::Refused => {}
            }
        }
        // If the registry loses the session, the client starts a new one once (R43).
        for _ in 0..2 {
            let begun = match session.take() {
                Some(begun) => begun,
                None => self.begin(digest, &what)?,
            };
            match self.fill(begun, digest, size, source, &what)? {
                Tried::Done => return Ok(Pushed::Sent),
                Tried::Gone => {}
            }
        }
        Err(self.error(&what, Problem::Location("and then does not know it")))
    }

    fn write(
        &self,
        method: Method,
        at: At<'_>,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Body<'_>,
        what: &str,
    ) -> Result<Answer, Error> {
        self.client.call(&Call {
            method,
            at,
            scope: &self.scope(),
            headers,
            body,
            what,
        })
    }

    /// Begins a session.
    fn begin(&self, digest: &Digest, what: &str) -> Result<Session, Error> {
        // Registries that support digests other than sha256 want to know the algorithm at the start.
        let query = match digest.algorithm() {
            HashAlgorithm::Sha256 => String::new(),
            other => format!("?digest-algorithm={other}"),
        };
        let path = self.path(&format!("blobs/uploads/{query}"));
        let answer = self.write(
            Method::POST,
            At::Path(&path),
            Vec::new(),
            Body::Bytes(b""),
            what,
        )?;
        if answer.status != 202 {
            return Err(self.client.not_taken(what, answer));
        }
        self.session(&answer, what)
    }

    fn session(&self, answer: &Answer, what: &str) -> Result<Session, Error> {
        let least = answer
            .header(&MIN_LENGTH)
            .and_then(|text| text.parse().ok());
        Ok(Session {
            at: self.next(answer, what)?,
            least: least.filter(|least| *least > 0),
        })
    }

    /// The address that an answer names for the next request (R42, R43).
    fn next(&self, answer: &Answer, what: &str) -> Result<Url, Error> {
        let location = answer.header(&LOCATION);
        let error = |word| self.error(what, Problem::Location(word));
        let location = location.ok_or_else(|| error("without saying where it is"))?;
        let at = answer.url.join(location);
        let at = at.ok_or_else(|| error("that is neither http nor https"))?;
        if at.origin.scheme == Scheme::Http && answer.url.origin.scheme == Scheme::Https {
            return Err(error(
                "without TLS (this happens behind a front end that does not tell it of TLS)",
            ));
        }
        Ok(at)
    }

    /// Takes a blob from another repository of the registry (R45).
    fn mount(&self, digest: &Digest, from: &Repository, what: &str) -> Result<Mount, Error> {
        let path = self.path("blobs/uploads/");
        let path = format!(
            "{path}?mount={}&from={}",
            escaped(&digest.to_string()),
            escaped(from.as_str())
        );
        let scope = Scope::mount(self.name().clone(), from.clone());
        let asked = self.client.call(&Call {
            method: Method::POST,
            at: At::Path(&path),
            scope: &scope,
            headers: Vec::new(),
            body: Body::Bytes(b""),
            what,
        });
        match asked {
            Ok(answer) => match answer.status {
                201 => {
                    self.check_taken(&answer, digest, what)?;
                    Ok(Mount::Done)
                }
                202 => Ok(Mount::Session(self.session(&answer, what)?)),
                400..500 => Ok(Mount::Refused),
                _ => Err(self.client.refusal(what, answer)),
            },
            // There is no token for both repositories: the client sends the blob instead (R14).
            Err(Error {
                problem:
                    Problem::Anonymous { .. } | Problem::Credentials { .. } | Problem::Status { .. },
                ..
            }) => Ok(Mount::Refused),
            Err(error) => Err(error),
        }
    }

    /// Sends a blob in a session, and cancels the session if that fails (R44, R49).
    fn fill(
        &self,
        mut session: Session,
        digest: &Digest,
        size: u64,
        source: &dyn Source,
        what: &str,
    ) -> Result<Tried, Error> {
        let filled = self.filled(&mut session, digest, size, source, what);
        match &filled {
            // The session has become a blob by now, or the registry does not answer anyway.
            Err(Error {
                problem: Problem::Taken { .. } | Problem::Slow { .. },
                ..
            })
            | Ok(_) => {}
            Err(_) => self.give_up(&session.at, what),
        }
        filled
    }

    fn filled(
        &self,
        session: &mut Session,
        digest: &Digest,
        size: u64,
        source: &dyn Source,
        what: &str,
    ) -> Result<Tried, Error> {
        if session.least.is_none_or(|least| least >= size) {
            let at = session.at.with("digest", &digest.to_string());
            let body = Body::Source(source, size);
            let answer = self.put(&at, body, size, what)?;
            match answer.status {
                201 => {
                    self.check_taken(&answer, digest, what)?;
                    return Ok(Tried::Done);
                }
                404 => return Ok(Tried::Gone),
                // Too much at once: in pieces.
                413 => {}
                _ => return Err(self.client.refusal(what, answer)),
            }
        }
        let piece = session.least.unwrap_or(0).max(PIECE);
        if piece > LARGEST_PIECE {
            return Err(self.error(
                what,
                Problem::Location("for pieces of more than a gigabyte"),
            ));
        }
        self.in_pieces(&mut session.at, piece, digest, size, source, what)
    }

    fn put(&self, at: &Url, body: Body<'_>, size: u64, what: &str) -> Result<Answer, Error> {
        let headers = vec![(CONTENT_TYPE, OCTETS)];
        let body = if size == 0 { Body::Bytes(b"") } else { body };
        self.write(Method::PUT, At::Url(at), headers, body, what)
    }

    fn in_pieces(
        &self,
        at: &mut Url,
        piece: u64,
        digest: &Digest,
        size: u64,
        source: &dyn Source,
        what: &str,
    ) -> Result<Tried, Error> {
        let mut from = 0;
        let mut corrected = false;
        while from < size {
            let length = piece.min(size - from);
            let part = Part {
                source,
                from,
                length,
            };
            let range = format!("{from}-{}", from + length - 1);
            let range = HeaderValue::from_str(&range).unwrap_or(HeaderValue::from_static("0-0"));
            let headers = vec![(CONTENT_TYPE, OCTETS), (CONTENT_RANGE, range)];
            let answer = self.write(
                Method::PATCH,
                At::Url(at),
                headers,
                Body::Source(&part, length),
                what,
            )?;
            match answer.status {
                201 | 202 | 204 => {
                    *at = self.next(&answer, what)?;
                    from += length;
                }
                404 => return Ok(Tried::Gone),
                // The registry has more or less than we think. Ask once how much.
                416 if !corrected => {
                    corrected = true;
                    let held = self.held(at, what)?;
                    let Some((held, place)) = held.filter(|(held, _)| *held <= size) else {
                        return Ok(Tried::Gone);
                    };
                    (from, *at) = (held, place);
                }
                _ => return Err(self.client.refusal(what, answer)),
            }
        }
        let end = at.with("digest", &digest.to_string());
        let answer = self.put(&end, Body::Bytes(b""), 0, what)?;
        match answer.status {
            201 => {
                self.check_taken(&answer, digest, what)?;
                Ok(Tried::Done)
            }
            404 => Ok(Tried::Gone),
            _ => Err(self.client.refusal(what, answer)),
        }
    }

    /// How many bytes a session has, and the address for the next ones.
    fn held(&self, at: &Url, what: &str) -> Result<Option<(u64, Url)>, Error> {
        let answer = self.write(Method::GET, At::Url(at), Vec::new(), Body::Nothing, what)?;
        if !matches!(answer.status, 202 | 204) {
            return Ok(None);
        }
        let last = answer.header(&RANGE).and_then(|text| {
            let (first, last) = text
                .strip_prefix("bytes=")
                .unwrap_or(text)
                .split_once('-')?;
            (first == "0").then(|| last.parse::<u64>().ok()).flatten()
        });
        let place = self.next(&answer, what)?;
        Ok(last.and_then(|last| Some((last.checked_add(1)?, place))))
    }

    /// Refuses a blob that the registry has taken for another one (R44).
    fn check_taken(&self, answer: &Answer, digest: &Digest, what: &str) -> Result<(), Error> {
        let Some(text) = answer.header(&CONTENT_DIGEST) else {
            return Ok(());
        };
        let same_kind = text.starts_with(&format!("{}:", digest.algorithm()));
        if same_kind && *text != digest.to_string() {
            let found = shown(text);
            return Err(self.error(what, Problem::Taken { found }));
        }
        Ok(())
    }

    /// Ends a session that this run began. The client does not check that the registry did so.
    fn give_up(&self, at: &Url, what: &str) {
        self.client.mention(&Call {
            method: Method::DELETE,
            at: At::Url(at),
            scope: &self.scope(),
            headers: vec![(CONTENT_LENGTH, HeaderValue::from_static("0"))],
            body: Body::Nothing,
            what,
        });
    }
}

enum Mount {
    Done,
    Session(Session),
    Refused,
}
