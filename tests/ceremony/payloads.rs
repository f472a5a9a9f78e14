//! Payloads of cosign's that a ceremony signs: from `cosign generate` to `cosign verify`.

use std::fs;

use faulty_module::log::Log;
use harness::distribution::Distribution;
use harness::peers::{cosign25, cosign31};
use harness::terminal::Answer;
use harness::tokens::{Fixture, Kind};
use serde_json::{Value, json};

use crate::forged::{Forgery, sha384, unchanged};
use crate::people::{agreed, run_plan};
use crate::room::{PAYLOADS, Room};

const CHECK: &str = "ceremony check payloads.toml PIN";
const RUN: &str = "ceremony run payloads.toml --unattended PIN";
const VERIFY: &str = "ceremony verify payloads.transcript -c root-ca.pub";

/// A room with a root key, payloads, and the plan that has them signed.
fn room() -> Room {
    let room = Room::new();
    room.make_root();
    room.write("payloads.toml", room.payloads_plan());
    room
}

fn plan(room: &Room) -> String {
    String::from_utf8(room.read("payloads.toml")).expect("text")
}

fn signatures(room: &Room) -> Vec<Option<Vec<u8>>> {
    let read = |name| fs::read(room.path(format!("{name}.sigs"))).ok();
    PAYLOADS.map(read).to_vec()
}

#[test]
fn payloads_are_generated_signed_in_a_ceremony_attached_and_verified() {
    let room = Room::new();
    room.make_root();
    let registry = Distribution::start(room.root(), "", "");
    let image = format!("{}/team/app:1", registry.host());
    harness::unpack("multi", &room.path("multi"));
    let ir = |arguments: &str| room.ir(&arguments.replace("IMAGE", &image));
    ir("copy oci:multi:multi docker://IMAGE").exits(0);
    ir("cosign generate -a team=blue --output-file payload-1 IMAGE").exits(0);
    ir("cosign generate --output-file payload-2 IMAGE").exits(0);
    ir("cosign generate --new-bundle-format=true --output-file payload-3 IMAGE").exits(0);
    room.write("payloads.toml", room.payloads_plan());
    let digest = ir("cosign generate IMAGE").exits(0).stdout;
    let digest: Value = serde_json::from_str(&digest).expect("JSON");
    let digest = digest["critical"]["image"]["docker-manifest-digest"]
        .as_str()
        .expect("a digest");
    let checked = room
        .ir(CHECK)
        .exits(0)
        .says("sign payload payload-1, and write payload-1.sigs; it says")
        .says(&format!("  image: {digest}"))
        .says(&format!("  docker-reference: \"{image}\""))
        .says("  annotation \"team\": \"blue\"")
        .says("  predicateType: \"https://sigstore.dev/cosign/sign/v1\"")
        .says(&format!("  subject's digest: {digest}"));
    assert!(checked.stderr.contains("everything matches the plan"));
    assert!(!room.has("payloads.transcript"), "a check writes nothing");
    room.ir(&CHECK.replace("PIN", "--files")).exits(0);
    room.ir(RUN).exits(0);
    room.ir(VERIFY)
        .exits(0)
        .says("passed ceremony.payloads: 3 payloads")
        .says("passed ceremony.payload-signed: ");
    for payload in PAYLOADS {
        assert!(room.payload_is_signed(payload), "{payload}");
    }
    for (payload, form) in [("payload-1", "false"), ("payload-3", "true")] {
        let verify = format!("cosign verify --key root-ca.pub --new-bundle-format={form} IMAGE");
        assert_ne!(ir(&verify).status, 0);
        ir(&format!(
            "cosign attach signature --payload {payload} --signature {payload}.sigs --key root-ca.pub IMAGE"
        ))
        .exits(0);
        ir(&verify).exits(0);
    }
    // cosign wants PEM.
    room.openssl("pkey -pubin -inform DER -in root-ca.pub -out root-ca.pem");
    for cosign in [cosign25(), cosign31()].into_iter().flatten() {
        let mut cosign = cosign;
        cosign.current_dir(room.root()).args([
            "verify",
            "--key",
            "root-ca.pem",
            "--insecure-ignore-tlog=true",
            "--allow-http-registry",
            &image,
        ]);
        harness::Run::of(&mut cosign).exits(0);
    }
}

#[test]
fn people_see_all_that_a_payload_says_before_they_confirm() {
    let room = room();
    let all: Vec<_> = (0..4).flat_map(|_| agreed()).collect();
    let done = run_plan(&room, "payloads.toml", &all);
    let screen = done.run.expect("not killed").exits(0).stderr;
    let payload: Value = serde_json::from_slice(&room.read("payload-2")).expect("JSON");
    let digest = &payload["critical"]["image"]["docker-manifest-digest"];
    let digest = digest.as_str().expect("a digest");
    let at = |text: &str| {
        let at = screen.find(text);
        at.unwrap_or_else(|| panic!("{text}: {screen}"))
    };
    let shown = at("payload payload-2 says");
    let asked = at("step sign:payload-2: sign payload payload-2 with the root key");
    assert!(shown < asked, "{screen}");
    let part = &screen[shown..asked];
    for says in [
        &format!("  image: {digest}\n"),
        "  docker-reference: \"registry.example.com/app:1.0\"\n",
        "  annotation \"team\": \"blue\"\n",
    ] {
        assert!(part.contains(says), "{says}: {part}");
    }
    // In digits for reading along, with words beside them.
    let digits = &digest["sha256:".len()..];
    assert!(part.contains(&format!("    {} {}", &digits[..4], &digits[4..8])));
    // The run shows it before anybody confirms, and does nothing without a confirmation.
    let other = self::room();
    let stopped = run_plan(
        &other,
        "payloads.toml",
        &[(agreed()[0].0, Answer::Type(b"No\n"))],
    );
    let stopped = stopped.run.expect("not killed").exits(1);
    assert!(stopped.stderr.contains("payload payload-1 says"));
    assert!(!stopped.stderr.contains("payload payload-2 says"));
    assert_eq!(signatures(&other), [None, None, None]);
    room.ir(VERIFY).exits(0);
    room.ir("ceremony report payloads.transcript").exits(0);
    for page in ["payloads.transcript.md", "payloads.transcript.html"] {
        let page = String::from_utf8(room.read(page)).expect("text");
        for says in [
            "Payload payload-2",
            digest,
            "registry.example.com/app:1.0",
            "team",
            "Payload payload-3",
            "https://sigstore.dev/cosign/sign/v1",
            "sign payload payload-1 under SHA-256 and under SHA-384",
        ] {
            assert!(page.contains(says), "{says}: {page}");
        }
    }
}

/// Plans whose members do not go together: the exit status, and the reason.
fn of_wrong_members(room: &Room, good: &str) -> [(String, i32, &'static str); 5] {
    let key = "[key]\nlabel = \"root-ca\"\n";
    [
        (
            good.replace("sign-payloads", "endorse-vendors"),
            2,
            "only a sign-payloads ceremony has payloads",
        ),
        (
            room.root_plan().replace("root-key", "sign-payloads"),
            2,
            "only a root-key or a root-certificate ceremony has outputs.public",
        ),
        (
            good[..good.find("[[payloads]]").expect("payloads")].to_owned()
                + "[outputs]\ntranscript = \"t\"\n",
            2,
            "a sign-payloads ceremony needs payloads",
        ),
        (
            good.replace("signature = \"payload-1.sigs\"\n", ""),
            2,
            "missing field `signature`",
        ),
        (
            good.replace(key, &format!("{key}mechanism = \"CKM_ECDSA_SHA384\"\n")),
            2,
            "makes no signature under SHA-256",
        ),
    ]
}

#[test]
fn a_plan_of_payloads_that_cannot_be_signed_is_refused_before_the_pin() {
    let room = room();
    let good = plan(&room);
    let one = room.sha384("payload-1");
    room.write("payload-4", room.read("payload-1"));
    for (bytes, name) in [
        (&b"{}"[..], "no-payload"),
        (&b"{\"_type\":\"x\"}"[..], "no-statement"),
    ] {
        room.write(name, bytes);
    }
    room.write("long", vec![b' '; 64 * 1024 + 1]);
    std::os::unix::fs::symlink("payload-2", room.path("link")).expect("a link");
    let of = |name: &str| {
        good.replacen("payload-1\"", &format!("{name}\""), 1)
            .replace(&one, &room.sha384(name))
    };
    let of_files = [
        (
            good.replace(&one, &"0".repeat(96)),
            1,
            "payload payload-1: its SHA-384 is ",
        ),
        (
            good.replacen("payload-2\"", "payload-1\"", 1),
            2,
            "payloads payload-1 and payload-1 are the same",
        ),
        (
            good.replacen("payload-2\"", "./payload-1\"", 1),
            2,
            "payloads payload-1 and ./payload-1 are the same",
        ),
        (
            of("payload-4")
                .replacen("payload-2\"", "payload-1\"", 1)
                .replace(&room.sha384("payload-2"), &one),
            2,
            "are the same: each may be signed only once",
        ),
        (of("link"), 2, "are the same: each may be signed only once"),
        (
            good.replace("payload-2.sigs", "payload-1.sigs"),
            2,
            "payload-1.sigs is named twice",
        ),
        (
            good.replace("payload-2.sigs", "payload-1.SIGS"),
            2,
            "differ only in case",
        ),
        (
            good.replace("payload-2.sigs", "payload-3"),
            2,
            "payload-3 is named twice",
        ),
        (
            good.replace("payload-2.sigs", "link"),
            1,
            "link: it already exists",
        ),
        (
            good.replace("payload-2.sigs", "../sigs"),
            2,
            "is outside the plan's folder",
        ),
        (
            good.replace("payload-2.sigs", "payload-4"),
            1,
            "signatures payload-4: it already exists",
        ),
        (
            of("no-payload"),
            1,
            "payload no-payload: it is not a payload of a cosign signature",
        ),
        (
            of("no-statement"),
            1,
            "payload no-statement: it is not an in-toto statement",
        ),
        (of("long"), 1, "payload long: larger than 65536 bytes"),
    ];
    for (plan, status, says) in of_files.into_iter().chain(of_wrong_members(&room, &good)) {
        room.write("payloads.toml", &plan);
        for command in [CHECK, RUN] {
            let (run, planned) = room.planned("", command);
            run.expect("not killed").exits(status).says(says);
            let log = Log::read(&planned.log).map_or(0, |log| log.attempts().count());
            assert_eq!(log, 0, "{says}: a PIN was sent");
        }
        assert!(!room.has("payloads.transcript"), "{says}");
        room.ir(&CHECK.replace("PIN", "--files"))
            .exits(status)
            .says(says);
    }
    assert_eq!(signatures(&room), [None, None, None]);
    room.write("payloads.toml", of("long"));
    room.ir(CHECK)
        .exits(1)
        .says("hint: the transcript holds each payload whole");
}

#[test]
fn signatures_that_are_there_and_hold_are_kept() {
    let room = room();
    let uri = room.token.uri("root-ca");
    let sign = format!(
        "cosign sign --key {uri} PIN --payload payload-2 --output-signature payload-2.sigs"
    );
    let signed = room.ir(&sign.replace(&uri, &uri.replace(' ', "%20")));
    signed.exits(0);
    let before = room.read("payload-2.sigs");
    // The run would not write half of them, or another order.
    let text = String::from_utf8(before.clone()).expect("text");
    let (first, second) = text.trim_end().split_once('\n').expect("two lines");
    for other in [
        format!("{first}\n"),
        format!("{second}\n{first}\n"),
        format!("{first}\n{second}"),
        format!("{text}\n"),
    ] {
        room.write("payload-2.sigs", other);
        room.ir(CHECK)
            .exits(1)
            .says("signatures payload-2.sigs: it already exists");
    }
    room.write("payload-2.sigs", &before);
    room.ir(RUN)
        .exits(0)
        .says("keeping the existing signatures");
    assert_eq!(room.read("payload-2.sigs"), before);
    room.ir(VERIFY).exits(0);
    for payload in PAYLOADS {
        assert!(room.payload_is_signed(payload), "{payload}");
    }
}

#[test]
fn a_payloads_ceremony_interrupted_at_each_line_or_signature_is_gone_on_with() {
    let room = room();
    room.ir(RUN).exits(0);
    let text = String::from_utf8(room.read("payloads.transcript")).expect("text");
    let whole = signatures(&room);
    let all = text.lines().count();
    for lines in 0..all {
        let kept: String = text.split_inclusive('\n').take(lines).collect();
        // A run that ended there had written the files of these lines, and at most one more.
        for (name, bytes) in PAYLOADS.iter().zip(&whole) {
            let path = room.path(format!("{name}.sigs"));
            let _ = fs::remove_file(&path);
            if kept.contains(&format!("\"result\",\"step\":\"sign:{name}\"")) {
                fs::write(&path, bytes.as_ref().expect("it was signed")).expect("written");
            }
        }
        room.write("payloads.transcript", &kept);
        let before = signatures(&room);
        if lines > 0 {
            room.ir(VERIFY)
                .exits(1)
                .says("missing the transcript is signed");
        }
        room.ir(RUN).exits(0);
        for (before, after) in before.iter().zip(signatures(&room)) {
            assert!(before.is_none() || *before == after, "{lines}");
        }
        room.ir(VERIFY).exits(0);
        assert!(
            PAYLOADS.iter().all(|name| room.payload_is_signed(name)),
            "{lines}"
        );
    }
    // The token fails at each signature: two of each payload, and the transcript's.
    for n in 1..=7 {
        for name in PAYLOADS {
            fs::remove_file(room.path(format!("{name}.sigs"))).expect("removed");
        }
        fs::remove_file(room.path("payloads.transcript")).expect("removed");
        let (run, _) = room.planned(&format!("C_Sign@{n}=CKR_GENERAL_ERROR"), RUN);
        run.expect("not killed").exits(3);
        let before = signatures(&room);
        room.ir(RUN).exits(0);
        for (before, after) in before.iter().zip(signatures(&room)) {
            assert!(before.is_none() || *before == after, "{n}");
        }
        room.ir(VERIFY).exits(0);
    }
}

/// Another payload, with its content and the root's signatures of it, in the lines of a step.
fn other_payload(forgery: &mut Forgery<'_>, from: &str, to: &str) {
    for event in ["intent", "result"] {
        let source = forgery.find(event, from).clone();
        let line = forgery.find(event, to);
        for name in ["payload", "says", "signatures"] {
            if !line[name].is_null() {
                line[name] = source[name].clone();
            }
        }
    }
    let output = |step: &str| step.replace("sign:", "output:") + ".sigs";
    let digest = forgery.find("output", &output(from))["sha384"].clone();
    forgery.find("output", &output(to))["sha384"] = digest;
}

#[test]
fn a_forged_transcript_with_other_payloads_than_the_plans_is_refused() {
    let room = room();
    room.ir(RUN).exits(0);
    let signed = unchanged(&room, "payloads.transcript");
    let payloads = "ceremony.payloads";
    let step = "sign:payload-1";
    signed.forge(payloads, "its payload is not the plan's", |f| {
        other_payload(f, "sign:payload-2", step);
    });
    let other = json!("sha256:".to_owned() + &"0".repeat(64));
    for event in ["intent", "result"] {
        signed.forge(payloads, "something else than the run showed", |f| {
            f.find(event, step)["says"]["image"] = other.clone();
        });
        signed.forge(payloads, "something else than the run showed", |f| {
            f.find(event, step)["says"]["reference"] = "registry.example.com/other:1.0".into();
        });
        signed.forge(payloads, "something else than the run showed", |f| {
            f.find(event, "sign:payload-2")["says"]["annotations"] = Value::Null;
        });
        signed.forge(payloads, "something else than the run showed", |f| {
            f.find(event, "sign:payload-3")["says"]["subjects"] = json!([]);
        });
        signed.forge("ceremony.shape", "it has no payload", |f| {
            f.find(event, step)
                .as_object_mut()
                .expect("members")
                .remove("payload");
        });
    }
    let of = |line: &Value| {
        [step, "output:payload-1.sigs"]
            .map(Value::from)
            .contains(&line["step"])
    };
    signed.forge(payloads, "the run did not sign the plan's payload", |f| {
        f.lines.retain(|line| !of(line));
    });
    signed.forge(payloads, "the plan names no such payload", |f| {
        let digest = room.sha384("payload-1");
        let part = format!("[[payloads]]\nfile = \"payload-1\"\nsha384 = \"{digest}\"\nsignature = \"payload-1.sigs\"\n\n");
        f.replan(&part, "");
    });
    signed.forge(payloads, "its payload is not the plan's", |f| {
        let digest = room.sha384("payload-1");
        f.replan(&digest, &sha384("another payload"));
    });
}

#[test]
fn signatures_of_payloads_that_the_root_key_did_not_make_fail() {
    let room = room();
    room.ir(RUN).exits(0);
    let signed = unchanged(&room, "payloads.transcript");
    let rule = "ceremony.payload-signed";
    let says = "not by the root key over the payload";
    let all = |f: &mut Forgery<'_>, change: &dyn Fn(&mut Vec<Value>)| {
        let list = f.find("result", "sign:payload-1")["signatures"].as_array_mut();
        change(list.expect("a list"));
    };
    signed.forge(rule, says, |f| all(f, &|list| list.swap(0, 1)));
    signed.forge(rule, says, |f| all(f, &|list| list.truncate(1)));
    signed.forge(rule, says, |f| all(f, &|list| list.push(list[0].clone())));
    signed.forge(rule, "it holds no payload or no signatures", |f| {
        all(f, &|list| list[0] = json!(1));
    });
    // A statement's signature is over its encoding, and never over its text.
    signed.forge(rule, says, |f| {
        let text = room.read("payload-3");
        let made = f.sign(&text);
        f.find("result", "sign:payload-3")["signatures"][1] = made.into();
    });
    // The files beside the transcript are the ones that were made.
    let file = room.read("payload-2.sigs");
    room.write("payload-1.sigs", file);
    room.ir(VERIFY).exits(1).says("FAILED ceremony.outputs");
}

#[test]
fn the_rehearsal_of_payloads_differs_in_signatures_alone() {
    let (room, other) = (room(), room());
    room.ir(RUN).exits(0);
    other.ir(RUN).exits(0);
    let path = other.path("payloads.transcript");
    let diff = format!("ceremony diff payloads.transcript {}", path.display());
    room.ir(&diff).exits(0);
    let generate = "cosign generate --sign-container-identity registry.example.com/app:2.0";
    fs::remove_file(other.path("payload-1")).expect("removed");
    other
        .ir(&format!(
            "{generate} --output-file payload-1 oci:registry/hello:latest"
        ))
        .exits(0);
    other.write("payloads.toml", other.payloads_plan());
    fs::remove_file(&path).expect("removed");
    for name in PAYLOADS {
        fs::remove_file(other.path(format!("{name}.sigs"))).expect("removed");
    }
    other.ir(RUN).exits(0);
    let differs = room.ir(&diff).exits(1);
    assert!(
        differs
            .stdout
            .contains("step sign:payload-1, intent: payload is "),
        "{differs:?}"
    );
    assert!(
        differs.stdout.contains("registry.example.com/app:2.0"),
        "{differs:?}"
    );
    assert!(
        !differs.stdout.contains("step sign:payload-2"),
        "{differs:?}"
    );
}

/// The plan of the page on ceremonies, for a token and with the digests of the files that it names.
fn plan_of_the_page(room: &Room) -> String {
    let page = fs::read_to_string(harness::top().join("docs/ceremony.md")).expect("the page");
    let mut blocks = page.split("```toml\n").skip(1);
    let block = blocks.find(|block| block.starts_with("ceremony = \"sign-payloads\""));
    let block = block.and_then(|block| block.split("```").next());
    let mut file = String::new();
    let lines = block.expect("a whole plan").lines().map(|line| {
        let value = line.split('"').nth(1).unwrap_or_default();
        match line.split(" = ").next().unwrap_or_default() {
            "title" => format!("{line}\nrehearsal = true"),
            "label" if value == "ROOT" => format!("label = \"{}\"", room.token.label),
            "serial" => format!("serial = \"{}\"", room.serial()),
            "file" => {
                value.clone_into(&mut file);
                line.to_owned()
            }
            "sha384" => format!("sha384 = \"{}\"", room.sha384(&file)),
            _ => line.to_owned(),
        }
    });
    lines.map(|line| line + "\n").collect()
}

#[test]
fn the_plan_of_the_page_is_held_on_softhsm_and_kryoptic() {
    for token in Fixture::all() {
        if ![Kind::SoftHsm, Kind::Kryoptic].contains(&token.kind) {
            continue;
        }
        let room = Room::with(token);
        room.make_root();
        harness::unpack("umoci", &room.path("registry/hello"));
        let image = "oci:registry/hello:latest";
        room.ir(&format!(
            "cosign generate --sign-container-identity registry.example.com/app:1.0 --output-file app.json {image}"
        ))
        .exits(0);
        room.write("payloads.toml", plan_of_the_page(&room));
        room.ir(CHECK).exits(0);
        room.ir(RUN).exits(0);
        room.ir(VERIFY)
            .exits(0)
            .says("passed ceremony.payload-signed: ");
        room.ir(&format!(
            "cosign attach signature --payload app.json --signature app.sigs --key root-ca.pub {image}"
        ))
        .exits(0);
        room.ir(&format!("cosign verify --key root-ca.pub {image}"))
            .exits(0);
    }
}
