//! Hints are followed as the program prints them, and they work.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use harness::{Run, Sandbox, data, program};
use serde_json::{Value, json};

const SIGN: &str = "-v vendor.prv -x ca.prv";

/// The hint that was given, if any.
fn hint(run: &Run) -> Option<&str> {
    run.stderr.lines().find_map(|l| l.strip_prefix("hint: "))
}

/// The image entries of the index in an app that has one index.
fn images(sandbox: &Sandbox, app: &str) -> Vec<Value> {
    let index = sandbox.json(format!("registry/{app}/index.json"));
    let digest = index["manifests"][0]["digest"].as_str().expect("a digest");
    let entries = sandbox.blob(app, digest)["manifests"].clone();
    entries.as_array().expect("a list").clone()
}

/// Makes these the entries of an app.
fn list(sandbox: &Sandbox, app: &str, entries: &[Value]) {
    let index = json!({ "schemaVersion": 2, "manifests": entries });
    sandbox.write(format!("registry/{app}/index.json"), index.to_string());
}

fn tagged(mut entry: Value, tag: &str) -> Value {
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
    entry
}

#[test]
fn a_registry_that_is_not_there_is_made_as_the_hint_says() {
    let sandbox = Sandbox::with_keys();
    fs::copy(data("docker-save-new.tar"), sandbox.path("world.tar")).expect("a copy");
    for registry in ["registry", "a b/c's"] {
        let place = ["extract-sign-image", "-r", registry, "-f", "world.tar"];
        let all = || place.iter().copied().chain(SIGN.split(' '));
        let run = sandbox.run_with(all()).exits(3);
        let run = run.says("there is no such registry directory");
        sandbox.shell(&run.hint(), "").exits(0);
        sandbox.run_with(all()).exits(0);
    }
    for command in [
        "verify-image -r nowhere -a app -c ca.pub",
        "inspect-image -r nowhere -a app",
        "prune -r nowhere -a app",
        &format!("sign-image -r nowhere -a app {SIGN}"),
    ] {
        let run = sandbox.run(command).exits(3);
        assert!(run.hint().contains("mkdir -p nowhere"), "{run:#?}");
    }
}

#[test]
fn hints_name_a_file_so_that_a_shell_finds_it_whatever_it_is_called() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("ec -inform DER -in ca.prv -out ca.pem");
    for name in [
        &b"a key's $(name)"[..],
        b"-k",
        b"--help",
        b"not \xff\xfe UTF-8",
        b"two\nlines\t'\\x41",
        b"\x1b[31mred",
        "\u{202e}turned".as_bytes(),
        "größe".as_bytes(),
        b"key:1.pem",
    ] {
        let name = OsStr::from_bytes(name);
        let run = |flag: &str, rest: &[&str]| {
            let mut joined = OsString::from(flag);
            joined.push(name);
            let mut words = vec![OsString::from(rest[0]), joined];
            words.extend(rest[1..].iter().map(Into::into));
            sandbox.run_with(words)
        };
        // Not every `sh` knows dollar-single-quotes yet.
        let follow = |run: &Run| {
            let mut bash = sandbox.command("bash");
            let path = Path::new(program()).parent().expect("a folder").display();
            bash.env("PATH", format!("{path}:/usr/bin:/bin"));
            Run::from(bash.args(["-c", &run.hint()]).output().expect("bash runs")).exits(0);
        };
        fs::copy(sandbox.path("ca.pem"), sandbox.path(name)).expect("a copy");
        follow(&run("-i", &["extract-public", "-o", "out"]).exits(1));
        assert_eq!(sandbox.read("key.der"), sandbox.read("ca.prv"), "{name:?}");
        fs::copy(sandbox.path("ca.prv"), sandbox.path(name)).expect("a copy");
        follow(&run("-k", &["verify", "-f", "ca.pub", "-s", "vendor.pub.sig"]).exits(1));
        assert_eq!(sandbox.read("key.pub"), sandbox.read("ca.pub"), "{name:?}");
        for made in ["key.der", "key.pub"] {
            fs::remove_file(sandbox.path(made)).expect("removed");
        }
        let folder = ["prune", "-a", "app"];
        fs::remove_file(sandbox.path(name)).expect("removed");
        follow(&run("--registry=", &folder).exits(3));
        assert!(sandbox.path(name).is_dir(), "{name:?}");
    }
}

#[test]
fn what_is_in_the_way_of_a_name_a_tag_or_a_limit_has_its_hint_that_helps() {
    let sandbox = Sandbox::with_keys();
    // A tag of two images.
    sandbox.unpack("multi", "app");
    let images = images(&sandbox, "app");
    let entries: Vec<_> = images[..2].iter().map(|e| tagged(e.clone(), "1")).collect();
    list(&sandbox, "app", &entries);
    let sign = format!("sign-image -r registry -a app {SIGN}");
    let run = sandbox.run(&format!("{sign} -d 1")).exits(1);
    let named = run.hint();
    let signed = sandbox.run(&format!("{sign} {named}")).exits(0).stdout;
    let verify = "verify-image -r registry -a app -c ca.pub";
    sandbox.run(&format!("{verify} -d {signed}")).exits(0);
    // A limit.
    for flag in ["--max-layer-size", "--max-image-size"] {
        let run = sandbox
            .run(&format!("{verify} -d {signed} {flag} 1"))
            .exits(1);
        let raise = format!("if it is really so large, raise {flag}");
        assert_eq!(hint(&run), Some(&*raise));
        sandbox
            .run(&format!("{verify} -d {signed} {flag} 1G"))
            .exits(0);
    }
    // A name that no blob has.
    let odd = sandbox
        .path("registry/app/blobs/sha256")
        .join(OsStr::from_bytes(b"\xff"));
    fs::write(&odd, "").expect("written");
    let prune = "prune -r registry -a app";
    let run = sandbox.run(prune).exits(3);
    assert_eq!(hint(&run), Some("rename it, or move it away"));
    fs::remove_file(odd).expect("removed");
    sandbox.run(prune).exits(0);
    // A name that no app has.
    fs::copy(data("umoci.tar"), sandbox.path("two words.tar")).expect("a copy");
    let extract = [
        "extract-sign-image",
        "-r",
        "registry",
        "-f",
        "two words.tar",
    ];
    let with = |more: &[&'static str]| {
        let all = extract.iter().chain(more).copied();
        sandbox.run_with(all.chain(SIGN.split(' ')))
    };
    let run = with(&[]).exits(2);
    assert_eq!(hint(&run), Some("name the app with -a"));
    with(&["-a", "new", "-d", "latest"]).exits(0);
}

#[test]
fn an_archive_that_is_not_there_gets_no_hint_about_apps() {
    let sandbox = Sandbox::with_keys();
    fs::create_dir(sandbox.path("registry")).expect("a folder");
    let extract = format!("extract-sign-image -r registry -f /nosuch.tar {SIGN}");
    let run = sandbox.run(&extract).exits(3).says("/nosuch.tar");
    assert_eq!(hint(&run), None);
    // That one is about apps.
    let run = sandbox.run("inspect-image -r registry -a app").exits(3);
    assert!(hint(&run).is_some_and(|hint| hint.starts_with("an app is a folder")));
}

#[test]
fn only_names_that_can_be_given_are_hinted_at() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("multi", "app");
    let images = images(&sandbox, "app");
    let sign = format!("sign-image -r registry -a app {SIGN}");
    for (tags, wanted) in [
        (
            ["bad tag", "good"],
            "name it: -d good, or :good behind oci:DIR or an archive's name",
        ),
        (
            ["-x", "v1.0"],
            "name it: -d v1.0, or :v1.0 behind oci:DIR or an archive's name",
        ),
        (["bad tag", "$(id)"], "name one by its digest: -d sha256:…"),
    ] {
        let entries = [
            tagged(images[0].clone(), tags[0]),
            tagged(images[1].clone(), tags[1]),
        ];
        list(&sandbox, "app", &entries);
        let run = sandbox.run(&sign).exits(1);
        assert_eq!(hint(&run), Some(wanted));
    }
    let digest = images[0]["digest"].as_str().expect("a digest");
    sandbox.run(&format!("{sign} -d {digest}")).exits(0);
}

#[test]
fn of_two_images_for_a_platform_one_is_named_by_digest() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("multi", "app");
    let mut images = images(&sandbox, "app");
    images[1]["platform"] = images[0]["platform"].clone();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": images,
    });
    sandbox.write("index", index.to_string());
    let run = sandbox.shell("sha256sum index", "");
    let name = run.stdout.split(' ').next().expect("a digest");
    let blob = format!("registry/app/blobs/sha256/{name}");
    fs::copy(sandbox.path("index"), sandbox.path(&blob)).expect("a copy");
    let entry = json!({
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": format!("sha256:{name}"),
        "size": index.to_string().len(),
    });
    list(&sandbox, "app", &[tagged(entry, "two")]);
    let sign = format!("sign-image -r registry -a app {SIGN}");
    let run = sandbox.run(&format!("{sign} --platform linux/amd64"));
    let run = run.exits(1).says("has 2 images for platform linux/amd64");
    assert_eq!(hint(&run), Some("name one by its digest: -d sha256:…"));
    // Without a platform the hint names one that is one image's alone.
    let run = sandbox.run(&sign).exits(1);
    let all = "or take them all (sign: --all-platforms, verify: --all)";
    let wanted = format!("name one with --platform linux/arm/v7, {all}");
    assert_eq!(hint(&run), Some(wanted.as_str()));
    let digest = images[0]["digest"].as_str().expect("a digest");
    sandbox.run(&format!("{sign} -d {digest}")).exits(0);
    sandbox
        .run(&format!("{sign} --platform linux/arm/v7"))
        .exits(0);
}

#[test]
fn what_is_wrong_in_an_archive_is_told_of_the_archive() {
    let sandbox = Sandbox::with_keys();
    fs::create_dir(sandbox.path("registry")).expect("a folder");
    fs::copy(data("multi.tar"), sandbox.path("multi.tar")).expect("a copy");
    let extract = format!("extract-sign-image -r registry -f multi.tar {SIGN}");
    for (flags, reason) in [
        ("", "error: multi.tar: \"multi\" names an image index"),
        (
            "--platform plan9/mips",
            "error: multi.tar: \"multi\" has no image for platform",
        ),
        ("--max-layer-size 1 --all-platforms", "error: multi.tar: "),
    ] {
        let run = sandbox.run(&format!("{extract} {flags}")).exits(1);
        assert!(run.stderr.contains(reason), "{run:#?}");
        assert!(!run.stderr.contains("registry/multi"), "{run:#?}");
    }
    let run = sandbox.run(&extract).exits(1);
    let hint = hint(&run).expect("a hint");
    let flags = hint.strip_prefix("name one with ").expect("flags");
    let flags = flags.split(',').next().expect("flags");
    sandbox.run(&format!("{extract} {flags}")).exits(0);
}

#[test]
fn what_is_in_the_way_of_an_app_and_is_none_is_told() {
    let sandbox = Sandbox::with_keys();
    fs::copy(data("docker-save-new.tar"), sandbox.path("world.tar")).expect("a copy");
    fs::create_dir_all(sandbox.path("registry/empty")).expect("a folder");
    fs::create_dir_all(sandbox.path("registry/other")).expect("a folder");
    sandbox.write("registry/other/file", "content");
    sandbox.write("registry/plain", "content");
    std::os::unix::fs::symlink("other", sandbox.path("registry/link")).expect("a link");
    for (app, reason) in [
        ("empty", "it has no file oci-layout"),
        ("other", "it has no file oci-layout"),
        ("plain", "it is not a folder"),
        ("link", "it is a symbolic link"),
    ] {
        for force in ["", "--force"] {
            let extract = format!("extract-sign-image -r registry -f world.tar {SIGN}");
            let run = sandbox.run(&format!("{extract} -a {app} {force}")).exits(1);
            let wanted =
                format!("error: registry/{app}: exists and is not an image layout ({reason})");
            let run = run.says(&wanted);
            let wanted = "move it away, or choose another name with -a";
            assert_eq!(hint(&run), Some(wanted));
            sandbox
                .run(&format!("{extract} -a {app}2 {force}"))
                .exits(0);
        }
    }
    assert_eq!(sandbox.read("registry/other/file"), b"content");
    sandbox.unpack("umoci", "broken");
    sandbox.write("registry/broken/index.json", "{");
    let extract = "extract-sign-image -r registry -f world.tar -a broken --force";
    let run = sandbox.run(&format!("{extract} {SIGN}")).exits(1);
    let run = run.says("is not an image layout (index.json is not valid: ");
    assert_eq!(
        hint(&run),
        Some("move it away, or choose another name with -a")
    );
}

#[test]
fn what_is_no_archive_of_images_becomes_one_as_the_hint_says() {
    let sandbox = Sandbox::with_keys();
    fs::copy(data("docker-save-new.tar"), sandbox.path("good.tar")).expect("a copy");
    fs::create_dir(sandbox.path("registry")).expect("a folder");
    let extract = |archive: &str, app: &str| {
        sandbox.run(&format!(
            "extract-sign-image -r registry -f {archive} -a {app} {SIGN}"
        ))
    };
    sandbox
        .shell(
            "xz -k good.tar && cp good.tar.xz odd && bzip2 -k good.tar",
            "",
        )
        .exits(0);
    sandbox.shell("mv good.tar kept.tar", "").exits(0);
    for (archive, unpacked) in [
        ("good.tar.xz", "good.tar"),
        ("good.tar.bz2", "good.tar"),
        ("odd", "odd.tar"),
    ] {
        let hint = extract(archive, "packed").exits(1).hint();
        sandbox.shell(&hint, "").exits(0);
        assert_eq!(
            sandbox.read(unpacked),
            sandbox.read("kept.tar"),
            "{archive}"
        );
        fs::remove_file(sandbox.path(unpacked)).expect("removed");
    }
    sandbox
        .shell("mkdir wrapped && tar -xf kept.tar -C wrapped", "")
        .exits(0);
    sandbox.shell("tar -cf wrapped.tar wrapped", "").exits(0);
    sandbox
        .shell(&extract("wrapped.tar", "wrapped").exits(1).hint(), "")
        .exits(0);
    extract("image.tar", "wrapped").exits(0);
    fs::remove_file(sandbox.path("image.tar")).expect("removed");
    fs::remove_dir_all(sandbox.path("new-dir")).expect("removed");
    let copy = "skopeo copy docker-archive:kept.tar dir:registry/copied";
    sandbox.shell(copy, "").exits(0);
    sandbox
        .shell("tar -cf copied.tar -C registry/copied .", "")
        .exits(0);
    for (app, run) in [
        ("first", extract("registry/copied", "first")),
        ("second", extract("copied.tar", "second")),
        (
            "third",
            sandbox.run(&format!("sign-image -r registry -a copied {SIGN}")),
        ),
    ] {
        sandbox.shell(&run.exits(1).hint(), "").exits(0);
        extract("image.tar", app).exits(0);
        fs::remove_file(sandbox.path("image.tar")).expect("removed");
    }
}

#[test]
fn of_two_endorsements_in_a_registry_the_one_in_use_is_kept_as_the_hint_says() {
    let sandbox = Sandbox::with_keys();
    for app in ["first", "second", "third"] {
        sandbox.unpack("umoci", app);
    }
    // One is openssl's, the other one `-x` makes where it cannot see the first.
    let sign = |registry: &str, app: &str, how: &str| {
        let command = "sign-image -d latest -v vendor.prv";
        sandbox.run(&format!("{command} -r {registry} -a {app} {how}"))
    };
    sign("registry", "first", "-s vendor.pub.sig -c ca.pub").exits(0);
    fs::create_dir(sandbox.path("apart")).expect("a folder");
    fs::rename(
        sandbox.path("registry/second"),
        sandbox.path("apart/second"),
    )
    .expect("moved");
    sign("apart", "second", "-x ca.prv").exits(0);
    fs::rename(
        sandbox.path("apart/second"),
        sandbox.path("registry/second"),
    )
    .expect("moved");
    let refused = sign("registry", "third", "-x ca.prv").exits(1);
    let refused = refused.says("carries another valid endorsement");
    let way = refused.hint();
    assert!(
        way.starts_with("ir-sign inspect-image -r registry -a "),
        "{way}"
    );
    // Of the image that the hint names, and the same of the other.
    let other = way
        .replace("-a first", "-a second")
        .replace("key.sig", "other.sig");
    sandbox.shell(&way, "").exits(0);
    assert_eq!(sandbox.read("key.sig"), sandbox.read("vendor.pub.sig"));
    let digest = other
        .split(' ')
        .skip_while(|word| *word != "-d")
        .nth(1)
        .expect("a digest");
    let other = other.replace(digest, "latest");
    sandbox.shell(&other, "").exits(0);
    assert_ne!(sandbox.read("other.sig"), sandbox.read("vendor.pub.sig"));
    sandbox.shell(&way, "").exits(0).says("is up to date");
    sandbox
        .shell(&way.replace("key.sig", "other.sig"), "")
        .exits(1)
        .says("with other content");
    for signature in ["key.sig", "other.sig"] {
        sandbox.unpack("umoci", signature);
        let how = format!("-s {signature} -c ca.pub");
        sign("registry", signature, &how).exits(0);
        let taken = format!("inspect-image -r registry -a {signature} --endorsement -");
        let taken = sandbox.shell(&format!("ir-sign {taken} | cmp - {signature}"), "");
        taken.exits(0);
    }
    // An image that has one keeps it with -x.
    sign("registry", "first", "-x ca.prv")
        .exits(0)
        .says("nothing was changed");
    // Where there is none, or more than one, nothing is written.
    let none = "inspect-image -r registry -a third --endorsement none.sig";
    sandbox.run(none).exits(1).says("carries no endorsement");
    assert!(!sandbox.has("none.sig"));
}

#[test]
fn what_copy_neither_reads_nor_writes_is_copied_as_the_hint_says() {
    let sandbox = Sandbox::with_keys();
    harness::unpack("umoci", &sandbox.path("a layout"));
    for (from, to) in [
        ("oci:a layout:latest", "dir:folder"),
        ("dir:folder", "oci:other:latest"),
    ] {
        let run = sandbox.run_with(["copy", from, to]).exits(2);
        let run = run.says("cannot copy ");
        sandbox.shell(&run.hint(), "").exits(0);
    }
    sandbox
        .run_with(["copy", "oci:other:latest", "oci:another:latest"])
        .exits(0);
}
