//! A policy: its requirements for images, by scope.

#[cfg(test)]
mod image_rs_tests;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::asked::Asked;
use super::dialect::Dialect;
use super::error::{Doubt, Fault, Laxity, PolicyError, Step, Warning};
use super::kinds;
use super::requirement::Requirement;
use super::scheme::{SCHEMES, SchemeType};
use super::transports;
use crate::encoding::located::{Reader, Unicode};

/// A policy in either dialect, read whole and without an error.
///
/// A policy can have many thousand scopes, but only one counts. So reading the policy checks the requirements of each
/// scope, and keeps only those of the scope that counts, which it reads again. The names stay in
/// the text.
///
/// ```
/// use ir_sign::trust::{Asked, Dialect, Policy, Requirement};
///
/// let text = br#"{"default": [{"type": "reject"}],
///     "transports": {"docker": {"example.com": [{"type": "insecureAcceptAnything"}]}}}"#;
/// let policy = Policy::read(text, Dialect::Containers)?;
/// let chosen = policy.for_image(&Asked::docker("example.com/app")?);
/// assert_eq!(chosen.scope.to_string(), "docker \"example.com\"");
/// assert_eq!(chosen.requirements, [Requirement::InsecureAcceptAnything]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Policy<'t> {
    text: &'t [u8],
    dialect: Dialect,
    schemes: &'static [SchemeType],
    default: Place,
    transports: Transports<'t>,
    warnings: Vec<Warning>,
}

/// Where a list of requirements starts.
#[derive(Clone, Copy)]
struct Place(usize);

/// The scope that counts for an image, and its requirements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The scope.
    pub scope: Scope,
    /// Its requirements: each must be met.
    pub requirements: Vec<Requirement>,
    /// The laxities of image-rs in this scope.
    pub warnings: Vec<Warning>,
}

/// A scope of a policy. Its text is as an error shows it: `docker "example.com"`, `the default`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The policy's default.
    Default,
    /// A scope of a transport; `""` is all images of the transport that no other scope matches.
    Of {
        /// The transport.
        transport: String,
        /// The scope.
        name: String,
    },
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::Of { transport, name } => write!(f, "{transport} {name:?}"),
        }
    }
}

impl<'t> Policy<'t> {
    /// Reads a policy. One error anywhere, even in a scope that no image needs, refuses the whole policy.
    pub fn read(text: &'t [u8], dialect: Dialect) -> Result<Self, PolicyError> {
        Self::read_with(text, dialect, SCHEMES)
    }

    /// The same with other schemes than [`SCHEMES`].
    pub fn read_with(
        text: &'t [u8],
        dialect: Dialect,
        schemes: &'static [SchemeType],
    ) -> Result<Self, PolicyError> {
        let mut draft = Draft {
            dialect,
            schemes,
            default: None,
            transports: None,
            doubts: Vec::new(),
            last: None,
        };
        let default = draft.read(text).map_err(|fault| fault.error(text))?;
        let warnings = draft.doubts.into_iter().map(|doubt| doubt.warning(text));
        Ok(Self {
            dialect,
            schemes,
            default,
            transports: draft.transports.unwrap_or_default(),
            warnings: warnings.collect(),
            text,
        })
    }

    /// The dialect.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The laxities of the policy as a whole: names that are there twice.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The requirements of the policy for an image. Only the nearest scope counts.
    pub fn for_image(&self, asked: &Asked) -> Chosen {
        let transport = asked.transport_in(self.dialect);
        let found = self.transports.get(transport).and_then(|scopes| {
            // To image-rs no image has a path.
            let names = match (self.dialect, asked) {
                (Dialect::Containers, _) | (_, Asked::Docker(_)) => asked.names(),
                (Dialect::ImageRs, Asked::Path { .. } | Asked::DockerArchive) => Vec::new(),
            };
            let mut names = names.into_iter().chain([String::new()]);
            names.find_map(|name| Some((*scopes.get(name.as_str())?, name)))
        });
        match found {
            None => self.chosen(Scope::Default, self.default),
            Some((place, name)) => {
                let transport = transport.to_owned();
                self.chosen(Scope::Of { transport, name }, place)
            }
        }
    }

    /// Every scope, in order of transport and name, the default last.
    pub fn scopes(&self) -> impl Iterator<Item = Chosen> {
        let mut all = BTreeMap::new();
        for (transport, scopes) in &self.transports {
            for (name, place) in scopes {
                let (transport, name) = (transport.clone().into_owned(), name.clone().into_owned());
                all.insert(Scope::Of { transport, name }, *place);
            }
        }
        let all = all.into_iter().chain([(Scope::Default, self.default)]);
        all.map(|(scope, place)| self.chosen(scope, place))
    }

    fn chosen(&self, scope: Scope, place: Place) -> Chosen {
        let mut reader = reader(self.text, self.dialect);
        reader.skip_to(place.0);
        // The policy's reader has read it before. If this reading fails all the same, nothing meets the rest.
        let (requirements, doubts) = kinds::list(&mut reader, self.dialect, self.schemes)
            .unwrap_or_else(|_| (vec![Requirement::Reject], Vec::new()));
        let steps = match &scope {
            Scope::Default => vec!["default"],
            Scope::Of { transport, name } => vec![name.as_str(), transport, "transports"],
        };
        let around = |doubt: Doubt| {
            let steps = steps.iter().map(|step| Step::Name((*step).to_owned()));
            steps.fold(doubt, Doubt::inside).warning(self.text)
        };
        let warnings = doubts.into_iter().map(around).collect();
        Chosen {
            scope,
            requirements,
            warnings,
        }
    }
}

fn reader(text: &[u8], dialect: Dialect) -> Reader<'_> {
    Reader::new(
        text,
        match dialect {
            Dialect::Containers => Unicode::Replaced,
            Dialect::ImageRs => Unicode::Refused,
        },
    )
}

type Scopes<'t> = HashMap<Cow<'t, str>, Place>;

type Transports<'t> = HashMap<Cow<'t, str>, Scopes<'t>>;

/// A policy while it is read.
struct Draft<'t> {
    dialect: Dialect,
    schemes: &'static [SchemeType],
    default: Option<Place>,
    transports: Option<Transports<'t>>,
    doubts: Vec<Doubt>,
    /// The place of the last list of requirements. Most scopes of a policy ask for the same, so the next list often has
    /// the same bytes.
    last: Option<(usize, usize)>,
}

impl<'t> Draft<'t> {
    fn read(&mut self, text: &'t [u8]) -> Result<Place, Fault> {
        let mut reader = reader(text, self.dialect);
        let at = reader.next_at();
        reader.members(|reader, at, name| {
            let read = self.member(reader, at, &name);
            read.map_err(|fault| fault.within(&name))
        })?;
        reader.end()?;
        if self.dialect == Dialect::ImageRs && self.transports.is_none() {
            return Err(Fault::new(at, "the member \"transports\" is missing"));
        }
        let missing = || Fault::new(at, "the member \"default\" is missing");
        self.default.ok_or_else(missing)
    }

    fn member(&mut self, reader: &mut Reader<'t>, at: usize, name: &str) -> Result<(), Fault> {
        let twice = || Fault::new(at, "the member is there twice");
        match name {
            "default" if self.default.is_some() => Err(twice()),
            "transports" if self.transports.is_some() => Err(twice()),
            "default" => {
                self.default = Some(self.list(reader)?);
                Ok(())
            }
            "transports" => {
                let transports = self.transports(reader)?;
                self.transports = Some(transports);
                Ok(())
            }
            _ if self.dialect == Dialect::ImageRs => Ok(reader.value().map(drop)?),
            _ => Err(Fault::new(at, "a policy has no such member here")),
        }
    }

    fn transports(&mut self, reader: &mut Reader<'t>) -> Result<Transports<'t>, Fault> {
        let mut transports = HashMap::new();
        reader.members(|reader, at, name| {
            let scopes = self.scopes(reader, &name);
            let scopes = scopes.map_err(|fault| fault.within(&name))?;
            let before = transports.insert(name.clone(), scopes);
            self.once(at, before.is_some(), &[&name, "transports"])
                .map_err(|fault| fault.within(&name))
        })?;
        Ok(transports)
    }

    fn scopes(&mut self, reader: &mut Reader<'t>, transport: &str) -> Result<Scopes<'t>, Fault> {
        let mut scopes = HashMap::new();
        reader.members(|reader, at, name: Cow<'t, str>| {
            let read = match self.dialect {
                Dialect::Containers => transports::problem(transport, &name),
                Dialect::ImageRs => None,
            };
            let read = match read {
                Some(problem) => Err(Fault::new(at, problem)),
                None => self.list(reader),
            };
            let place = read.map_err(|fault| fault.within(&name))?;
            let before = scopes.insert(name.clone(), place);
            self.once(at, before.is_some(), &[&name, transport, "transports"])
                .map_err(|fault| fault.within(&name))
        })?;
        Ok(scopes)
    }

    /// Refuses a repeated name of free choice; for image-rs, the last one counts.
    fn once(&mut self, at: usize, twice: bool, steps: &[&str]) -> Result<(), Fault> {
        match (twice, self.dialect) {
            (false, _) => Ok(()),
            (true, Dialect::Containers) => Err(Fault::new(at, "the member is there twice")),
            (true, Dialect::ImageRs) => {
                let steps = steps.iter().map(|step| Step::Name((*step).to_owned()));
                let doubt = steps.fold(Doubt::new(at, Laxity::Twice), Doubt::inside);
                self.doubts.push(doubt);
                Ok(())
            }
        }
    }

    /// Reads a list of requirements, and keeps where it is.
    fn list(&mut self, reader: &mut Reader<'_>) -> Result<Place, Fault> {
        let at = reader.next_at();
        if !self
            .last
            .is_some_and(|(from, to)| reader.skip_same(from, to))
        {
            kinds::list(reader, self.dialect, self.schemes)?;
            self.last = Some((at, reader.at()));
        }
        Ok(Place(at))
    }
}
