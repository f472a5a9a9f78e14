//! OCI values: descriptors, blobs, images and the changes made to them. Nothing here does I/O.
//!
//! Source: OCI Image Format Specification 1.1 ("Content Descriptors", "Image Index", "Image
//! Manifest", "Image Configuration").

mod change;
mod descriptor;
mod manifest;
pub mod media;
mod name;
mod names;
mod platform;
pub mod realm;
mod repository;
mod subject;

pub use change::{Change, Link};
pub use descriptor::{ATTESTED_DIGEST, Blob, Descriptor, Embedded, IMAGE_NAME, Mismatch, REF_NAME};
pub use manifest::Manifest;
pub use media::Compression;
pub use name::{ArchiveKind, ImageName, ImageNameError};
pub use names::{AppName, AppNameError, Reference, ReferenceError};
pub use platform::{OsFeatures, Platform, PlatformError};
pub use repository::{Host, Repository, RepositoryError, Tag};
pub use subject::Image;
