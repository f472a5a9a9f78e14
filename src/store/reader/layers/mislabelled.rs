//! A layer that is packed in another way than its media type says.

use std::io::Read;

use crate::image::{Compression, Descriptor};
use crate::store::archive::compression;
use crate::store::problem::Part;
use crate::store::reader::blobs::Reader;

/// What is to be told of a layer that does not unpack to what it should: that it is packed in another way than
/// its media type says, if it is.
pub(super) fn told(reader: &Reader<'_>, part: &Part, layer: &Descriptor) -> Option<String> {
    let stated = Compression::of_layer(&layer.media_type)?;
    let mut start = Vec::new();
    let stream = reader.open_blob(part, layer).ok()?;
    stream.take(4).read_to_end(&mut start).ok()?;
    let found = compression(&start);
    (found != Compression::None && found != stated).then(|| {
        format!(
            "{part} is {} though its media type says {}: \"{}\"",
            called(found),
            called(stated),
            layer.media_type
        )
    })
}

const fn called(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "plain",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}
