//! Where images live: OCI image layouts in folders, archives, and registries.
//!
//! ir-sign reads images from a [`Store`], and can change the images of a [`Target`]. Every byte that a [`Reader`]
//! returns has been checked against its digest and size. Every change is a transaction: a reader sees either the whole
//! old layout or the whole new one.

mod access;
pub mod archive;
mod checked;
mod class;
mod cosign_saved;
pub mod dir;
mod documents;
mod edit;
mod editor;
mod error;
mod intake;
mod layout;
mod limits;
mod lookaside;
mod manifest_text;
mod place;
mod problem;
mod reader;
pub mod realm_layers;
#[cfg(feature = "registry")]
pub mod remote;
mod saved;
mod shapes;
mod signature_file;
mod skopeo_dir;
mod tags;
mod tar_header;
mod window;

pub use access::{Store, Target};
pub use checked::Checked;
pub use edit::{Applied, AppliedImage, Edit, Referrer};
pub use error::{Error, Kind};
pub use intake::{Brought, Intake, Moved, Referring, Root};
pub use layout::folder::Layout;
pub use layout::incoming::IncomingLayout;
pub use layout::mend::{ForRealms, Mended, unserved};
pub use layout::prune::{Absent, Pruned};
pub use layout::registry::{Published, Registry, RegistryLock, Staging};
pub use limits::Limits;
pub use lookaside::{Lookaside, LookasideError};
pub use place::Place;
pub use problem::{Part, Problem};
pub use reader::blobs::Reader;
pub use reader::closure::Closure;
pub use reader::layers::{LayerFindings, SEALED};
pub use reader::selected::{Selected, Selection};
pub use reader::tree::Entry;
pub use saved::SavedImage;
pub use signature_file::SignatureFile;
pub use skopeo_dir::SkopeoDir;
pub use window::Window;
