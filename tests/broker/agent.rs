//! Agents that answer `GetResource`, right or wrong, over HTTP/2.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::{self, SendResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tokio::net::TcpListener;
use tokio::runtime;

/// An agent's answer to one call.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: Vec<(&'static str, String)>,
    pub body: Vec<Vec<u8>>,
    /// `None` where the body ends the answer.
    pub trailers: Option<Vec<(&'static str, String)>>,
    pub end: End,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Whole,
    /// It never does.
    Hangs,
    /// The stream is reset.
    Reset,
}

/// Frames a message.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("short");
    [&[0][..], &length.to_be_bytes(), message].concat()
}

/// The message with a resource.
pub fn resource(bytes: &[u8]) -> Vec<u8> {
    let mut message = vec![0x0a];
    let mut length = bytes.len();
    while length > 0x7f {
        message.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    message.push(length.to_le_bytes()[0]);
    message.extend_from_slice(bytes);
    message
}

impl Answer {
    /// A resource, as it should be.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            status: 200,
            head: vec![("content-type", "application/grpc".into())],
            body: vec![framed(&resource(bytes))],
            trailers: Some(vec![("grpc-status", "0".into())]),
            end: End::Whole,
        }
    }

    /// A status, as it should be, with a message.
    pub fn status(code: u32, message: &str) -> Self {
        Self {
            body: Vec::new(),
            trailers: Some(vec![
                ("grpc-status", code.to_string()),
                ("grpc-message", message.into()),
            ]),
            ..Self::of(b"")
        }
    }
}

/// A call as it arrived: the path, the headers and the body.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

type Answers = dyn Fn(&Call) -> Answer + Send + Sync;

/// An agent on this machine; it ends with the test.
pub struct Agent {
    pub address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Agent {
    pub fn start(answers: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (tell, told) = mpsc::channel();
        let seen = Arc::clone(&calls);
        let answers: Arc<Answers> = Arc::new(answers);
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address"))
                    .expect("told");
                while let Ok((stream, _)) = listener.accept().await {
                    let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                    tokio::spawn(async move {
                        let Ok(mut connection) = server::handshake(stream).await else {
                            return;
                        };
                        while let Some(Ok((request, respond))) = connection.accept().await {
                            let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                            tokio::spawn(answer(request, respond, answers, seen));
                        }
                    });
                }
            });
        });
        let address = told.recv().expect("it listens");
        Self { address, calls }
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no test failed in here").clone()
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    answers: Arc<Answers>,
    seen: Arc<Mutex<Vec<Call>>>,
) {
    let (head, mut stream) = request.into_parts();
    let mut body = Vec::new();
    while let Some(Ok(chunk)) = stream.data().await {
        body.extend_from_slice(&chunk);
    }
    let call = Call {
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body,
    };
    let answer = answers(&call);
    seen.lock().expect("no test failed in here").push(call);
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.head {
        response = response.header(*name, value);
    }
    let response = response.body(()).expect("a response");
    let is_bare = answer.body.is_empty() && answer.trailers.is_none() && answer.end == End::Whole;
    // The client may be gone.
    let Ok(mut stream) = respond.send_response(response, is_bare) else {
        return;
    };
    let last = answer.body.len();
    for (n, chunk) in answer.body.into_iter().enumerate() {
        let ends = n + 1 == last && answer.trailers.is_none() && answer.end == End::Whole;
        if stream.send_data(chunk.into(), ends).is_err() {
            return;
        }
    }
    match answer.end {
        End::Whole => {
            if let Some(trailers) = answer.trailers {
                let all = trailers.into_iter().map(|(name, value)| {
                    let value = HeaderValue::from_str(&value).expect("a value");
                    (HeaderName::from_static(name), value)
                });
                let _ = stream.send_trailers(all.collect());
            }
        }
        End::Hangs => tokio::time::sleep(Duration::from_mins(10)).await,
        End::Reset => stream.send_reset(h2::Reason::INTERNAL_ERROR),
    }
}
