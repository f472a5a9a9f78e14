//! Images in registries, over HTTP. The registry is an adversary: whatever it sends ends in bounded time and memory, and
//! credentials for it go nowhere else.
//!
//! Rules are named by numbers: R10 is a rule, and the test of it has a name that begins with `r10_`.
//!
//! Sources: OCI Distribution Specification 1.1; distribution's specification of tokens; RFC 9110.

mod apply;
mod attach;
mod auth;
mod basic;
mod blob;
mod challenge;
mod client;
mod credential;
mod credentials;
mod document;
mod environment;
mod error;
mod forward;
mod helper;
mod incoming;
mod link;
mod list;
mod manifest;
mod object;
mod pace;
mod present;
mod problem;
mod proxy;
mod push;
mod reach;
mod redirect;
mod referrers;
mod repository;
mod retry;
mod scope;
mod store;
mod tls;
mod token;
mod unusual;
mod upload;
mod url;
mod web_files;
mod wire;

pub use blob::BlobReader;
pub use challenge::{Challenge, ChallengeError, challenge};
pub use client::{Client, Source};
pub use credential::{Credentials, CredentialsError};
pub use credentials::read_auth_file;
pub use environment::{ClientFiles, Environment, Options, Waiting};
pub use error::{Error, Problem};
pub use link::{BadLink, next_page};
pub use list::{Tags, read_tags};
pub use manifest::{Document, ManifestRef};
pub use push::{MOST_TRIES, Move};
pub use reach::is_of_all;
pub use referrers::{ListedReferrer, fallback_tag};
pub use repository::RemoteRepository;
pub use store::{AT_ONCE, RemoteStore};
pub use tls::TlsError;
pub use upload::Pushed;
pub use web_files::WebFiles;
