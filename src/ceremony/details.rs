//! Comparing single lines of a transcript with its plan.

use serde_json::{Value, json};

use super::certificates::Issuer;
use super::items::Item;
use super::payload::payload_of;
use super::rules::rule;
use super::story::{Stage, Story};
use super::transcript::{bytes_of, sha384};
use crate::crypto::{Digest, HashAlgorithm};
use crate::key::pkcs11::unasked;

/// Text fields of tokens are padded with blanks, some with zero bytes.
fn is_same(a: &str, b: &Value) -> bool {
    let trimmed = |text: &str| text.trim_matches([' ', '\0']).to_owned();
    b.as_str().is_some_and(|b| trimmed(a) == trimmed(b))
}

/// Whether the key in a line is that of the certificate beside it.
fn is_key_of_issuer(value: &Value) -> bool {
    let issuer = bytes_of(&value["certificate"]).and_then(|bytes| Issuer::read(bytes).ok());
    issuer.is_some_and(|issuer| Some(issuer.root.to_spki()) == bytes_of(&value["spki"]))
}

impl Story<'_> {
    pub(super) fn start(&mut self, line: &Value) {
        let plan = self.plan;
        self.hold(
            rule::PLAN,
            line["title"] == plan.title(),
            "its title is not the plan's",
        );
        self.hold(
            rule::PLAN,
            line["rehearsal"] == plan.is_rehearsal(),
            if plan.is_rehearsal() {
                "the plan is for a rehearsal, but the line says that this is none"
            } else {
                "the line says that this is a rehearsal, but the plan is not for one"
            },
        );
        let people = plan.people().iter();
        let people: Vec<Value> = people
            .map(|p| json!({ "name": p.name, "role": p.role.name() }))
            .collect();
        self.hold(
            rule::PLAN,
            line["people"] == Value::Array(people),
            "its people are not the plan's",
        );
        self.begin(line["attended"] == true);
    }

    pub(super) fn compare_token(&mut self, token: &Value) {
        let planned = self.plan.token();
        let is =
            is_same(&planned.label, &token["label"]) && is_same(&planned.serial, &token["serial"]);
        self.hold(rule::TOKEN, is, "it is not the plan's token");
    }

    /// Checks that the key has no attribute that the program refuses, and that each odd attribute is noted.
    pub(super) fn attributes(&mut self, value: &Value) {
        let (unasked, odd) = unasked(&value["attributes"]);
        for difference in unasked {
            self.fail(
                rule::KEY,
                format!("ir-sign never leaves such a key on a token: {difference}"),
            );
        }
        let noted = value["oddities"].as_array().into_iter().flatten();
        let noted: Vec<&str> = noted.filter_map(Value::as_str).collect();
        let of_none = |oddity: &&&str| !odd.iter().any(|name| oddity.contains(name));
        if let Some(oddity) = noted.iter().find(of_none) {
            self.fail(
                rule::KEY,
                format!("it notes an oddity that its attributes do not have: {oddity}"),
            );
        }
        for name in odd {
            let is = noted.iter().any(|oddity| oddity.contains(name));
            self.hold(
                rule::KEY,
                is,
                &format!("{name} is odd, but the line does not note it"),
            );
        }
    }

    /// The key in a line has the digest beside it.
    pub(super) fn spki(&mut self, value: &Value) -> Option<Vec<u8>> {
        let spki = bytes_of(&value["spki"]);
        let digest = spki
            .as_ref()
            .map(|spki| Digest::of(HashAlgorithm::Sha256, spki).hex());
        let is = digest.is_some_and(|digest| value["sha256"] == *digest);
        self.hold(rule::KEY, is, "its sha256 is not the digest of its spki");
        spki
    }

    pub(super) fn vendor(&mut self, value: &Value) {
        let step = self.about.clone();
        let wanted = self
            .plan
            .vendors()
            .find(|(name, _)| step.strip_prefix("endorse:") == Some(name));
        let Some((name, digest)) = wanted else { return };
        self.hold(
            rule::VENDORS,
            value["vendor"] == name,
            "it names another vendor than its step",
        );
        let found = self.spki(value).map(|spki| sha384(&spki));
        self.hold(
            rule::VENDORS,
            found.as_deref() == Some(digest),
            "its key is not the key that the plan gives for the vendor",
        );
    }

    /// The payload in a line is the plan's, and the run showed its true content.
    pub(super) fn payload(&mut self, value: &Value) {
        let step = self.about.clone();
        let mut planned = self.plan.payloads();
        let wanted = planned.find(|(file, _)| step.strip_prefix("sign:") == Some(file));
        let Some((_, digest)) = wanted else { return };
        let found = payload_of(value);
        let is_planned = found
            .as_ref()
            .is_some_and(|(bytes, _)| sha384(bytes) == digest);
        self.hold(rule::PAYLOADS, is_planned, "its payload is not the plan's");
        let is_shown = found.is_some_and(|(_, prepared)| prepared.says() == value["says"]);
        self.hold(
            rule::PAYLOADS,
            is_shown,
            "its payload says something else than the run showed",
        );
    }

    /// The request in a line is the plan's.
    pub(super) fn request(&mut self, value: &Value) {
        let step = self.about.clone();
        let mut planned = self.plan.requests();
        let wanted = planned.find(|(file, _)| step.strip_prefix("issue:") == Some(file));
        let Some((_, digest)) = wanted else { return };
        let found = bytes_of(&value["request"]).map(|bytes| sha384(&bytes));
        self.hold(
            rule::CERTIFICATES,
            found.as_deref() == Some(digest),
            "its request is not the plan's",
        );
    }

    /// The CRL before this one, and the certificates to revoke, are the plan's.
    pub(super) fn revoked(&mut self, value: &Value) {
        let wanted = self.plan.revoked_digests();
        let digest = |value: &Value| bytes_of(value).map(|bytes| sha384(&bytes));
        let previous = digest(&value["previous"]);
        let revoked = value["revoked"].as_array().into_iter().flatten();
        let revoked: Vec<Option<String>> = revoked.map(digest).collect();
        let found = (previous.as_deref(), revoked.iter().map(Option::as_deref));
        let is = found.0 == wanted.0 && found.1.eq(wanted.1.into_iter().map(Some));
        self.hold(
            rule::CERTIFICATES,
            is,
            "its previous CRL or its revoked certificates are not the plan's",
        );
    }

    pub(super) fn root(&mut self, value: &Value) {
        let found = self.spki(value).map(|spki| sha384(&spki));
        let wanted = self.plan.root_digests();
        // The certificate, or else the key itself, is the plan's.
        let is_planned = if wanted.certificate.is_some() {
            let issuer = bytes_of(&value["certificate"]);
            issuer.map(|issuer| sha384(&issuer)).as_deref() == wanted.certificate
                && is_key_of_issuer(value)
        } else {
            found.is_some() && found.as_deref() == wanted.public && value["certificate"].is_null()
        };
        self.hold(rule::KEY, is_planned, "it is not the plan's root key");
        let found = value["passport"]
            .as_str()
            .map(|text| sha384(text.as_bytes()));
        self.hold(
            rule::PASSPORT,
            found.as_deref() == wanted.passport,
            "it is not the plan's passport, or the plan names no passport",
        );
        self.finish(None);
    }

    pub(super) fn output(&mut self, value: &Value) {
        let Item::Output(output) = self.items[self.current] else {
            return;
        };
        let named = value["file"] == *output.name && value["role"] == output.role;
        self.hold(rule::OUTPUTS, named, "it names another file than its step");
        let made = self.current.checked_sub(1).and_then(|n| self.made.get(&n));
        let is = made.is_none_or(|made| value["sha384"] == **made);
        self.hold(
            rule::OUTPUTS,
            is,
            "its SHA-384 is not the digest of the result before it",
        );
        self.finish(None);
    }

    pub(super) fn confirmed(&mut self, people: &Value) {
        let asked = self.plan.people().iter().filter(|_| self.run.attended);
        let wanted: Value = asked.map(|person| person.name.as_str()).collect();
        let reason = if self.run.attended {
            "the plan's people did not confirm it"
        } else {
            "the run asked nobody, but the line names people"
        };
        self.hold(rule::PEOPLE, *people == wanted, reason);
        let unasked = self.run.stage == Stage::Unasked;
        self.hold(rule::ORDER, unasked, "people confirmed the step twice");
        self.run.stage = Stage::Confirmed;
    }
}
