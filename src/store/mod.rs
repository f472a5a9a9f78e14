//! Where images live: OCI image layouts in a registry directory, and archives that come in.
//!
//! Every byte that leaves the store has been checked against its digest and size, and every change
//! is a transaction: a layout is wholly the old one or wholly the new one.

pub mod archive;
pub mod dir;
mod distinct;
mod docker_list;
mod documents;
mod edit;
mod editor;

mod error;
mod inert;
mod layers;
mod layout;
mod mend;
mod only;
mod prune;
pub mod realm_layers;
mod referrers;

mod limits;
mod realm;
mod registry;
mod resolve;
mod saved;
mod shapes;
mod tags;
mod tar_header;
mod transaction;
mod tree;
pub mod window;

pub use edit::Applied;
pub use editor::{AppliedImage, Edit};
pub use error::{Error, Part, Problem};
pub use layers::LayerFindings;
pub use layout::Layout;
pub use mend::{ForRealms, Mended};
pub use prune::{Absent, Pruned};

pub use limits::Limits;
pub use referrers::Referrer;
pub use registry::{Published, Registry, RegistryLock, Staging};
pub use resolve::{Selection, Target};
pub use saved::SavedImage;
pub use tree::Entry;
