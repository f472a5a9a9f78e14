//! Layers whose packing differs from their media type.

use std::io::Read;

use tar::Header;

use crate::image::{Compression, Descriptor};
use crate::store::archive::{Packing, compression};
use crate::store::problem::Part;
use crate::store::reader::blobs::Reader;
use crate::store::tar_header::{BLOCK, checksum_fits};

/// The extra words about a layer that does not unpack, if its packing differs from its media type.
pub(super) fn told(reader: &Reader<'_>, part: &Part, layer: &Descriptor) -> Option<String> {
    let stated = called(Compression::of_layer(&layer.media_type)?);
    let mut start = Vec::new();
    let stream = reader.open_blob(part, layer).ok()?;
    stream.take(BLOCK).read_to_end(&mut start).ok()?;
    let found = match compression(&start) {
        Compression::None => match Packing::of(&start) {
            Some(packing) => packing.to_string(),
            None if starts_archive(&start) => called(Compression::None).to_owned(),
            None => return None,
        },
        packed => called(packed).to_owned(),
    };
    (found != stated).then(|| {
        format!(
            "{part} is {found} though its media type says {stated}: \"{}\"",
            layer.media_type
        )
    })
}

/// Whether these bytes can start a tar archive: with a header, or with the zeros at its end.
fn starts_archive(start: &[u8]) -> bool {
    start.len() as u64 == BLOCK
        && (checksum_fits(Header::from_byte_slice(start)) || start.iter().all(|b| *b == 0))
}

const fn called(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "plain",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}
