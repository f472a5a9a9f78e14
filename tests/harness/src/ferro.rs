//! A stranger's registry that lists referrers itself: `ferro-oci-server`, which `tests/ferro/build` installs.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::place::top;

/// One on a port of its own, which keeps everything in memory.
pub struct Ferro {
    child: Child,
    port: u16,
}

impl Ferro {
    /// Starts one; `None` where it is not installed, and nobody says that it has to be.
    pub fn start() -> Option<Self> {
        let program = top().join("target/ferro/bin/ferro-oci-server");
        if !program.exists() {
            let is_required = std::env::var_os("IR_SIGN_REQUIRE_TOKEN").is_some();
            assert!(
                !is_required,
                "tests/ferro/build installs it, and it is not there"
            );
            eprintln!("SKIPPED: ferro-oci-server is not installed (tests/ferro/build does that)");
            return None;
        }
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("an address").port();
            drop(listener);
            let mut child = Command::new(&program)
                .env("FERRO_OCI_LISTEN", format!("127.0.0.1:{port}"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts");
            let until = Instant::now() + Duration::from_secs(20);
            while Instant::now() < until && child.try_wait().expect("a child").is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self { child, port });
                }
                thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("ferro-oci-server does not start");
    }

    /// `HOST:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Ferro {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
