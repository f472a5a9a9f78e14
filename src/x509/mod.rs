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
pub mod crl;
mod crl_draft;
pub mod dn;
mod draft;
mod extensions;
pub mod issue;
pub mod name;
pub mod path;
mod profile;
pub mod request;
mod revocation;
mod serial;
mod signature_algorithm;
mod signed_value;
mod validity;
mod words;

pub use certificate::{Certificate, CertificateError};
pub use chain::{ChainFault, Purpose};
pub use crl::{CrlError, CrlFault, RevocationList};
pub use crl_draft::{Revocation, RevokeError, revocations};
pub use dn::DnError;
pub use draft::{Draft, NoSigner};
pub use extensions::{BasicConstraints, Extensions, KeyUsage};
pub use issue::{IssueError, Issuer, Profile, Terms};
pub use name::DistinguishedName;
pub use profile::{CrlUrl, UrlError, key_id};
pub use request::{Request, RequestError};
pub use revocation::{Entry, Reason, Status};
pub use serial::{Serial, SerialError, shown as shown_serial};
pub use signature_algorithm::{AlgorithmFault, SignatureAlgorithm};
pub use signed_value::FormError;
pub use validity::{Validity, ValidityError};
