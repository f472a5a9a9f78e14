//! Comparing a transcript with its plan: the lines record the work of the plan, in its order, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::certificates::record::{certificate_file, crl_file};
use super::items::{Item, items};
use super::payload::Signatures;
use super::plan::{Kind, Plan};
use super::rules::{Findings, rule};
use super::shape;
use super::step::Step;
use super::transcript::{Line, bytes_of, sha384};

/// Compares a transcript's lines with its plan. A transcript that is not closed may end anywhere.
pub(super) fn compare(plan: &Plan, lines: &[Line], closed: bool, findings: &mut Findings) {
    let mut story = Story {
        plan,
        items: items(plan),
        findings,
        current: 0,
        done: BTreeSet::new(),
        made: BTreeMap::new(),
        run: Run::default(),
        announced: false,
        id: None,
        token: None,
        time: None,
        n: 0,
        about: String::new(),
    };
    for (n, line) in lines.iter().enumerate() {
        story.n = n + 1;
        story.about = line.text("step").unwrap_or_default().into();
        story.line(line);
    }
    if closed {
        story.end();
    }
    story.pass(lines);
}

/// The stage of the current step in a run.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Stage {
    #[default]
    Unasked,
    Confirmed,
    Announced,
    /// The run ended itself.
    Over,
}

/// The state of one run of the program.
#[derive(Default)]
pub(super) struct Run {
    pub(super) attended: bool,
    pub(super) stage: Stage,
    /// It found another token: it did nothing.
    other_token: bool,
}

pub(super) struct Story<'a> {
    pub(super) plan: &'a Plan,
    pub(super) items: Vec<Item<'a>>,
    findings: &'a mut Findings,
    /// The item that lines are about.
    pub(super) current: usize,
    done: BTreeSet<usize>,
    /// SHA-384 of an item's result.
    pub(super) made: BTreeMap<usize, String>,
    pub(super) run: Run,
    /// This run or an earlier run announced the current step.
    announced: bool,
    /// The id of the key that a run announced.
    id: Option<&'a str>,
    token: Option<&'a Value>,
    time: Option<std::time::SystemTime>,
    /// The line, from 1, and its step.
    n: usize,
    pub(super) about: String,
}

impl<'a> Story<'a> {
    pub(super) fn fail(&mut self, rule: &'static str, reason: impl Into<String>) {
        let about = self.about.clone();
        self.findings.fail(rule, self.n, &about, reason);
    }

    /// Fails unless the condition holds.
    pub(super) fn hold(&mut self, rule: &'static str, is_so: bool, reason: &str) {
        if !is_so {
            self.fail(rule, reason);
        }
    }

    fn line(&mut self, line: &'a Line) {
        if let Some(reason) = shape::wrong(&line.value) {
            self.fail(rule::SHAPE, reason);
        }
        self.tell_time(line.text("time").unwrap_or_default());
        let event = line.event();
        if self.run.other_token && event != "resumed" {
            self.fail(rule::TOKEN, "it is not the token of the earlier runs");
            self.run.other_token = false;
        }
        if self.run.stage == Stage::Over && event != "resumed" {
            self.fail(rule::ORDER, "the run had ended before");
            self.run.stage = Stage::Unasked;
        }
        match event {
            "start" if self.n == 1 => self.start(&line.value),
            "start" => self.fail(rule::ORDER, "the ceremony starts twice"),
            "resumed" => self.resumed(&line.value),
            "token" => self.tell_token(&line.value["token"]),
            "root" | "confirmed" | "intent" | "result" | "output" | "failed" | "stopped"
            | "signed" => {
                let known = self.token.is_some();
                self.hold(rule::ORDER, known, "no earlier line describes the token");
                if self.come_to(line) {
                    self.item(line);
                }
            }
            _ => self.fail(rule::ORDER, "the event is unknown"),
        }
    }

    fn tell_time(&mut self, text: &str) {
        let time = humantime::parse_rfc3339(text).ok();
        let plain = time.is_some_and(|t| humantime::format_rfc3339_seconds(t).to_string() == text);
        self.hold(rule::TIMES, plain, "its time is not a time");
        let back = time < self.time;
        self.hold(
            rule::TIMES,
            !plain || !back,
            "its time is earlier than the time of the line before",
        );
        self.time = time.max(self.time);
    }

    pub(super) fn begin(&mut self, attended: bool) {
        self.run = Run {
            attended,
            ..Run::default()
        };
        let may = attended || self.plan.is_rehearsal();
        self.hold(
            rule::PEOPLE,
            may,
            "the run asked nobody, but the plan is not for a rehearsal",
        );
    }

    fn resumed(&mut self, line: &Value) {
        let after = line["after"].as_u64() == Some(self.n as u64 - 2);
        self.hold(
            rule::ORDER,
            after && self.n > 1,
            "it does not continue after the line before",
        );
        // Older transcripts do not record it: then a run is like the first.
        self.begin(line["attended"].as_bool().unwrap_or(self.run.attended));
        self.run.other_token = self.token.is_some_and(|token| line["token"] != *token);
        if self.token.is_none() {
            self.compare_token(&line["token"]);
        }
    }

    fn tell_token(&mut self, token: &'a Value) {
        let first = self.token.is_none();
        self.hold(rule::ORDER, first, "the run describes the token twice");
        self.compare_token(token);
        self.token = self.token.or(Some(token));
    }

    /// Makes a line's item the current one; returns whether there is one.
    fn come_to(&mut self, line: &Line) -> bool {
        let event = line.event();
        let step = match event {
            "signed" => "close",
            "root" => "root",
            _ => line.text("step").unwrap_or_default(),
        };
        let Some(at) = self.items.iter().position(|item| item.step() == step) else {
            let (of, reason) = match Step::of(step) {
                Some(step) => step.unplanned(),
                None if step.starts_with("output:") => {
                    (rule::OUTPUTS, "the plan names no such output")
                }
                None => (rule::ORDER, "the plan has no such step"),
            };
            self.fail(of, reason);
            return false;
        };
        if !self.items[at].has(event) {
            self.fail(rule::ORDER, format!("the step has no \"{event}\""));
            return false;
        }
        if self.done.contains(&at) {
            let twice = event == "result" || event == "output";
            self.fail(
                rule::ORDER,
                if twice {
                    "the run did the step twice"
                } else {
                    "the step was done before"
                },
            );
            return false;
        }
        if at != self.current {
            let before = (0..at).find(|n| !self.done.contains(n));
            if let Some(before) = before {
                let step = self.items[before].step();
                self.fail(
                    rule::ORDER,
                    format!("the plan has {step} before it, and the run did not do that"),
                );
            } else if at < self.current {
                self.fail(rule::ORDER, "it comes after a later step");
            }
            self.current = at;
            self.announced = false;
            self.run.stage = Stage::Unasked;
        }
        true
    }

    /// The record of a line about the current item.
    fn item(&mut self, line: &'a Line) {
        let value = &line.value;
        match line.event() {
            "confirmed" => self.confirmed(&value["people"]),
            "intent" => self.intent(line),
            "result" => self.result(line),
            "root" => self.root(value),
            "output" => self.output(value),
            "failed" => {
                let intended = self.run.stage == Stage::Announced;
                self.hold(rule::ORDER, intended, "the run did not announce the step");
                self.run.stage = Stage::Over;
            }
            "stopped" => {
                let by = self.plan.people().iter().any(|p| value["by"] == *p.name);
                let asked = by && self.run.attended;
                self.hold(
                    rule::PEOPLE,
                    asked,
                    "the run asked none of the plan's people",
                );
                let unasked = self.run.stage == Stage::Unasked;
                self.hold(rule::ORDER, unasked, "the step was confirmed before");
                self.run.stage = Stage::Over;
            }
            _ => {
                let intended = self.run.stage == Stage::Announced;
                self.hold(
                    rule::ORDER,
                    intended,
                    "the run did not announce the closing",
                );
                self.finish(None);
            }
        }
    }

    pub(super) fn finish(&mut self, made: Option<String>) {
        self.made.extend(made.map(|made| (self.current, made)));
        self.done.insert(self.current);
        self.run.stage = Stage::Unasked;
    }

    fn intent(&mut self, line: &'a Line) {
        match self.run.stage {
            Stage::Confirmed => {}
            Stage::Announced => self.fail(rule::ORDER, "the run announced the step twice"),
            _ => self.fail(rule::ORDER, "people did not confirm the step"),
        }
        let value = &line.value;
        match Step::of(line.text("step").unwrap_or_default()) {
            Some(Step::MakeKey) => {
                let id = line.text("id");
                let is = match self.id {
                    Some(known) => id == Some(known) && value["again"] == true,
                    None => {
                        value["curve"] == "secp384r1"
                            && self.plan.uri().object.as_deref() == line.text("label")
                    }
                };
                self.hold(rule::KEY, is, "it is not the key of the plan");
                self.id = self.id.or(id);
            }
            Some(Step::Endorse(_)) => self.vendor(value),
            Some(Step::Sign(_)) => self.payload(value),
            Some(Step::Issue(_)) => self.request(value),
            Some(Step::Revoke) => self.revoked(value),
            Some(Step::Passport | Step::Certify | Step::Close) | None => {}
        }
        self.run.stage = Stage::Announced;
        self.announced = true;
    }

    fn result(&mut self, line: &'a Line) {
        let value = &line.value;
        let asked = self.run.stage != Stage::Unasked;
        let right = if value["found_after_interruption"] == true {
            self.announced && !asked
        } else if value["kept"] == true {
            // Only this output may exist before its ceremony.
            !asked
        } else {
            self.run.stage == Stage::Announced
        };
        self.hold(rule::ORDER, right, "the run did not announce the step");
        let made = match Step::of(line.text("step").unwrap_or_default()) {
            Some(Step::MakeKey) => {
                self.spki(value);
                self.attributes(value);
                bytes_of(&value["spki"])
            }
            Some(Step::Passport) => line.text("passport").map(|text| text.as_bytes().to_vec()),
            Some(Step::Endorse(_)) => {
                self.vendor(value);
                bytes_of(&value["signature"])
            }
            Some(Step::Sign(_)) => {
                self.payload(value);
                Signatures::of(value).map(|all| all.text().into_bytes())
            }
            Some(Step::Certify) => certificate_file(&value["certificate"]),
            Some(Step::Issue(_)) => {
                self.request(value);
                certificate_file(&value["certificate"])
            }
            Some(Step::Revoke) => {
                self.revoked(value);
                crl_file(&value["crl"])
            }
            Some(Step::Close) | None => None,
        };
        self.finish(made.map(|bytes| sha384(&bytes)));
    }

    /// The items that are not done at the end.
    fn end(&mut self) {
        if self.token.is_none() {
            self.findings.add(
                rule::TOKEN,
                0,
                "the token",
                Some("no line describes it".into()),
            );
        }
        for (n, item) in self.items.iter().enumerate() {
            if self.done.contains(&n) {
                continue;
            }
            let (of, reason) = item.undone();
            self.findings.add(of, 0, item.step(), Some(reason.into()));
        }
    }

    fn pass(self, lines: &[Line]) {
        let count = |event: &str| lines.iter().filter(|line| line.event() == event).count();
        let runs = 1 + count("resumed");
        let findings = self.findings;
        findings.pass_unless_failed(rule::SHAPE, format!("{} lines", lines.len()));
        findings.pass_unless_failed(rule::TIMES, format!("{} lines", lines.len()));
        findings.pass_unless_failed(rule::TOKEN, format!("{runs} runs"));
        findings.pass_unless_failed(rule::KEY, "the root key");
        findings.pass_unless_failed(
            rule::PEOPLE,
            format!("{} confirmations", count("confirmed")),
        );
        findings.pass_unless_failed(rule::ORDER, format!("{} steps", self.done.len()));
        let (vendors, payloads) = (self.plan.vendors().count(), self.plan.payloads().count());
        match self.plan.kind() {
            // Another check compares the signed bytes.
            Kind::RootKey | Kind::RootCertificate | Kind::IssueCertificates | Kind::Revoke => {}
            Kind::EndorseVendors => {
                findings.pass_unless_failed(rule::VENDORS, format!("{vendors} vendors"));
            }
            Kind::SignPayloads => {
                findings.pass_unless_failed(rule::PAYLOADS, format!("{payloads} payloads"));
            }
        }
    }
}
