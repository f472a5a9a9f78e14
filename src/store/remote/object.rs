//! JSON objects that others wrote: no name twice, and no list where an object belongs.

use serde::Deserialize;

use crate::encoding::strict::{Refusal, Shape, check_shape};

/// Reads an object of this shape. The reason for a failure may repeat the text.
pub(super) fn read<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    shape: &'static Shape,
) -> Result<T, String> {
    check_shape(bytes, shape).map_err(|refusal| match refusal {
        Refusal::Invalid(error) => error.to_string(),
        Refusal::Member(name) => format!("it has a member \"{name}\""),
        Refusal::Alike { name, known } => {
            format!("it has a member \"{name}\", which some readers take for \"{known}\"")
        }
    })?;
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// An object with any content.
pub(super) const OBJECT: Shape = Shape::Object(&[]);
