//! The JSON in annotations and packets. Writers in Go and Rust have to mean the same by it: no member twice, none that
//! differs in case only, and no list in the place of an object.

use serde::Deserialize;

use crate::encoding::strict::{Shape, check_shape};

/// Reads a document of this shape. There is no reason why not: it could repeat a secret.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], shape: &'static Shape) -> Option<T> {
    check_shape(bytes, shape).ok()?;
    serde_json::from_slice(bytes).ok()
}
