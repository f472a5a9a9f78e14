//! Trust stores: certificates under a type and a name.

use std::fmt;
use std::sync::Arc;

use crate::class::Class;
use crate::x509::Certificate;

/// The type of a trust store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// CAs of signers.
    Ca,
    /// CAs of services that sign for others.
    SigningAuthority,
    /// CAs of timestamps.
    Tsa,
}

impl StoreKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ca, Self::SigningAuthority, Self::Tsa];

    /// The name, in policies and of the folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::SigningAuthority => "signingAuthority",
            Self::Tsa => "tsa",
        }
    }

    /// The type with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One trust store by its type and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    /// The type.
    pub kind: StoreKind,
    /// The name: `[A-Za-z0-9_.-]+`.
    pub name: String,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.name)
    }
}

impl Store {
    /// A store. Its name does not lead to a folder above, and has only letters, digits, `_`, `.` and `-`.
    pub fn new(kind: StoreKind, name: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let is_name = !name.is_empty() && name.chars().all(fits) && name != "." && name != "..";
        is_name.then(|| Self {
            kind,
            name: name.to_owned(),
        })
    }

    /// Reads `TYPE:NAME`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':');
        let (kind, name) = parts.ok_or_else(|| format!("trust store {text:?} is not TYPE:NAME"))?;
        let kind = StoreKind::named(kind)
            .ok_or_else(|| format!("trust store {text:?} has an unknown type"))?;
        Self::new(kind, name).ok_or_else(|| {
            format!(
                "trust store {text:?} has a name with other characters than letters, digits, _.-"
            )
        })
    }
}

/// Why a trust store cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("trust store {store}: {reason}")]
pub struct StoreFault {
    /// The store, as `TYPE:NAME`.
    pub store: String,
    /// The reason, naming the file.
    pub reason: String,
}

impl StoreFault {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        Class::Undecided
    }
}

/// The source of the certificates in trust stores.
pub trait Stores {
    /// The certificates of a store: at least one, and all of them pass [`check_store`].
    fn certificates(&self, store: &Store) -> Result<Arc<[Certificate]>, StoreFault>;
}

/// Checks the certificates of a store: there are some, and each is a CA's or signed itself.
pub fn check_store(certificates: &[Certificate]) -> Result<(), String> {
    if certificates.is_empty() {
        return Err("it holds no certificate".into());
    }
    let is_fit = |one: &&Certificate| {
        let is_ca = one.extensions().basic_constraints.is_some_and(|c| c.ca);
        is_ca || (one.is_self_issued() && one.is_signed_by(one.public_key()))
    };
    match certificates.iter().find(|one| !is_fit(one)) {
        None => Ok(()),
        Some(one) => Err(format!(
            "certificate \"{}\" is neither a CA's nor signed by itself",
            one.subject()
        )),
    }
}
