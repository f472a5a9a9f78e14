//! notation's commands and their flags.

pub mod certificate;
mod command;
pub mod key;
pub mod plugin;
mod unknown;

pub use command::NotationCommand;
pub use unknown::refused_command;
