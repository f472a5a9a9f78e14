//! Real peers: gRPC's own server, and skopeo with a key provider.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use harness::oci::{base64, manifest};
use harness::{Sandbox, peers, top};
use serde_json::json;

use super::sealing::{KID, PROVIDER, Wrap, encrypt};

const KEK: [u8; 32] = [0x61; 32];

/// A server that is ended with the test.
struct Server {
    child: Child,
    port: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
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

/// All skopeos that are there.
fn skopeos() -> Vec<Command> {
    let newer = [peers::skopeo118(), peers::skopeo122()];
    let own = Command::new("skopeo");
    newer.into_iter().flatten().chain([own]).collect()
}

fn run(mut skopeo: Command, sandbox: &Sandbox, arguments: &str) {
    let provider = top().join("tests/broker/keyprovider.py");
    let config = json!({ "key-providers": { "attestation-agent": { "cmd": {
        "path": "python3", "args": [provider],
    } } } });
    sandbox.write("keyproviders.json", config.to_string());
    sandbox.write("kek", KEK);
    let output = skopeo
        .args(arguments.split_whitespace())
        .current_dir(sandbox.root())
        .env(
            "OCICRYPT_KEYPROVIDER_CONFIG",
            sandbox.path("keyproviders.json"),
        )
        .env("KEK", sandbox.path("kek"))
        .output()
        .expect("skopeo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "skopeo {arguments}: {said}");
}

#[test]
fn what_skopeo_encrypted_is_opened() {
    for skopeo in skopeos() {
        let sandbox = Sandbox::with_keys();
        sandbox.unpack("umoci", "plain");
        let copy = "--insecure-policy copy --encryption-key provider:attestation-agent:test \
                    oci:registry/plain:latest oci:registry/app:latest";
        run(skopeo, &sandbox, copy);
        let layer = manifest(&sandbox.path("registry/app"), "latest", None)["layers"][0].clone();
        assert!(layer["annotations"][PROVIDER].is_string(), "{layer}");
        let sign = "sign-image -r registry -a app -v vendor.prv -x ca.prv";
        sandbox.run(sign).exits(1).says("--allow-encrypted");
        sandbox
            .run(&format!("{sign} --decryption-key kek"))
            .exits(0);
        let verify = "verify-image -r registry -a app -c ca.pub";
        let whole = sandbox.run(&format!("{verify} --decryption-key kek"));
        whole.exits(0).says("passed      image.diff-ids");
        sandbox
            .run(verify)
            .exits(0)
            .says("not checked image.diff-ids");
    }
}

#[test]
fn what_the_tests_encrypt_skopeo_opens() {
    for skopeo in skopeos() {
        let sandbox = Sandbox::with_keys();
        sandbox.unpack("umoci", "app");
        encrypt(
            &sandbox.path("registry/app"),
            "latest",
            Wrap::Ctr,
            KEK,
            &|seal| {
                seal.packet["kid"] = json!(KID);
            },
        );
        let copy = "--insecure-policy copy --decryption-key provider:attestation-agent:test \
                    oci:registry/app:latest oci:registry/plain:latest";
        run(skopeo, &sandbox, copy);
        let layer = manifest(&sandbox.path("registry/plain"), "latest", None)["layers"][0].clone();
        let media_type = layer["mediaType"].as_str().expect("a media type");
        assert!(!media_type.contains("encrypted"), "{layer}");
    }
}
