//! Servers of HTTP on loopback: one with the content of registries for any host, also as a proxy, and one with the
//! files of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Manifests and blobs by repository and name (a tag or a digest), with a media type if it is a manifest.
pub type Content = BTreeMap<(String, String), (Option<String>, Vec<u8>)>;

/// An answer: status, content type, body.
type Answer = (u16, String, Vec<u8>);

/// A server that ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Server {
    fn start(
        port: u16,
        answer: impl Fn(&str, &str) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = bound(port);
        let address = listener.local_addr().expect("an address");
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let answer = answer.clone();
                if let Ok(stream) = stream {
                    // A client that goes away is no trouble of the server's.
                    thread::spawn(move || drop(talk(stream, &*answer)));
                }
            }
        });
        Self { address, is_over }
    }

    /// `HOST:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// Binds a port of loopback. Another run of the tests may have a fixed one for a while.
fn bound(port: u16) -> TcpListener {
    let until = Instant::now() + Duration::from_mins(5);
    loop {
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => return listener,
            Err(error) => assert!(Instant::now() < until, "port {port}: {error}"),
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Answers the requests of one connection.
fn talk(
    stream: TcpStream,
    answer: &(dyn Fn(&str, &str) -> Option<Answer> + Send + Sync),
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        io::copy(&mut (&mut reader).take(length), &mut io::sink())?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let found = (method != "CONNECT")
            .then(|| answer(method, target))
            .flatten();
        let (status, kind, body) = found.unwrap_or_else(|| {
            let body = br#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#.to_vec();
            let status = if method == "CONNECT" { 403 } else { 404 };
            (status, "application/json".into(), body)
        });
        let length = body.len();
        let mut text =
            format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n");
        if (300..400).contains(&status) {
            text.push_str("Location: ");
            text.push_str(&String::from_utf8_lossy(&body));
            text.push_str("\r\n");
        }
        let mut bytes = (text + "\r\n").into_bytes();
        if method != "HEAD" {
            bytes.extend(body);
        }
        stream.write_all(&bytes)?;
        if method == "CONNECT" {
            return Ok(());
        }
    }
}

/// The path of a target, without host and query.
fn path_of(target: &str) -> &str {
    let target = target.split(['?', '#']).next().unwrap_or_default();
    match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    }
}

/// Serves manifests and blobs for every host, and as a proxy.
pub fn serve_registry(port: u16, content: Content) -> Server {
    Server::start(port, move |_, target| {
        let path = path_of(target);
        if path == "/v2/" || path == "/v2" {
            return Some((200, "application/json".into(), b"{}".to_vec()));
        }
        let path = path.strip_prefix("/v2/")?;
        let manifest = path.rsplit_once("/manifests/");
        let (repository, name) = manifest.or_else(|| path.rsplit_once("/blobs/"))?;
        let (kind, bytes) = content.get(&(repository.to_owned(), name.to_owned()))?;
        match (kind, manifest.is_some()) {
            (Some(kind), true) => Some((200, kind.clone(), bytes.clone())),
            (None, false) => Some((200, "application/octet-stream".into(), bytes.clone())),
            _ => None,
        }
    })
}

/// Serves the files of a folder.
pub fn serve_folder(folder: &Path) -> Server {
    let folder = folder.to_owned();
    Server::start(0, move |_, target| {
        let path = PathBuf::from(unescaped(path_of(target)));
        let inside: PathBuf = path
            .components()
            .filter(|part| matches!(part, Component::Normal(_)))
            .collect();
        let bytes = fs::read(folder.join(inside)).ok()?;
        Some((200, "application/octet-stream".into(), bytes))
    })
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|two| str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        if let (b'%', Some(byte)) = (first, byte) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
