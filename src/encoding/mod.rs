//! Readers for text and bytes that others wrote. Each form has one reader.

pub mod base64;
pub mod cbor;
pub mod go_pem;
pub mod hex;
pub mod json;
pub mod located;
pub mod pem;
pub mod pem_text;
pub mod strict;
pub mod time;
pub mod yaml;
