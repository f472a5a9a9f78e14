//! Flags and commands of other programs that are known and not followed: each says why, and what to do instead.

use std::ffi::OsStr;

use clap::builder::{TypedValueParser, ValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command};

/// A flag's value that never is one, for this reason. The value itself is not shown: it may be a password.
pub(super) fn refused(why: &'static str) -> ValueParser {
    ValueParser::new(Never(why))
}

/// Adds flags that are refused, each with the reason, however they are written.
pub(super) fn add(command: Command, flags: &[(&'static str, &'static str)]) -> Command {
    command.args(flags.iter().map(|(name, why)| {
        Arg::new(*name)
            .long(*name)
            .hide(true)
            .num_args(0..=1)
            .default_missing_value("")
            .value_parser(refused(why))
    }))
}

#[derive(Clone, Copy)]
struct Never(&'static str);

impl TypedValueParser for Never {
    type Value = ();

    fn parse_ref(
        &self,
        command: &Command,
        flag: Option<&Arg>,
        _: &OsStr,
    ) -> Result<(), clap::Error> {
        let name = flag.and_then(Arg::get_long).unwrap_or_default();
        let text = format!("--{name} is not followed: {}", self.0);
        Err(command.clone().error(ErrorKind::InvalidValue, text))
    }
}
