//! Changed transcripts that the root's own token signed again, with the right chain and the plan's digest beside the
//! plan. Anyone with the token and its PIN can make them, but none verifies.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha384};

use crate::room::Room;

pub fn sha384(bytes: impl AsRef<[u8]>) -> String {
    harness::hex(&Sha384::digest(bytes))
}

/// The lines of a transcript that is changed.
pub struct Forgery<'a> {
    room: &'a Room,
    name: &'static str,
    pub lines: Vec<Value>,
}

impl<'a> Forgery<'a> {
    fn of(room: &'a Room, name: &'static str) -> Self {
        let text = String::from_utf8(room.read(name)).expect("text");
        let line = |line| serde_json::from_str(line).expect("JSON");
        let lines = text.lines().map(line).collect();
        Self { room, name, lines }
    }

    /// Changes the plan, and the digest beside it.
    pub fn replan(&mut self, from: &str, to: &str) {
        let text = self.lines[0]["plan"]["text"].as_str().expect("a text");
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        self.lines[0]["plan"]["sha384"] = sha384(&text).into();
        self.lines[0]["plan"]["text"] = text.into();
    }

    pub fn find(&mut self, event: &str, step: &str) -> &mut Value {
        let is = |line: &&mut Value| line["event"] == event && line["step"] == step;
        self.lines.iter_mut().find(is).expect("a line")
    }

    /// Numbers, chains and signs the lines; the token signs the last.
    fn write(&self, name: &str) {
        let mut out = String::new();
        let mut prev = "0".repeat(96);
        for (n, line) in self.lines.iter().enumerate() {
            let mut members = Map::new();
            members.insert("n".into(), n.into());
            members.insert("prev".into(), prev.into());
            let own = line.as_object().expect("an object").clone();
            let own = own.into_iter().filter(|(name, _)| {
                !["n", "prev"].contains(&&**name)
                    && (line["event"] != "signed" || name != "signature")
            });
            members.extend(own);
            let mut line = Value::Object(members);
            if line["event"] == "signed" {
                let message = [
                    b"ir-sign ceremony transcript v1\0",
                    line.to_string().as_bytes(),
                ]
                .concat();
                line["signature"] = self.sign(&message).into();
            }
            let text = format!("{line}\n");
            prev = sha384(&text);
            out.push_str(&text);
        }
        self.room.write(name, out);
    }

    /// A signature of the root key on the token, in base64.
    pub fn sign(&self, message: &[u8]) -> String {
        let room = self.room;
        room.write("digest", Sha384::digest(message));
        let path = |name: &str| room.path(name).display().to_string();
        let (from, to) = (path("digest"), path("made"));
        let signed = room
            .token
            .log_in(&[
                "--sign",
                "--mechanism",
                "ECDSA",
                "--signature-format",
                "openssl",
                "--label",
                "root-ca",
                "-i",
                &from,
                "-o",
                &to,
            ])
            .output()
            .expect("pkcs11-tool runs");
        assert!(signed.status.success(), "{signed:?}");
        room.shell("base64 -w0 made", "").stdout.trim().to_owned()
    }

    /// Asserts that it is well signed and refused all the same, by a rule and for a reason.
    #[track_caller]
    fn fails(&self, rule: &str, says: &str) {
        self.write("forged");
        let found = self
            .room
            .ir("ceremony verify forged -c root-ca.pub")
            .exits(1);
        for passed in ["chain", "signed", "root-expected"] {
            let passed = format!("passed ceremony.{passed}");
            assert!(found.stderr.contains(&passed), "{passed}: {found:?}");
        }
        let failed = format!("FAILED {rule}: ");
        let found_it = found
            .stderr
            .lines()
            .any(|line| line.starts_with(&failed) && line.contains(says));
        assert!(found_it, "{rule}, {says}: {found:?}");
        self.room
            .ir("ceremony report forged -c root-ca.pub")
            .exits(1)
            .says("ir-sign writes no report");
    }

    /// Forges it anew.
    #[track_caller]
    pub fn forge(&self, rule: &str, says: &str, change: impl FnOnce(&mut Self)) {
        let mut forgery = Self::of(self.room, self.name);
        change(&mut forgery);
        forgery.fails(rule, says);
    }
}

/// A room with a root and an endorsement ceremony.
fn room() -> Room {
    let room = Room::new();
    room.make_root();
    room.write("endorse.toml", room.endorsement_plan());
    room.ir("ceremony run endorse.toml --unattended PIN")
        .exits(0);
    room
}

/// Unchanged lines, written and signed again, verify. So every other refusal comes from the change.
pub fn unchanged<'a>(room: &'a Room, name: &'static str) -> Forgery<'a> {
    let whole = Forgery::of(room, name);
    whole.write("forged");
    room.ir("ceremony verify forged -c root-ca.pub").exits(0);
    whole
}

fn member(name: &str) -> impl Fn(&Value) -> bool {
    let step = format!("endorse:{name}");
    let output = format!("output:{name}.pub.sig");
    move |line| line["step"] == *step || line["step"] == *output
}

/// The part of the plan's text about a vendor.
fn planned(forgery: &Forgery<'_>, vendor: &str) -> String {
    let text = forgery.lines[0]["plan"]["text"].as_str().expect("a text");
    let at = text
        .find(&format!("[[vendors]]\nname = \"{vendor}\""))
        .expect("it is planned");
    let end = text[at + 1..].find("\n[").expect("more") + at + 2;
    text[at..end].to_owned()
}

#[test]
fn a_forged_transcript_with_other_vendors_than_the_plans_is_refused() {
    let room = room();
    let endorsed = unchanged(&room, "endorse.transcript");
    let vendors = "ceremony.vendors";
    endorsed.forge(vendors, "the plan names no such vendor", |f| {
        let part = planned(f, "vendor-2");
        f.replan(&part, "");
    });
    endorsed.forge(vendors, "the run did not endorse the plan's vendor", |f| {
        let of = member("vendor-2");
        f.lines.retain(|line| !of(line));
    });
    // The last one, so that nothing after it is out of order.
    endorsed.forge(
        "ceremony.outputs",
        "the run did not write the plan's output",
        |f| {
            let of = member("vendor-3");
            f.lines.retain(|line| !of(line));
        },
    );
    // V1's name beside V2's key, in all lines, with a signature that holds.
    endorsed.forge(
        vendors,
        "not the key that the plan gives for the vendor",
        |f| {
            let second = f.find("result", "endorse:vendor-2").clone();
            for event in ["intent", "result"] {
                let line = f.find(event, "endorse:vendor-1");
                for name in ["spki", "sha256", "signature"] {
                    if line[name].is_string() {
                        line[name] = second[name].clone();
                    }
                }
            }
            let digest = f.find("output", "output:vendor-2.pub.sig")["sha384"].clone();
            f.find("output", "output:vendor-1.pub.sig")["sha384"] = digest;
        },
    );
    endorsed.forge(vendors, "it names another vendor than its step", |f| {
        f.find("result", "endorse:vendor-1")["vendor"] = "vendor-2".into();
    });
    // Two vendors of the plan, the other way round.
    endorsed.forge("ceremony.order", "and the run did not do that", |f| {
        let of = member("vendor-1");
        let first: Vec<Value> = f.lines.iter().filter(|line| of(line)).cloned().collect();
        f.lines.retain(|line| !of(line));
        let close = f.lines.len() - 3;
        f.lines.splice(close..close, first);
    });
    // The same vendor twice.
    endorsed.forge("ceremony.order", "the step was done before", |f| {
        let of = member("vendor-1");
        let first: Vec<Value> = f.lines.iter().filter(|line| of(line)).cloned().collect();
        let close = f.lines.len() - 3;
        f.lines.splice(close..close, first);
    });
}

#[test]
fn a_forged_transcript_with_other_people_than_the_plans_is_refused() {
    let room = room();
    let made = unchanged(&room, "root.transcript");
    let people = "ceremony.people";
    let names = json!(["Ann Operator", "Bob Witness"]);
    // If everybody confirms, it is a proper ceremony, and its lines fit together.
    let attended = |f: &mut Forgery<'_>| {
        f.replan("rehearsal = true\n", "");
        f.lines[0]["rehearsal"] = false.into();
        f.lines[0]["attended"] = true.into();
        for line in &mut f.lines {
            if line["event"] == "confirmed" {
                line["people"] = names.clone();
            }
        }
    };
    let mut whole = Forgery::of(&room, "root.transcript");
    attended(&mut whole);
    whole.write("forged");
    room.ir("ceremony verify forged -c root-ca.pub").exits(0);
    for (step, wrong) in [
        ("make-key", json!([])),
        ("passport", json!(["Ann Operator"])),
        ("close", json!(["Bob Witness", "Ann Operator"])),
        ("close", json!(["Ann Operator", "Eve"])),
        ("make-key", json!(["Ann Operator", "Bob Witness", "Eve"])),
        ("make-key", json!("Ann Operator")),
        ("make-key", Value::Null),
    ] {
        made.forge(people, "the plan's people did not confirm it", |f| {
            attended(f);
            f.find("confirmed", step)["people"] = wrong;
        });
    }
    made.forge(people, "the plan's people did not confirm it", |f| {
        attended(f);
        let line = f
            .find("confirmed", "close")
            .as_object_mut()
            .expect("members");
        line.remove("people");
    });
    made.forge("ceremony.order", "people did not confirm the step", |f| {
        attended(f);
        f.lines
            .retain(|line| line["event"] != "confirmed" || line["step"] != "make-key");
    });
    // The run asked nobody, but says that the ceremony is not a rehearsal.
    made.forge(people, "the plan is not for a rehearsal", |f| {
        f.replan("rehearsal = true\n", "");
        f.lines[0]["rehearsal"] = false.into();
    });
    made.forge(people, "the plan's people did not confirm it", |f| {
        f.lines[0]["attended"] = true.into();
    });
    made.forge("ceremony.plan", "its people are not the plan's", |f| {
        f.lines[0]["people"] = json!([{ "name": "Ann Operator", "role": "operator" }]);
    });
    made.forge("ceremony.plan", "its people are not the plan's", |f| {
        f.replan("Bob Witness", "Eve");
    });
}

#[test]
fn a_forged_transcript_of_another_title_token_key_or_rehearsal_is_refused() {
    let room = room();
    let made = unchanged(&room, "root.transcript");
    let plan = "ceremony.plan";
    made.forge(plan, "its title is not the plan's", |f| {
        f.lines[0]["title"] = "Another CA".into();
    });
    made.forge(plan, "its title is not the plan's", |f| {
        f.replan("Example CA", "Another CA");
    });
    made.forge(
        plan,
        "for a rehearsal, but the line says that this is none",
        |f| {
            f.lines[0]["rehearsal"] = false.into();
        },
    );
    made.forge(plan, "the line says that this is a rehearsal", |f| {
        f.replan("rehearsal = true\n", "");
    });
    let label = format!("label = \"{}\"", room.token.label);
    made.forge("ceremony.token", "it is not the plan's token", |f| {
        f.replan(&label, "label = \"OTHER\"");
    });
    made.forge("ceremony.token", "it is not the plan's token", |f| {
        f.replan("serial = \"", "serial = \"0");
    });
    made.forge("ceremony.passport", "it is of another token", |f| {
        f.lines[1]["token"]["model"] = "HSM".into();
    });
    made.forge("ceremony.key", "it is not the key of the plan", |f| {
        f.replan("label = \"root-ca\"", "label = \"root-cb\"");
    });
    made.forge("ceremony.passport", "its label or id", |f| {
        f.find("intent", "make-key")["id"] = "0a".into();
    });
    made.forge(
        "ceremony.key",
        "ir-sign never leaves such a key on a token",
        |f| {
            f.find("result", "make-key")["attributes"]["CKA_EXTRACTABLE"] = true.into();
        },
    );
    made.forge(
        "ceremony.key",
        "is odd, but the line does not note it",
        |f| {
            f.find("result", "make-key")["attributes"]["CKA_LOCAL"] = false.into();
        },
    );
    let endorsed = unchanged(&room, "endorse.transcript");
    let digest = room.sha384("root-ca.pub");
    endorsed.forge("ceremony.key", "it is not the plan's root key", |f| {
        f.replan(&digest, &"0".repeat(96));
    });
    let digest = room.sha384("root-ca.passport");
    endorsed.forge("ceremony.passport", "it is not the plan's passport", |f| {
        f.replan(&digest, &"0".repeat(96));
    });
    endorsed.forge("ceremony.passport", "it is not the plan's passport", |f| {
        f.find("root", "root")["passport"] = Value::Null;
    });
}

#[test]
fn a_forged_transcript_without_its_plan_or_of_another_kind_is_refused() {
    let room = room();
    let made = unchanged(&room, "root.transcript");
    let plan = "ceremony.plan";
    made.forge(plan, "it is not the start of a ceremony", |f| {
        f.lines[0].as_object_mut().expect("members").remove("plan");
    });
    for text in ["", "# nothing", "title = \"Example CA\"", "]["] {
        made.forge(plan, "its text is not a plan", |f| {
            f.lines[0]["plan"] = json!({ "sha384": sha384(text), "text": text });
        });
    }
    made.forge(plan, "does not have the digest beside it", |f| {
        f.lines[0]["plan"]["sha384"] = "0".repeat(96).into();
    });
    let other = Forgery::of(&room, "endorse.transcript").lines[0]["plan"].clone();
    made.forge("ceremony.order", "the plan has no such step", |f| {
        f.lines[0]["plan"] = other;
    });
    made.forge(plan, "its text is not a plan", |f| {
        f.replan("[outputs]", "pin = \"1234\"\n[outputs]");
    });
}

#[test]
fn a_forged_transcript_with_other_outputs_steps_or_times_is_refused() {
    let room = room();
    let made = unchanged(&room, "root.transcript");
    let outputs = "ceremony.outputs";
    made.forge(outputs, "the plan names no such output", |f| {
        f.replan("public = \"root-ca.pub\"", "public = \"other.pub\"");
    });
    made.forge(outputs, "the plan names no such output", |f| {
        let mut more = f.find("output", "output:root-ca.pub").clone();
        more["step"] = "output:../more".into();
        more["file"] = "../more".into();
        f.lines.insert(6, more);
    });
    made.forge(outputs, "the run did not write the plan's output", |f| {
        f.lines
            .retain(|line| line["step"] != "output:root-ca.passport");
    });
    made.forge(outputs, "it names another file than its step", |f| {
        f.find("output", "output:root-ca.pub")["file"] = "root-ca.passport".into();
    });
    // Another file's digest, and that file in its place.
    room.write("other.pub", "another key");
    made.forge(outputs, "not the digest of the result before it", |f| {
        f.find("output", "output:root-ca.pub")["sha384"] = sha384("another key").into();
    });
    let order = "ceremony.order";
    for event in ["confirmed", "intent", "result", "output"] {
        made.forge(order, "twice", |f| {
            let at = f.lines.iter().position(|line| line["event"] == event);
            let at = at.expect("a line");
            let again = f.lines[at].clone();
            f.lines.insert(at + 1, again);
        });
    }
    made.forge(order, "the event is unknown", |f| {
        let mut odd = f.lines[2].clone();
        odd["event"] = "note".into();
        f.lines.insert(3, odd);
    });
    made.forge(order, "the plan has no such step", |f| {
        let mut odd = f.lines[2].clone();
        odd["step"] = "export-key".into();
        f.lines.insert(2, odd);
    });
    made.forge(order, "the run did not do the step", |f| {
        f.lines
            .retain(|line| line["step"] != "passport" && line["step"] != "output:root-ca.passport");
    });
    made.forge("ceremony.shape", "an unknown member: note", |f| {
        f.lines[4]["note"] = "x".into();
    });
    made.forge("ceremony.shape", "it has no oddities", |f| {
        let result = f.find("result", "make-key").as_object_mut();
        result.expect("members").remove("oddities");
    });
    let times = "ceremony.times";
    made.forge(times, "earlier than the time of the line before", |f| {
        f.lines[5]["time"] = "2020-01-01T00:00:00Z".into();
    });
    made.forge(times, "its time is not a time", |f| {
        f.lines[5]["time"] = "soon".into();
    });
}
