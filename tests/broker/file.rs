//! The offline file: `resource get` and `resource encode`.

use std::fs;
use std::os::unix::fs::symlink;

use harness::Sandbox;
use harness::oci::base64;

const KEY: &str = "default/cosign-public-key/test";
const GET: &str = "resource get kbs:///default/cosign-public-key/test --kbs resources.json";

fn with_file(text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("resources.json", text);
    sandbox
}

#[test]
fn a_resource_comes_by_its_new_name_or_its_old_one_byte_for_byte() {
    let all: Vec<u8> = (0..=255).collect();
    for name in [KEY, "Cosign Key"] {
        let sandbox = with_file(&format!("{{\"{name}\":\"{}\"}}", base64(&all)));
        let get = format!("{GET} -o got");
        sandbox.run(&get).exits(0).says("wrote got");
        assert_eq!(sandbox.read("got"), all, "{name}");
        assert_eq!(sandbox.mode("got"), 0o600, "it may be a secret");
        sandbox.run(&get).exits(0).says("got is up to date");
        let piped = sandbox.shell(&format!("ir-sign {GET} | cmp - got"), "");
        piped.exits(0);
    }
    let both = with_file(&format!("{{\"Cosign Key\":\"b2xk\",\"{KEY}\":\"bmV3\"}}"));
    assert_eq!(both.run(GET).exits(0).stdout, "new");
    let host = GET.replace("kbs:///", "kbs://broker.example:8080/");
    assert_eq!(both.run(&host).exits(0).stdout, "new", "a host is ignored");
}

#[test]
fn a_file_that_is_wrong_in_any_way_leaves_it_undecided() {
    for text in [
        "",
        "hello",
        "[]",
        "{}",
        "{\"Policy\":\"QQ==\"}",
        "{\"default/Cosign-Public-Key/test\":\"QQ==\"}",
        "{\"default/cosign-public-key/test\":7}",
        "{\"default/cosign-public-key/test\":null}",
        "{\"default/cosign-public-key/test\":[\"QQ==\"]}",
        "{\"default/cosign-public-key/test\":{\"QQ==\":\"QQ==\"}}",
        "{\"default/cosign-public-key/test\":\"!!!\"}",
        "{\"default/cosign-public-key/test\":\"QQ\"}",
        "{\"default/cosign-public-key/test\":\"Q-==\"}",
        "{\"default/cosign-public-key/test\":\"QQ==\\n\"}",
        "{\"default/cosign-public-key/test\":\"\"}",
        "{\"default/cosign-public-key/test\":\"QQ==\"",
        "{\"default/cosign-public-key/test\":\"QQ==\"} {}",
        "{\"default/cosign-public-key/test\":\"QQ==\",}",
        "{\"default/cosign-public-key/test\":\"QQ==\",\"a\":\"!\"}",
        "{\"default/cosign-public-key/test\":\"QQ==\",\"a\":7}",
        "{\"default/cosign-public-key/test\":\"QQ==\",\"default/cosign-public-key/test\":\"Qg==\"}",
        "\u{feff}{\"default/cosign-public-key/test\":\"QQ==\"}",
    ] {
        let run = with_file(text).run(GET).exits(3);
        assert_eq!(run.stdout, "", "{text}");
        assert!(
            run.stderr.contains("key broker resources.json"),
            "{text}: {}",
            run.stderr
        );
        assert!(!run.stderr.contains("QQ=="), "{text}: {}", run.stderr);
    }
}

#[test]
fn what_is_no_file_leaves_it_undecided_at_once() {
    let sandbox = Sandbox::new();
    sandbox.run(GET).exits(3).says("resources.json");
    fs::create_dir(sandbox.path("resources.json")).expect("a folder");
    sandbox.run(GET).exits(3).says("is not a regular file");
    fs::remove_dir(sandbox.path("resources.json")).expect("an empty folder");
    symlink("nowhere", sandbox.path("resources.json")).expect("a link");
    sandbox.run(GET).exits(3).says("resources.json");
    fs::remove_file(sandbox.path("resources.json")).expect("a link");
    sandbox.shell("mkfifo resources.json", "").exits(0);
    sandbox.run(GET).exits(3).says("is not a regular file");
}

#[test]
fn without_any_broker_it_is_undecided() {
    let run = Sandbox::new().run("resource get kbs:///a/b/c");
    let default = fs::exists("/etc/aa-offline_fs_kbc-resources.json").expect("a folder");
    assert!(!default, "this machine has the default file of key brokers");
    run.exits(3)
        .says("there is no key broker")
        .says("--kbs FILE");
}

#[test]
fn what_names_no_resource_or_no_broker_is_wrong_usage() {
    let sandbox = with_file("{}");
    for uri in [
        "default/a/b",
        "kbs:///a/b",
        "kbs:///a/b/c/d",
        "kbs:///",
        "kbs+x:///a/b/c",
        "https://a/b/c",
    ] {
        let run = sandbox.run(&format!("resource get {uri} --kbs resources.json"));
        run.exits(2);
    }
    for broker in [
        "http://127.0.0.1:1",
        "grpc://127.0.0.1",
        "grpc://127.0.0.1:1/x",
    ] {
        sandbox
            .run(&format!("resource get kbs:///a/b/c --kbs {broker}"))
            .exits(2);
    }
    let far = "resource get kbs:///a/b/c --kbs grpc://192.0.2.1:50000";
    sandbox
        .run(far)
        .exits(2)
        .says("is on another machine")
        .says("--allow-http");
}

#[cfg(not(feature = "grpc"))]
#[test]
fn an_agent_is_wrong_usage_where_the_feature_is_left_out() {
    let run = Sandbox::new().run("resource get kbs:///a/b/c --kbs grpc://127.0.0.1:50000");
    run.exits(2).says("leaves out the feature grpc");
}

#[test]
fn the_version_lists_the_feature() {
    let version = Sandbox::new().run("--version").exits(0).stdout;
    let feature = if cfg!(feature = "grpc") {
        ", grpc,"
    } else {
        ", no-grpc,"
    };
    assert!(version.contains(feature), "{version}");
}

#[test]
fn a_file_is_encoded_and_read_back() {
    let sandbox = Sandbox::new();
    sandbox.write("policy.json", "{\"default\":[{\"type\":\"reject\"}]}\n");
    sandbox.write("b=c", "\0\u{ff}");
    let encode =
        "resource encode default/security-policy/test=policy.json kbs:///a/b/c=b=c -o all.json";
    sandbox.run(encode).exits(0).says("wrote all.json");
    assert_eq!(sandbox.mode("all.json"), 0o600);
    sandbox.run(encode).exits(0).says("all.json is up to date");
    for (name, file) in [
        ("default/security-policy/test", "policy.json"),
        ("a/b/c", "b=c"),
    ] {
        let get = format!("resource get kbs:///{name} --kbs all.json --force -o got");
        sandbox.run(&get).exits(0);
        assert_eq!(sandbox.read("got"), sandbox.read(file));
    }
    let decoded = "sed -n 's/.*security-policy.*: \"\\(.*\\)\",/\\1/p' all.json | base64 -d | cmp - policy.json";
    sandbox.shell(decoded, "").exits(0);
    let old = "ir-sign resource encode 'Cosign Key=policy.json' -o - | ir-sign resource get \
               kbs:///default/cosign-public-key/test --kbs /dev/stdin";
    sandbox
        .shell(old, "")
        .exits(3)
        .says("is not a regular file");
}

#[test]
fn what_cannot_be_encoded_is_refused_and_nothing_is_written() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "A");
    sandbox.write("empty", "");
    let before = sandbox.names();
    for (arguments, status) in [
        ("a/b/c=a a/b/c=a -o out", 2),
        ("a/b/c=a kbs://host/a/b/c=a -o out", 2),
        ("a/b=a -o out", 2),
        ("policy=a -o out", 2),
        ("a/b/c -o out", 2),
        ("a/b/c= -o out", 2),
        ("=a -o out", 2),
        ("-o out", 2),
        ("a/b/c=a", 2),
        ("a/b/c=a -o a", 2),
        ("a/b/c=empty -o out", 1),
        ("a/b/c=absent -o out", 3),
        ("a/b/c=. -o out", 3),
    ] {
        sandbox
            .run(&format!("resource encode {arguments}"))
            .exits(status);
        assert_eq!(sandbox.names(), before, "{arguments}");
    }
    sandbox.write("out", "other");
    sandbox
        .run("resource encode a/b/c=a -o out")
        .exits(1)
        .says("already exists");
    assert_eq!(sandbox.read("out"), b"other");
    sandbox
        .run("resource encode a/b/c=a -o out --force")
        .exits(0);
}

#[test]
fn an_output_that_is_the_brokers_file_is_refused() {
    let sandbox = with_file("{\"default/cosign-public-key/test\":\"QQ==\"}");
    let run = sandbox.run(&format!("{GET} -o resources.json --force"));
    run.exits(2).says("is the same file");
}

#[test]
fn json_says_what_was_done_and_holds_no_resource() {
    let sandbox = with_file("{\"default/cosign-public-key/test\":\"U0VDUkVU\"}");
    let run = sandbox.run(&format!("{GET} --json -o got")).exits(0);
    let json = run.json();
    assert_eq!(json["resource"], "kbs:///default/cosign-public-key/test");
    assert_eq!((&json["size"], &json["changed"]), (&6.into(), &true.into()));
    assert!(!run.stdout.contains("SECRET") && !run.stdout.contains("U0VDUkVU"));
    sandbox
        .run(&format!("{GET} --json"))
        .exits(2)
        .says("name a file for it");
}
