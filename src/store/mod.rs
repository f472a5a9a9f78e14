//! Where images live: OCI image layouts in a registry directory, and archives that come in.
//!
//! Every byte that leaves the store has been checked against its digest and size, and every change
//! is a transaction: a layout is wholly the old one or wholly the new one.

pub mod archive;
mod class;
pub mod dir;
mod documents;
mod editor;
mod error;
mod layout;
mod limits;
mod reader;
pub mod realm_layers;
mod saved;
mod shapes;
mod tags;
mod tar_header;
pub mod window;

pub use editor::{AppliedImage, Edit};
pub use error::{Error, Part, Problem};
pub use layout::apply::Applied;
pub use layout::folder::Layout;
pub use layout::mend::{ForRealms, Mended};
pub use layout::prune::{Absent, Pruned};
pub use layout::referrers::Referrer;
pub use layout::registry::{Published, Registry, RegistryLock, Staging};
pub use limits::Limits;
pub use reader::layers::LayerFindings;
pub use reader::resolve::{Selection, Target};
pub use reader::tree::Entry;
pub use saved::SavedImage;
