//! Asking an agent: one unary call of gRPC over plain HTTP/2.
//!
//! Source: guest-components, `getresource.proto` (up to v0.8) and `api.proto` (from v0.9).

use std::io;
use std::time::Duration;

use h2::client::{Builder, SendRequest};
use h2::{RecvStream, client};
use http::header::{CONTENT_TYPE, HeaderMap, TE, USER_AGENT};
use http::{Request, StatusCode};
use tokio::net::TcpStream;
use tokio::runtime;
use zeroize::Zeroizing;

use super::error::Error;
use super::grpc::{self, LARGEST_MESSAGE, PREFIX, Status};
use super::source::Source;
use super::uri::KbsUri;
use crate::text::plain;

/// Bytes of the largest headers of an answer.
const LARGEST_HEADERS: u32 = 64 << 10;
const GRPC: &str = "application/grpc";

/// An agent's address, and how long to wait for a resource.
#[derive(Debug)]
pub(super) struct Agent {
    host: String,
    port: u16,
    timeout: Duration,
}

/// The two packages with the call, the newer first, with the texts of its request besides the URI.
const PACKAGES: [(&str, &[&str]); 2] = [
    ("api", &[]),
    // The name of the broker's client in the agent, and its parameters: `offline_fs_kbc::null`.
    ("getresource", &["offline_fs_kbc", "null"]),
];

/// Why a call failed.
enum Failure {
    Connect(io::Error),
    Status(Status, Vec<u8>),
    Answer(String),
}

impl From<h2::Error> for Failure {
    fn from(error: h2::Error) -> Self {
        Self::Answer(format!("no answer of HTTP/2: {error}"))
    }
}

impl Agent {
    pub(super) fn new(host: &str, port: u16, timeout: Duration) -> Self {
        let host = host.to_owned();
        Self {
            host,
            port,
            timeout,
        }
    }

    /// Fetches a resource. The program wipes its own copies of it, but not those in the buffers of HTTP/2.
    pub(super) fn get(&self, broker: &Source, uri: &KbsUri) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (broker, uri) = (broker.clone(), uri.clone());
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Connect {
                broker: broker.clone(),
                reason: error.to_string(),
            })?;
        let text = uri.to_string();
        let asked = runtime.block_on(async {
            let asked = self.ask(&text);
            tokio::time::timeout(self.timeout, asked).await
        });
        // The thread may still look up a name; the program does not wait for it.
        runtime.shutdown_background();
        match asked {
            Ok(Ok(resource)) => Ok(resource),
            Ok(Err(Failure::Connect(error))) => Err(Error::Connect {
                broker,
                reason: error.to_string(),
            }),
            Ok(Err(Failure::Status(status, message))) => Err(Error::Status {
                broker,
                uri,
                status: status.with(&message),
            }),
            Ok(Err(Failure::Answer(reason))) => Err(Error::Answer {
                broker,
                uri,
                reason: plain(&reason),
            }),
            Err(_) => Err(Error::Timeout {
                broker,
                uri,
                timeout: self.timeout,
            }),
        }
    }

    /// Asks by the newer package's name, and by the older one's where the agent does not know that.
    async fn ask(&self, uri: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let inside = self.host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((inside, self.port)).await;
        let stream = stream.map_err(Failure::Connect)?;
        stream.set_nodelay(true).map_err(Failure::Connect)?;
        let (client, connection) = Builder::new()
            .enable_push(false)
            .max_header_list_size(LARGEST_HEADERS)
            .handshake(stream)
            .await?;
        // It ends with the runtime; its errors arrive at the call too.
        tokio::spawn(connection);
        let mut unknown = None;
        for (package, texts) in PACKAGES {
            let mut all = vec![uri];
            all.extend(texts);
            match self.call(client.clone(), package, &all).await {
                Err(Failure::Status(Status::UNIMPLEMENTED, message)) => unknown = Some(message),
                done => return done,
            }
        }
        let message = unknown.unwrap_or_default();
        Err(Failure::Status(Status::UNIMPLEMENTED, message))
    }

    async fn call(
        &self,
        client: SendRequest<bytes::Bytes>,
        package: &str,
        texts: &[&str],
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let (host, port) = (&self.host, self.port);
        let uri = format!("http://{host}:{port}/{package}.GetResourceService/GetResource");
        let request = Request::post(uri)
            .header(CONTENT_TYPE, GRPC)
            .header(TE, "trailers")
            .header("grpc-timeout", grpc_timeout(self.timeout))
            .header(USER_AGENT, concat!("ir-sign/", env!("CARGO_PKG_VERSION")))
            .body(())
            .map_err(|error| Failure::Answer(error.to_string()))?;
        let mut client = client.ready().await?;
        let (response, mut stream): (client::ResponseFuture, _) =
            client.send_request(request, false)?;
        stream.send_data(grpc::request(texts).into(), true)?;
        let (head, mut body) = response.await?.into_parts();
        if head.status != StatusCode::OK {
            return Err(Failure::Answer(format!("HTTP status {}", head.status)));
        }
        let content_type = head
            .headers
            .get(CONTENT_TYPE)
            .map_or(&b""[..], |v| v.as_bytes());
        if !content_type.starts_with(GRPC.as_bytes()) {
            return Err(Failure::Answer("it is not of type application/grpc".into()));
        }
        // An answer without a message may have its status in its first headers.
        if head.headers.contains_key("grpc-status") {
            check_status(&head.headers)?;
        }
        let bytes = read(&mut body).await?;
        let trailers = body.trailers().await?;
        match trailers {
            Some(trailers) => check_status(&trailers)?,
            None if head.headers.contains_key("grpc-status") => {}
            None => return Err(Failure::Answer("it has no status".into())),
        }
        let resource = grpc::resource(&bytes);
        let resource = resource.map_err(|bad| Failure::Answer(bad.to_string()))?;
        Ok(Zeroizing::new(resource.to_vec()))
    }
}

fn check_status(headers: &HeaderMap) -> Result<(), Failure> {
    let status = headers
        .get("grpc-status")
        .and_then(|value| Status::read(value.as_bytes()));
    let status = status.ok_or_else(|| Failure::Answer("it has no status".into()))?;
    if status == Status::OK {
        return Ok(());
    }
    let message = headers
        .get("grpc-message")
        .map_or(&b""[..], |v| v.as_bytes());
    Err(Failure::Status(status, message.to_vec()))
}

async fn read(body: &mut RecvStream) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room for the largest resource, so that the buffer never grows and leaves a copy behind.
    let most = LARGEST_MESSAGE + PREFIX;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        if bytes.len() + chunk.len() > most {
            let reason = format!("it has more than {LARGEST_MESSAGE} bytes");
            return Err(Failure::Answer(reason));
        }
        bytes.extend_from_slice(&chunk);
        body.flow_control().release_capacity(chunk.len())?;
    }
    Ok(bytes)
}

/// The header's value: at most eight digits and a unit.
fn grpc_timeout(timeout: Duration) -> String {
    match timeout.as_millis() {
        millis if millis < 100_000_000 => format!("{millis}m"),
        _ => format!("{}S", timeout.as_secs().min(99_999_999)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_has_at_most_eight_digits() {
        for (seconds, text) in [
            (3, "3000m"),
            (99_999, "99999000m"),
            (100_000, "100000S"),
            (u64::MAX, "99999999S"),
        ] {
            assert_eq!(grpc_timeout(Duration::from_secs(seconds)), text);
        }
    }
}
