//! An HTTP server that answers as each test wants, with or without TLS, and remembers the requests.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ir_sign::image::{Host, Repository};
use ir_sign::store::remote::{Client, Options, RemoteRepository};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Which connection it came on.
    pub connection: usize,
}

impl Seen {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().expect("a first part")
    }

    /// A value of the query, with its escapes undone.
    pub fn query(&self, name: &str) -> Option<String> {
        self.queries(name).into_iter().next()
    }

    pub fn queries(&self, name: &str) -> Vec<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        pairs(query)
            .into_iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v)
            .collect()
    }
}

/// The names and values of a query or form.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let unescape = |text: &str| {
        let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
        while at < bytes.len() {
            if bytes[at] == b'%' {
                let hex = str::from_utf8(&bytes[at + 1..at + 3]).expect("two digits");
                out.push(u8::from_str_radix(hex, 16).expect("two digits"));
                at += 3;
            } else {
                out.push(bytes[at]);
                at += 1;
            }
        }
        String::from_utf8(out).expect("text")
    };
    let parts = text.split('&').filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (unescape(name), unescape(value))
    };
    parts.map(pair).collect()
}

/// The server's reaction to a request.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How many bytes of the body go before the connection is cut.
    cut: Option<usize>,
    /// How long to wait before each byte.
    drip: Option<Duration>,
    /// These bytes go instead, and the connection ends.
    raw: Option<Vec<u8>>,
    silent: bool,
    chunked: bool,
    /// Bytes that go on and on behind the body.
    endless: bool,
}

impl Reply {
    pub fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200).body(body)
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub const fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }

    #[must_use]
    pub const fn drip(mut self, each: Duration) -> Self {
        self.drip = Some(each);
        self
    }

    #[must_use]
    pub const fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    #[must_use]
    pub const fn endless(mut self) -> Self {
        (self.chunked, self.endless) = (true, true);
        self
    }

    /// These bytes and no others.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            raw: Some(bytes.into()),
            ..Self::default()
        }
    }

    /// Nothing at all, for a long time.
    pub fn silence() -> Self {
        Self {
            silent: true,
            ..Self::default()
        }
    }
}

type Answer = dyn Fn(&Seen) -> Reply + Send + Sync;

/// Where servers said that an upload goes on: nothing else may ever be deleted (R49).
static UPLOADS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Takes note of what a reply names as the place of an upload.
fn note_upload(reply: &Reply) {
    let names = reply.headers.iter().filter(|(name, _)| name == "Location");
    UPLOADS
        .lock()
        .expect("a lock")
        .extend(names.map(|(_, place)| place.clone()));
}

/// Whether a server named a place as one of an upload.
fn is_upload(target: &str) -> bool {
    let known = UPLOADS.lock().expect("a lock");
    known.iter().any(|place| {
        let path = place.trim_start_matches('.').trim_start_matches('/');
        target.ends_with(path) || place.ends_with(target)
    })
}

/// A server that runs until it is dropped. Nobody may have deleted there anything but uploads (R49).
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Server {
    /// A server that answers so.
    pub fn new(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(answer), None)
    }

    /// The same over TLS.
    pub fn tls(
        config: rustls::ServerConfig,
        answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(Arc::new(answer), Some(Arc::new(config)))
    }

    fn start(answer: Arc<Answer>, config: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            seen: Arc::default(),
            stop: Arc::default(),
            open: Arc::default(),
        };
        let (seen, stop, open) = (
            server.seen.clone(),
            server.stop.clone(),
            server.open.clone(),
        );
        thread::spawn(move || {
            let number = AtomicUsize::new(0);
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                // Head and body go in two writes, and nobody is to wait for the first one's receipt.
                let _ = stream.set_nodelay(true);
                let number = number.fetch_add(1, Ordering::SeqCst);
                if let Ok(other) = stream.try_clone() {
                    open.lock().expect("a lock").push(other);
                }
                let (seen, answer, config) = (seen.clone(), answer.clone(), config.clone());
                let closer = stream.try_clone().ok();
                thread::spawn(move || {
                    match config {
                        None => serve(stream, number, &seen, &*answer),
                        Some(config) => {
                            let tls = rustls::ServerConnection::new(config).expect("settings");
                            let stream = rustls::StreamOwned::new(tls, stream);
                            serve(stream, number, &seen, &*answer);
                        }
                    }
                    // All copies of it.
                    let _ = closer.map(|stream| stream.shutdown(Shutdown::Both));
                });
            }
        });
        server
    }

    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The requests that it got.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("a lock").clone()
    }

    /// The same in short: method and target.
    pub fn log(&self) -> Vec<String> {
        let line = |seen: &Seen| format!("{} {}", seen.method, seen.target);
        self.seen().iter().map(line).collect()
    }

    /// The repository `app` in it.
    pub fn app(&self) -> RemoteRepository {
        self.app_with(&quick())
    }

    pub fn app_with(&self, options: &Options) -> RemoteRepository {
        repository(&self.host(), "app", options)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        for stream in self.open.lock().expect("a lock").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        if thread::panicking() {
            return;
        }
        for seen in self.seen() {
            let is_fine = seen.method != "DELETE" || is_upload(&seen.target);
            assert!(is_fine, "{} was deleted", seen.target);
        }
    }
}

/// Settings with which tests take no time.
pub fn quick() -> Options {
    Options {
        timeout: Duration::from_millis(700),
        backoff: Duration::from_millis(2),
        longest_wait: Duration::from_secs(2),
        ..Options::default()
    }
}

/// A repository on a host.
pub fn repository(host: &str, name: &str, options: &Options) -> RemoteRepository {
    let host: Host = host.parse().expect("a host");
    let name = Repository::on(&host, name).expect("a repository");
    RemoteRepository::new(Arc::new(Client::new(&host, options)), name)
}

fn serve(
    mut stream: impl Read + Write,
    connection: usize,
    seen: &Mutex<Vec<Seen>>,
    answer: &Answer,
) {
    let mut rest = Vec::new();
    while let Some(request) = read(&mut stream, connection, &mut rest) {
        let is_head = request.method == "HEAD";
        seen.lock().expect("a lock").push(request.clone());
        let reply = answer(&request);
        note_upload(&reply);
        if write(&mut stream, &reply, is_head).is_err()
            || reply.raw.is_some()
            || reply.cut.is_some()
        {
            break;
        }
    }
    let _ = stream.flush();
}

fn read(stream: &mut (impl Read + Write), connection: usize, rest: &mut Vec<u8>) -> Option<Seen> {
    let mut buffer = vec![0; 64 << 10];
    let end = loop {
        if let Some(at) = rest.windows(4).position(|part| part == b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => rest.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
        // TLS where there is none.
        if rest.first() == Some(&0x16) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            return None;
        }
    };
    let head = String::from_utf8_lossy(&rest[..end]).into_owned();
    rest.drain(..end + 4);
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    };
    let headers: Vec<_> = lines.filter_map(header).collect();
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.map_or(0, |(_, value)| value.parse().expect("a number"));
    while rest.len() < length {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => rest.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
    Some(Seen {
        method,
        target,
        headers,
        body: rest.drain(..length).collect(),
        connection,
    })
}

fn write(stream: &mut impl Write, reply: &Reply, is_head: bool) -> io::Result<()> {
    if reply.silent {
        thread::sleep(Duration::from_secs(5));
        return Err(io::ErrorKind::TimedOut.into());
    }
    if let Some(raw) = &reply.raw {
        stream.write_all(raw)?;
        return stream.flush();
    }
    let mut head = format!("HTTP/1.1 {} X\r\n", reply.status);
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let has = |name: &str| {
        reply
            .headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name))
    };
    if reply.chunked {
        head.push_str("Transfer-Encoding: chunked\r\n");
    } else if !has("content-length") && reply.status != 204 {
        let _ = write!(head, "Content-Length: {}\r\n", reply.body.len());
    }
    head.push_str("\r\n");
    if is_head {
        stream.write_all(head.as_bytes())?;
        return stream.flush();
    }
    let body = &reply.body[..reply.cut.unwrap_or(reply.body.len())];
    if let Some(each) = reply.drip {
        for byte in head.as_bytes().iter().chain(body) {
            thread::sleep(each);
            stream.write_all(&[*byte])?;
            stream.flush()?;
        }
        return Ok(());
    }
    stream.write_all(head.as_bytes())?;
    if !reply.chunked {
        stream.write_all(body)?;
        return stream.flush();
    }
    for part in body.chunks(1000) {
        write!(stream, "{:x}\r\n", part.len())?;
        stream.write_all(part)?;
        stream.write_all(b"\r\n")?;
    }
    if reply.endless {
        loop {
            stream.write_all(b"3e8\r\n")?;
            stream.write_all(&[b' '; 1000])?;
            stream.write_all(b"\r\n")?;
        }
    }
    if reply.cut.is_none() {
        stream.write_all(b"0\r\n\r\n")?;
    }
    stream.flush()
}
