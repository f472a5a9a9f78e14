//! The source tree itself: its layers, its documents and claims, and its scripts.

mod claims;
mod docs;
mod imports;
mod scripts;
mod tidy;
