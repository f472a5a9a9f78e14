//! The work of a plan, with its inputs: each input has the digest that the plan gives.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::members::{Input, Kind, Payload, Vendor};
use super::payload::{MAX_PAYLOAD, PlannedPayload};
use super::plan::Plan;
use crate::crypto::{Digest, HashAlgorithm, P384Key};
use crate::files;

/// The most bytes of an input: public keys and passports.
const MAX_INPUT: usize = 16 * 1024;

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
        let outputs = &self.members.outputs;
        match (
            self.kind(),
            &outputs.public,
            &outputs.passport,
            &self.members.root,
        ) {
            (Kind::RootKey, Some(public), Some(passport), _) => Ok(Work::RootKey {
                public: self.placed(public),
                passport: self.placed(passport),
            }),
            (Kind::EndorseVendors, _, _, Some(root)) => {
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
                let vendors = self.members.vendors.iter().map(vendor);
                Ok(Work::EndorseVendors {
                    root: self.public("root's public key", root)?,
                    vendors: vendors.collect::<Result<_, Error>>()?,
                })
            }
            (Kind::SignPayloads, _, _, Some(root)) => Ok(Work::SignPayloads {
                root: self.public("root's public key", root)?,
                payloads: self.read_payloads()?,
            }),
            _ => Err(self.wrong("its members do not go together".into())),
        }
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
