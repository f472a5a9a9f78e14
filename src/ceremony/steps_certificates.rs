//! The steps of a ceremony that sign certificates: the root's own, those for requests, and a CRL.

use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::certificates::facts::{Fact, says};
use super::certificates::planned::facts_of;
use super::certificates::record::{certificate_file, crl_file};
use super::certificates::{Issuer, PlannedCertificate, PlannedCrl, PlannedRoot};
use super::error::Error;
use super::run::{Under, merge};
use super::step::Step;
use crate::crypto::{P384Key, Signed};
use crate::encoding::base64::base64;
use crate::key::P384Signer;
use crate::x509::{Draft, Serial};

/// A certificate or a CRL that is about to be signed.
struct Signing<'a> {
    step: Step<'a>,
    /// The words of the question to the people.
    what: String,
    /// The member of the result that holds the signed bytes.
    member: &'static str,
    /// The members about its inputs.
    inputs: Value,
    facts: Vec<Fact>,
    draft: Draft,
}

impl Under<'_, '_> {
    pub(super) fn root_certificate(
        &mut self,
        public: &Path,
        passport: &Path,
        planned: &PlannedRoot,
    ) -> Result<P384Key, Error> {
        let (root, signer) = self.make_root(public, passport)?;
        let step = Step::Certify;
        let about = |reason| Error::certificate("the root's certificate", reason);
        let made = if let Some(made) = self.noted(&step, "certificate") {
            made
        } else {
            let serial = self.serial(&step)?;
            let draft = planned.draft(&root, serial).map_err(about)?;
            self.sign_draft(
                &signer,
                Signing {
                    what: "sign its own certificate with the root key".into(),
                    member: "certificate",
                    inputs: json!({}),
                    facts: facts_of(&draft).map_err(about)?,
                    step,
                    draft,
                },
            )?
        };
        let file = self.file(certificate_file(&made))?;
        self.output("root's certificate", &planned.certificate, &file)?;
        self.close(&signer, &root)?;
        Ok(root)
    }

    pub(super) fn issue(
        &mut self,
        issuer: &Issuer,
        certificates: &[PlannedCertificate],
    ) -> Result<P384Key, Error> {
        let signer = self.root(&issuer.root, Some(&issuer.bytes))?;
        for planned in certificates {
            let step = Step::Issue((&*planned.name).into());
            let about = |reason| Error::certificate(format!("request {}", planned.name), reason);
            let made = if let Some(made) = self.noted(&step, "certificate") {
                made
            } else {
                let serial = self.serial(&step)?;
                let draft = planned.draft(issuer, serial, SystemTime::now());
                let draft = draft.map_err(about)?;
                self.sign_draft(
                    &signer,
                    Signing {
                        what: format!(
                            "sign the certificate for request {} with the root key",
                            planned.name
                        ),
                        member: "certificate",
                        inputs: planned.inputs(),
                        facts: facts_of(&draft).map_err(about)?,
                        step,
                        draft,
                    },
                )?
            };
            let file = self.file(certificate_file(&made))?;
            self.output("certificate", &planned.certificate, &file)?;
        }
        self.close(&signer, &issuer.root)?;
        Ok(issuer.root)
    }

    pub(super) fn revoke(
        &mut self,
        issuer: &Issuer,
        planned: &PlannedCrl,
    ) -> Result<P384Key, Error> {
        let signer = self.root(&issuer.root, Some(&issuer.bytes))?;
        let step = Step::Revoke;
        let about = |reason| Error::certificate("the CRL", reason);
        let made = if let Some(made) = self.noted(&step, "crl") {
            made
        } else {
            let draft = planned.draft(issuer, SystemTime::now()).map_err(about)?;
            self.sign_draft(
                &signer,
                Signing {
                    what: "sign the CRL with the root key".into(),
                    member: "crl",
                    inputs: planned.inputs(),
                    facts: planned.facts_of(&draft).map_err(about)?,
                    step,
                    draft,
                },
            )?
        };
        let file = self.file(crl_file(&made))?;
        self.output("CRL", &planned.crl, &file)?;
        self.close(&signer, &issuer.root)?;
        Ok(issuer.root)
    }

    /// The signed bytes that an earlier run noted. The run compared them with the plan when it began.
    fn noted(&self, step: &Step<'_>, member: &str) -> Option<Value> {
        let result = self.transcript.find("result", &step.to_string())?;
        Some(result.value[member].clone())
    }

    /// The serial number that an earlier run announced, or else a new one.
    fn serial(&self, step: &Step<'_>) -> Result<Serial, Error> {
        let intent = self.transcript.find("intent", &step.to_string());
        let noted = intent.and_then(|line| line.value["says"]["serial"].as_str());
        noted.map_or_else(
            || Serial::random().map_err(Error::Random),
            |noted| {
                let serial = Serial::from_hex(noted);
                serial
                    .map_err(|error| Error::certificate("the announced serial", error.to_string()))
            },
        )
    }

    /// The text of an output.
    fn file(&self, text: Option<Vec<u8>>) -> Result<Vec<u8>, Error> {
        text.ok_or_else(|| Error::Transcript {
            path: self.run.plan.transcript(),
            line: self.transcript.lines.len(),
            reason: "it holds no signed bytes".into(),
        })
    }

    /// Shows the content of a draft, has the step confirmed, signs, and returns the signed bytes as the transcript has
    /// them.
    fn sign_draft(&mut self, signer: &P384Signer, signing: Signing<'_>) -> Result<Value, Error> {
        let Signing {
            step,
            what,
            member,
            inputs,
            facts,
            draft,
        } = signing;
        let step = step.to_string();
        self.show(&format!("\nstep {step} signs this:"));
        for fact in &facts {
            self.show(&format!("  {}: {}", fact.what, fact.value));
            if let Some(digest) = &fact.digest {
                self.show_digest(digest);
            }
        }
        self.confirm(&step, &what)?;
        let mut intent = inputs.clone();
        merge(
            &mut intent,
            json!({ "tbs": base64(draft.message()), "says": says(&facts) }),
        );
        let der = self.step(&step, intent, |_| {
            let signature = signer
                .signer()
                .sign(draft.algorithm(), Signed::Bytes(draft.message()))?;
            let finished = draft.finish(&signature);
            finished.map_err(|error| Error::certificate(what, error.to_string()))
        })?;
        let made = Value::from(base64(&der));
        let mut result = inputs;
        merge(
            &mut result,
            json!({ member: made.clone(), "says": says(&facts) }),
        );
        self.result(&step, result)?;
        Ok(made)
    }
}
