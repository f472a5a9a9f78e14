//! The plugin: real notation signs through it, with keys on tokens, and shows what went wrong.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use harness::distribution::Distribution;
use harness::tokens::Fixture;
use harness::{Run, program, unpack};
use serde_json::{Value, json};

use crate::desk::{CONFIG, Desk};
use crate::pki;
use crate::workflow::POLICY;

/// A desk with a key on a token, its chain, and all that notation needs.
struct Bench {
    desk: Desk,
    token: Fixture,
    key: String,
}

impl Bench {
    fn new(token: Fixture) -> Self {
        let desk = Desk::new();
        let sandbox = &desk.sandbox;
        fs::copy(&token.pin_file, sandbox.path("pin")).expect("copied");
        let label = token.label.replace(' ', "%20");
        let key = format!("pkcs11:token={label};object=signer");
        let bench = Self { desk, token, key };
        let made = bench.run(&format!(
            "gen-key -o {} --pin-source file:pin --public signer.pub",
            bench.key
        ));
        made.ok();
        bench.certify();
        bench
            .desk
            .run("cert add --type ca --store acme root.crt")
            .ok();
        bench.desk.sandbox.write("policy.json", POLICY);
        bench.desk.run("policy import policy.json").ok();
        unpack("multi", &bench.desk.sandbox.path("multi"));
        bench
    }

    /// A root signs a certificate for the token's key.
    fn certify(&self) {
        let sandbox = &self.desk.sandbox;
        pki::three(sandbox, pki::P384);
        sandbox.openssl("pkey -pubin -inform DER -in signer.pub -out signer.pem");
        sandbox.write("x.cnf", format!("[x]\n{}", pki::SIGNER));
        sandbox.openssl(
            "x509 -req -in leaf.csr -force_pubkey signer.pem -CA ca.crt -CAkey ca.key -CAcreateserial \
             -days 30 -extfile x.cnf -extensions x -out signer.crt",
        );
        pki::chain(sandbox, &["signer", "ca", "root"], "token.crt");
    }

    fn command(&self, mut command: Command) -> Command {
        command
            .envs(self.token.env.iter().cloned())
            .env("PKCS11_MODULE_PATH", &self.token.module);
        command
    }

    fn run(&self, arguments: &str) -> Run {
        Run::of(&mut self.command(self.desk.command(arguments.split_whitespace())))
    }

    fn notation(&self, arguments: &str) -> Option<Run> {
        let peer = self.desk.at_home(harness::peers::notation()?);
        let mut command = self.command(peer);
        command
            .current_dir(self.desk.sandbox.root())
            .args(arguments.split_whitespace());
        Some(Run::of(&mut command))
    }

    fn add_key(&self, name: &str, more: &str) {
        self.run(&format!(
            "notation key add {name} --plugin ir-sign --id {} --plugin-config certificate_chain=token.crt {more}",
            self.key
        ))
        .ok();
    }
}

#[test]
fn keys_on_tokens_sign_here_and_through_notation() {
    for token in Fixture::all() {
        let bench = Bench::new(token);
        bench.add_key("release", "--plugin-config pin_source=file:pin --default");
        let registry = Distribution::start(bench.desk.sandbox.root(), "", "");
        let name = format!("{}/team/app:1", registry.host());
        bench
            .run(&format!("copy oci:multi:multi docker://{name}"))
            .ok();
        bench.run(&format!("notation sign -m by=us {name}")).ok();
        bench.run(&format!("notation verify -m by=us {name}")).ok();
        // The other form of the list: the URI in the place of the key's path.
        let path = |name: &str| bench.desk.sandbox.path(name).display().to_string();
        let list = format!("{CONFIG}/signingkeys.json");
        let mut keys = bench.desk.sandbox.json(&list);
        let by_path = json!({ "name": "path", "keyPath": format!("{}?pin-source=file:{}", bench.key, path("pin")),
            "certPath": path("token.crt") });
        keys["keys"].as_array_mut().expect("a list").push(by_path);
        bench.desk.sandbox.write(&list, keys.to_string());
        bench
            .run(&format!("notation sign -k path -m by=path {name}"))
            .ok();
        bench.run("notation plugin install").ok();
        for format in ["jws", "cose"] {
            let Some(theirs) = bench.notation(&format!(
                "sign --insecure-registry --signature-format {format} -m by=them {name}"
            )) else {
                break;
            };
            theirs.ok();
            bench
                .run(&format!("notation verify -m by=them {name}"))
                .ok();
        }
        if let Some(theirs) = bench.notation(&format!("verify --insecure-registry -m by=us {name}"))
        {
            theirs.ok();
            let listed = bench.notation("plugin ls").expect("notation").ok();
            assert!(
                listed.stdout.contains("SIGNATURE_GENERATOR.RAW"),
                "{listed:?}"
            );
            // notation adds the key by itself.
            let added = bench.notation(&format!(
                "key add theirs --plugin ir-sign --id {} --plugin-config certificate_chain={}",
                bench.key,
                path("token.crt")
            ));
            added.expect("notation").ok();
            let run = bench.run(&format!(
                "notation sign -k theirs --pin-source file:pin -m by=theirs {name}"
            ));
            run.ok();
        }
    }
}

#[test]
fn a_wrong_pin_reaches_the_user_through_notation() {
    for token in Fixture::all() {
        let bench = Bench::new(token);
        bench.desk.sandbox.write("wrong", "00000000\n");
        bench.add_key("release", "--plugin-config pin_source=file:wrong --default");
        bench.run("notation plugin install").ok();
        bench
            .run("notation sign oci:multi:multi")
            .exits(3)
            .says("PIN");
        let registry = Distribution::start(bench.desk.sandbox.root(), "", "");
        let name = format!("{}/team/app:1", registry.host());
        bench
            .run(&format!("copy oci:multi:multi docker://{name}"))
            .ok();
        if let Some(theirs) = bench.notation(&format!("sign --insecure-registry {name}")) {
            theirs.exits(1).says("it refused the PIN from");
        }
    }
}

/// Asks the plugin, and returns its status, answer and refusal.
fn ask(command: &str, request: &str) -> (i32, Value, Value) {
    let desk = Desk::new();
    let path = desk.sandbox.path("notation-ir-sign");
    fs::hard_link(program(), &path)
        .or_else(|_| fs::copy(program(), &path).map(|_| ()))
        .expect("a plugin");
    let mut child = Command::new(&path)
        .args(command.split_whitespace())
        .current_dir(desk.sandbox.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let _ = stdin.write_all(request.as_bytes());
    drop(stdin);
    let run = Run::from(child.wait_with_output().expect("it ends"));
    let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    (run.status, read(&run.stdout), read(&run.stderr))
}

#[test]
fn the_plugin_answers_in_json_alone() {
    let (status, answer, _) = ask("get-plugin-metadata", "{}");
    assert_eq!((status, &answer["name"]), (0, &json!("ir-sign")));
    assert_eq!(answer["capabilities"], json!(["SIGNATURE_GENERATOR.RAW"]));
    for (command, request, code) in [
        ("describe-key", "", "VALIDATION_ERROR"),
        ("describe-key", "{}", "UNSUPPORTED_CONTRACT_VERSION"),
        (
            "describe-key",
            r#"{"contractVersion":"1.0","keyId":"nothing"}"#,
            "ERROR",
        ),
        (
            "generate-signature",
            r#"{"contractVersion":"1.0","keyId":"pkcs11:x"}"#,
            "ERROR",
        ),
        ("generate-envelope", "{}", "VALIDATION_ERROR"),
        ("", "{}", "VALIDATION_ERROR"),
        ("--help", "{}", "VALIDATION_ERROR"),
    ] {
        let (status, answer, refusal) = ask(command, request);
        assert_eq!((status, &answer), (1, &Value::Null), "{command}");
        assert_eq!(refusal["errorCode"], code, "{command}: {refusal}");
        assert!(
            refusal["errorMessage"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
}
