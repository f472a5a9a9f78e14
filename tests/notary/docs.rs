//! The commands of docs/notation.md, as they stand there and in their order.

use std::fmt::Write;
use std::fs;

use harness::distribution::Distribution;
use harness::tokens::{Fixture, Kind};
use harness::{Run, peers, top};

use crate::desk::Desk;

/// The blocks of the page that are commands.
fn blocks() -> Vec<String> {
    let page = fs::read_to_string(top().join("docs/notation.md")).expect("the page");
    // The steps of a list are indented.
    let lines: Vec<&str> = page.lines().map(str::trim_start).collect();
    let page = lines.join("\n");
    let blocks = page.split("```text\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().expect("an end").to_owned());
    blocks.filter(|block| block.contains("ir-sign ")).collect()
}

#[test]
fn each_command_of_the_page_works_as_it_stands_there() {
    let Some(token) = Fixture::of(Kind::SoftHsm) else {
        return;
    };
    let desk = Desk::new();
    let registry = Distribution::start(desk.sandbox.root(), "", "");
    harness::unpack("multi", &desk.sandbox.path("multi"));
    let image = format!("{}/team/app:1.0", registry.host());
    Run::of(&mut desk.command(["copy", "oci:multi:multi", &format!("docker://{image}")])).ok();
    let label = token.label.replace(' ', "%20");
    let key = format!(
        "pkcs11:token={label};object=signer?pin-source=file:{}",
        token.pin_file.display()
    );
    let mut set = format!(
        "set -eu\nexport HOME={}\nexport PKCS11_MODULE_PATH={}\nunset NOTATION_CONFIG NOTATION_LIBEXEC NOTATION_CACHE XDG_CONFIG_HOME XDG_CACHE_HOME\n",
        desk.sandbox.path("home").display(),
        token.module.display()
    );
    for (name, value) in &token.env {
        let _ = writeln!(set, "export {name}='{value}'");
    }
    let theirs = peers::notation().map(|command| command.get_program().to_owned());
    let blocks = blocks();
    assert!(blocks.len() >= 7, "{}", blocks.len());
    for block in blocks {
        let block = block.replace("pkcs11:token=RELEASE;object=signer", &key);
        let block = block.replace("registry.example.com/team/app:1.0", &image);
        let lines = block
            .lines()
            .filter(|line| theirs.is_some() || !line.starts_with("notation "));
        let lines = lines.map(
            |line| match (&theirs, line.strip_prefix("notation sign ")) {
                (Some(_), Some(rest)) => {
                    format!(
                        "{}/target/peers/sid/bin/notation sign --insecure-registry {rest}\n",
                        top().display()
                    )
                }
                _ => format!("{line}\n"),
            },
        );
        let script = format!("{set}{}", lines.collect::<String>());
        desk.sandbox.shell(&script, "").ok();
    }
}
