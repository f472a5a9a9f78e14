//! The steps of a ceremony: a root key and its passport, one endorsement a vendor, or the signatures of each payload.

use std::path::Path;

use serde_json::json;

use super::check::endorsement_there;
use super::error::Error;
use super::payload::{PlannedPayload, Signatures, algorithms};
use super::run::{Under, merge, name_of};
use super::step::Step;
use super::transcript::Line;
use super::work::PlannedVendor;
use crate::crypto::p384::signature_from_der;
use crate::crypto::{Digest, HashAlgorithm, P384Key, Signature, Signed};
use crate::encoding::base64::{base64, unbase64};
use crate::encoding::hex::{hex, unhex};
use crate::key::pkcs11::{NewKey, Passport, attributes_json};
use crate::key::uri::TokenUri;
use crate::key::{KeyRef, P384Signer};
use crate::scheme::annotation::Endorsement;

impl Under<'_, '_> {
    pub(super) fn root_key(&mut self, public: &Path, passport: &Path) -> Result<P384Key, Error> {
        let (key, signer) = self.make_root(public, passport)?;
        self.close(&signer, &key)?;
        Ok(key)
    }

    /// Makes the root key and its passport.
    pub(super) fn make_root(
        &mut self,
        public: &Path,
        passport: &Path,
    ) -> Result<(P384Key, P384Signer), Error> {
        let key = self.make_key()?;
        self.show_key("the root key", &key);
        self.output("root's public key", public, &key.to_spki())?;
        let text = self.make_passport(&key)?;
        self.output("root's passport", passport, text.as_bytes())?;
        let uri = self.uri_of_key();
        let signer = self.run.ring.signer(&KeyRef::Token(Box::new(uri)))?;
        if signer.public_key() != &key {
            return Err(Error::OtherRoot {
                found: signer.public_key().fingerprint(),
                wanted: key.fingerprint(),
            });
        }
        Ok((key, signer))
    }

    /// The URI of the key, with the id that the run noted for it.
    fn uri_of_key(&self) -> TokenUri {
        let intent = self.transcript.find("intent", "make-key");
        let id = intent.and_then(|line| unhex(line.text("id")?));
        TokenUri {
            id,
            ..self.run.plan.uri()
        }
    }

    fn make_key(&mut self) -> Result<P384Key, Error> {
        let step = "make-key";
        if let Some(result) = self.transcript.find("result", step) {
            return self.proven(result.text("spki"));
        }
        let plan = self.run.plan;
        let label = plan.uri().object.unwrap_or_default();
        let token = &plan.token().label;
        let what = format!(
            "make the private key \"{label}\" on token \"{token}\" (P-384, never to leave it)"
        );
        if self.transcript.find("intent", step).is_some() {
            self.show("\nthe transcript says that an earlier run was about to make the key; looking for it");
            let uri = self.uri_of_key();
            if let Some(key) = self.made.take() {
                self.show("the key is there; going on with it");
                return self.key_made(&key, true);
            }
            let removed = self.run.ring.tokens().remove_orphans(&uri)?;
            self.show(&format!(
                "the key is not there (removed {removed} halves of it)"
            ));
            self.confirm(step, &what)?;
            let again = json!({ "id": uri.id.as_deref().map(hex), "again": true });
            let key = self.step(step, again, |ring| Ok(ring.tokens().generate(&uri)?))?;
            return self.key_made(&key, false);
        }
        self.confirm(step, &what)?;
        let id = self.run.ring.tokens().new_id()?;
        let uri = TokenUri {
            id: Some(id.clone()),
            ..plan.uri()
        };
        let intent = json!({ "label": label, "id": hex(&id), "curve": "secp384r1" });
        let key = self.step(step, intent, |ring| Ok(ring.tokens().generate(&uri)?))?;
        self.key_made(&key, false)
    }

    fn key_made(&mut self, key: &NewKey, found: bool) -> Result<P384Key, Error> {
        let spki = key.p384().to_spki();
        self.result(
            "make-key",
            json!({
                "found_after_interruption": found,
                "spki": base64(&spki),
                "sha256": Digest::of(HashAlgorithm::Sha256, &spki).hex(),
                "attributes": attributes_json(&key.facts),
                "oddities": key.oddities,
            }),
        )?;
        for oddity in &key.oddities {
            self.show(&format!(
                "note: the token says of the key that it made: {oddity}"
            ));
        }
        Ok(key.p384())
    }

    fn make_passport(&mut self, key: &P384Key) -> Result<String, Error> {
        let step = "passport";
        let noted = self.transcript.find("result", step);
        if let Some(text) = noted.and_then(|line| line.text("passport")) {
            return Ok(text.to_owned());
        }
        self.confirm(step, "read the fingerprint above aloud, compare it with root-ca.pub, and have the key sign its passport")?;
        let uri = self.uri_of_key();
        // The run noted and showed the oddities of the key: the passport states them.
        let accepted: Vec<String> = crate::key::pkcs11::FACTS
            .iter()
            .map(|(_, name)| (*name).to_owned())
            .collect();
        let passport = self.step(step, json!({}), |ring| Ok(ring.passport(&uri, &accepted)?))?;
        if passport.public_key() != key {
            return Err(Error::OtherRoot {
                found: passport.public_key().fingerprint(),
                wanted: key.fingerprint(),
            });
        }
        let text = String::from_utf8_lossy(passport.as_bytes()).into_owned();
        self.result(step, json!({ "passport": text }))?;
        Ok(text)
    }

    pub(super) fn endorse(
        &mut self,
        root: &P384Key,
        vendors: &[PlannedVendor],
    ) -> Result<P384Key, Error> {
        let signer = self.root(root, None)?;
        for vendor in vendors {
            let signature = self.endorse_one(&signer, root, vendor)?;
            self.output("endorsement", &vendor.endorsement, &signature.to_bytes())?;
        }
        self.close(&signer, root)?;
        Ok(*root)
    }

    pub(super) fn sign_payloads(
        &mut self,
        root: &P384Key,
        payloads: &[PlannedPayload],
    ) -> Result<P384Key, Error> {
        let signer = self.root(root, None)?;
        for payload in payloads {
            let signatures = self.sign_payload(&signer, root, payload)?;
            self.output(
                "signatures",
                &payload.signature,
                signatures.text().as_bytes(),
            )?;
        }
        self.close(&signer, root)?;
        Ok(*root)
    }

    /// Signs with the root key that is there already: shows it, and notes it, with the bytes of its certificate's file
    /// if the plan names one.
    pub(super) fn root(
        &mut self,
        root: &P384Key,
        certificate: Option<&[u8]>,
    ) -> Result<P384Signer, Error> {
        let uri = self.run.plan.uri();
        let signer = self.run.ring.signer(&KeyRef::Token(Box::new(uri)))?;
        self.show_key("the root key", root);
        if self.transcript.find("root", "root").is_none() {
            let passport = match self.run.plan.passport()? {
                Some(path) => {
                    let passport = Passport::read(&path)?;
                    Some(String::from_utf8_lossy(passport.as_bytes()).into_owned())
                }
                None => None,
            };
            let mut members = json!({
                "step": "root",
                "spki": base64(&root.to_spki()),
                "sha256": Digest::of(HashAlgorithm::Sha256, &root.to_spki()).hex(),
                "passport": passport,
            });
            if let Some(certificate) = certificate {
                merge(&mut members, json!({ "certificate": base64(certificate) }));
            }
            self.transcript.write("root", members)?;
        }
        Ok(signer)
    }

    fn endorse_one(
        &mut self,
        signer: &P384Signer,
        root: &P384Key,
        vendor: &PlannedVendor,
    ) -> Result<Signature, Error> {
        let step = Step::Endorse((&*vendor.name).into()).to_string();
        if let Some(result) = self.transcript.find("result", &step) {
            let der = result.text("signature").and_then(unbase64);
            let signature = der.and_then(|der| signature_from_der(&der).ok());
            let endorsed = signature
                .and_then(|signature| Endorsement::verified(vendor.key, *root, signature).ok());
            let signature = endorsed.map(|endorsed| endorsed.signature().clone());
            let reason = "it holds no signature by the root key over the vendor's key";
            return signature.ok_or_else(|| self.unsigned(result, reason));
        }
        self.show_key(
            &format!("vendor \"{}\" ({})", vendor.name, name_of(&vendor.file)),
            &vendor.key,
        );
        let spki = vendor.key.to_spki();
        let about = json!({
            "vendor": vendor.name,
            "spki": base64(&spki),
            "sha256": Digest::of(HashAlgorithm::Sha256, &spki).hex(),
        });
        let kept = endorsement_there(&vendor.endorsement, root, &vendor.key)?;
        let is_kept = kept.is_some();
        let signature = if let Some(signature) = kept {
            self.show("keeping the existing endorsement: this root key made it, and it is valid");
            signature
        } else {
            let what = format!(
                "sign vendor \"{}\"'s public key with the root key",
                vendor.name
            );
            self.confirm(&step, &what)?;
            self.step(&step, about.clone(), |_| {
                Ok(signer.sign(Signed::Bytes(&Endorsement::message(&vendor.key)))?)
            })?
        };
        let mut result = about;
        let signature_text = base64(&signature.to_bytes());
        merge(
            &mut result,
            json!({ "kept": is_kept, "signature": signature_text }),
        );
        self.result(&step, result)?;
        Ok(signature)
    }

    fn sign_payload(
        &mut self,
        signer: &P384Signer,
        root: &P384Key,
        payload: &PlannedPayload,
    ) -> Result<Signatures, Error> {
        let name = &payload.name;
        let step = Step::Sign(name.into()).to_string();
        let message = payload.message();
        if let Some(result) = self.transcript.find("result", &step) {
            let signatures = Signatures::of(&result.value);
            let signatures = signatures.filter(|signatures| signatures.hold(root, &message));
            let reason = "it holds no signatures by the root key over the payload";
            return signatures.ok_or_else(|| self.unsigned(result, reason));
        }
        self.show(&format!("\npayload {name} says"));
        for fact in payload.prepared.facts() {
            self.show(&format!("  {}: {}", fact.what, fact.value));
            if let Some(digest) = &fact.digest {
                self.show_digest(digest);
            }
        }
        let about = payload.about();
        let kept = payload.signed_there(root)?;
        let is_kept = kept.is_some();
        let signatures = if let Some(signatures) = kept {
            self.show(
                "keeping the existing signatures: this root key made them, and they are valid",
            );
            signatures
        } else {
            let what =
                format!("sign payload {name} with the root key, under SHA-256 and under SHA-384");
            self.confirm(&step, &what)?;
            self.step(&step, about.clone(), |_| {
                let by = algorithms().into_iter();
                let sign = |by| signer.signer().sign(by, Signed::Bytes(&message));
                let made = by.map(|by| Ok(sign(by)?.to_bytes()));
                made.collect::<Result<_, Error>>().map(Signatures)
            })?
        };
        let mut result = about;
        merge(
            &mut result,
            json!({ "kept": is_kept, "signatures": signatures.json() }),
        );
        self.result(&step, result)?;
        Ok(signatures)
    }

    /// The error for a result of an earlier run that holds no valid signatures.
    pub(super) fn unsigned(&self, result: &Line, reason: &str) -> Error {
        let n = result.value["n"].as_u64();
        Error::Transcript {
            path: self.run.plan.transcript(),
            line: n.map_or(0, |n| usize::try_from(n + 1).unwrap_or(0)),
            reason: reason.to_owned(),
        }
    }

    /// The key of an earlier run, which the token proved when this run began.
    fn proven(&self, noted: Option<&str>) -> Result<P384Key, Error> {
        let key = self.made.as_ref().map(NewKey::p384);
        let same = |key: &P384Key| noted == Some(&*base64(&key.to_spki()));
        key.filter(same).ok_or_else(|| Error::Transcript {
            path: self.run.plan.transcript(),
            line: self.transcript.lines.len(),
            reason: "somebody changed it while the token worked".into(),
        })
    }
}
