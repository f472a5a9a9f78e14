//! Ceremony plans: what is going to be done, reviewed beforehand, in strict TOML.
//!
//! A member that is unknown, missing or there twice is an error. Paths are relative to the plan's
//! folder. There is no place for a PIN.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use crate::crypto::{Digest, HashAlgorithm, PublicKey};
use crate::files;
use crate::key::uri::TokenUri;
use crate::text;

/// No plan is longer.
const MAX_PLAN: usize = 64 * 1024;
/// No input of a plan is longer: public keys and passports.
const MAX_INPUT: usize = 16 * 1024;

/// A plan, and the file it was read from.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The plan's file.
    pub path: PathBuf,
    /// SHA-384 of the file.
    pub digest: String,
    /// The file's text.
    pub text: String,
    members: Members,
    folder: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Members {
    ceremony: Kind,
    title: String,
    #[serde(default)]
    rehearsal: bool,
    token: PlannedToken,
    key: PlannedKey,
    people: Vec<Person>,
    root: Option<Input>,
    passport: Option<Input>,
    #[serde(default)]
    vendors: Vec<Vendor>,
    outputs: Outputs,
}

/// What a ceremony is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A root key is made.
    RootKey,
    /// Vendors are endorsed with it.
    EndorseVendors,
}

/// The token of a plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlannedToken {
    /// Its label.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// The token is hardware although its slot does not say so.
    #[serde(default)]
    pub hardware_without_flag: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedKey {
    label: String,
}

/// Who takes part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The person's name.
    pub name: String,
    /// What the person does.
    pub role: Role,
}

/// What a person does in a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Types `Yes` before each step.
    Operator,
    /// Sees each step, and retypes a code.
    Witness,
}

impl Role {
    /// The role's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Witness => "witness",
        }
    }
}

/// A file that has to be what the plan says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    file: PathBuf,
    sha384: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vendor {
    name: String,
    public: PathBuf,
    sha384: String,
    endorsement: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outputs {
    public: Option<PathBuf>,
    passport: Option<PathBuf>,
    transcript: PathBuf,
}

/// A vendor that is to be endorsed, with its key as it was read.
#[derive(Clone, Debug)]
pub struct PlannedVendor {
    /// The vendor's name.
    pub name: String,
    /// The public key's file.
    pub file: PathBuf,
    /// The public key.
    pub key: PublicKey,
    /// Where the endorsement goes.
    pub endorsement: PathBuf,
}

/// What a plan's kind asks for.
#[derive(Clone, Debug)]
pub enum Work {
    /// A root key is made.
    RootKey {
        /// Where its public half goes.
        public: PathBuf,
        /// Where its passport goes.
        passport: PathBuf,
    },
    /// Vendors are endorsed.
    EndorseVendors {
        /// The root key's public half.
        root: PublicKey,
        /// The vendors.
        vendors: Vec<PlannedVendor>,
    },
}

impl Plan {
    /// Reads a plan. Its inputs are not looked at yet.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Plan {
            path: path.to_owned(),
            reason,
        };
        let bytes = files::read(path, MAX_PLAN).map_err(Error::file("plan"))?;
        let digest = Digest::of(HashAlgorithm::Sha384, &bytes).hex();
        let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".into()))?;
        check_seen(&text).map_err(wrong)?;
        let members: Members = toml::from_str(&text).map_err(|e| wrong(told(&e, &text)))?;
        let plan = Self {
            path: path.to_owned(),
            digest,
            members,
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            text,
        };
        plan.check().map_err(wrong)?;
        Ok(plan)
    }

    /// What TOML cannot say: which members go together.
    fn check(&self) -> Result<(), String> {
        let members = &self.members;
        let text = |what: &str, text: &str| {
            if text.trim().is_empty() {
                return Err(format!("{what} is empty"));
            }
            text::hidden(text).map_or(Ok(()), |c| Err(format!("{what} has {}", unseen(c))))
        };
        text("title", &members.title)?;
        text("token.label", &members.token.label)?;
        text("token.serial", &members.token.serial)?;
        text("key.label", &members.key.label)?;
        let operators = self.people().iter().filter(|p| p.role == Role::Operator);
        if operators.count() != 1 {
            return Err("people has to have exactly one operator".into());
        }
        for person in self.people() {
            text("a person's name", &person.name)?;
        }
        let outputs = &members.outputs;
        match members.ceremony {
            Kind::RootKey => {
                if outputs.public.is_none() || outputs.passport.is_none() {
                    return Err(
                        "a root-key ceremony has outputs.public and outputs.passport".into(),
                    );
                }
                if members.root.is_some() || members.passport.is_some() {
                    return Err(
                        "a root-key ceremony has no root and no passport: it makes them".into(),
                    );
                }
                if !members.vendors.is_empty() {
                    return Err("a root-key ceremony has no vendors".into());
                }
            }
            Kind::EndorseVendors => {
                if outputs.public.is_some() || outputs.passport.is_some() {
                    return Err(
                        "only a root-key ceremony has outputs.public and outputs.passport".into(),
                    );
                }
                if members.root.is_none() {
                    return Err(
                        "an endorse-vendors ceremony has a root: the CA's public key".into(),
                    );
                }
                if members.vendors.is_empty() {
                    return Err("an endorse-vendors ceremony has vendors".into());
                }
            }
        }
        for vendor in &members.vendors {
            text("a vendor's name", &vendor.name)?;
        }
        for path in self.paths() {
            text("a file's name", &path.to_string_lossy())?;
        }
        self.check_distinct()
    }

    fn check_distinct(&self) -> Result<(), String> {
        let members = &self.members;
        let mut names: Vec<&str> = members.vendors.iter().map(|v| v.name.as_str()).collect();
        names.sort_unstable();
        if let Some([twice, _]) = names.array_windows().find(|[a, b]| a == b) {
            return Err(format!("there are two vendors named \"{twice}\""));
        }
        let mut paths: Vec<PathBuf> = self.outputs();
        paths.push(self.path.clone());
        let inputs = members.vendors.iter().map(|v| &v.public);
        let others = [&members.root, &members.passport].into_iter().flatten();
        paths.extend(
            inputs
                .chain(others.map(|i| &i.file))
                .map(|p| self.folder.join(p)),
        );
        // Two vendors may have one key file; an output is nobody else's.
        let outputs = self.outputs().len();
        for (n, output) in paths[..outputs].iter().enumerate() {
            if paths[n + 1..].contains(output) {
                return Err(format!("{} is named twice", output.display()));
            }
        }
        Ok(())
    }

    /// All files that the plan names, as it names them.
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let members = &self.members;
        let inputs = members.root.iter().chain(&members.passport);
        let outputs = members.outputs.public.iter();
        let outputs = outputs.chain(&members.outputs.passport);
        let vendors = members.vendors.iter();
        inputs
            .map(|input| &input.file)
            .chain(vendors.flat_map(|vendor| [&vendor.public, &vendor.endorsement]))
            .chain(outputs)
            .chain([&members.outputs.transcript])
            .map(PathBuf::as_path)
    }

    /// All files that the ceremony writes.
    fn outputs(&self) -> Vec<PathBuf> {
        let outputs = &self.members.outputs;
        let mut paths = vec![&outputs.transcript];
        paths.extend(outputs.public.iter().chain(&outputs.passport));
        paths.extend(self.members.vendors.iter().map(|v| &v.endorsement));
        paths.into_iter().map(|p| self.folder.join(p)).collect()
    }

    /// What the ceremony is for.
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

    /// Who takes part.
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

    /// Where the transcript goes.
    pub fn transcript(&self) -> PathBuf {
        self.folder.join(&self.members.outputs.transcript)
    }

    /// The passport that the key has to have.
    pub fn passport(&self) -> Result<Option<PathBuf>, Error> {
        let Some(passport) = &self.members.passport else {
            return Ok(None);
        };
        self.input("passport", passport)?;
        Ok(Some(self.folder.join(&passport.file)))
    }

    /// The work, with the inputs read: each has to have the digest that the plan gives.
    pub fn work(&self) -> Result<Work, Error> {
        let outputs = &self.members.outputs;
        match (
            self.kind(),
            &outputs.public,
            &outputs.passport,
            &self.members.root,
        ) {
            (Kind::RootKey, Some(public), Some(passport), _) => Ok(Work::RootKey {
                public: self.folder.join(public),
                passport: self.folder.join(passport),
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
                        endorsement: self.folder.join(&vendor.endorsement),
                    })
                };
                let vendors = self.members.vendors.iter().map(vendor);
                Ok(Work::EndorseVendors {
                    root: self.public("root's public key", root)?,
                    vendors: vendors.collect::<Result<_, Error>>()?,
                })
            }
            _ => Err(Error::Plan {
                path: self.path.clone(),
                reason: "its members do not go together".into(),
            }),
        }
    }

    /// Reads an input, and refuses one that is not what the plan says.
    fn input(&self, role: &'static str, input: &Input) -> Result<Vec<u8>, Error> {
        let path = self.folder.join(&input.file);
        let bytes = files::read(&path, MAX_INPUT).map_err(Error::file(role))?;
        let found = Digest::of(HashAlgorithm::Sha384, &bytes).hex();
        if found != input.sha384 {
            return Err(Error::Input {
                role,
                path,
                wanted: input.sha384.clone(),
                found,
            });
        }
        Ok(bytes)
    }

    fn public(&self, role: &'static str, input: &Input) -> Result<PublicKey, Error> {
        let bytes = self.input(role, input)?;
        PublicKey::from_spki(&bytes).map_err(|source| Error::PublicKey {
            role,
            path: self.folder.join(&input.file),
            source,
        })
    }
}

/// A character that people do not see as it is.
fn unseen(c: char) -> String {
    let number = u32::from(c);
    format!("the character U+{number:04X}, which people do not see as it is")
}

/// Refuses a plan that its reviewers read otherwise than this program, comments included.
fn check_seen(text: &str) -> Result<(), String> {
    // Windows' editors put this mark at a file's beginning and end lines in CR LF.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (n, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some(c) = text::hidden(&line.replace('\t', " ")) {
            return Err(format!("line {} has {}", n + 1, unseen(c)));
        }
    }
    Ok(())
}

/// What TOML says, on one line, with the place.
fn told(error: &toml::de::Error, text: &str) -> String {
    let line = error
        .span()
        .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let message = error.message().replace('\n', " ");
    line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
}
