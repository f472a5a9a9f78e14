//! The trust of a user: policies in both dialects, the scope that counts for an image, its requirements, and the name
//! that a signature must bear. Nothing here does I/O.
//!
//! ```
//! use ir_sign::trust::{Asked, Dialect, Policy};
//!
//! let policy = br#"{"default": [{"type": "reject"}], "transports": {"docker": {"example.com": []}}}"#;
//! let error = Policy::read(policy, Dialect::Containers).err().expect("an empty list");
//! assert_eq!(error.member, "transports.docker[\"example.com\"]");
//! let policy = Policy::read(policy, Dialect::ImageRs)?;
//! let chosen = policy.for_image(&Asked::docker("example.com/app")?);
//! assert!(chosen.warnings[0].to_string().contains("every image is allowed"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod asked;
mod containers;
mod dialect;
mod error;
mod export;
mod go;
#[cfg(doctest)]
mod guide;
mod identity;
mod image_rs;
mod kinds;
mod members;
pub mod notary;
mod ours;
mod policy;
mod reference;
pub mod registries_d;
mod requirement;
mod scheme;
mod transports;
mod words;

pub use asked::Asked;
pub use dialect::Dialect;
pub use error::{Laxity, PolicyError, Warning};
pub use export::{Exported, Rest};
pub use identity::{Identity, NotAdmitted};
pub use policy::{Chosen, Policy, Scope};
pub use reference::{DockerReference, ReferenceError};
pub use requirement::{
    EndorsedBy, Fulcio, Keys, NotarySigned, Pki, Requirement, SignedBy, Signers, SigstoreSigned,
    Vendor,
};
pub use scheme::{Added, ImageFacts, ParameterError, Parameters, SCHEMES, SchemeType, SignScheme};
