//! notation's configuration: real notation reads our files, and ir-sign reads its files.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use harness::{Run, snapshot};

use crate::desk::{CONFIG, Desk};
use crate::pki::{self, P256};

const LIST: &str = r#"{"default": "a", "keys": [
    {"name": "a", "keyPath": "/k", "certPath": "/c"},
    {"name": "b", "id": "7", "pluginName": "other", "x": 1}]}"#;

#[test]
fn the_key_list_is_notations_both_ways() {
    let desk = Desk::new();
    pki::three(&desk.sandbox, P256);
    desk.run("key list").ok();
    assert!(!desk.sandbox.has(CONFIG), "looking makes nothing");
    desk.run(
        "key add token --plugin ir-sign --id pkcs11:object=a --plugin-config certificate_chain=chain.crt --default",
    )
    .ok()
    .says("token: marked as default");
    assert_eq!(
        desk.sandbox.mode(format!("{CONFIG}/signingkeys.json")),
        0o600
    );
    assert_eq!(desk.sandbox.mode(CONFIG), 0o700);
    let list = desk.sandbox.json(format!("{CONFIG}/signingkeys.json"));
    let chain = desk.sandbox.path("chain.crt").display().to_string();
    assert_eq!(list["default"], "token");
    assert_eq!(
        list["keys"][0],
        serde_json::json!({"name": "token", "id": "pkcs11:object=a", "pluginName": "ir-sign",
            "pluginConfig": {"certificate_chain": chain}})
    );
    desk.run("key add second --plugin ir-sign --id pkcs11:object=b")
        .ok();
    desk.run("key add token --plugin ir-sign --id pkcs11:object=b")
        .exits(1)
        .says("a key is called \"token\" already");
    desk.run("key update second --default").ok();
    let ours = desk.run("key ls").ok().stdout;
    assert!(
        ours.contains("* second") && ours.contains("pkcs11:object=a   ir-sign"),
        "{ours}"
    );
    if let Some(theirs) = desk.notation("key ls") {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&theirs.ok().stdout), words(&ours));
        desk.notation("key update token --default")
            .expect("notation")
            .ok();
        let ours = desk.run("key ls").ok().stdout;
        assert!(ours.contains("* token"), "{ours}");
        desk.notation("key delete second").expect("notation").ok();
        desk.run("key delete second")
            .exits(1)
            .says("no key is called \"second\"");
    }
    desk.run("key delete token")
        .ok()
        .says("Removed default key token");
    let list = desk.sandbox.json(format!("{CONFIG}/signingkeys.json"));
    assert!(list.get("default").is_none());
}

#[test]
fn a_change_keeps_what_it_does_not_know_and_a_failed_one_changes_nothing() {
    let desk = Desk::new();
    fs::create_dir_all(desk.config("")).expect("a folder");
    fs::write(desk.config("signingkeys.json"), LIST).expect("written");
    let before = snapshot(&desk.config(""));
    desk.run("key delete a nobody").exits(1);
    desk.run("key update nobody --default")
        .exits(1)
        .says("hint: `ir-sign notation key list`");
    desk.run("key add x --plugin ir-sign --id key.pem")
        .exits(2)
        .says("pkcs11: URI");
    desk.run("key add x --plugin ir-sign --id pkcs11:object=a --plugin-config pin=1")
        .exits(2);
    desk.run("key add x --plugin ir-sign").exits(2);
    harness::same(&before, &snapshot(&desk.config("")));
    desk.run("key delete a").ok();
    let list = desk.sandbox.json(format!("{CONFIG}/signingkeys.json"));
    assert_eq!(list["keys"][0]["x"], 1);
}

#[test]
fn pipes_links_and_broken_files_are_no_configuration() {
    let desk = Desk::new();
    fs::create_dir_all(desk.config("")).expect("a folder");
    let path = desk.config("signingkeys.json");
    desk.sandbox.write("elsewhere.json", LIST);
    symlink(desk.sandbox.path("elsewhere.json"), &path).expect("a link");
    desk.run("key list").exits(3).says("is a symbolic link");
    fs::remove_file(&path).expect("gone");
    let made = Command::new("mkfifo")
        .arg(&path)
        .status()
        .expect("mkfifo runs");
    assert!(made.success());
    for command in [
        "key list",
        "key delete a",
        "key add x --plugin ir-sign --id pkcs11:object=a",
    ] {
        desk.run(command).exits(3).says("is a pipe or a device");
    }
    fs::remove_file(&path).expect("gone");
    for text in [
        "{",
        "[]",
        r#"{"keys":[],"keys":[]}"#,
        r#"{"default":"x","keys":[]}"#,
    ] {
        fs::write(&path, text).expect("written");
        desk.run("key list").exits(3).says("signingkeys.json: ");
    }
    let pipe = desk.sandbox.path("pipe.crt");
    let made = Command::new("mkfifo")
        .arg(pipe)
        .status()
        .expect("mkfifo runs");
    assert!(made.success());
    desk.run("cert add -t ca -s s pipe.crt")
        .exits(3)
        .says("is a pipe or a device");
}

#[test]
fn trust_stores_are_notations_both_ways() {
    let desk = Desk::new();
    pki::three(&desk.sandbox, P256);
    desk.sandbox
        .openssl("x509 -in root.crt -outform DER -out root.der");
    desk.run("cert add --type ca --store s-1.x_ root.crt root.der")
        .ok();
    let stored = format!("{CONFIG}/truststore/x509/ca/s-1.x_/root.crt");
    assert_eq!(desk.sandbox.read(&stored), desk.sandbox.read("root.crt"));
    assert_eq!(desk.sandbox.mode(&stored), 0o600);
    desk.run("certificate add --type ca --store s-1.x_ ca.crt root.crt")
        .ok()
        .says("is already in");
    let ours = desk.run("cert ls").ok().stdout;
    assert_eq!(ours.lines().count(), 4, "{ours}");
    if let Some(theirs) = desk.notation("cert ls") {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&theirs.ok().stdout), words(&ours));
        desk.notation("cert add -t signingAuthority -s other root.crt")
            .expect("notation")
            .ok();
        let ours = desk.run("cert ls -t signingAuthority").ok().stdout;
        assert!(
            ours.contains("signingAuthority   other        root.crt"),
            "{ours}"
        );
        let shown = desk.run("cert show -t ca -s s-1.x_ root.crt").ok().stdout;
        let theirs = desk
            .notation("cert show -t ca -s s-1.x_ root.crt")
            .expect("notation")
            .ok();
        let thumbprint = |text: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with("SHA256 Thumbprint: "));
            line.expect("a thumbprint").to_owned()
        };
        assert_eq!(thumbprint(&shown), thumbprint(&theirs.stdout));
        assert!(shown.contains("IsCA: true"), "{shown}");
    }
    desk.run("cert delete -t ca -s s-1.x_ root.der --yes").ok();
    assert!(
        !desk
            .sandbox
            .has(format!("{CONFIG}/truststore/x509/ca/s-1.x_/root.der"))
    );
    desk.run("cert delete -t ca -s s-1.x_ --all -y").ok();
    assert!(
        !desk
            .sandbox
            .has(format!("{CONFIG}/truststore/x509/ca/s-1.x_"))
    );
    desk.run("cert delete -t ca -s s-1.x_ --all -y")
        .exits(3)
        .says("does not exist");
    let rest = fs::read_dir(desk.config("")).expect("a folder").count();
    assert!(rest <= 2, "nothing but the stores is left");
}

#[test]
fn a_store_takes_all_files_or_none() {
    let desk = Desk::new();
    pki::three(&desk.sandbox, P256);
    desk.sandbox.write(
        "broken.crt",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    desk.sandbox.write("empty.crt", "");
    for (files, says) in [
        ("root.crt broken.crt", "broken.crt: "),
        ("root.crt empty.crt", "empty.crt: "),
        (
            "root.crt leaf.crt",
            "is neither a CA's nor signed by itself",
        ),
        ("root.crt leaf.key", "leaf.key: "),
        ("root.crt nothing.crt", "nothing.crt: "),
    ] {
        let run = desk.run(&format!("cert add -t ca -s s {files}"));
        assert_ne!(run.status, 0, "{files}");
        run.says(says);
        assert!(!desk.sandbox.has(CONFIG), "{files}");
    }
    desk.run("cert add -t tsa -s s ca.crt")
        .exits(1)
        .says("is not a root");
    desk.run("cert add -t ca -s ../s root.crt").exits(2);
    desk.run("cert add -t ca -s .. root.crt").exits(2);
    desk.run("cert add -t other -s s root.crt")
        .exits(2)
        .says("the types of trust stores");
    desk.run("cert add -t ca -s s root.crt").ok();
    desk.sandbox.write("root.crt", desk.sandbox.read("ca.crt"));
    let before = snapshot(&desk.config(""));
    desk.run("cert add -t ca -s s ca.crt root.crt")
        .exits(1)
        .says("with other content");
    harness::same(&before, &snapshot(&desk.config("")));
}

#[test]
fn a_link_in_the_place_of_a_store_is_not_followed() {
    let desk = Desk::new();
    pki::three(&desk.sandbox, P256);
    fs::create_dir_all(desk.config("truststore/x509/ca")).expect("a folder");
    fs::create_dir(desk.sandbox.path("elsewhere")).expect("a folder");
    symlink(
        desk.sandbox.path("elsewhere"),
        desk.config("truststore/x509/ca/s"),
    )
    .expect("a link");
    desk.run("cert add -t ca -s s root.crt")
        .exits(3)
        .says("does not follow links to one");
    desk.run("cert list")
        .exits(3)
        .says("does not follow links to one");
    desk.run("cert delete -t ca -s s --all --yes")
        .exits(3)
        .says("does not follow links to one");
    assert_eq!(
        fs::read_dir(desk.sandbox.path("elsewhere"))
            .expect("a folder")
            .count(),
        0
    );
    fs::remove_file(desk.config("truststore/x509/ca/s")).expect("gone");
    desk.run("cert add -t ca -s s root.crt").ok();
    symlink(
        desk.sandbox.path("ca.crt"),
        desk.config("truststore/x509/ca/s/ca.crt"),
    )
    .expect("a link");
    desk.run("cert list")
        .exits(3)
        .says("ca.crt: is a symbolic link");
}

#[test]
fn deleting_a_certificate_asks_first() {
    let desk = Desk::new();
    pki::three(&desk.sandbox, P256);
    desk.run("cert add -t ca -s s root.crt").ok();
    let words = [
        "notation", "cert", "delete", "-t", "ca", "-s", "s", "root.crt",
    ];
    Run::of(&mut desk.command(words))
        .exits(2)
        .says("hint: say --yes");
    let answered = |answer: &[u8]| {
        let mut command = desk.command(words);
        let command = command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(answer).expect("written");
        drop(stdin);
        Run::from(child.wait_with_output().expect("it ends"))
    };
    answered(b"n\n").ok().says("nothing was deleted");
    assert!(
        desk.sandbox
            .has(format!("{CONFIG}/truststore/x509/ca/s/root.crt"))
    );
    answered(b"y\n").ok();
    assert!(!desk.sandbox.has(format!("{CONFIG}/truststore/x509/ca/s")));
}

#[test]
fn the_program_becomes_the_plugin() {
    let desk = Desk::new();
    let run = desk.run("plugin install").ok();
    let path = desk.config("plugins/ir-sign/notation-ir-sign");
    assert_eq!(run.stdout.trim_end(), path.display().to_string());
    assert_eq!(
        fs::metadata(&path).expect("there").permissions().mode() & 0o7777,
        0o755
    );
    desk.run("plugin install").ok();
    fs::write(&path, "another").expect("written");
    desk.run("plugin install")
        .exits(1)
        .says("with other content");
    desk.run("plugin install --force").ok();
    let mut elsewhere = desk.command(["notation", "plugin", "install"]);
    let libexec = desk.sandbox.path("libexec");
    Run::of(elsewhere.env("NOTATION_LIBEXEC", &libexec)).ok();
    assert!(libexec.join("plugins/ir-sign/notation-ir-sign").is_file());
}

#[test]
fn commands_of_notation_that_ir_sign_lacks_say_why() {
    let desk = Desk::new();
    for command in [
        "login host",
        "logout host",
        "blob sign x",
        "cert generate-test x",
        "plugin ls",
    ] {
        let run = desk.run(command).exits(2);
        assert!(
            run.stderr.starts_with("error: ") && !run.stderr.contains("unrecognized"),
            "{}",
            run.stderr
        );
    }
    let mut homeless = desk.command(["notation", "key", "list"]);
    Run::of(homeless.env_remove("HOME"))
        .exits(3)
        .says("hint: set NOTATION_CONFIG");
}
