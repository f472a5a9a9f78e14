//! Reads blobs as they arrive, and resumes them after a connection that ended too early (R32, R33).

use std::fmt;
use std::io::{self, Read};

use ureq::http::Method;
use ureq::http::header::{CONTENT_RANGE, HeaderValue, RANGE};

use super::client::At;
use super::error::{Error, Problem};
use super::repository::RemoteRepository;
use super::retry::{backoff, pause};
use super::wire::Answer;
use crate::crypto::Digest;
use crate::image::{Descriptor, Mismatch};

/// Bytes that have to come until a blob may break off as often again.
const GAIN: u64 = 1 << 20;

/// The bytes of a blob as the registry sends them: exactly as many as its descriptor says. The caller checks them
/// against the digest.
pub struct BlobReader<'a> {
    repository: &'a RemoteRepository,
    digest: Digest,
    size: u64,
    /// How many bytes the reader has handed out.
    at: u64,
    answer: Option<Answer>,
    /// How many bytes of the answer the reader handed out before.
    skip: u64,
    tried: u32,
    gained: u64,
}

impl RemoteRepository {
    /// Opens a blob; `None` if the registry has none with that digest. Never follows addresses (`urls`) in the
    /// descriptor.
    pub fn blob(&self, descriptor: &Descriptor) -> Result<Option<BlobReader<'_>>, Error> {
        self.blob_of(descriptor.digest, descriptor.size)
    }

    /// Opens the blob of that digest and size.
    pub fn blob_of(&self, digest: Digest, size: u64) -> Result<Option<BlobReader<'_>>, Error> {
        let mut reader = BlobReader {
            repository: self,
            digest,
            size,
            at: 0,
            answer: None,
            skip: 0,
            tried: 0,
            gained: 0,
        };
        Ok(reader.begin()?.then_some(reader))
    }
}

impl BlobReader<'_> {
    /// The blob's digest.
    pub(super) const fn digest(&self) -> Digest {
        self.digest
    }

    fn what(&self) -> String {
        self.repository.what(&format!("blob {}", self.digest))
    }

    fn error(&self, problem: Problem) -> Error {
        self.repository.error(&self.what(), problem)
    }

    fn ask(&self, from: u64) -> Result<Answer, Error> {
        let path = self.repository.path(&format!("blobs/{}", self.digest));
        let range = (from > 0).then(|| HeaderValue::from_str(&format!("bytes={from}-")).ok());
        let range = range.flatten().map(|range| (RANGE, range));
        self.repository
            .ask(Method::GET, At::Path(&path), None, range, &self.what())
    }

    /// Requests the whole blob; `false` if the registry has none.
    fn begin(&mut self) -> Result<bool, Error> {
        let answer = self.ask(0)?;
        match answer.status {
            200 => {}
            404 => return Ok(false),
            206 | 204 => {
                return Err(self.error(Problem::Malformed("it holds only a part of the blob")));
            }
            _ => return Err(self.repository.client.refusal(&self.what(), answer)),
        }
        self.take(answer)?;
        Ok(true)
    }

    /// Takes an answer with the whole blob. The reader may have handed out some of its bytes before.
    fn take(&mut self, answer: Answer) -> Result<(), Error> {
        if let Some(found) = answer.length()
            && found != self.size
        {
            let expected = self.size;
            return Err(self.error(Mismatch::Size { expected, found }.into()));
        }
        self.skip = self.at;
        self.answer = Some(answer);
        Ok(())
    }

    /// Resumes where the blob broke off, or starts again if the registry cannot resume.
    fn resume(&mut self, problem: Problem) -> Result<(), Error> {
        let options = self.repository.client.options();
        if self.tried >= options.retries || !problem.is_passing() {
            return Err(self.error(problem));
        }
        let wait = backoff(options.backoff, self.tried);
        pause(options, wait, &self.what(), &problem.to_string());
        self.tried += 1;
        let mut answer = self.ask(self.at)?;
        if answer.status == 416 {
            answer = self.ask(0)?;
        }
        match answer.status {
            206 if self.at > 0 => {
                if !is_rest(answer.header(&CONTENT_RANGE), self.at, self.size) {
                    return Err(self.error(Problem::Malformed(
                        "it holds another part of the blob than the requested one",
                    )));
                }
                self.skip = 0;
                self.answer = Some(answer);
                Ok(())
            }
            200 => self.take(answer),
            _ => Err(self.repository.client.refusal(&self.what(), answer)),
        }
    }

    /// Checks that nothing follows. After an answer read to its end, the next request can use the connection.
    fn end(&mut self) -> Result<(), Error> {
        // Further bytes mean that this is not the blob. A connection that breaks now loses nothing.
        if self.answer.is_some() && matches!(self.some(&mut [0]), Ok(1)) {
            let limit = self.size;
            return Err(self.error(Problem::TooLarge { limit }));
        }
        self.answer = None;
        Ok(())
    }

    /// Reads some bytes of the answer that is open; `None` if no answer is open or it has ended.
    fn some(&mut self, buffer: &mut [u8]) -> Result<usize, Problem> {
        let Some(answer) = &mut self.answer else {
            return Ok(0);
        };
        while self.skip > 0 {
            let mut scrap = [0; 16 << 10];
            let most = usize::try_from(self.skip).map_or(scrap.len(), |skip| skip.min(scrap.len()));
            let read = answer.body().read(&mut scrap[..most]);
            let read = read.map_err(|error| answer.problem(error))?;
            if read == 0 {
                return Ok(0);
            }
            self.skip -= read as u64;
        }
        let read = answer.body().read(buffer);
        read.map_err(|error| answer.problem(error))
    }

    /// Reads some bytes, as [`Read::read`] does, with the registry's own error.
    pub(super) fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let left = self.size - self.at;
            if left == 0 {
                self.end()?;
                return Ok(0);
            }
            let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            let problem = match self.some(&mut buffer[..most]) {
                Ok(0) => Problem::Cut,
                Ok(read) => {
                    self.at += read as u64;
                    self.gained += read as u64;
                    if self.gained >= GAIN.min(self.size / 10) {
                        (self.gained, self.tried) = (0, 0);
                    }
                    if self.at == self.size {
                        self.end()?;
                    }
                    return Ok(read);
                }
                Err(problem) => problem,
            };
            self.answer = None;
            self.resume(problem)?;
        }
    }
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_some(buffer).map_err(io::Error::other)
    }
}

impl fmt::Debug for BlobReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} of {}", self.digest, self.at, self.size)
    }
}

/// Whether `Content-Range` promises the rest, from that byte on.
fn is_rest(header: Option<&str>, from: u64, size: u64) -> bool {
    let part = header.and_then(|text| text.trim().strip_prefix("bytes "));
    let Some((range, whole)) = part.and_then(|part| part.split_once('/')) else {
        return false;
    };
    range.split_once('-').is_some_and(|(first, last)| {
        let number = |text: &str| text.parse::<u64>().ok();
        number(first) == Some(from)
            && number(last).and_then(|last| last.checked_add(1)) == Some(size)
            && number(whole) == Some(size)
    })
}
