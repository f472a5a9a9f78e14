//! `kill -9` at every call that a ceremony makes of the file system, its own and the token module's.
//!
//! `SoftHSM` writes its files in place: a key's many times while it makes the key, and the token's own
//! at times. Killed within that, it leaves a key that it then cannot sign with, or no token. No program
//! can go on from there, and none may make a second key in silence: the ceremony refuses, names key or
//! token, and all stays as it is. That is for kills within the module's own calls only.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::process::Command;

use crate::room::{PAYLOADS, Room, VENDORS};
use harness::strace::{self, Fault, Point, on_two_threads, some, was_killed};
use harness::{Run, program};

/// How many points of a ceremony are tried where not all are.
const SOME: usize = 12;

/// How a ceremony that was killed ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// It is complete, and tells of the interruption.
    Told,
    /// It is complete; nothing had been recorded, or all.
    NothingToTell,
    /// The module cannot sign with the key that it was killed over.
    KeyBroken,
    /// The module does not find its token any more.
    TokenBroken,
    /// The run was not killed, and is complete.
    NotComeTo,
}

/// A ceremony that is killed.
struct Ceremony {
    plan: &'static str,
    transcript: &'static str,
    outputs: &'static [&'static str],
    /// A room in which it has not begun.
    room: fn() -> Room,
}

const ROOT: Ceremony = Ceremony {
    plan: "root.toml",
    transcript: "root.transcript",
    outputs: &["root-ca.pub", "root-ca.passport"],
    room: Room::new,
};

const ENDORSE: Ceremony = Ceremony {
    plan: "endorse.toml",
    transcript: "endorse.transcript",
    outputs: &["vendor-1.pub.sig", "vendor-2.pub.sig", "vendor-3.pub.sig"],
    room: || {
        let room = Room::new();
        room.make_root();
        room.write("endorse.toml", room.endorsement_plan());
        room
    },
};

const SIGN: Ceremony = Ceremony {
    plan: "payloads.toml",
    transcript: "payloads.transcript",
    outputs: &["payload-1.sigs", "payload-2.sigs", "payload-3.sigs"],
    room: || {
        let room = Room::new();
        room.make_root();
        room.write("payloads.toml", room.payloads_plan());
        room
    },
};

const CERTIFY: Ceremony = Ceremony {
    plan: "ca.toml",
    transcript: "ca.transcript",
    outputs: &["root-ca.pub", "root-ca.passport", "root-ca.pem"],
    room: || {
        let room = Room::new();
        room.write("ca.toml", room.certificate_plan());
        room
    },
};

const ISSUE: Ceremony = Ceremony {
    plan: "issue.toml",
    transcript: "issue.transcript",
    outputs: &["ca-1.pem", "signer-1.pem"],
    room: || {
        let room = Room::new();
        room.make_ca();
        room.write("issue.toml", room.issue_plan());
        room
    },
};

const REVOKE: Ceremony = Ceremony {
    plan: "revoke.toml",
    transcript: "revoke.transcript",
    outputs: &["root.crl"],
    room: || {
        let room = (ISSUE.room)();
        room.ir("ceremony run issue.toml --unattended PIN").exits(0);
        room.write("revoke.toml", room.revoke_plan());
        room
    },
};

impl Ceremony {
    fn run(&self) -> String {
        format!("ceremony run {} --unattended PIN", self.plan)
    }

    /// Lets a command run the ceremony in a room.
    fn in_room<'a>(&self, command: &'a mut Command, room: &Room) -> &'a mut Command {
        command
            .current_dir(room.root())
            .env("PKCS11_MODULE_PATH", &room.token.module)
            .envs(room.token.env.iter().cloned())
            .args(room.words(&self.run()))
    }

    /// The points of a run that nothing interrupts, and whether each is the module's own.
    fn points(&self) -> Vec<(Point, bool)> {
        let room = (self.room)();
        // Beside the room, so that what is written there does not count.
        let log = room.root().with_extension("log");
        let mut command = strace::recorded(OsStr::new(program()), &log);
        let output = self
            .in_room(&mut command, &room)
            .output()
            .expect("strace runs");
        assert!(output.status.success(), "{output:?}");
        let calls = strace::read(&log);
        fs::remove_file(log).expect("it goes");
        let is_modules = |point: &Point| calls[point.at].touches(room.token.dir.path());
        let points = strace::points(&calls, room.root()).into_iter();
        points
            .map(|point| (point.clone(), is_modules(&point)))
            .collect()
    }

    /// Kills a run, and runs it again until it is done; how it ended.
    fn kill(&self, point: &Point, is_modules: bool) -> Result<End, String> {
        let room = (self.room)();
        let log = room.root().with_extension("log");
        let mut command = strace::faulted(OsStr::new(program()), &log, point, Fault::Kill);
        let output = self
            .in_room(&mut command, &room)
            .output()
            .expect("strace runs");
        fs::remove_file(log).expect("it goes");
        if !was_killed(output.status) {
            return if output.status.success() {
                Ok(End::NotComeTo)
            } else {
                Err(format!("it failed: {output:?}"))
            };
        }
        let text = fs::read_to_string(room.path(self.transcript)).unwrap_or_default();
        let (recorded, closed) = (text.contains('\n'), text.contains("\"event\":\"signed\""));
        let there: Vec<Option<Vec<u8>>> = self.outputs(&room);
        let mut runs = 0;
        loop {
            runs += 1;
            let run = room.ir(&self.run());
            if run.status == 0 || run.stderr.contains("this ceremony is complete") {
                break;
            }
            if runs == 3 && is_modules {
                return self.refuses(&room, &run, &there);
            }
            if runs == 3 {
                return Err(format!("it cannot be gone on with: {run:?}"));
            }
        }
        for (before, after) in there.iter().zip(self.outputs(&room)) {
            if before.is_some() && *before != after {
                return Err("an output was written again, and otherwise".into());
            }
        }
        self.check(&room, recorded && !closed)?;
        Ok(if recorded && !closed {
            End::Told
        } else {
            End::NothingToTell
        })
    }

    /// The module broke its own files. The run says so, and does nothing else.
    fn refuses(&self, room: &Room, run: &Run, there: &[Option<Vec<u8>>]) -> Result<End, String> {
        let end = if run.stderr.contains("error: there is no token for pkcs11:") {
            End::TokenBroken
        } else if run
            .stderr
            .contains("error: key \"root-ca\" on token \"test token\": ")
        {
            assert!(room.root_keys() <= 1);
            End::KeyBroken
        } else {
            return Err(format!("not well refused: {run:?}"));
        };
        let verified = room.ir(&format!("ceremony verify {}", self.transcript));
        let is_whole = !verified.stderr.contains("FAILED ceremony.chain");
        if run.status == 3 && verified.status != 0 && is_whole && self.outputs(room) == there {
            return Ok(end);
        }
        Err(format!("not well refused: {run:?}, {verified:?}"))
    }

    fn outputs(&self, room: &Room) -> Vec<Option<Vec<u8>>> {
        let read = |name: &&str| fs::read(room.path(name)).ok();
        self.outputs.iter().map(read).collect()
    }

    /// All is as it has to be when it is done.
    fn check(&self, room: &Room, interrupted: bool) -> Result<(), String> {
        let verify = format!("ceremony verify {} -c root-ca.pub", self.transcript);
        let verified = room.ir(&verify);
        if verified.status != 0 {
            return Err(format!("the transcript does not verify: {verified:?}"));
        }
        let text = String::from_utf8(room.read(self.transcript)).expect("text");
        if text.contains("\"event\":\"resumed\"") != interrupted {
            return Err(format!("it tells of an interruption, or not: {text}"));
        }
        if room.root_keys() != 1 {
            return Err(format!("{} keys", room.root_keys()));
        }
        for vendor in VENDORS.iter().filter(|_| self.plan == ENDORSE.plan) {
            let (public, signature) = (format!("{vendor}.pub"), format!("{vendor}.pub.sig"));
            if !room.openssl_verifies("root-ca.pub", &signature, &public) {
                return Err(format!("{vendor} is not endorsed"));
            }
            let announced = format!("\"event\":\"result\",\"step\":\"endorse:{vendor}\"");
            if text.matches(&announced).count() != 1 {
                return Err(format!("not one endorsement of {vendor}: {text}"));
            }
        }
        for payload in PAYLOADS.iter().filter(|_| self.plan == SIGN.plan) {
            if !room.payload_is_signed(payload) {
                return Err(format!("{payload} is not signed"));
            }
            let announced = format!("\"event\":\"result\",\"step\":\"sign:{payload}\"");
            if text.matches(&announced).count() != 1 {
                return Err(format!("not one result of {payload}: {text}"));
            }
        }
        let certificates = [
            (
                "certify",
                "root-ca.pem",
                "verify -CAfile root-ca.pem root-ca.pem",
            ),
            (
                "issue:ca-1.csr",
                "ca-1.pem",
                "verify -CAfile root-ca.pem ca-1.pem",
            ),
            (
                "issue:signer-1.csr",
                "signer-1.pem",
                "verify -CAfile root-ca.pem signer-1.pem",
            ),
            (
                "revoke",
                "root.crl",
                "crl -in root.crl -CAfile root-ca.pem -noout",
            ),
        ];
        let made = |file: &str| self.outputs.contains(&file);
        for (step, file, verify) in certificates {
            if !made(file) {
                continue;
            }
            let verified = room.shell(&format!("openssl {verify} 2>&1"), "");
            if verified.status != 0 || verified.stdout.contains("failure") {
                return Err(format!("openssl does not verify {file}: {verified:?}"));
            }
            let done = format!("\"event\":\"result\",\"step\":\"{step}\"");
            if text.matches(&done).count() != 1 {
                return Err(format!("not one result of {step}: {text}"));
            }
            // If it was announced more than once, then with one serial number.
            let announced = format!("\"event\":\"intent\",\"step\":\"{step}\"");
            let bytes = text.lines().filter(|line| line.contains(&announced));
            let bytes: BTreeSet<_> = bytes
                .filter_map(|line| line.split("\"tbs\":").nth(1))
                .collect();
            if bytes.len() != 1 {
                return Err(format!("{step} was announced with other bytes: {text}"));
            }
        }
        Ok(())
    }

    fn kill_at_every_call(&self) {
        let points = self.points();
        let tried = some(&points, SOME);
        let mut ends: BTreeMap<End, usize> = BTreeMap::new();
        let mut wrong = Vec::new();
        let results = on_two_threads(&tried, |(point, is_modules)| self.kill(point, *is_modules));
        for ((point, _), result) in tried.iter().zip(results) {
            match result {
                Ok(end) => *ends.entry(end).or_default() += 1,
                Err(e) => wrong.push(format!("killed at {point:?}: {e}")),
            }
        }
        println!(
            "tried: ceremony {}: {} kills of {} at calls of the file system; {ends:?}",
            self.plan,
            tried.len(),
            points.len()
        );
        let count = |end| ends.get(&end).copied().unwrap_or(0);
        assert!(
            count(End::NotComeTo) * 10 <= tried.len(),
            "too many are missed"
        );
        let broken = count(End::KeyBroken) + count(End::TokenBroken);
        assert!(broken * 5 <= tried.len(), "too many are given up");
        assert!(count(End::Told) > 0 && count(End::NothingToTell) > 0);
        assert!(
            wrong.is_empty(),
            "{} points:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
}

#[test]
fn a_root_ceremony_killed_at_any_call_of_the_file_system_is_gone_on_with() {
    ROOT.kill_at_every_call();
}

#[test]
fn an_endorsement_ceremony_killed_at_any_call_of_the_file_system_is_gone_on_with() {
    ENDORSE.kill_at_every_call();
}

#[test]
fn a_payloads_ceremony_killed_at_any_call_of_the_file_system_is_gone_on_with() {
    SIGN.kill_at_every_call();
}

#[test]
fn a_root_certificate_ceremony_killed_at_any_call_of_the_file_system_is_gone_on_with() {
    CERTIFY.kill_at_every_call();
}

#[test]
fn an_issuing_ceremony_killed_at_any_call_of_the_file_system_is_gone_on_with() {
    ISSUE.kill_at_every_call();
}

#[test]
fn a_revoking_ceremony_killed_at_any_call_of_the_file_system_is_gone_on_with() {
    REVOKE.kill_at_every_call();
}
