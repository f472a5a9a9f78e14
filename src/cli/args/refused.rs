//! Flags of other programs that are known and not followed: each says why, and what to do instead.

use clap::builder::{TypedValueParser, ValueParser};

/// A flag's value that never is one, for this reason.
pub(super) fn refused(why: &'static str) -> ValueParser {
    let parser = clap::builder::OsStringValueParser::new();
    let parser = parser.try_map(move |_| -> Result<(), &'static str> { Err(why) });
    parser.into()
}
