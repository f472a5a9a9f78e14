//! Requests without TLS that go to a proxy itself: their first line names the whole address (R27).
//!
//! The HTTP library writes `GET /path`, as for a registry. The proxy expects `GET http://registry/path` (RFC 9112,
//! section 3.2.2), so this puts the origin into each request on its way.

use std::fmt;

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use super::url::Origin;

/// Makes connections on which each request names this origin.
#[derive(Clone, Debug)]
pub(super) struct Forward(pub(super) Origin);

impl<In: Transport> Connector<In> for Forward {
    type Out = Forwarded<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Forwarded {
            inner,
            origin: self.0.to_string(),
            is_begun: false,
        }))
    }
}

/// A connection to the proxy.
pub(super) struct Forwarded<In> {
    inner: In,
    origin: String,
    /// Whether the first line of the request has gone.
    is_begun: bool,
}

impl<In: Transport> Transport for Forwarded<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.is_begun || amount == 0 {
            return self.inner.transmit_output(amount, timeout);
        }
        let output = self.inner.buffers().output();
        let amount = named(output, amount, self.origin.as_bytes()).ok_or_else(too_long)?;
        self.is_begun = true;
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        // The request is out, and the next one begins with a line of its own.
        self.is_begun = false;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<In> fmt::Debug for Forwarded<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forwarded({})", self.origin)
    }
}

/// Puts the origin before the path of the first line, and returns the new number of bytes; `None` if the line is of
/// another kind, or there is no room.
fn named(output: &mut [u8], amount: usize, origin: &[u8]) -> Option<usize> {
    let at = output
        .get(..amount)?
        .iter()
        .position(|byte| *byte == b' ')?
        + 1;
    let end = amount + origin.len();
    if output.get(at) != Some(&b'/') || end > output.len() {
        return None;
    }
    output.copy_within(at..amount, at + origin.len());
    output[at..at + origin.len()].copy_from_slice(origin);
    Some(end)
}

fn too_long() -> Error {
    Error::Other("a request has no room for its whole address".into())
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn r27_the_first_line_names_the_whole_address() {
        let mut output = *b"GET /v2/a HTTP/1.1\r\nA: b\r\n\r\n............";
        let length = output.len() - 12;
        let end = named(&mut output, length, b"http://r:5").expect("there is room");
        assert_eq!(
            &output[..end],
            b"GET http://r:5/v2/a HTTP/1.1\r\nA: b\r\n\r\n"
        );
        // No room, and nothing that is a first line.
        for (text, origin) in [
            ("GET / x", "http://long"),
            ("rest", "o"),
            ("A b..........", "o"),
            ("", "o"),
        ] {
            let mut output = text.as_bytes().to_vec();
            assert_eq!(
                named(&mut output, text.len(), origin.as_bytes()),
                None,
                "{text}"
            );
        }
    }
}
