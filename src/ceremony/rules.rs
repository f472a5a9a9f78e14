//! The rules of a transcript, and the findings.

use crate::report::Check;

/// The rules of a transcript.
pub mod rule {
    /// Each line holds the SHA-384 of the line before.
    pub const CHAIN: &str = "ceremony.chain";
    /// The last line is signed by the root key.
    pub const SIGNED: &str = "ceremony.signed";
    /// The root key is the expected key.
    pub const ROOT: &str = "ceremony.root-expected";
    /// The program is the expected program.
    pub const PROGRAM: &str = "ceremony.program-expected";
    /// The plan in the transcript is valid, has the digest that the transcript gives, and agrees with the first
    /// line.
    pub const PLAN: &str = "ceremony.plan";
    /// Each line has the members of its event, and no others.
    pub const SHAPE: &str = "ceremony.shape";
    /// No line has an earlier time than the line before.
    pub const TIMES: &str = "ceremony.times";
    /// The token is the plan's, and the same in each run.
    pub const TOKEN: &str = "ceremony.token";
    /// The key is the plan's.
    pub const KEY: &str = "ceremony.key";
    /// The people of the plan confirmed each step; in an unattended rehearsal, nobody confirmed any.
    pub const PEOPLE: &str = "ceremony.people";
    /// The steps are the plan's, in its order, and each was confirmed, then intended, then done.
    pub const ORDER: &str = "ceremony.order";
    /// The passport is the root key's and its signature holds.
    pub const PASSPORT: &str = "ceremony.passport";
    /// The vendors are the plan's, each with its key.
    pub const VENDORS: &str = "ceremony.vendors";
    /// Each endorsement is the root key's over the vendor's.
    pub const ENDORSED: &str = "ceremony.endorsed";
    /// The payloads are the plan's, and the run showed the true content of each.
    pub const PAYLOADS: &str = "ceremony.payloads";
    /// The root key made the signatures of each payload, one for each hash.
    pub const PAYLOAD_SIGNED: &str = "ceremony.payload-signed";
    /// The certificates and the CRL are the plan's: the plan and its inputs give exactly these bytes to sign.
    pub const CERTIFICATES: &str = "ceremony.certificates";
    /// The root key signed each certificate, or the CRL.
    pub const CERTIFICATE_SIGNED: &str = "ceremony.certificate-signed";
    /// The outputs are the plan's, and each is there and is what its step made.
    pub const OUTPUTS: &str = "ceremony.outputs";
}

/// The checks so far, each with its line in the transcript, from 1; zero where it concerns none or all.
#[derive(Default)]
pub(super) struct Findings(Vec<(usize, Check)>);

impl Findings {
    pub(super) fn add(
        &mut self,
        rule: &'static str,
        line: usize,
        about: impl Into<String>,
        failure: Option<String>,
    ) {
        let check = failure.map_or_else(|| Check::passed(rule), |why| Check::failed(rule, why));
        self.0.push((line, check.about(about)));
    }

    /// Notes a failure of a line.
    pub(super) fn fail(
        &mut self,
        rule: &'static str,
        line: usize,
        about: &str,
        reason: impl Into<String>,
    ) {
        let about = if about.is_empty() {
            format!("line {line}")
        } else {
            format!("line {line}, {about}")
        };
        self.add(rule, line, about, Some(reason.into()));
    }

    /// Notes that a rule holds all through, unless something failed it.
    pub(super) fn pass_unless_failed(&mut self, rule: &'static str, about: impl Into<String>) {
        let mut checks = self.0.iter().map(|(_, check)| check);
        if !checks.any(|check| check.rule == rule && check.has_failed()) {
            self.add(rule, 0, about, None);
        }
    }

    /// The first failure, with its line.
    pub(super) fn first_failure(&self) -> Option<(usize, &Check)> {
        let mut all = self.0.iter();
        all.find(|(_, check)| check.has_failed())
            .map(|(line, check)| (*line, check))
    }

    /// All checks.
    pub(super) fn into_checks(self) -> Vec<Check> {
        self.0.into_iter().map(|(_, check)| check).collect()
    }
}
