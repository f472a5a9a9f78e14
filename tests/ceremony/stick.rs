//! The scripts read no plan: the program does, however a plan is spelt, and whatever its files are called.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::room::{PAYLOADS, Room, VENDORS};
use harness::{Run, Sandbox, program};

fn script(name: &str) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ceremony");
    let mut command = Command::new(scripts.join(name));
    command.env("IR_SIGN", program());
    command
}

fn run(command: &mut Command) -> Run {
    command.output().expect("it starts").into()
}

/// A room with a root key, and a plan whose TOML is as no awk would have it.
fn room_with_odd_plan() -> Room {
    let room = Room::new();
    room.make_root();
    let _ = room.endorsement_plan();
    let mut plan = format!(
        "\"ceremony\"=\"endorse-vendors\"\ntitle='Odd [vendors] \"plan\"'\nrehearsal=true\n\
         token={{label=\"{}\",serial='{}'}}\nkey.label=\"\"\"root-ca\"\"\"\n\
         people=[{{name=\"Ann\",role=\"operator\"}},\n  {{role='witness',name=\"B\\u006fb\"}}]\n\
         outputs={{transcript=\"record of it.log\"}} # transcript = \"other\"\n\
         passport={{file='root-ca.passport',sha384='{}'}}\n[ root ]\nsha384=\"{}\"\nfile=\"./root-ca.pub\"\n",
        room.token.label,
        room.serial(),
        room.sha384("root-ca.passport"),
        room.sha384("root-ca.pub"),
    );
    fs::create_dir_all(room.path("keys")).expect("a folder");
    for vendor in VENDORS {
        fs::rename(
            room.path(format!("{vendor}.pub")),
            room.path(format!("keys/{vendor} key")),
        )
        .expect("moved");
        let _ = write!(
            plan,
            "[[ vendors ]]\nname=\"{vendor}\"\npublic=\"keys/{vendor} key\"\nendorsement='signed/{vendor}.der'\n\
             sha384=\"{}\"\n",
            room.sha384(&format!("keys/{vendor} key"))
        );
    }
    room.write("odd plan.toml", plan.replace('\n', "\r\n"));
    room
}

#[test]
fn a_plan_goes_to_the_stick_and_is_run_however_it_is_spelt() {
    let room = room_with_odd_plan();
    let elsewhere = Sandbox::new();
    let stick = elsewhere.path("a/stick");
    run(script("prepare")
        .arg(&stick)
        .arg(room.path("odd plan.toml")))
    .exits(0);
    for name in [
        "odd plan.toml",
        "root-ca.pub",
        "root-ca.passport",
        "keys/vendor-1 key",
        "keys/vendor-2 key",
        "keys/vendor-3 key",
        "vendor",
        "ir-sign",
    ] {
        assert!(stick.join(name).is_file(), "{name}");
    }
    assert!(stick.join("signed").is_dir());
    // All that the user names is relative, and not to the plan's folder.
    fs::copy(&room.token.pin_file, elsewhere.path("pin")).expect("a copy");
    let day = run(room
        .token
        .command(stick.join("vendor"))
        .env("PKCS11_MODULE_PATH", &room.token.module)
        .env("IR_SIGN", "./a/stick/ir-sign")
        .env("SKIP_HOST_CHECK", "1")
        .current_dir(elsewhere.root())
        .args([
            "a/stick/odd plan.toml",
            "--unattended",
            "--pin-source=file:pin",
        ]));
    day.exits(0).says("passed ceremony.endorsed");
    for name in [
        "record of it.log",
        "record of it.log.html",
        "record of it.log.md",
        "signed/vendor-3.der",
    ] {
        assert!(stick.join(name).is_file(), "{name}");
    }
    let mut other = room.token.command(stick.join("vendor"));
    other
        .env("SKIP_HOST_CHECK", "1")
        .arg(room.path("root.toml"));
    run(&mut other)
        .exits(2)
        .says("is not the plan of a endorse-vendors ceremony");

    // The script finds transcripts and endorsements by any name.
    let verify = |folder: &Path| run(script("verify").arg(folder).arg(room.path("root-ca.pub")));
    let verified = verify(&stick).exits(0);
    let end = "everything holds: 1 transcripts, 3 endorsements";
    assert!(verified.stdout.contains(end), "{verified:?}");
    assert_eq!(
        verified.stdout.matches("Verified OK").count(),
        3,
        "{verified:?}"
    );
    let verified = verify(elsewhere.root()).exits(0);
    assert!(verified.stdout.contains(end), "{verified:?}");
    let signature = stick.join("signed/vendor-2.der");
    fs::copy(stick.join("signed/vendor-1.der"), &signature).expect("a copy");
    assert_ne!(verify(&stick).status, 0);
    // One that no transcript tells of is looked at too.
    let lone = Sandbox::new();
    for name in ["root.transcript", "root-ca.pub", "root-ca.passport"] {
        fs::copy(room.path(name), lone.path(name)).expect("a copy");
    }
    verify(lone.root()).exits(0);
    fs::create_dir(lone.path("sub")).expect("a folder");
    lone.write("sub/x.pub", room.read("keys/vendor-1 key"));
    fs::copy(&signature, lone.path("sub/x.pub.sig")).expect("a copy");
    let verified = verify(lone.root()).exits(0);
    assert!(
        verified
            .stdout
            .contains("x.pub.sig, which no transcript names")
    );
    lone.write("sub/x.pub", room.read("keys/vendor-3 key"));
    assert_ne!(verify(lone.root()).status, 0);
}

#[test]
fn what_cannot_be_prepared_leaves_nothing_behind() {
    let room = room_with_odd_plan();
    let plan = String::from_utf8(room.read("odd plan.toml")).expect("text");
    let digest = room.sha384("keys/vendor-2 key");
    let target = Sandbox::new();
    fs::create_dir(target.path("empty")).expect("a folder");
    for (from, to, status, says) in [
        (&*digest, &*"0".repeat(96), 1, "its SHA-384 is"),
        (
            "keys/vendor-2 key",
            "keys/absent",
            3,
            "there is no such file",
        ),
        (
            "./root-ca.pub",
            "../root-ca.pub",
            1,
            "is not below the plan's folder",
        ),
        (
            "signed/vendor-3.der",
            "keys/vendor-1 key",
            2,
            "is named twice",
        ),
        (
            "./root-ca.pub",
            "verify",
            1,
            "has the name of the stick's own verify",
        ),
        ("rehearsal=true", "rehearsal=maybe", 2, "line 3"),
        (
            "record of it.log",
            "ir-sign",
            1,
            "has the name of the stick's own ir-sign",
        ),
    ] {
        assert!(plan.contains(from), "{from}");
        room.write("changed.toml", plan.replacen(from, to, 1));
        room.write("verify", room.read("root-ca.pub"));
        for folder in ["new/er/stick", "empty"] {
            let folder = target.path(folder);
            let refused = run(script("prepare")
                .arg(&folder)
                .arg(room.path("changed.toml")));
            refused.exits(status).says(says);
            assert!(!target.has("new"), "{to}");
            let left: Vec<PathBuf> = fs::read_dir(target.path("empty"))
                .expect("it is still there")
                .map(|entry| entry.expect("an entry").path())
                .collect();
            assert!(left.is_empty(), "{to}: {left:?}");
        }
    }
    run(script("prepare")
        .arg(target.path("empty"))
        .arg(room.path("odd plan.toml")))
    .exits(0);
}

#[test]
fn a_plan_is_rehearsed_however_it_is_spelt() {
    let room = room_with_odd_plan();
    room.write("root plan.toml", room.root_plan().replace('\n', "\r\n"));
    let sandbox = Sandbox::new();
    let dir = sandbox.path("rehearsal");
    let plans = ["root plan.toml", "odd plan.toml"].map(|name| room.path(name));
    let here = PathBuf::from(program());
    let mut rehearse = script("rehearse");
    rehearse
        .current_dir(here.parent().expect("a folder"))
        .env("IR_SIGN", "./ir-sign")
        .arg(&dir)
        .args(&plans);
    run(&mut rehearse).exits(0);
    for name in [
        "root.transcript.html",
        "record of it.log.html",
        "signed/vendor-2.der",
    ] {
        assert!(dir.join(name).is_file(), "{name}");
    }
    // It differs from the ceremony's in nothing that matters.
    let rehearsed = dir.join("root.transcript").display().to_string();
    room.ir(&format!("ceremony diff root.transcript {rehearsed}"))
        .exits(0);
    // An endorsement by itself, with a root of its own, and two plans of one name.
    let alone = sandbox.path("alone");
    run(script("rehearse").arg(&alone).arg(&plans[1])).exits(0);
    assert!(alone.join("record of it.log").is_file());
    let both = sandbox.path("both");
    run(script("rehearse").arg(&both).args([&plans[1], &plans[1]]))
        .exits(1)
        .says("two plans are named odd plan.toml");
    assert!(!both.exists());
}

#[test]
fn the_files_of_a_plan_are_checked_without_a_token() {
    let room = room_with_odd_plan();
    let plan = room.path("odd plan.toml").display().to_string();
    let ir = |arguments: &[&str]| {
        let mut command = Command::new(program());
        command
            .current_dir(room.root())
            .env("PKCS11_MODULE_PATH", "/nowhere")
            .args(["ceremony", "check", &plan])
            .args(arguments);
        run(&mut command)
    };
    let listed = ir(&["--list"]).exits(0);
    assert_eq!(
        listed.stdout,
        format!(
            "plan\tceremony\tendorse-vendors\nplan\ttoken\t{}\nplan\tkey\troot-ca\n\
             input\troot\t./root-ca.pub\ninput\tpassport\troot-ca.passport\n\
             input\tvendor\tkeys/vendor-1 key\ninput\tvendor\tkeys/vendor-2 key\n\
             input\tvendor\tkeys/vendor-3 key\noutput\tendorsement\tsigned/vendor-1.der\n\
             output\tendorsement\tsigned/vendor-2.der\noutput\tendorsement\tsigned/vendor-3.der\n\
             output\ttranscript\trecord of it.log\n",
            room.token.label
        )
    );
    assert_eq!(
        ir(&["--list", "--json"]).exits(0).json()["named"][0]["name"],
        "endorse-vendors"
    );
    ir(&["--files"]).exits(3).says("signed/vendor-1.der");
    fs::create_dir(room.path("signed")).expect("a folder");
    let checked = ir(&["--files"])
        .exits(0)
        .says("ir-sign did not check the token");
    assert!(
        !checked.stderr.contains("everything matches the plan"),
        "{checked:?}"
    );
    let before = room.names();
    room.write("keys/vendor-2 key", "another");
    ir(&["--files"]).exits(1).says("its SHA-384 is");
    ir(&["--list"]).exits(0);
    ir(&["--list", "--files"]).exits(2);
    assert_eq!(room.names(), before);
}

#[test]
fn payloads_go_to_the_stick_are_rehearsed_and_signed_there_and_verified_with_openssl() {
    let room = Room::new();
    room.make_root();
    fs::create_dir_all(room.path("in")).expect("a folder");
    let plan = room.payloads_plan();
    let plan = PAYLOADS.iter().fold(plan, |plan, name| {
        fs::rename(room.path(name), room.path(format!("in/{name}"))).expect("moved");
        let plan = plan.replace(&format!("\"{name}\""), &format!("\"in/{name}\""));
        plan.replace(
            &format!("\"{name}.sigs\""),
            &format!("\"out/{name} of it\""),
        )
    });
    room.write("payloads.toml", plan);
    let listed = room.ir("ceremony check --list payloads.toml").exits(0);
    for line in [
        "plan\tceremony\tsign-payloads\n",
        "input\tpayload\tin/payload-2\n",
        "output\tsignatures\tout/payload-2 of it\n",
    ] {
        assert!(listed.stdout.contains(line), "{listed:?}");
    }
    let elsewhere = Sandbox::new();
    let stick = elsewhere.path("stick");
    let prepared = run(script("prepare")
        .arg(&stick)
        .arg(room.path("payloads.toml")));
    prepared
        .exits(0)
        .says("docker-reference: \"registry.example.com/app:1.0\"");
    assert!(stick.join("in/payload-3").is_file() && stick.join("out").is_dir());
    let day = run(room
        .token
        .command(stick.join("sign"))
        .env("PKCS11_MODULE_PATH", &room.token.module)
        .env("SKIP_HOST_CHECK", "1")
        .current_dir(&stick)
        .args(room.words("payloads.toml --unattended PIN")));
    day.exits(0).says("passed ceremony.payload-signed");
    let verify = || run(script("verify").arg(&stick).arg(room.path("root-ca.pub")));
    let verified = verify().exits(0);
    let end = "everything holds: 1 transcripts, 0 endorsements, 3 signed payloads";
    assert!(verified.stdout.contains(end), "{verified:?}");
    let count = verified.stdout.matches("Verified OK").count();
    assert_eq!(count, 6, "{verified:?}");
    fs::copy(
        stick.join("out/payload-1 of it"),
        stick.join("out/payload-2 of it"),
    )
    .expect("a copy");
    assert_ne!(verify().status, 0);
    // By themselves, with a root of their own.
    let dir = elsewhere.path("rehearsal");
    run(script("rehearse").arg(&dir).arg(room.path("payloads.toml"))).exits(0);
    let (rehearsed, real) = (
        dir.join("payloads.transcript"),
        stick.join("payloads.transcript"),
    );
    let mut diff = Command::new(program());
    diff.args(["ceremony", "diff"]).args([&rehearsed, &real]);
    let differs = run(&mut diff);
    assert!(!differs.stdout.contains("step sign:"), "{differs:?}");
}
