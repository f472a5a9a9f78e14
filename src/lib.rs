//! Signs and verifies OCI images: a vendor signs an image, a root CA vouches for the vendor, and
//! anyone who holds the CA's public key verifies it, offline.
//!
//! Four questions, four modules, and [`ops`] where they meet:
//!
//! - who signs: [`key`]
//! - what the signature says: [`scheme`]
//! - where the image lives: [`store`]
//! - what is trusted: [`report`] and [`trust`]

// Allowed only in the module `key::pkcs11::raw`.
#![deny(unsafe_code)]

pub mod class;
pub mod crypto;
pub mod encoding;
pub mod files;
pub mod image;

pub mod broker;
pub mod ceremony;
pub mod cli;
pub mod key;
pub mod ocicrypt;
pub mod ops;
mod output;
pub mod parallel;
pub mod progress;
pub mod report;
pub mod scheme;
pub mod secret;
pub mod store;
pub mod text;
pub mod trust;
pub mod x509;
