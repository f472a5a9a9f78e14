//! How slow a body may be: each KiB must arrive or leave within `--timeout` (R62).

use std::io::{self, Read};
use std::time::{Duration, Instant};

const STEP: usize = 1 << 10;

/// Reads, and gives up if less than a KiB arrives in the time allowed. The time between two reads does not count.
pub(super) struct Received<R> {
    inner: R,
    limit: Duration,
    waited: Duration,
    come: usize,
}

impl<R> Received<R> {
    pub(super) const fn new(inner: R, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            waited: Duration::ZERO,
            come: 0,
        }
    }
}

impl<R: Read> Read for Received<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        let read = self.inner.read(buffer)?;
        self.waited += start.elapsed();
        self.come += read;
        if self.come >= STEP {
            self.come = 0;
            self.waited = Duration::ZERO;
        } else if read > 0 && self.waited > self.limit {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(read)
    }
}

/// Hands out bytes to send, and gives up if they leave too slowly. The time that reading them takes does not
/// count.
pub(super) struct Sent<'a> {
    inner: &'a mut dyn Read,
    limit: Duration,
    /// When this reader last handed out bytes, and how many.
    given: Option<(Instant, usize)>,
    /// The error that reading the bytes gave.
    pub(super) failed: Option<io::Error>,
    /// Whether the bytes left too slowly.
    pub(super) is_slow: bool,
}

impl<'a> Sent<'a> {
    pub(super) fn new(inner: &'a mut dyn Read, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            given: None,
            failed: None,
            is_slow: false,
        }
    }
}

impl Read for Sent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some((at, bytes)) = self.given {
            let steps = u32::try_from(bytes.div_ceil(STEP)).unwrap_or(u32::MAX);
            if at.elapsed() > self.limit.saturating_mul(steps) {
                self.is_slow = true;
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        match self.inner.read(buffer) {
            Ok(0) => Ok(0),
            Ok(read) => {
                self.given = Some((Instant::now(), read));
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }
}
