//! Trust policies and trust stores of the Notary Project, and the decision on a signature ("Trust Store and Trust
//! Policy Specification").
//!
//! ```
//! use ir_sign::trust::notary::{Action, TrustPolicy, Validation};
//!
//! let policy = TrustPolicy::read(br#"{"version": "1.0", "trustPolicies": [{
//!     "name": "all", "registryScopes": ["*"], "signatureVerification": {"level": "permissive"},
//!     "trustStores": ["ca:acme"], "trustedIdentities": ["x509.subject: C=PT, ST=Lisboa, O=Acme"]}]}"#)?;
//! let statement = policy.for_repository("registry.example.com/app").expect("a wildcard");
//! assert_eq!(statement.levels.action(Validation::Expiry), Action::Log);
//! assert!(TrustPolicy::read(b"{}").is_err());
//! # Ok::<(), ir_sign::trust::notary::PolicyError>(())
//! ```

mod decide;
mod identity;
mod level;
mod policy;
mod revocation;
pub mod rule;
mod scope;
mod store;

pub use decide::{Decision, Question, decide};
pub use identity::{Identity, SubjectFault};
pub use level::{Action, Level, Levels, Validation};
pub use policy::{PolicyError, Statement, TimestampWhen, TrustPolicy};
pub use revocation::{Lists, Revocations, Standing};
pub use store::{Store, StoreFault, StoreKind, Stores, check_store};
