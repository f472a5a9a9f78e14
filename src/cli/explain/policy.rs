//! Advice on policies.

use crate::ops::policy::Error;

/// Advice on an error, if there is any.
pub const fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::NoPolicy(_) => Some("name the policy with --policy"),
        Error::NoKey { .. } => Some(
            "see that the file is there and readable, or name the key broker that has it with --kbs",
        ),
        Error::TagAndDigest { .. } => Some("leave the tag out"),
        Error::Policy { .. }
        | Error::Storage { .. }
        | Error::Index { .. }
        | Error::Name { .. }
        | Error::BadKey { .. }
        | Error::Stored { .. } => None,
    }
}
