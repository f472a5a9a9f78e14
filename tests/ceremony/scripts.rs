//! The scripts around the program, and the example that is committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Run, Sandbox, program};

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ceremony")
}

fn run(command: &mut Command) -> Run {
    command
        .env("IR_SIGN", program())
        .output()
        .expect("it starts")
        .into()
}

fn script(name: &str, arguments: &[&str]) -> Run {
    run(Command::new(scripts().join(name)).args(arguments))
}

#[test]
fn the_example_holds_and_its_pages_are_what_is_written_today() {
    let example = scripts().join("example");
    let sandbox = Sandbox::new();
    for entry in fs::read_dir(&example).expect("the example") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, sandbox.path(path.file_name().expect("a name"))).expect("a copy");
    }
    for name in ["root", "endorse"] {
        let transcript = format!("{name}.transcript");
        sandbox
            .run(&format!("ceremony verify {transcript} -c root-ca.pub"))
            .exits(0);
        // The script keeps pages that are already right, and refuses others.
        sandbox
            .run(&format!("ceremony report {transcript} -c root-ca.pub"))
            .exits(0);
    }
    sandbox
        .run("ceremony diff root.transcript root.transcript")
        .exits(0);
    let root = example.join("root-ca.pub");
    let verified = script(
        "verify",
        &[&example.to_string_lossy(), &root.to_string_lossy()],
    );
    assert!(verified.exits(0).stdout.contains("everything holds"));
}

#[test]
fn a_rehearsal_leaves_everything_and_plans_are_rehearsed_as_they_are() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path("rehearsal").display().to_string();
    script("rehearse", &[&dir]).exits(0);
    let mut wanted = vec!["root-ca.pub".to_owned(), "root-ca.passport".to_owned()];
    for n in 1..=3 {
        wanted.extend([format!("vendor-{n}.pub"), format!("vendor-{n}.pub.sig")]);
    }
    for name in ["root", "endorse"] {
        wanted.extend(["", ".md", ".html"].map(|ending| format!("{name}.transcript{ending}")));
    }
    for name in &wanted {
        assert!(Path::new(&dir).join(name).is_file(), "{name}");
    }
    script("rehearse", &[&dir]).exits(1).says("is not empty");
    script(
        "rehearse",
        &[&sandbox.path("x").display().to_string(), "/nowhere.toml"],
    )
    .exits(3);
    // A changed file is found by the verifying script.
    let signature = Path::new(&dir).join("vendor-2.pub.sig");
    let right = fs::read(&signature).expect("it is there");
    fs::copy(Path::new(&dir).join("vendor-1.pub.sig"), &signature).expect("a copy");
    let root = format!("{dir}/root-ca.pub");
    assert_ne!(script("verify", &[&dir, &root]).status, 0);
    fs::write(&signature, right).expect("written");
    script("verify", &[&dir, &root]).exits(0);

    // A plan with only an endorsement, and a root of its own, differs in nothing that matters.
    let again = sandbox.path("again").display().to_string();
    script("rehearse", &[&again, &format!("{dir}/endorse.toml")]).exits(0);
    let transcripts = [&dir, &again].map(|dir| format!("{dir}/endorse.transcript"));
    run(Command::new(program()).args(["ceremony", "diff", &transcripts[0], &transcripts[1]]))
        .exits(0);

    // The stick has what the plan needs, and its checksums hold.
    let stick = sandbox.path("stick");
    script(
        "prepare",
        &[&stick.to_string_lossy(), &format!("{dir}/endorse.toml")],
    )
    .exits(0);
    for name in [
        "ir-sign",
        "endorse.toml",
        "vendor-1.pub",
        "root-ca.passport",
        "vendor",
        "host-check",
        "RUNBOOK.txt",
    ] {
        assert!(stick.join(name).is_file(), "{name}");
    }
    run(Command::new("sha384sum")
        .args(["--check", "--quiet", "SHA384SUMS"])
        .current_dir(&stick))
    .exits(0);
    let book = fs::read_to_string(stick.join("RUNBOOK.txt")).expect("a runbook");
    assert!(
        book.contains("GO TO 7") && book.contains("./vendor endorse.toml"),
        "{book}"
    );

    // From the stick, on the day: the same token, and nobody at the terminal.
    let token = Path::new(&dir).join("token");
    let day = |more: &[&str]| {
        let mut command = Command::new(stick.join("vendor"));
        command
            .env("SOFTHSM2_CONF", token.join("softhsm2.conf"))
            .env(
                "PKCS11_MODULE_PATH",
                run(&mut Command::new(
                    scripts().join("../../softhsm/find-module"),
                ))
                .stdout
                .trim(),
            )
            .env("SKIP_HOST_CHECK", "1")
            .current_dir(&stick)
            .arg("endorse.toml")
            .arg(format!("--pin-source=file:{}", token.join("pin").display()))
            .args(more);
        run(&mut command)
    };
    day(&["--unattended"])
        .exits(0)
        .says("passed ceremony.endorsed");
    assert!(stick.join("endorse.transcript.html").is_file());
    assert_ne!(day(&["--unattended"]).status, 0, "it is complete");
    assert_eq!(
        run(Command::new(stick.join("vendor")).arg(format!("{dir}/root.toml"))).status,
        2
    );
}

/// A machine of files: what `/proc` and `/sys` would say.
fn machine(sandbox: &Sandbox, changes: &[(&str, &str)]) -> String {
    let root = sandbox.path("machine");
    let _ = fs::remove_dir_all(&root);
    let fit = [
        ("sys/class/net/lo/flags", "0x9\n"),
        ("sys/class/net/eth0/flags", "0x1002\n"),
        ("proc/swaps", "Filename Type Size Used Priority\n"),
        (
            "proc/self/limits",
            "Limit Soft Hard Units\nMax core file size        0   unlimited   bytes\n",
        ),
        ("proc/sys/kernel/core_pattern", "core\n"),
        ("proc/sys/kernel/random/entropy_avail", "256\n"),
        (
            "proc/mounts",
            "/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\n",
        ),
    ];
    for (name, text) in fit.iter().chain(changes) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }
    root.display().to_string()
}

#[test]
fn the_host_check_finds_what_is_not_as_it_should_be() {
    let sandbox = Sandbox::new();
    let check = |changes: &[(&str, &str)]| {
        let root = machine(&sandbox, changes);
        run(Command::new(scripts().join("host-check")).env("HOST_CHECK_ROOT", root))
    };
    let fit = check(&[]).exits(0);
    assert!(
        !fit.stdout.contains("FAIL") && fit.stdout.contains("writable: /"),
        "{fit:?}"
    );
    for (name, text, says) in [
        (
            "sys/class/net/eth0/flags",
            "0x1003\n",
            "network interfaces are up: eth0",
        ),
        (
            "proc/swaps",
            "Filename\n/dev/sda2 partition 1 0 -2\n",
            "swap is on",
        ),
        (
            "proc/self/limits",
            "Limit\nMax core file size        unlimited   unlimited   bytes\n",
            "core dumps of up to unlimited",
        ),
        (
            "proc/sys/kernel/core_pattern",
            "|/usr/lib/dumper\n",
            "gives core dumps to a program",
        ),
        (
            "proc/sys/kernel/random/entropy_avail",
            "12\n",
            "too little entropy: 12 bits",
        ),
        (
            "proc/mounts",
            "host:/x /mnt nfs4 rw 0 0\n",
            "file systems of other machines are mounted: /mnt",
        ),
    ] {
        let bad = check(&[(name, text)]).exits(1);
        assert!(bad.stdout.contains(says), "{bad:?}");
        assert_eq!(bad.stdout.matches("FAIL").count(), 1, "{bad:?}");
    }
}
