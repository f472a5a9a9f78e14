//! Chains that several signatures have in common are read and checked once.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::x509::{Certificate, CertificateError, ChainFault, chain};

/// The certificates of an envelope, the leaf first.
#[derive(Debug)]
pub struct Chain {
    certificates: Vec<Certificate>,
    checked: OnceLock<Result<(), ChainFault>>,
}

impl Chain {
    /// Reads certificates in DER, the leaf first; there is at least one.
    pub(super) fn read(ders: &[Vec<u8>]) -> Result<Self, CertificateError> {
        if ders.is_empty() {
            return Err(CertificateError::None);
        }
        if ders.len() > crate::x509::certificate::MOST {
            return Err(CertificateError::TooMany);
        }
        let certificates = ders.iter().map(|der| Certificate::read(der));
        Ok(Self {
            certificates: certificates.collect::<Result<_, _>>()?,
            checked: OnceLock::new(),
        })
    }

    /// The certificates, the leaf first.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Whether the chain signs for the Notary Project, at no time: see [`chain::check`].
    pub fn check(&self) -> Result<(), ChainFault> {
        let check = || chain::check(&self.certificates);
        self.checked.get_or_init(check).clone()
    }
}

/// How many chains are kept.
const MOST: usize = 64;

/// Chains that were met in this run. Equal bytes are equal chains, so nothing else has to be compared.
#[derive(Debug, Default)]
pub struct Chains(Mutex<Vec<Arc<Chain>>>);

impl Chains {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The chain of these certificates in DER.
    pub(super) fn get(&self, ders: &[Vec<u8>]) -> Result<Arc<Chain>, CertificateError> {
        let same = |chain: &Chain| {
            let kept = chain.certificates.iter().map(Certificate::der);
            kept.eq(ders.iter().map(Vec::as_slice))
        };
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chain) = kept().iter().find(|chain| same(chain)) {
            return Ok(Arc::clone(chain));
        }
        let chain = Arc::new(Chain::read(ders)?);
        let mut kept = kept();
        if kept.len() < MOST {
            kept.push(Arc::clone(&chain));
        }
        Ok(chain)
    }
}
