//! An image that goes from a registry to a key without a network and back: the commands of docs/registries.md.

use std::fs;

use harness::terminal::{Answer, session};
use harness::tokens::{Fixture, Kind};
use harness::{Run, Sandbox, Scene, ir_sign, oci, program, top};

use super::good::{Good, digest};
use super::program::serving;

/// The blocks of commands under a heading.
fn blocks(page: &str, heading: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(top().join(page)).expect("a page");
    let (_, after) = text
        .split_once(&format!("\n## {heading}\n"))
        .expect("a heading");
    let section = after.split("\n## ").next().expect("a section");
    let blocks = section.split("```text\n").skip(1);
    let commands = |block: &str| {
        let block = block
            .split("```")
            .next()
            .expect("an end")
            .replace("\\\n", " ");
        block.lines().map(str::to_owned).collect()
    };
    blocks.map(commands).collect()
}

/// A folder for the stick, a token, and the CA's key.
struct Desk {
    sandbox: Sandbox,
    token: Fixture,
    host: String,
}

impl Desk {
    /// Runs a command as the page has it, with other names of places, and types the PIN where a token is asked.
    fn run(&self, command: &str) -> Run {
        let stick = self.sandbox.path("stick").display().to_string();
        let text = command
            .replace("registry.example.com", &self.host)
            .replace("/media/stick", &stick);
        let text = text.replacen("ir-sign", "exec \"$PROGRAM\"", 1);
        let mut shell = self.token.command("sh");
        shell
            .current_dir(self.sandbox.path("."))
            .env("PKCS11_MODULE_PATH", &self.token.module)
            .env("PROGRAM", program())
            .args(["-c", &text]);
        let pin = format!("{}\n", self.token.pin());
        let asks = command.contains("pkcs11:");
        let dialogue = asks.then_some(("PIN of", Answer::Type(pin.as_bytes())));
        let done = session(&shell, dialogue.as_slice());
        assert!(!done.screen.contains(pin.trim()), "the PIN was shown");
        done.run.expect("it ends by itself").ok()
    }
}

#[test]
fn an_image_goes_to_a_key_without_a_network_and_back_as_the_page_says() {
    let scene = Scene::with("buildah");
    let (good, server) = serving(&scene.app("app"));
    let old = oci::tagged(&scene.app("app"), "1.0")["digest"].clone();
    let old = old.as_str().expect("a digest").to_owned();
    // The page's repository is another one than the tests' registry has.
    let known = good.clone();
    let hello = super::server::Server::new(move |seen| {
        let mut seen = seen.clone();
        seen.target = seen.target.replace("/v2/team/hello/", "/v2/app/");
        let mut reply = known.lock().expect("a lock").answer(&seen);
        for (_, value) in &mut reply.headers {
            *value = value.replace("/v2/app/", "/v2/team/hello/");
        }
        reply
    });
    drop(server);
    let desk = Desk {
        sandbox: Sandbox::new(),
        token: Fixture::new(Kind::SoftHsm, "vendor"),
        host: hello.host(),
    };
    fs::create_dir(desk.sandbox.path("stick")).expect("made");
    let key = desk.sandbox.path("root-ca.prv").display().to_string();
    let public = desk.sandbox.path("root-ca.pub").display().to_string();
    ir_sign(["gen-key", "-o", &key, "--public", &public]).ok();
    let blocks = blocks("docs/registries.md", "Without a network");
    let [once, there, signed, back] = blocks.try_into().expect("four blocks");
    for command in &once {
        desk.run(command);
    }
    let run = desk.run(&there[0]);
    assert_eq!(run.stdout.trim(), old);
    let [shown, sign, verified] = signed.try_into().expect("three commands");
    assert!(desk.run(&shown).stdout.contains(&old));
    // No network is needed, and nobody is asked.
    let before = hello.log().len();
    let new = desk.run(&sign).stdout.trim().to_owned();
    assert_ne!(new, old);
    assert_eq!(desk.run(&verified).stdout.trim(), new);
    assert_eq!(hello.log().len(), before);
    let run = desk
        .run(&back[0])
        .says(&format!("1.0 moved from {old} to {new}"));
    assert_eq!(run.stdout.trim(), new);
    assert!(
        run.stderr.contains("1 blob sent"),
        "only the manifest: {}",
        run.stderr
    );
    assert_eq!(desk.run(&back[1]).stdout.trim(), new);
    let good: &Good = &good.lock().expect("a lock");
    assert_eq!(good.tags["1.0"], new);
    assert_eq!(digest(&good.manifests[&new].1), new);
}
