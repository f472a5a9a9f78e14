//! docs/key-broker.md, typed in as a reader would.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::{fs, iter};

use harness::{Sandbox, peers, top};

/// The blocks of shell in a page.
fn blocks(page: &str) -> Vec<String> {
    let parts = page.split("\n```sh\n").skip(1);
    let ends = |part: &str| part.split_once("\n```").map(|(block, _)| block.to_owned());
    parts.map(|part| ends(part).expect("an end")).collect()
}

#[test]
fn the_page_on_key_brokers_works_as_it_is_written() {
    let page = fs::read_to_string(top().join("docs/key-broker.md")).expect("the page");
    let blocks = blocks(&page);
    assert!(blocks.len() > 3, "{}", blocks.len());
    let sandbox = Sandbox::with_keys();
    fs::rename(sandbox.path("ca.pub"), sandbox.path("root-ca.pub")).expect("renamed");
    sandbox.unpack("umoci", "hello");
    symlink(
        top().join("tests/broker/keyprovider.py"),
        sandbox.path("keyprovider.py"),
    )
    .expect("a link");
    let Some(skopeo) = peers::skopeo122() else {
        return;
    };
    // The page's skopeo knows key providers, and an older one of this machine does not.
    let words = iter::once(skopeo.get_program()).chain(skopeo.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    fs::create_dir(sandbox.path("bin")).expect("a folder");
    sandbox.write(
        "bin/skopeo",
        format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")),
    );
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(sandbox.path("bin/skopeo"), executable).expect("a mode");
    let script = format!("set -eu\nPATH=$PWD/bin:$PATH\n{}\n", blocks.join("\n"));
    let run = sandbox.shell(&script, "");
    assert_eq!(run.status, 0, "{}\n{}", run.stdout, run.stderr);
}
