//! The annotation chain of trust: a root CA signs the vendor's public key, the vendor signs the
//! image's config, and three annotations of the manifest carry it all, each as lower-case hex.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Mutex;

use super::draft::{Draft, Message, SignScheme};
use super::error::Error;
use super::verify::VerifyScheme;
use crate::crypto::p384::signature_from_der;
use crate::crypto::p384::{ALGORITHM, Fingerprint};
use crate::crypto::{P384Key, Prehash, PublicKey, Signature};
use crate::encoding::hex::{hex, unhex};
use crate::image::{Change, Image, Manifest};
use crate::report::{Candidate, Check, Signatory};

/// The vendor's DER signature of the raw config blob.
pub const SIGNATURE: &str = "com.samsung.islet.image.signature";
/// The vendor's public key, DER `SubjectPublicKeyInfo`.
pub const VENDOR_KEY: &str = "com.samsung.islet.image.vendorpub";
/// The root CA's DER signature of that `SubjectPublicKeyInfo`.
pub const ENDORSEMENT: &str = "com.samsung.islet.image.vendorpub.signature";

/// The rules of this scheme.
pub mod rule {
    /// The vendor's key is signed by a trusted root CA.
    pub const VENDOR_ENDORSED: &str = "annotation.vendor-endorsed";
    /// The vendor is one of those that the user pinned.
    pub const VENDOR_PINNED: &str = "annotation.vendor-pinned";
    /// The config is signed by the vendor's key.
    pub const CONFIG_SIGNED: &str = "annotation.config-signed";
}

/// A root CA's valid signature of a vendor's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsement {
    vendor: P384Key,
    ca: P384Key,
    signature: Signature,
}

/// The signature is not by the CA over the vendor's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the endorsement is not a signature of vendor key {vendor} by CA {ca}")]
pub struct NotEndorsed {
    ca: Fingerprint,
    vendor: Fingerprint,
}

impl Endorsement {
    /// Checks that `signature` is the CA's over the vendor's DER `SubjectPublicKeyInfo`.
    pub fn verified(
        vendor: P384Key,
        ca: P384Key,
        signature: Signature,
    ) -> Result<Self, NotEndorsed> {
        if ca.verifies(&Prehash::sha384(&Self::message(&vendor)), &signature) {
            Ok(Self {
                vendor,
                ca,
                signature,
            })
        } else {
            Err(NotEndorsed {
                ca: ca.fingerprint(),
                vendor: vendor.fingerprint(),
            })
        }
    }

    /// The bytes that a CA signs to endorse a vendor: the DER `SubjectPublicKeyInfo`.
    pub fn message(vendor: &P384Key) -> Vec<u8> {
        vendor.to_spki()
    }

    /// The signature.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Whether anybody can derive one of the two from the other (`s` and `n - s`).
    pub fn is_other_form_of(&self, other: &Self) -> bool {
        self.signature.is_other_form_of(&other.signature)
    }

    /// The CA.
    pub const fn ca(&self) -> &P384Key {
        &self.ca
    }

    /// The vendor.
    pub const fn vendor(&self) -> &P384Key {
        &self.vendor
    }

    /// The valid endorsement of this vendor by this CA on a manifest, if any.
    pub fn on_manifest(manifest: &Manifest, vendor: &P384Key, ca: &P384Key) -> Option<Self> {
        let annotations = &manifest.annotations;
        let claimed = in_any_case(annotations, VENDOR_KEY, P384Key::from_spki)?;
        if claimed != *vendor {
            return None;
        }
        let signature = in_any_case(annotations, ENDORSEMENT, signature_from_der)?;
        Self::verified(claimed, *ca, signature).ok()
    }
}

/// The vendor whose endorsement a manifest carries, by any CA, valid or not.
pub fn endorsed(manifest: &Manifest) -> Option<P384Key> {
    let annotations = &manifest.annotations;
    in_any_case(annotations, ENDORSEMENT, signature_from_der)?;
    in_any_case(annotations, VENDOR_KEY, P384Key::from_spki)
}

/// The claims in an image's annotations, unverified: for showing, not for trusting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The vendor's key, or why there is none.
    pub vendor: Result<P384Key, String>,
    /// Whether the vendor's signature of the config holds with that key.
    pub config_signed: bool,
    /// The endorsement, if it has the form of a signature.
    pub endorsement: Option<Signature>,
}

/// Reads an image's claims; `None` if it has none of the three annotations.
pub fn claim(image: &Image) -> Option<Claim> {
    let annotations = &image.manifest.annotations;
    let keys = [SIGNATURE, VENDOR_KEY, ENDORSEMENT];
    if !keys.iter().any(|key| annotations.contains_key(*key)) {
        return None;
    }
    let vendor = parse(annotations, VENDOR_KEY, P384Key::from_spki);
    let config_signed = vendor
        .as_ref()
        .is_ok_and(|vendor| config_signature(image, vendor).is_ok());
    Some(Claim {
        vendor: vendor.map_err(|e| e.to_string()),
        config_signed,
        endorsement: parse(annotations, ENDORSEMENT, signature_from_der).ok(),
    })
}

/// Signs as a vendor that a root CA endorsed.
pub struct Vendor {
    endorsement: Endorsement,
}

impl Vendor {
    /// The scheme for the vendor of `endorsement`.
    pub const fn new(endorsement: Endorsement) -> Self {
        Self { endorsement }
    }

    /// The CA's endorsement of the vendor.
    pub const fn endorsement(&self) -> &Endorsement {
        &self.endorsement
    }

    /// The vendor's valid signature of an image's config on the image, if any.
    pub fn signature_on(&self, image: &Image) -> Option<Signature> {
        config_signature(image, self.endorsement.vendor()).ok()
    }

    /// Adds a signature from elsewhere to an image that carries no valid one. [`SignScheme::draft`] keeps it if it
    /// is of this very config.
    pub fn add_if_unsigned(&self, image: &mut Image, signature: &Signature) {
        if self.signature_on(image).is_none() {
            let annotations = &mut image.manifest.annotations;
            annotations.insert(SIGNATURE.to_owned(), hex(&signature.to_bytes()));
        }
    }
}

impl Vendor {
    /// The annotations of an image that is signed.
    fn change(&self, signature: &Signature) -> Change {
        let annotations = [
            (SIGNATURE, signature.to_bytes()),
            (VENDOR_KEY, self.endorsement.vendor().to_spki()),
            (ENDORSEMENT, self.endorsement.signature().to_bytes()),
        ];
        let in_hex = annotations.map(|(key, value)| (key.to_owned(), hex(&value)));
        Change::Annotate(in_hex.into())
    }
}

impl SignScheme for Vendor {
    type Subject = Image;

    /// Keeps a valid signature by this key over this config that the image already carries. A token signs
    /// differently each time, and a new signature is not better.
    fn draft<'a>(&'a self, image: &Image, key: &PublicKey) -> Result<Draft<'a>, Error> {
        let vendor = self.endorsement.vendor();
        if P384Key::of(key) != Some(*vendor) {
            return Err(Error::OtherKey {
                key: key.fingerprint(),
                wanted: vendor.fingerprint(),
            });
        }
        if let Ok(present) = config_signature(image, vendor) {
            return Ok(Draft::new(Vec::new(), move |_| self.change(&present)));
        }
        let message = Message {
            by: ALGORITHM,
            content: image.config.clone(),
        };
        let finish = |signatures: &[Signature]| self.change(&signatures[0]);
        Ok(Draft::new(vec![message], finish))
    }
}

/// Verifies for a user who trusts a root CA.
pub struct Root {
    ca: P384Key,
    vendors: Vec<P384Key>,
    /// Outcomes by the exact bytes of key and signature: a run verifies a vendor's endorsement once for all its
    /// images.
    endorsements: Mutex<HashMap<EndorsementBytes, Result<(), NotEndorsed>>>,
}

/// How many outcomes are remembered.
const MOST_KNOWN: usize = 1000;

/// A vendor's `SubjectPublicKeyInfo` and a signature, both DER.
type EndorsementBytes = (Vec<u8>, Vec<u8>);

impl Root {
    /// Trusts vendors that `ca` endorsed; if `vendors` is not empty, only those.
    pub fn new(ca: P384Key, vendors: Vec<P384Key>) -> Self {
        Self {
            ca,
            vendors,
            endorsements: Mutex::default(),
        }
    }

    fn endorsed(&self, vendor: P384Key, signature: Signature) -> Result<(), NotEndorsed> {
        let key = (vendor.to_spki(), signature.to_bytes());
        let mut known = self
            .endorsements
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // A hostile registry may show ever new vendors.
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        // Verified under the lock, so that a second image of this vendor waits for the outcome.
        known
            .entry(key)
            .or_insert_with(|| Endorsement::verified(vendor, self.ca, signature).map(|_| ()))
            .clone()
    }
}

/// Trusts vendors that any of several CAs endorsed: while a CA changes its root, images carry endorsements by the
/// old root or the new one.
pub struct Roots(Vec<Root>);

impl Roots {
    /// Trusts vendors that one of the CAs endorsed; if there are any in the list, only those.
    pub fn new(cas: Vec<P384Key>, vendors: &[P384Key]) -> Self {
        let root = |ca| Root::new(ca, vendors.to_vec());
        Self(cas.into_iter().map(root).collect())
    }
}

impl VerifyScheme for Roots {
    fn rules(&self) -> Vec<&'static str> {
        self.0.first().map(Root::rules).unwrap_or_default()
    }

    fn verify(&self, image: &Image) -> Vec<Candidate> {
        self.0.iter().flat_map(|root| root.verify(image)).collect()
    }
}

impl VerifyScheme for Root {
    fn rules(&self) -> Vec<&'static str> {
        let pinned = (!self.vendors.is_empty()).then_some(rule::VENDOR_PINNED);
        [
            Some(rule::VENDOR_ENDORSED),
            pinned,
            Some(rule::CONFIG_SIGNED),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn verify(&self, image: &Image) -> Vec<Candidate> {
        vec![self.candidate(image)]
    }
}

impl Root {
    /// The one signature that the annotations of an image can hold.
    fn candidate(&self, image: &Image) -> Candidate {
        let annotations = &image.manifest.annotations;
        let endorsed = parse(annotations, VENDOR_KEY, P384Key::from_spki).and_then(|vendor| {
            let signature = parse(annotations, ENDORSEMENT, signature_from_der)?;
            self.endorsed(vendor, signature)?;
            Ok(vendor)
        });
        let vendor = match endorsed {
            Ok(vendor) => vendor,
            Err(bad) => {
                let rules = self.rules().into_iter();
                return Candidate {
                    checks: rules
                        .map(|rule| match rule {
                            rule::VENDOR_ENDORSED => Check::failed(rule, bad.to_string()),
                            _ => Check::blocked(rule),
                        })
                        .collect(),
                    signatories: Vec::new(),
                };
            }
        };
        let mut checks = vec![Check::passed(rule::VENDOR_ENDORSED)];
        if !self.vendors.is_empty() {
            checks.push(if self.vendors.contains(&vendor) {
                Check::passed(rule::VENDOR_PINNED)
            } else {
                let reason = format!("signed by vendor {}", vendor.fingerprint());
                Check::failed(
                    rule::VENDOR_PINNED,
                    format!("{reason}, who is not one of those named"),
                )
            });
        }
        let mut signatories = vec![Signatory {
            role: "ca",
            fingerprint: self.ca.fingerprint(),
        }];
        match config_signature(image, &vendor) {
            Ok(_) => {
                checks.push(Check::passed(rule::CONFIG_SIGNED));
                signatories.insert(
                    0,
                    Signatory {
                        role: "vendor",
                        fingerprint: vendor.fingerprint(),
                    },
                );
            }
            Err(bad) => checks.push(Check::failed(rule::CONFIG_SIGNED, bad.to_string())),
        }
        Candidate {
            checks,
            signatories,
        }
    }
}

/// The vendor's signature on an image, if it is there and holds over the raw config blob.
fn config_signature(image: &Image, vendor: &P384Key) -> Result<Signature, Bad> {
    let signature = parse(&image.manifest.annotations, SIGNATURE, signature_from_der)?;
    if vendor.verifies(&Prehash::sha384(image.config.bytes()), &signature) {
        Ok(signature)
    } else {
        Err(Bad::ConfigSignature {
            vendor: vendor.fingerprint(),
        })
    }
}

/// Decodes an annotation's hex and reads the bytes.
fn parse<T, E: fmt::Display>(
    annotations: &BTreeMap<String, String>,
    key: &'static str,
    read: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, Bad> {
    let text = annotations.get(key).ok_or(Bad::Absent(key))?;
    let bytes = unhex(text).ok_or(Bad::NotHex(key))?;
    read(&bytes).map_err(|e| Bad::Content(key, e.to_string()))
}

/// The same for digits in any case. Other programs read capital ones too, so such an endorsement can be in use
/// although it fails here.
fn in_any_case<T, E>(
    annotations: &BTreeMap<String, String>,
    key: &'static str,
    read: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Option<T> {
    let text = annotations.get(key)?.to_ascii_lowercase();
    read(&unhex(&text)?).ok()
}

/// Why an annotation is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Bad {
    #[error("annotation {0} is absent")]
    Absent(&'static str),
    #[error("annotation {0} is not lower-case hex")]
    NotHex(&'static str),
    #[error("annotation {0}: {1}")]
    Content(&'static str, String),
    #[error(transparent)]
    NotEndorsed(#[from] NotEndorsed),
    #[error("annotation {SIGNATURE} is not a signature of this config by vendor {vendor}")]
    ConfigSignature { vendor: Fingerprint },
}
