//! Certificates and CRLs that a root key signs in ceremonies: from the root's own to the one that is revoked.

use std::fs;
use std::path::Path;
use std::process::Command;

use faulty_module::log::Log;
use harness::tokens::{Fixture, Kind};
use harness::{Run, Sandbox, program};
use serde_json::{Value, json};

use crate::forged::{Forgery, sha384, unchanged};
use crate::people::{agreed, run_plan};
use crate::room::{REQUESTS, Room};

fn run(plan: &str) -> String {
    format!("ceremony run {plan}.toml --unattended PIN")
}

fn verify(plan: &str) -> String {
    format!("ceremony verify {plan}.transcript -c root-ca.pub")
}

/// A room with a root that has a certificate, and the plan that issues two more.
fn room_of_ca() -> Room {
    let room = Room::new();
    room.make_ca();
    room.write("issue.toml", room.issue_plan());
    room
}

/// A room in which two certificates are issued, and the plan that revokes one.
fn room_of_issued() -> Room {
    let room = room_of_ca();
    room.ir(&run("issue")).exits(0);
    room.write("revoke.toml", room.revoke_plan());
    room
}

fn text(room: &Room, name: &str) -> String {
    String::from_utf8(room.read(name)).expect("text")
}

fn openssl(room: &Room, arguments: &str) -> String {
    String::from_utf8(room.openssl(arguments)).expect("text")
}

#[track_caller]
fn says(text: &str, all: &[&str]) {
    for part in all {
        assert!(text.contains(part), "{part}: {text}");
    }
}

fn a_pki_from_its_root_to_a_crl_on(token: Fixture) {
    let room = Room::with(token);
    room.write("ca.toml", room.certificate_plan());
    room.ir("ceremony check ca.toml PIN")
        .exits(0)
        .says("sign the root's own certificate, of C=PT, ST=Lisboa, O=Example, CN=Example Root, valid from 2026-01-01T00:00:00Z to 2045-12-31T23:00:00Z, and write");
    room.make_ca();
    let made = openssl(&room, "x509 -in root-ca.pem -noout -text");
    says(
        &made,
        &[
            "Issuer: C = PT, ST = Lisboa, O = Example, CN = Example Root",
            "Subject: C = PT, ST = Lisboa, O = Example, CN = Example Root",
            "Not Before: Jan  1 00:00:00 2026 GMT",
            "Not After : Dec 31 23:00:00 2045 GMT",
            "CA:TRUE, pathlen:1",
            "Certificate Sign, CRL Sign",
            "ecdsa-with-SHA384",
        ],
    );
    let of_certificate = room.openssl("x509 -in root-ca.pem -noout -pubkey -outform DER");
    room.write("key.pem", of_certificate);
    assert_eq!(
        room.openssl("pkey -pubin -in key.pem -pubout -outform DER"),
        room.read("root-ca.pub")
    );
    room.write("issue.toml", room.issue_plan());
    room.ir("ceremony check issue.toml PIN")
        .exits(0)
        .says("sign a certificate for request ca-1.csr, and write")
        .says("  subject: C=PT, ST=Lisboa, O=Example, CN=ca-1")
        .says("  profile: CA: no CA may follow below it")
        .says("  profile: signer: it signs code, and no certificates")
        .says("  key: EC P-384");
    assert!(!room.has("issue.transcript"), "a check writes nothing");
    room.ir("ceremony check issue.toml --files").exits(0);
    room.ir(&run("issue")).exits(0);
    for (name, _) in REQUESTS {
        let verified = format!("verify -x509_strict -CAfile root-ca.pem {name}.pem");
        says(&openssl(&room, &verified), &[&format!("{name}.pem: OK")]);
        let shown = openssl(&room, &format!("x509 -in {name}.pem -noout -text"));
        says(&shown, &["URI:http://crl.example.com/root.crl"]);
    }
    room.write("revoke.toml", room.revoke_plan());
    room.ir("ceremony check revoke.toml PIN")
        .exits(0)
        .says("sign a CRL, and write")
        .says("  number: 01")
        .says("  revoked: serial 0abc at 2026-03-01T00:00:00Z");
    room.ir(&run("revoke")).exits(0);
    let crl = openssl(&room, "crl -in root.crl -noout -text");
    says(&crl, &["Key Compromise", "Serial Number: 0ABC"]);
    let revoked = room.shell(
        "openssl verify -crl_check -CAfile root-ca.pem -CRLfile root.crl signer-1.pem 2>&1",
        "",
    );
    assert!(revoked.status != 0 && revoked.stdout.contains("certificate revoked"));
    says(
        &openssl(
            &room,
            "verify -crl_check -CAfile root-ca.pem -CRLfile root.crl ca-1.pem",
        ),
        &["OK"],
    );
    // The next list keeps what the first one has.
    let more = room
        .revoke_plan()
        .replace("2026-03-01", "2026-04-01")
        .replace("root.crl", "next.crl")
        .replace("revoke.transcript", "next.transcript");
    let revocations = more.find("[[revocations]]").expect("revocations");
    let outputs = more.find("[outputs]").expect("outputs");
    let previous = format!(
        "[crl.previous]\nfile = \"root.crl\"\nsha384 = \"{}\"\n\n",
        room.sha384("root.crl")
    );
    let more = format!("{}{previous}{}", &more[..revocations], &more[outputs..]);
    room.write("next.toml", more);
    room.ir(&run("next")).exits(0);
    let crl = openssl(&room, "crl -in next.crl -noout -text");
    says(
        &crl,
        &[
            "Key Compromise",
            "Serial Number: 0ABC",
            "Mar  1 00:00:00 2026",
        ],
    );
    for plan in ["ca", "issue", "revoke", "next"] {
        room.ir(&verify(plan))
            .exits(0)
            .says("passed ceremony.certificates")
            .says("passed ceremony.certificate-signed");
    }
}

#[test]
fn a_pki_is_made_from_its_root_to_a_crl() {
    a_pki_from_its_root_to_a_crl_on(Fixture::softhsm());
}

#[test]
fn a_pki_is_made_from_its_root_to_a_crl_on_kryoptic() {
    if let Some(token) = Fixture::of(Kind::Kryoptic) {
        a_pki_from_its_root_to_a_crl_on(token);
    }
}

#[test]
fn people_see_subject_profile_and_fingerprint_before_they_confirm() {
    let room = room_of_ca();
    let all: Vec<_> = (0..3).flat_map(|_| agreed()).collect();
    let done = run_plan(&room, "issue.toml", &all);
    let screen = done.run.expect("not killed").exits(0).stderr;
    let at = |text: &str| {
        let at = screen.find(text);
        at.unwrap_or_else(|| panic!("{text}: {screen}"))
    };
    let shown = at("step issue:signer-1.csr signs this:");
    let asked = at("step issue:signer-1.csr: sign the certificate for request signer-1.csr");
    assert!(shown < asked, "{screen}");
    let part = &screen[shown..asked];
    let key = room.shell(
        "openssl req -in signer-1.csr -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum",
        "",
    );
    let digest = &key.stdout[..64];
    says(
        part,
        &[
            "  subject: C=PT, ST=Lisboa, O=Example, CN=signer-1\n",
            "  issuer: C=PT, ST=Lisboa, O=Example, CN=Example Root\n",
            "  profile: signer: it signs code, and no certificates\n",
            &format!("  sha256: {digest}\n"),
            "  not-before: 2026-02-01T00:00:00Z\n",
            "  crl-url: http://crl.example.com/root.crl\n",
            // In digits for reading along, with words beside them.
            &format!("    {} {}", &digest[..4], &digest[4..8]),
        ],
    );
    let serial = part.split("  serial: ").nth(1).expect("a serial");
    let serial = &serial[..32];
    let issued = openssl(&room, "x509 -in signer-1.pem -noout -serial");
    assert_eq!(issued.trim().to_lowercase(), format!("serial={serial}"));
    room.ir("ceremony report issue.transcript").exits(0);
    for page in ["issue.transcript.md", "issue.transcript.html"] {
        says(
            &text(&room, page),
            &[
                "Certificate for signer-1.csr",
                "sign a certificate for request ca-1.csr",
                serial,
                digest,
            ],
        );
    }
}

/// The certificate of a transcript's line, changed by openssl's own CA or by hand, with a signature of the root.
fn certificate_in(forgery: &mut Forgery<'_>, step: &str) -> String {
    let line = forgery.find("result", step);
    line["certificate"].as_str().expect("a text").to_owned()
}

#[test]
fn a_forged_transcript_with_other_certificates_than_the_plans_is_refused() {
    let room = room_of_ca();
    room.ir(&run("issue")).exits(0);
    let issued = unchanged(&room, "issue.transcript");
    let certificates = "ceremony.certificates";
    let (one, two) = ("issue:ca-1.csr", "issue:signer-1.csr");
    // The certificate of the other request, with the output that follows from it.
    issued.forge(
        certificates,
        "it is not what the plan and its inputs give",
        |f| {
            let other = certificate_in(f, two);
            f.find("result", one)["certificate"] = other.into();
            let digest = f.find("output", "output:signer-1.pem")["sha384"].clone();
            f.find("output", "output:ca-1.pem")["sha384"] = digest;
        },
    );
    issued.forge(certificates, "it announces other bytes", |f| {
        let other = f.find("intent", two)["tbs"].clone();
        f.find("intent", one)["tbs"] = other;
    });
    for event in ["intent", "result"] {
        issued.forge(certificates, "something else than the run showed", |f| {
            f.find(event, one)["says"]["subject"] = "C=PT, CN=Other".into();
        });
        issued.forge(certificates, "something else than the run showed", |f| {
            f.find(event, two)["says"]["profile"] = Value::Null;
        });
        issued.forge(certificates, "its request is not the plan's", |f| {
            let other = f.find(event, two)["request"].clone();
            f.find(event, one)["request"] = other;
        });
        issued.forge("ceremony.shape", "it has no request", |f| {
            let line = f.find(event, one).as_object_mut();
            line.expect("members").remove("request");
        });
    }
    // Another life, profile or address in the plan, and so other bytes.
    for (from, to) in [
        ("2036-02-01T00:00:00Z", "2037-02-01T00:00:00Z"),
        ("profile = \"ca\"", "profile = \"signer\""),
        ("crl.example.com/root", "crl.example.com/other"),
        (
            "profile = \"ca\"",
            "profile = \"ca\"\nsubject = \"CN=Other\"",
        ),
    ] {
        issued.forge(
            certificates,
            "it is not what the plan and its inputs give",
            |f| {
                f.replan(from, to);
            },
        );
    }
    let of = |line: &Value| {
        [one, "output:ca-1.pem"]
            .map(Value::from)
            .contains(&line["step"])
    };
    issued.forge(
        certificates,
        "the run did not issue the plan's certificate",
        |f| {
            f.lines.retain(|line| !of(line));
        },
    );
    // A signature that is not the root's.
    issued.forge("ceremony.certificate-signed", "not the root key's", |f| {
        let text = certificate_in(f, one);
        room.shell("base64 -d >certificate", &text);
        let mut der = room.read("certificate");
        let last = der.len() - 1;
        der[last] ^= 1;
        room.write("certificate", &der);
        let text = room.shell("base64 -w0 certificate", "").stdout;
        f.find("result", one)["certificate"] = text.trim().into();
        let pem = room.openssl("x509 -inform DER -in certificate");
        f.find("output", "output:ca-1.pem")["sha384"] = sha384(&pem).into();
    });
    // Another certificate of the root key.
    issued.forge("ceremony.key", "it is not the plan's root key", |f| {
        let other = room.shell("base64 -w0 ca-1.pem", "").stdout;
        f.find("root", "root")["certificate"] = other.trim().into();
    });
}

#[test]
fn a_forged_transcript_of_another_crl_is_refused() {
    let room = room_of_issued();
    room.ir(&run("revoke")).exits(0);
    let revoked = unchanged(&room, "revoke.transcript");
    let certificates = "ceremony.certificates";
    for event in ["intent", "result"] {
        revoked.forge(certificates, "not the plan's", |f| {
            f.find(event, "revoke")["revoked"] = json!([]);
        });
        revoked.forge(certificates, "not the plan's", |f| {
            f.find(event, "revoke")["previous"] = "AAAA".into();
        });
        revoked.forge(certificates, "something else than the run showed", |f| {
            let says = &mut f.find(event, "revoke")["says"]["revoked"];
            says.as_array_mut().expect("a list").pop();
        });
    }
    revoked.forge(
        certificates,
        "it is not what the plan and its inputs give",
        |f| {
            f.replan("serial = \"0abc\"", "serial = \"0abd\"");
        },
    );
    revoked.forge(
        certificates,
        "it is not what the plan and its inputs give",
        |f| {
            f.replan("keyCompromise", "superseded");
        },
    );
    revoked.forge(
        certificates,
        "it is not what the plan and its inputs give",
        |f| {
            f.replan("2036-03-01", "2037-03-01");
        },
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one case a line")]
fn plans_of_certificates_that_do_not_hold_together_are_refused_before_a_pin_is_sent() {
    let room = room_of_issued();
    let (ca, issue) = (text(&room, "ca.toml"), text(&room, "issue.toml"));
    let revoke = text(&room, "revoke.toml");
    let fresh = |plan: &str| {
        plan.replace("ca-1.pem", "new-1.pem")
            .replace(
                "certificate = \"signer-1.pem\"",
                "certificate = \"new-2.pem\"",
            )
            .replace("issue.transcript", "new.transcript")
    };
    let issue = fresh(&issue);
    let ca = ca
        .replace("root-ca.", "new-ca.")
        .replace("ca.transcript", "new.transcript");
    let revoke = revoke.replace("revoke.transcript", "new.transcript");
    let cases: Vec<(String, i32, &str)> = vec![
        (
            ca.replace("[certificate]\n", "[certificat]\n"),
            2,
            "unknown field",
        ),
        (
            ca.replace("certificate = \"new-ca.pem\"\n", ""),
            2,
            "a root-certificate ceremony needs outputs.certificate",
        ),
        (
            ca.replace("root-certificate", "root-key"),
            2,
            "only a root-certificate ceremony has certificate",
        ),
        (ca.replace("C=PT, ", "C=Portugal, "), 2, "certificate: "),
        (
            ca.replace("2046-01-01", "2016-01-01"),
            2,
            "it would end before it begins",
        ),
        (
            ca.replace("2026-01-01T00:00:00Z", "2026-01-01"),
            2,
            "is not a time with an offset",
        ),
        (
            ca.replace("2026-01-01T00:00:00Z", "\"2026-01-01T00:00:00Z\""),
            2,
            "line ",
        ),
        (
            issue.replace("[issuer]", "[root]"),
            2,
            "only an endorse-vendors or a sign-payloads ceremony has root",
        ),
        (
            issue.replace("not-after = 2036", "not-after = 2056"),
            1,
            "and its issuer",
        ),
        (
            issue.replace("profile = \"ca\"", "profile = \"ca\"\npath-len = 1"),
            1,
            "request ",
        ),
        (
            issue.replace("profile = \"signer\"", "profile = \"signer\"\npath-len = 0"),
            1,
            "has no path-len",
        ),
        (
            issue.replace("profile = \"signer\"", "profile = \"server\""),
            2,
            "unknown variant",
        ),
        (
            issue.replace("http://crl", "ldap://crl"),
            1,
            "is not the address of a revocation list",
        ),
        (
            issue.replace("signer-1.csr", "ca-1.csr"),
            2,
            "are the same: each may be issued for only once",
        ),
        (
            issue.replace("new-2.pem", "new-1.pem"),
            2,
            "new-1.pem is named twice",
        ),
        (
            issue.replace("new-1.pem", "signer-1.pem"),
            1,
            "certificate signer-1.pem: it already exists",
        ),
        (
            issue.replace(&room.sha384("ca-1.csr"), &room.sha384("ca.toml")),
            1,
            "its SHA-384 is",
        ),
        (revoke.replace("[crl]", "[crlx]"), 2, "unknown field"),
        (
            revoke.replace("serial = \"0abc\"", "serial = \"0abc\"\nsha384 = \"00\""),
            2,
            "revocation 2 must have either",
        ),
        (
            revoke.replace("serial = \"0abc\"", "serial = \"x\""),
            1,
            "the CRL: ",
        ),
        (
            revoke.replace("keyCompromise", "keycompromised"),
            1,
            "is not a reason for a revocation",
        ),
        (
            revoke.replace("crl = \"root.crl\"\n", ""),
            2,
            "a revoke ceremony needs outputs.crl",
        ),
        (
            revoke.replace("this-update = 2026", "this-update = 2056"),
            1,
            "it would end before it begins",
        ),
    ];
    for (plan, status, reason) in cases {
        assert!(
            ![&ca, &issue, &revoke].contains(&&plan),
            "{reason}: nothing was changed"
        );
        room.write("wrong.toml", &plan);
        for command in [
            "ceremony check wrong.toml PIN",
            "ceremony run wrong.toml --unattended PIN",
        ] {
            let (run, planned) = room.planned("", command);
            run.expect("not killed").exits(status).says(reason);
            let log = Log::read(&planned.log).map_or(0, |log| log.attempts().count());
            assert_eq!(log, 0, "{reason}: a PIN was sent");
        }
        assert!(!room.has("new.transcript"), "{reason}");
        room.ir("ceremony check wrong.toml --files")
            .exits(status)
            .says(reason);
    }
}

#[test]
fn requests_and_certificates_of_others_are_refused() {
    let room = room_of_issued();
    let issue = text(&room, "issue.toml")
        .replace("ca-1.pem", "new-1.pem")
        .replace(
            "certificate = \"signer-1.pem\"",
            "certificate = \"new-2.pem\"",
        )
        .replace("issue.transcript", "new.transcript");
    room.openssl("req -new -newkey rsa:1024 -noenc -keyout weak.key -subj /CN=weak -out weak.csr");
    room.openssl("req -new -newkey ed25519 -noenc -keyout ed.key -subj /CN=ed -out ed.csr");
    room.openssl("req -new -key ca-1.key -sha1 -subj /CN=old -out old.csr");
    room.shell(
        "openssl req -new -key ca-1.key -subj '/C=PT/ST=Lisboa/O=Example/CN=Example Root' -out self.csr &&
         openssl req -in ca-1.csr -outform DER -out changed.csr && printf x >>changed.csr",
        "",
    );
    let digest = room.sha384("ca-1.csr");
    for name in ["weak", "ed", "old", "self", "changed", "root-ca"] {
        let file = if name == "root-ca" {
            "root-ca.pem".to_owned()
        } else {
            format!("{name}.csr")
        };
        let plan = issue
            .replace("request = \"ca-1.csr\"", &format!("request = \"{file}\""))
            .replace(&digest, &room.sha384(&file));
        room.write("wrong.toml", plan);
        let run = room.ir(&run("wrong")).exits(1);
        says(&run.stderr, &["request ", &file]);
        assert!(!room.has("new.transcript"), "{name}");
    }
    // A certificate of another CA is not revoked, and a CRL of another CA is not continued.
    room.openssl("req -x509 -newkey rsa:2048 -noenc -keyout o.key -subj /CN=Other -out other.pem");
    let revoke = text(&room, "revoke.toml");
    let foreign = revoke
        .replace("signer-1.pem", "other.pem")
        .replace(&room.sha384("signer-1.pem"), &room.sha384("other.pem"));
    room.write("wrong.toml", foreign);
    room.ir(&run("wrong"))
        .exits(1)
        .says("certificate \"CN=Other\" was not issued by");
    room.ir(&run("revoke")).exits(0);
    let other = Room::new();
    other.make_ca();
    other.write("issue.toml", other.issue_plan());
    other.ir(&run("issue")).exits(0);
    let plan = other.revoke_plan();
    other.write("foreign.crl", room.read("root.crl"));
    let previous = format!(
        "[crl.previous]\nfile = \"foreign.crl\"\nsha384 = \"{}\"\n\n[[revocations]]\ncert",
        other.sha384("foreign.crl")
    );
    other.write(
        "revoke.toml",
        plan.replacen("[[revocations]]\ncert", &previous, 1),
    );
    other
        .ir(&run("revoke"))
        .exits(1)
        .says("the CRL: the previous list: ");
    assert!(!other.has("root.crl"));
}

#[test]
fn a_ceremony_interrupted_at_each_line_goes_on_with_the_same_serial_numbers() {
    let room = room_of_ca();
    room.ir(&run("issue")).exits(0);
    let whole = text(&room, "issue.transcript");
    let files = ["ca-1.pem", "signer-1.pem"].map(|name| (name, room.read(name)));
    for lines in 0..whole.lines().count() {
        let kept: String = whole.split_inclusive('\n').take(lines).collect();
        let mut kept_files = Vec::new();
        for (name, bytes) in &files {
            let _ = fs::remove_file(room.path(name));
            let step = name.replace(".pem", ".csr");
            if kept.contains(&format!("\"result\",\"step\":\"issue:{step}\"")) {
                room.write(name, bytes);
                kept_files.push((name, bytes));
            }
        }
        let serials = |text: &str| -> Vec<String> {
            let lines = text
                .lines()
                .map(|line| serde_json::from_str(line).expect("JSON"));
            let lines = lines.filter(|line: &Value| line["event"] == "intent");
            let serials = lines.filter_map(|l| Some(l["says"]["serial"].as_str()?.to_owned()));
            serials.collect()
        };
        let announced = serials(&kept);
        room.write("issue.transcript", &kept);
        room.ir(&run("issue")).exits(0);
        room.ir(&verify("issue")).exits(0);
        for (name, bytes) in kept_files {
            assert_eq!(room.read(name), *bytes, "{lines}: {name}");
        }
        let mut all = serials(&text(&room, "issue.transcript"));
        assert!(all.starts_with(&announced), "{lines}");
        all.dedup();
        assert_eq!(all.len(), 2, "{lines}: {all:?}");
    }
    // If somebody changes the announced bytes, the run says so and signs nothing.
    let line = whole
        .lines()
        .position(|line| line.contains("\"event\":\"intent\""));
    let kept: String = whole
        .split_inclusive('\n')
        .take(line.expect("a line") + 1)
        .collect();
    for (name, _) in &files {
        fs::remove_file(room.path(name)).expect("removed");
    }
    let changed = kept.replace("CN=ca-1", "CN=ca-2");
    assert_ne!(changed, kept);
    room.write("issue.transcript", &changed);
    room.ir(&run("issue"))
        .exits(1)
        .says("ceremony.certificates: ");
    assert!(!room.has("ca-1.pem"));
}

#[test]
fn a_rehearsal_of_certificates_differs_in_keys_and_serial_numbers_alone() {
    let (real, stick) = (room_of_issued(), Room::new());
    real.ir(&run("revoke")).exits(0);
    stick.make_ca();
    for (name, _) in REQUESTS {
        stick.write(format!("{name}.csr"), real.read(format!("{name}.csr")));
    }
    let copy = |name: &str| stick.write(format!("of-{name}"), real.read(name));
    for plan in ["issue", "revoke"] {
        copy(&format!("{plan}.toml"));
        copy(&format!("{plan}.transcript"));
        let serial = stick.serial();
        stick
            .ir(&format!(
                "ceremony rehearsal of-{plan}.toml {plan}.toml --serial {serial}"
            ))
            .exits(0);
        stick.ir(&run(plan)).exits(0);
        stick.ir(&verify(plan)).exits(0);
    }
    for plan in ["issue", "revoke"] {
        let compared = stick.ir(&format!(
            "ceremony diff of-{plan}.transcript {plan}.transcript"
        ));
        assert_eq!(compared.exits(0).stdout, "");
    }
}

fn script(name: &str) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ceremony");
    let mut command = Command::new(scripts.join(name));
    command.env("IR_SIGN", program());
    command
}

fn output(command: &mut Command) -> Run {
    command.output().expect("it starts").into()
}

#[test]
fn a_pki_goes_to_the_stick_is_rehearsed_and_made_there_and_verified_with_openssl() {
    let room = room_of_issued();
    room.ir(&run("revoke")).exits(0);
    let next = room.revoke_plan().replace("root.crl", "next.crl");
    let next = next.replace("revoke.transcript", "next.transcript");
    let next = next.replace(
        "[[revocations]]\ncertificate = \"signer-1.pem\"",
        &format!(
            "[crl.previous]\nfile = \"root.crl\"\nsha384 = \"{}\"\n\n\
             [[revocations]]\ncertificate = \"ca-1.pem\"",
            room.sha384("root.crl")
        ),
    );
    let next = next.replace(&room.sha384("signer-1.pem"), &room.sha384("ca-1.pem"));
    let next = next.replace("0abc", "0abd");
    room.write("next.toml", next);
    let listed = room.ir("ceremony check --list next.toml").exits(0);
    for line in [
        "plan\tceremony\trevoke\n",
        "input\tissuer\troot-ca.pem\n",
        "input\tprevious-crl\troot.crl\n",
        "input\trevoked\tca-1.pem\n",
        "output\tcrl\tnext.crl\n",
    ] {
        assert!(listed.stdout.contains(line), "{listed:?}");
    }
    let elsewhere = Sandbox::new();
    let stick = elsewhere.path("stick");
    output(script("prepare").arg(&stick).arg(room.path("next.toml"))).exits(0);
    let day = output(
        room.token
            .command(stick.join("revoke"))
            .env("PKCS11_MODULE_PATH", &room.token.module)
            .env("SKIP_HOST_CHECK", "1")
            .current_dir(&stick)
            .args(room.words("next.toml --unattended PIN")),
    );
    day.exits(0).says("passed ceremony.certificate-signed");
    let verify = |folder: &Path| {
        let public = room.path("root-ca.pub");
        output(script("verify").arg(folder).arg(public))
    };
    let verified = verify(&stick).exits(0);
    let end = "everything holds: 1 transcripts, 0 endorsements, 1 certificates and CRLs";
    assert!(verified.stdout.contains(end), "{verified:?}");
    // All of them, where they were made.
    let verified = verify(room.root()).exits(0);
    let end = "everything holds: 3 transcripts, 0 endorsements, 4 certificates and CRLs";
    assert!(verified.stdout.contains(end), "{verified:?}");
    // Rehearsed all together, and one by one with roots of their own.
    let plans = ["ca", "issue", "revoke", "next"].map(|name| room.path(format!("{name}.toml")));
    let dir = elsewhere.path("together");
    output(script("rehearse").arg(&dir).args(&plans)).exits(0);
    for (n, plan) in plans[1..].iter().enumerate() {
        let dir = elsewhere.path(format!("alone-{n}"));
        output(script("rehearse").arg(&dir).arg(plan)).exits(0);
    }
    let rehearsed = dir.join("next.transcript");
    let mut diff = Command::new(program());
    diff.args(["ceremony", "diff"])
        .args([&rehearsed, &stick.join("next.transcript")]);
    let differs = output(&mut diff);
    assert!(!differs.stdout.contains("step revoke"), "{differs:?}");
}
