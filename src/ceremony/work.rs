//! The work of a plan, with its inputs: each input has the digest that the plan gives.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::certificates::{Issuer, PlannedCertificate, PlannedCrl, PlannedRoot};
use super::error::Error;
use super::members::{Input, Kind, Payload, Vendor};
use super::payload::{MAX_PAYLOAD, PlannedPayload};
use super::plan::Plan;
use crate::crypto::{Digest, HashAlgorithm, P384Key};
use crate::files;
use crate::x509::Serial;

/// The most bytes of an input: public keys and passports.
const MAX_INPUT: usize = 16 * 1024;
/// The most bytes of the CRL before a new one: the transcript holds it.
const MAX_CRL: usize = 256 * 1024;

/// A vendor to endorse, with its key.
#[derive(Clone, Debug)]
pub struct PlannedVendor {
    /// The vendor's name.
    pub name: String,
    /// The public key's file.
    pub file: PathBuf,
    /// The public key.
    pub key: P384Key,
    /// The file for the endorsement.
    pub endorsement: PathBuf,
}

/// The work of each kind of plan.
#[derive(Clone, Debug)]
pub enum Work {
    /// It makes a root key.
    RootKey {
        /// The file for its public half.
        public: PathBuf,
        /// The file for its passport.
        passport: PathBuf,
    },
    /// It endorses vendors.
    EndorseVendors {
        /// The root key's public half.
        root: P384Key,
        /// The vendors.
        vendors: Vec<PlannedVendor>,
    },
    /// It signs payloads.
    SignPayloads {
        /// The public half of the key that signs.
        root: P384Key,
        /// The payloads.
        payloads: Vec<PlannedPayload>,
    },
    /// It makes a root key and its certificate.
    RootCertificate {
        /// The file for the key's public half.
        public: PathBuf,
        /// The file for its passport.
        passport: PathBuf,
        /// The certificate.
        certificate: Box<PlannedRoot>,
    },
    /// It issues certificates.
    IssueCertificates {
        /// The CA.
        issuer: Box<Issuer>,
        /// The certificates.
        certificates: Vec<PlannedCertificate>,
    },
    /// It signs a CRL.
    Revoke {
        /// The CA.
        issuer: Box<Issuer>,
        /// The CRL.
        crl: Box<PlannedCrl>,
    },
}

impl Work {
    /// The root key that signs, if it is there before the ceremony.
    pub const fn root(&self) -> Option<&P384Key> {
        match self {
            Self::RootKey { .. } | Self::RootCertificate { .. } => None,
            Self::EndorseVendors { root, .. } | Self::SignPayloads { root, .. } => Some(root),
            Self::IssueCertificates { issuer, .. } | Self::Revoke { issuer, .. } => {
                Some(&issuer.root)
            }
        }
    }
}

impl Plan {
    /// The passport that the key must have.
    pub fn passport(&self) -> Result<Option<PathBuf>, Error> {
        let Some(passport) = &self.members.passport else {
            return Ok(None);
        };
        self.input("passport", passport)?;
        Ok(Some(self.folder.join(&passport.file)))
    }

    /// Reads the inputs of the work: each input must have the digest that the plan gives.
    pub fn work(&self) -> Result<Work, Error> {
        let (members, outputs) = (&self.members, &self.members.outputs);
        let made = (&outputs.public, &outputs.passport);
        match (self.kind(), &members.root, &members.issuer, made) {
            (Kind::RootKey, _, _, (Some(public), Some(passport))) => Ok(Work::RootKey {
                public: self.placed(public),
                passport: self.placed(passport),
            }),
            (Kind::RootCertificate, _, _, (Some(public), Some(passport))) => {
                Ok(Work::RootCertificate {
                    public: self.placed(public),
                    passport: self.placed(passport),
                    certificate: Box::new(self.planned_root()?),
                })
            }
            (Kind::EndorseVendors, Some(root), ..) => Ok(Work::EndorseVendors {
                root: self.public("root's public key", root)?,
                vendors: self.read_vendors()?,
            }),
            (Kind::SignPayloads, Some(root), ..) => Ok(Work::SignPayloads {
                root: self.public("root's public key", root)?,
                payloads: self.read_payloads()?,
            }),
            (Kind::IssueCertificates, _, Some(issuer), _) => {
                let issuer = self.issuer(issuer)?;
                let certificates = self.read_requests(&issuer)?;
                Ok(Work::IssueCertificates {
                    issuer: Box::new(issuer),
                    certificates,
                })
            }
            (Kind::Revoke, _, Some(issuer), _) => {
                let issuer = self.issuer(issuer)?;
                let crl = self.read_revocations(&issuer)?;
                Ok(Work::Revoke {
                    issuer: Box::new(issuer),
                    crl: Box::new(crl),
                })
            }
            _ => Err(self.wrong("its members do not go together".into())),
        }
    }

    fn read_vendors(&self) -> Result<Vec<PlannedVendor>, Error> {
        let vendor = |vendor: &Vendor| {
            let input = Input {
                file: vendor.public.clone(),
                sha384: vendor.sha384.clone(),
            };
            Ok(PlannedVendor {
                name: vendor.name.clone(),
                file: self.folder.join(&vendor.public),
                key: self.public("vendor's public key", &input)?,
                endorsement: self.placed(&vendor.endorsement),
            })
        };
        self.members.vendors.iter().map(vendor).collect()
    }

    fn wrong(&self, reason: String) -> Error {
        Error::Plan {
            path: self.path.clone(),
            reason,
        }
    }

    fn read_payloads(&self) -> Result<Vec<PlannedPayload>, Error> {
        let mut all = Vec::new();
        let mut told = 0;
        for Payload {
            file,
            sha384,
            signature,
        } in &self.members.payloads
        {
            let bytes = self.read_input("payload", file, sha384, MAX_PAYLOAD)?;
            let (name, signature) = (file.to_string_lossy().into_owned(), self.placed(signature));
            let read = PlannedPayload::read(name, signature, bytes);
            let read = read.map_err(|source| Error::Payload {
                path: self.folder.join(file),
                source,
            })?;
            told += 2 * read.about().to_string().len();
            all.push(read);
        }
        self.check_limits(told)
            .map_err(|reason| self.wrong(reason))?;
        Ok(all)
    }

    fn planned_root(&self) -> Result<PlannedRoot, Error> {
        let (terms, file) = (&self.members.certificate, &self.members.outputs.certificate);
        let (Some(terms), Some(file)) = (terms, file) else {
            return Err(self.wrong("it has no certificate".into()));
        };
        let planned = PlannedRoot::of(terms, self.placed(file));
        planned.map_err(|reason| self.wrong(format!("certificate: {reason}")))
    }

    fn issuer(&self, input: &Input) -> Result<Issuer, Error> {
        let bytes = self.input("root's certificate", input)?;
        Issuer::read(bytes).map_err(|reason| {
            let path = self.folder.join(&input.file);
            Error::certificate(format!("root's certificate {}", path.display()), reason)
        })
    }

    /// Reads the requests, and drafts each certificate once, so that the plan is refused now and not under way.
    fn read_requests(&self, issuer: &Issuer) -> Result<Vec<PlannedCertificate>, Error> {
        let mut all = Vec::new();
        for planned in &self.members.certificates {
            let file = &planned.request;
            let wrong = |reason| {
                let path = self.folder.join(file);
                Error::certificate(format!("request {}", path.display()), reason)
            };
            let bytes = self.read_input("request", file, &planned.sha384, MAX_INPUT)?;
            let place = self.placed(&planned.certificate);
            let mut read = PlannedCertificate::read(planned, place, bytes).map_err(wrong)?;
            let serial = Serial::random().map_err(Error::Random)?;
            let now = SystemTime::now();
            read.try_draft(issuer, serial, now).map_err(wrong)?;
            all.push(read);
        }
        Ok(all)
    }

    fn read_revocations(&self, issuer: &Issuer) -> Result<PlannedCrl, Error> {
        let members = &self.members;
        let (Some(crl), Some(file)) = (&members.crl, &members.outputs.crl) else {
            return Err(self.wrong("it has no CRL".into()));
        };
        let previous = crl.previous.as_ref();
        let previous = previous.map(|previous| {
            self.read_input("previous CRL", &previous.file, &previous.sha384, MAX_CRL)
        });
        let named = members.revocations.iter();
        let named = named.filter_map(|one| Some((one.certificate.as_ref()?, one.sha384.as_ref()?)));
        let read = |(file, sha384): (&PathBuf, &String)| {
            self.read_input("certificate to revoke", file, sha384, MAX_INPUT)
        };
        let revoked = named.map(read).collect::<Result<_, _>>()?;
        let of = (crl, &*members.revocations);
        let previous = previous.transpose()?;
        let planned = PlannedCrl::read(of, self.placed(file), issuer, previous, revoked);
        let wrong = |reason| Error::certificate("the CRL", reason);
        let mut planned = planned.map_err(wrong)?;
        let now = SystemTime::now();
        planned.try_draft(issuer, now).map_err(wrong)?;
        self.check_limits(2 * planned.inputs().to_string().len())
            .map_err(|reason| self.wrong(reason))?;
        Ok(planned)
    }

    /// Reads an input, and refuses it if its digest differs from the plan's.
    fn input(&self, role: &'static str, input: &Input) -> Result<Vec<u8>, Error> {
        self.read_input(role, &input.file, &input.sha384, MAX_INPUT)
    }

    fn read_input(
        &self,
        role: &'static str,
        file: &Path,
        sha384: &str,
        most: usize,
    ) -> Result<Vec<u8>, Error> {
        let path = self.folder.join(file);
        let bytes = files::read(&path, most).map_err(Error::file(role))?;
        let found = Digest::of(HashAlgorithm::Sha384, &bytes).hex();
        if found != sha384 {
            return Err(Error::Input {
                role,
                path,
                wanted: sha384.to_owned(),
                found,
            });
        }
        Ok(bytes)
    }

    fn public(&self, role: &'static str, input: &Input) -> Result<P384Key, Error> {
        let bytes = self.input(role, input)?;
        P384Key::from_spki(&bytes).map_err(|source| Error::PublicKey {
            role,
            path: self.folder.join(&input.file),
            source,
        })
    }
}
