//! The page about adding a scheme, whose code `cargo test` runs as it stands there.

/// The page.
#[doc = include_str!("../../docs/add-a-scheme.md")]
struct AddAScheme;
