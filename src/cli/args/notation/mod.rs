//! notation's commands and their flags.

pub mod certificate;
mod command;
pub mod image;
pub mod key;
pub mod plugin;
pub mod policy;
mod unknown;

pub use command::NotationCommand;
pub use unknown::refused_command;
