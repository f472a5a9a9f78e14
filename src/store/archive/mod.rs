//! Archives that images come in: a tar archive, plain or packed with gzip or zstd, of an OCI image
//! layout, or one that `docker save` wrote before there were layouts in it (engine 24 and older),
//! which is converted to a layout.
//!
//! An archive is read twice: [`Archive::survey`] reads all headers and writes nothing, so that
//! whatever can be refused early is; [`Archive::unpack`] writes the layout. Both go through the same
//! rules, member by member, so an archive that changes in between gains nothing.
//!
//! Sources: POSIX.1-2017 `pax` ("ustar Interchange Format", "pax Header Block"), the GNU tar manual
//! ("Basic Tar Format"), OCI image-spec ("Image Layout"), docker engine's `image/tarexport`.

mod images;
mod incoming;
mod legacy;
mod legacy_json;
mod name;
mod open;
mod packing;
mod problem;
mod repeats;
mod root_fs;
mod source;
mod survey;
mod sync;
mod unpack;
mod walk;
mod write;

pub use images::ArchiveImages;
pub use incoming::IncomingArchive;
pub use open::Archive;
pub use packing::Packing;
pub(super) use packing::compression;
pub use problem::Problem;
pub use survey::Survey;
pub use unpack::Unpacked;
