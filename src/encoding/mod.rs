//! Text and bytes that others wrote, each read in one way.

pub mod base64;
pub mod hex;
pub mod json;
pub mod pem;
pub mod pem_text;
pub mod strict;
