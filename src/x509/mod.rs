//! X.509 certificates (RFC 5280) as Notary Project signatures need them: read strictly, and chains of them checked.
//!
//! Nothing here knows where a certificate lives or what a signature is about.
//!
//! ```
//! use ir_sign::x509::{Certificate, CertificateError};
//!
//! let error = Certificate::read(b"no certificate").unwrap_err();
//! assert!(matches!(error, CertificateError::Der(_)));
//! ```

pub mod certificate;
pub mod chain;
mod extensions;
pub mod name;
mod signature_algorithm;

pub use certificate::{Certificate, CertificateError};
pub use chain::ChainFault;
pub use extensions::{BasicConstraints, Extensions, KeyUsage};
pub use name::DistinguishedName;
pub use signature_algorithm::SignatureAlgorithm;
