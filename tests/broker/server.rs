//! gRPC's own server, as a peer.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use harness::oci::base64;
use harness::{Sandbox, peers, top};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

/// A server that is ended with the test.
struct Server {
    child: Child,
    port: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // timeout(1) passes the signal on.
        let id = i32::try_from(self.child.id()).expect("an id");
        let id = Pid::from_raw(id).expect("an id");
        kill_process(id, Signal::TERM).expect("our own");
        let _ = self.child.wait();
    }
}

fn serve(sandbox: &Sandbox, mut python: Command, packages: &[&str]) -> Server {
    let mut child = python
        .arg(top().join("tests/broker/grpcio.py"))
        .arg(sandbox.path("resources.json"))
        .args(packages)
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut port = String::new();
    let out = child.stdout.take().expect("it is piped");
    BufReader::new(out).read_line(&mut port).expect("a line");
    let port = port.trim().to_owned();
    Server { child, port }
}

#[test]
fn grpcs_own_server_is_asked_by_either_package() {
    for packages in [&["api"][..], &["getresource"], &["api", "getresource"]] {
        let Some(python) = peers::python_grpcio() else {
            return;
        };
        let sandbox = Sandbox::new();
        let large = vec![7; 3 << 20];
        let resources = json!({ "a/b/large": base64(&large), "a/b/c": base64(b"key") });
        sandbox.write("resources.json", resources.to_string());
        let server = serve(&sandbox, python, packages);
        let get = |name: &str| {
            let port = &server.port;
            sandbox.run(&format!(
                "resource get kbs:///{name} --kbs grpc://127.0.0.1:{port} -o got --force"
            ))
        };
        get("a/b/c").exits(0);
        assert_eq!(sandbox.read("got"), b"key");
        get("a/b/large").exits(0);
        assert_eq!(sandbox.read("got"), large);
        get("a/b/d")
            .exits(3)
            .says("INTERNAL: [ERROR:attestation-agent]");
    }
    if let Some(python) = peers::python_grpcio() {
        let sandbox = Sandbox::new();
        sandbox.write("resources.json", "{}");
        let server = serve(&sandbox, python, &["another"]);
        let get = format!(
            "resource get kbs:///a/b/c --kbs grpc://127.0.0.1:{}",
            server.port
        );
        sandbox.run(&get).exits(3).says("UNIMPLEMENTED");
    }
}
