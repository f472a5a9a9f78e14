//! Flags that every command has.

use clap::builder::Resettable;
use clap::{ArgAction, Args, ValueEnum};

/// The settings for output.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Print the result as JSON.
    pub json: bool,
    /// Print each result as a line of JSON.
    pub json_lines: bool,
    /// Print no notes.
    pub quiet: bool,
    /// How many details to print.
    pub verbose: u8,
    /// Whether colours are used.
    pub color: Color,
}

/// Arguments with settings.
pub trait SettingsOf {
    /// The settings for output.
    fn settings(&self) -> Settings;
}

/// How a result is printed for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Json {
    /// As one document.
    Whole,
    /// As a line for each image.
    Lines,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[value(help = "On a terminal, unless NO_COLOR is set")]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

// The flags every command has.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = Resettable::Reset)]
pub struct Common {
    #[command(flatten)]
    shown: Shown,
    /// Print more details; twice for still more
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

// The same where `-v` means the vendor's key.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = Resettable::Reset)]
pub struct CommonLong {
    #[command(flatten)]
    shown: Shown,
    /// Print more details; twice for still more
    #[arg(long, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Shown {
    /// Print the result as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Print no notes, only errors
    #[arg(short, long)]
    quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    color: Color,
}

impl Shown {
    const fn settings(self, verbose: u8) -> Settings {
        Settings {
            json: self.json,
            json_lines: false,
            quiet: self.quiet,
            verbose,
            color: self.color,
        }
    }
}

impl From<Common> for Settings {
    fn from(common: Common) -> Self {
        common.shown.settings(common.verbose)
    }
}

impl From<CommonLong> for Settings {
    fn from(common: CommonLong) -> Self {
        common.shown.settings(common.verbose)
    }
}
