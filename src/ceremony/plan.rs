//! Ceremony plans: the work of a ceremony, for people to review beforehand, in strict TOML.
//!
//! A member that is unknown, missing or given twice is an error. Paths are relative to the plan's
//! folder. There is no place for a PIN.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::layout::{self, Output};
use super::members::{Input, Members};
use super::payload;

pub use super::members::{Kind, Person, PlannedToken, Role};
use super::transcript::MAX_TRANSCRIPT;
use crate::crypto::{Digest, HashAlgorithm};
use crate::files;
use crate::key::pkcs11::{SignMechanism, has_passport_for};
use crate::key::uri::TokenUri;
use crate::text;

/// The most bytes of a plan.
const MAX_PLAN: usize = 64 * 1024;

/// A plan, and the file it was read from.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The plan's file.
    pub path: PathBuf,
    /// SHA-384 of the file.
    pub digest: String,
    /// The file's text.
    pub text: String,
    pub(super) members: Members,
    pub(super) folder: PathBuf,
    outputs: Vec<Output>,
}

/// SHA-384 of the files of the root's public key, certificate and passport, where a plan names them.
pub(super) struct RootDigests<'a> {
    pub(super) public: Option<&'a str>,
    pub(super) certificate: Option<&'a str>,
    pub(super) passport: Option<&'a str>,
}

impl Plan {
    /// Reads a plan, but none of its inputs yet.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Plan {
            path: path.to_owned(),
            reason,
        };
        let bytes = files::read(path, MAX_PLAN).map_err(Error::file("plan"))?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".into()))?;
        let plan = Self::parse(text, path).map_err(wrong)?;
        let own = path.file_name().map(|name| name.to_string_lossy());
        match plan
            .outputs
            .iter()
            .find(|o| Some(&*o.name) == own.as_deref())
        {
            Some(output) => Err(wrong(format!("{} is named twice", output.name))),
            None => Ok(plan),
        }
    }

    /// Reads the text of a plan that is at `path`, or was there. The error is in words.
    pub fn parse(text: String, path: &Path) -> Result<Self, String> {
        if text.len() > MAX_PLAN {
            return Err(format!("it is larger than {MAX_PLAN} bytes"));
        }
        let members = Members::read(&text)?;
        let mut plan = Self {
            path: path.to_owned(),
            outputs: Vec::new(),
            digest: Digest::of(HashAlgorithm::Sha384, text.as_bytes()).hex(),
            members,
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            text,
        };
        plan.check()?;
        Ok(plan)
    }

    /// Checks which members go together.
    fn check(&mut self) -> Result<(), String> {
        let members = &self.members;
        let text = |what: &str, text: &str| {
            if text.trim().is_empty() {
                return Err(format!("{what} is empty"));
            }
            text::hidden(text).map_or(Ok(()), |c| Err(format!("{what} has {}", layout::unseen(c))))
        };
        text("title", &members.title)?;
        text("token.label", &members.token.label)?;
        text("token.serial", &members.token.serial)?;
        text("key.label", &members.key.label)?;
        let operators = self.people().iter().filter(|p| p.role == Role::Operator);
        if operators.count() != 1 {
            return Err("people must have exactly one operator".into());
        }
        for person in self.people() {
            text("a person's name", &person.name)?;
        }
        members.check_kind()?;
        for vendor in &members.vendors {
            text("a vendor's name", &vendor.name)?;
        }
        for (what, value) in members.texts() {
            text(what, value)?;
        }
        for path in self.named_inputs() {
            text("a file's name", &path.to_string_lossy())?;
        }
        self.check_distinct()
    }

    fn check_distinct(&mut self) -> Result<(), String> {
        let members = &self.members;
        let mut names: Vec<&str> = members.vendors.iter().map(|v| v.name.as_str()).collect();
        names.sort_unstable();
        if let Some([twice, _]) = names.array_windows().find(|[a, b]| a == b) {
            return Err(format!("there are two vendors named \"{twice}\""));
        }
        let mut outputs = Vec::new();
        for (what, role, path) in self.written() {
            let name = layout::name(what, path)?;
            outputs.push(Output { role, name });
        }
        layout::check_apart(&outputs)?;
        let place = |path: &PathBuf| layout::name("an input", path).ok();
        let inputs: Vec<String> = self.named_inputs().filter_map(place).collect();
        // Two vendors may have one key file; two vendors may not have one output.
        if let Some(output) = outputs.iter().find(|output| inputs.contains(&output.name)) {
            return Err(format!("{} is named twice", output.name));
        }
        self.outputs = outputs;
        self.check_limits(0)
    }

    /// Refuses a plan whose outputs would be larger than ir-sign reads: nobody can change a plan during the ceremony.
    /// Of its payloads' content it adds `read` bytes.
    pub(super) fn check_limits(&self, read: usize) -> Result<(), String> {
        let members = &self.members;
        let makes_root = [Kind::RootKey, Kind::RootCertificate].contains(&members.ceremony);
        if makes_root && !has_passport_for(&members.key.label) {
            let bytes = members.key.label.len();
            return Err(format!(
                "key.label has {bytes} bytes, so the key's passport would be too large to read"
            ));
        }
        let json = |text: &str| serde_json::Value::from(text).to_string().len();
        let people: usize = self.people().iter().map(|p| json(&p.name) + 64).sum();
        let vendors = members.vendors.iter();
        let steps: usize = vendors
            .map(|v| people + 6 * json(&v.name) + 2 * json(&v.endorsement.to_string_lossy()) + 4096)
            .sum();
        let payloads = members.payloads.iter();
        let payloads: usize = payloads
            .map(|p| {
                people
                    + 6 * json(&p.file.to_string_lossy())
                    + 2 * json(&p.signature.to_string_lossy())
                    + 4096
            })
            .sum();
        let issued = members.certificates.iter();
        let issued: usize = issued
            .map(|c| {
                people
                    + 6 * json(&c.request.to_string_lossy())
                    + 2 * json(&c.certificate.to_string_lossy())
                    + 4096
            })
            .sum();
        let steps = steps + payloads + issued;
        let most = json(&self.text) + json(&members.title) + 4 * people + steps + read;
        // The other half is room for interruptions.
        if most as u64 > MAX_TRANSCRIPT / 2 {
            return Err(format!(
                "its transcript would have more than {} bytes; split the work between several ceremonies",
                MAX_TRANSCRIPT / 2
            ));
        }
        Ok(())
    }

    /// The files that the ceremony writes, in its order, with their members in the plan and their roles.
    fn written(&self) -> Vec<(&'static str, &'static str, &PathBuf)> {
        let outputs = &self.members.outputs;
        let public = outputs.public.iter();
        let mut written: Vec<_> = public
            .map(|path| ("outputs.public", "root's public key", path))
            .collect();
        let passport = outputs.passport.iter();
        written.extend(passport.map(|path| ("outputs.passport", "root's passport", path)));
        let vendors = self.members.vendors.iter();
        written.extend(vendors.map(|v| ("a vendor's endorsement", "endorsement", &v.endorsement)));
        let payloads = self.members.payloads.iter();
        written.extend(payloads.map(|p| ("a payload's signature", "signatures", &p.signature)));
        let own = outputs.certificate.iter();
        written.extend(own.map(|path| ("outputs.certificate", "root's certificate", path)));
        let issued = self.members.certificates.iter();
        written.extend(issued.map(|c| ("a certificate's file", "certificate", &c.certificate)));
        let crl = outputs.crl.iter();
        written.extend(crl.map(|path| ("outputs.crl", "CRL", path)));
        written.push(("outputs.transcript", "transcript", &outputs.transcript));
        written
    }

    /// All files that the ceremony writes, in its order, the transcript last. Each has one name that no
    /// other has.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    fn named_inputs(&self) -> impl Iterator<Item = &PathBuf> {
        let members = &self.members;
        let others = [&members.root, &members.passport, &members.issuer];
        let others = others.into_iter().flatten().map(|input| &input.file);
        let payloads = members.payloads.iter().map(|p| &p.file);
        let vendors = members.vendors.iter().map(|v| &v.public);
        let requests = members.certificates.iter().map(|c| &c.request);
        let previous = members.crl.iter().filter_map(|crl| crl.previous.as_ref());
        let revoked = members.revocations.iter();
        let revoked = revoked.filter_map(|revocation| revocation.certificate.as_ref());
        let of_crl = previous.map(|previous| &previous.file).chain(revoked);
        let of_certificates = requests.chain(of_crl);
        vendors.chain(payloads).chain(of_certificates).chain(others)
    }

    /// The files that the ceremony reads: the plan and its inputs.
    pub(super) fn inputs(&self) -> Vec<PathBuf> {
        let inputs = self.named_inputs().map(|file| self.folder.join(file));
        inputs.chain([self.path.clone()]).collect()
    }

    /// The path of an output.
    pub(super) fn place(&self, output: &Output) -> PathBuf {
        self.folder.join(&output.name)
    }

    /// The name of the output that goes to a path.
    pub(super) fn name_of<'a>(&self, path: &'a Path) -> Cow<'a, str> {
        path.strip_prefix(&self.folder)
            .unwrap_or(path)
            .to_string_lossy()
    }

    /// The place of an output, from the plan's spelling of it.
    pub(super) fn placed(&self, path: &Path) -> PathBuf {
        self.folder.join(payload::plain(path))
    }

    /// The kind of the ceremony.
    pub const fn kind(&self) -> Kind {
        self.members.ceremony
    }

    /// The ceremony's title.
    pub fn title(&self) -> &str {
        &self.members.title
    }

    /// Whether it is a rehearsal.
    pub const fn is_rehearsal(&self) -> bool {
        self.members.rehearsal
    }

    /// The token.
    pub const fn token(&self) -> &PlannedToken {
        &self.members.token
    }

    /// The people who take part.
    pub fn people(&self) -> &[Person] {
        &self.members.people
    }

    /// The key, by the token's label and serial number and its own label.
    pub fn uri(&self) -> TokenUri {
        TokenUri {
            token: Some(self.members.token.label.clone()),
            serial: Some(self.members.token.serial.clone()),
            object: Some(self.members.key.label.clone()),
            ..TokenUri::default()
        }
    }

    /// The mechanism that the token signs by.
    pub const fn mechanism(&self) -> SignMechanism {
        self.members.key.mechanism
    }

    /// The path of the transcript.
    pub fn transcript(&self) -> PathBuf {
        self.placed(&self.members.outputs.transcript)
    }

    /// The vendors' names, in the plan's order, each with the SHA-384 of the public key's file.
    pub(super) fn vendors(&self) -> impl Iterator<Item = (&str, &str)> {
        let vendors = self.members.vendors.iter();
        vendors.map(|vendor| (&*vendor.name, &*vendor.sha384))
    }

    /// The payloads' files, in the plan's order, each with its SHA-384.
    pub(super) fn payloads(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        let payloads = self.members.payloads.iter();
        payloads.map(|payload| (payload.file.to_string_lossy(), &*payload.sha384))
    }

    /// The files of requests, in the plan's order, each with its SHA-384.
    pub(super) fn requests(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        let requests = self.members.certificates.iter();
        requests.map(|c| (c.request.to_string_lossy(), &*c.sha384))
    }

    /// SHA-384 of the CRL before the plan's, and of the certificates to revoke that the plan names by their files.
    pub(super) fn revoked_digests(&self) -> (Option<&str>, Vec<&str>) {
        let crl = self.members.crl.as_ref();
        let previous = crl.and_then(|crl| crl.previous.as_ref());
        let revoked = self.members.revocations.iter();
        (
            previous.map(|previous| &*previous.sha384),
            revoked.filter_map(|r| r.sha384.as_deref()).collect(),
        )
    }

    /// SHA-384 of the files of the root's public key, certificate and passport, where the plan names them.
    pub(super) fn root_digests(&self) -> RootDigests<'_> {
        let members = &self.members;
        RootDigests {
            public: digest_of(members.root.as_ref()),
            certificate: digest_of(members.issuer.as_ref()),
            passport: digest_of(members.passport.as_ref()),
        }
    }
}

fn digest_of(input: Option<&Input>) -> Option<&str> {
    input.map(|input| &*input.sha384)
}
