//! Archives of images: tar archives, plain or packed with gzip or zstd. An archive holds an OCI image layout, or the
//! older format of `docker save` (engine 24 and older), which this converts to a layout.
//!
//! Two passes read an archive: [`Archive::survey`] reads all headers and writes nothing, so that it refuses early;
//! [`Archive::unpack`] writes the layout. Both apply the same rules, member by member, so an archive that changes
//! in between gains nothing.
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
