//! Standard input, output and error as pipes, files and terminals: who reads them may be gone, or no person.

use std::io::pipe;
use std::os::unix::process::ExitStatusExt;

use harness::{Run, Sandbox, program};

/// Signals, as signal(7) numbers them.
const SIGPIPE: i32 = 13;

#[test]
fn a_reader_that_has_gone_ends_every_command_quietly_by_sigpipe() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    let place = "-r registry -a app";
    sandbox.run("sign -k ca.prv -f ca.pub -s sig").exits(0);
    let sign = format!("sign-image {place} -d latest -v vendor.prv -x ca.prv");
    sandbox.run(&sign).exits(0);
    for command in [
        "--help",
        "--version",
        "help sign",
        "completions bash",
        "completions zsh --json",
        "man pages --json",
        "gen-key -o new.prv --json",
        "extract-public -i ca.prv -o ca.pub --json",
        "sign -k ca.prv -f ca.pub -s sig --json",
        "verify -k ca.pub -f ca.pub -s sig --json",
        "verify -k other.pub -f ca.pub -s sig --json",
        "verify -k ca.pub --json",
        &sign,
        &format!("{sign} --json"),
        &format!("verify-image {place} -c ca.pub"),
        &format!("verify-image {place} -c ca.pub --json"),
        &format!("verify-image {place} -c ca.pub --all --json-lines"),
        &format!("verify-image {place} -c ca.pub --all --json-lines --shard 0/1"),
        &format!("verify-image {place} -c other.pub --json"),
        &format!("inspect-image {place}"),
        &format!("prune {place} --json"),
        "inspect-image -r nowhere -a app --json",
    ] {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let mut program = sandbox.command(program());
        program.args(command.split(' ')).stdout(writer);
        let output = program.output().expect("it runs");
        let told = String::from_utf8(output.stderr).expect("text");
        // A shell tells this as 141.
        assert_eq!(output.status.signal(), Some(SIGPIPE), "{command}: {told}");
        assert!(!told.contains("pipe"), "{command}: {told}");
        assert!(!told.contains("standard output"), "{command}: {told}");
    }
    // As a person meets it.
    let script = "ir-sign completions bash | head -n 1; echo ${PIPESTATUS[0]}";
    let shown = sandbox.shell(&format!("bash -c '{script}'"), "").exits(0);
    assert_eq!(
        (&*shown.stdout, &*shown.stderr),
        ("_ir__sign() {\n141\n", "")
    );
    // Any other reason is told.
    let full = sandbox
        .shell("ir-sign completions bash >/dev/full", "")
        .exits(3);
    full.says("error: cannot write to standard output: No space left on device");
}

#[test]
fn no_file_gets_colours_that_nobody_asked_for() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    for command in [
        "--help",
        "help sign-image",
        "verify --help",
        "verify -k ca.pub",
        "verify -k other.pub -f vendor.pub -s vendor.pub.sig",
        "verify-image -r registry -a app -c ca.pub",
        "inspect-image -r registry -a app",
        "no-such-command",
    ] {
        let mut program = sandbox.command(program());
        // Variables that make other programs colour files.
        let variables = ["CLICOLOR", "CLICOLOR_FORCE", "CI", "FORCE_COLOR"];
        program.envs(variables.map(|name| (name, "1")));
        program.env("TERM", "xterm").env_remove("NO_COLOR");
        let output = program.args(command.split(' ')).output();
        let run = Run::from(output.expect("it runs"));
        assert!(
            !run.stdout.is_empty() || !run.stderr.is_empty(),
            "{command}"
        );
        let shown = run.stdout + &run.stderr;
        assert!(!shown.contains('\x1b'), "{command}: {shown}");
        let asked = sandbox.run(&format!("{command} --color always"));
        let shown = asked.stdout + &asked.stderr;
        assert!(
            shown.contains('\x1b') || command.starts_with("inspect"),
            "{command}: {shown}"
        );
    }
    // One of them on a terminal gives the other no colours.
    let help = "TERM=xterm script -qec \"ir-sign --help >help\" /dev/null";
    sandbox.shell(help, "").exits(0);
    let wrong = "TERM=xterm script -qec \"ir-sign verify 2>wrong\" /dev/null";
    sandbox.shell(wrong, "").exits(2);
    for file in ["help", "wrong"] {
        assert!(
            sandbox.read(file).contains(&b'I') && !sandbox.read(file).contains(&0x1b),
            "{file}"
        );
    }
}

#[test]
fn an_app_without_an_image_is_told_of_and_no_name_is_asked_for() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    let empty = r#"{"schemaVersion":2,"manifests":[]}"#;
    sandbox.write("registry/app/index.json", empty);
    for more in ["", "--all", "--json --all"] {
        let command = format!("verify-image -r registry -a app -c ca.pub {more}");
        let run = sandbox.run(&command).exits(1);
        let run = run.says("error: registry/app: holds no image\nhint: bring one");
        assert!(!run.stderr.contains("named"), "{run:#?}");
    }
    let sign = "sign-image -r registry -a app -v vendor.prv -x ca.prv";
    let run = sandbox.run(sign).exits(1);
    run.says("error: registry/app: holds no image\n");
}

#[test]
fn a_dash_is_standard_input_and_output_wherever_a_file_is_read_once_or_a_result_written() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("letter", "Dear reader,");
    let shell = |script: &str| sandbox.shell(script, "").exits(0);
    shell("cat letter | ir-sign sign -k ca.prv -f - -s - >sig");
    sandbox.run("verify -k ca.pub -f letter -s sig").exits(0);
    shell("ir-sign verify -k ca.pub -f - -s sig <letter").says("standard input was signed by");
    shell("cat sig | ir-sign verify -k ca.pub -f letter -s -");
    shell("cat ca.pub | ir-sign verify -k - -f letter -s sig");
    shell("cat vendor.pub | ir-sign endorse -k ca.prv -f - -s - >own.sig");
    sandbox
        .run("verify -k ca.pub -f vendor.pub -s own.sig")
        .exits(0);
    shell("ir-sign extract-public -i ca.prv -o - | cmp - ca.pub");
    shell("ir-sign gen-key -o new.prv --public - >new.pub");
    sandbox.run("extract-public -i new.prv -o new.pub").exits(0);
    // Images: an archive, an endorsement, a CA's key, a vendor's.
    std::fs::create_dir(sandbox.path("registry")).expect("a folder");
    std::fs::copy(harness::data("docker-save-new.tar"), sandbox.path("x.tar")).expect("a copy");
    let extract = "ir-sign extract-sign-image -r registry -v vendor.prv";
    let endorsed = "-s vendor.pub.sig -c ca.pub";
    let piped = shell(&format!("cat x.tar | {extract} -a piped -f - {endorsed}"));
    let file = shell(&format!("{extract} -a file -f - {endorsed} <x.tar"));
    let packed = shell(&format!(
        "gzip <x.tar | {extract} -a packed -f - {endorsed}"
    ));
    assert_eq!([&file.stdout, &packed.stdout], [&piped.stdout; 2]);
    // One that was begun to be read already is read from there.
    let rest = format!(
        "(cat x.tar; echo) >y.tar; (head -c 10240 >/dev/null; {extract} -a rest -f - {endorsed}) <y.tar"
    );
    sandbox.shell(&rest, "").exits(1);
    shell(&format!(
        "{extract} -a more -f x.tar -s - -c ca.pub <vendor.pub.sig"
    ));
    shell(&format!(
        "{extract} -a last -f x.tar -s vendor.pub.sig -c - <ca.pub"
    ));
    let verify = "ir-sign verify-image -r registry -a piped";
    shell(&format!("{verify} -c - <ca.pub"));
    shell(&format!("{verify} -c ca.pub --vendor - <vendor.pub"));
    let left: Vec<_> = std::fs::read_dir(sandbox.path("registry"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name.as_encoded_bytes().starts_with(b"."))
        .filter(|name| name.to_string_lossy().contains("archive"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // A file that is called so is named with its folder.
    sandbox.write("-", "a file");
    sandbox.run("sign -k ca.prv -f ./- -s ./-.sig").exits(0);
    shell("ir-sign verify -k ca.pub -f - -s ./-.sig <./-");
    shell("ir-sign sign -k ca.prv -f letter -s - | cmp - sig");
    assert_eq!(sandbox.read("-"), b"a file");
}

#[test]
fn a_dash_is_refused_by_name_where_it_cannot_be() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    let names = sandbox.names();
    let image = "-r registry -a app";
    for (command, flag) in [
        ("gen-key -o -", "--output"),
        ("extract-public -i - -o x", "--input"),
        ("sign -k - -f ca.pub -s x", "--key"),
        ("endorse -k - -f ca.pub -s x", "--key"),
        (
            &format!("sign-image {image} -v - -x ca.prv"),
            "--vendor-prv",
        ),
        (
            &format!("sign-image {image} -v vendor.prv -x -"),
            "--ca-prv",
        ),
        ("prune -r - -a app", "--registry"),
        (
            "token import -k - --pkcs11-uri pkcs11:token=T;object=o",
            "--key",
        ),
        (
            "verify -k ca.pub -f x -s y --pkcs11-module -",
            "--pkcs11-module",
        ),
        ("ceremony run -", "<PLAN>"),
        ("ceremony verify -", "<TRANSCRIPT>"),
        ("ceremony diff a -", "<B>"),
        ("man -", "<DIR>"),
    ] {
        let run = sandbox
            .run(command)
            .exits(2)
            .says("a file that is called - is ./-");
        assert!(run.stderr.contains(flag), "{run:#?}");
        assert_eq!(sandbox.names(), names, "{command}");
    }
    sandbox.run("sign -k ca.prv -f ca.pub -s sig").exits(0);
    for (command, status, reason) in [
        (
            "ir-sign verify -k ca.pub -f - -s - <sig",
            2,
            "is read once, and two files",
        ),
        (
            "ir-sign verify -k - -f - -s sig <ca.pub",
            2,
            "is read once, and two files",
        ),
        (
            "ir-sign sign -k ca.prv -f ca.pub -s - --json",
            2,
            "already gets the JSON",
        ),
        (
            "ir-sign extract-public -i ca.prv -o - --json",
            2,
            "already gets the JSON",
        ),
        (
            "ir-sign gen-key -o new.prv --public - --json",
            2,
            "already gets the JSON",
        ),
        (
            "ir-sign extract-sign-image -r registry -f - -v vendor.prv -x ca.prv <sig",
            2,
            "has no name",
        ),
        (
            "ir-sign extract-sign-image -r registry -a b -f - -v vendor.prv -x ca.prv </dev/null",
            1,
            "empty",
        ),
        (
            "script -qec 'ir-sign extract-public -i ca.prv -o - 2>told' /dev/null; x=$?; cat told >&2; exit $x",
            2,
            "is a terminal",
        ),
        (
            "ir-sign extract-public -i ca.prv -o - >/dev/full",
            3,
            "standard output: cannot write",
        ),
    ] {
        sandbox.shell(command, "").exits(status).says(reason);
    }
    assert!(!sandbox.has("new.prv") && !sandbox.has("registry/b"));
}

#[test]
fn no_flag_takes_a_place_on_the_network_for_a_path() {
    let sandbox = Sandbox::with_keys();
    let names = sandbox.names();
    let skopeo = |image: &str| format!("skopeo copy docker://{image}");
    for (command, reason) in [
        (
            "prune -a app -r docker://host",
            skopeo("host/APP:TAG oci:DIR/APP:TAG"),
        ),
        (
            "prune -a app -r docker://host:5000/team/",
            skopeo("host:5000/team/APP:TAG oci:DIR/"),
        ),
        (
            "sign-image -v vendor.prv -x ca.prv -a app -r https://host",
            "a registry over the network is named docker://HOST".into(),
        ),
        (
            "prune -a app -r docker://host/app:1",
            skopeo("host/app:1 oci:DIR/APP:TAG"),
        ),
        (
            "verify-image -c ca.pub -a app -r https://host:5000/team/",
            "a registry over the network is named docker://HOST".into(),
        ),
        (
            "inspect-image -a app -r https://host/app:1",
            "a registry over the network is named docker://HOST".into(),
        ),
        (
            "extract-sign-image -r . -v vendor.prv -x ca.prv -f docker://host/app",
            skopeo("host/app:TAG oci-archive:FILE:TAG"),
        ),
        (
            "sign -k awskms:///key -f ca.pub -s x",
            "keys are DER files, or pkcs11: URIs".into(),
        ),
        (
            "verify -k https://host/key -f ca.pub -s x",
            "keys are DER files, or pkcs11: URIs".into(),
        ),
        (
            "sign -k ca.prv -f https://host/f -s x",
            "copy the file here first".into(),
        ),
        (
            "sign -k ca.prv -f ca.pub -s s3://bucket/x",
            "copy the file here first".into(),
        ),
        ("man https://host/pages", "copy the file here first".into()),
        (
            "ceremony check https://host/plan",
            "copy the file here first".into(),
        ),
    ] {
        let run = sandbox.run(command).exits(2).says(&reason);
        assert!(!run.stderr.contains("mkdir"), "{run:#?}");
        assert_eq!(sandbox.names(), names, "{command}");
    }
    // A path may look like one.
    std::fs::create_dir_all(sandbox.path("docker:/host")).expect("folders");
    sandbox
        .run("prune -a app -r ./docker://host")
        .exits(3)
        .says("app");
}
