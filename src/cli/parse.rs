//! From the process's arguments to a command.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, ValueEnum};

use super::args::{Cli, Color, Command, Json, cosign, notation};
use super::pages;

/// Reads arguments, of which the first is the program's name.
pub fn parse(words: &[OsString]) -> Result<Command, clap::Error> {
    let mut whole = Cli::command();
    let refused = cosign::refused_command(words).or_else(|| notation::refused_command(words));
    if let Some(why) = refused {
        return Err(whole.error(ErrorKind::InvalidSubcommand, why));
    }
    let matches = whole.try_get_matches_from_mut(words).map_err(|error| {
        // Only help shows the last parts of pages, and building them takes longer than a short command.
        let full = (error.kind() == ErrorKind::DisplayHelp).then(|| {
            pages::complete(Cli::command())
                .try_get_matches_from(words)
                .err()
        });
        full.flatten().unwrap_or(error)
    })?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut whole))?;
    Ok(cli.command)
}

/// When help and usage errors are in colour, before the arguments are parsed.
pub fn color(words: &[OsString]) -> Color {
    let mut flags = words.iter().skip(1).take_while(|word| *word != "--");
    let mut color = Color::Auto;
    while let Some(word) = flags.next().map(|word| word.to_string_lossy()) {
        let when = match word.strip_prefix("--color") {
            Some("") => flags.next().map(|when| when.to_string_lossy()),
            Some(rest) => rest.strip_prefix('=').map(Into::into),
            None => None,
        };
        color = when
            .and_then(|when| Color::from_str(&when, false).ok())
            .unwrap_or(color);
    }
    color
}

/// How to print the result for a program, for arguments that could not be parsed.
pub fn json(words: &[OsString]) -> Option<Json> {
    let mut flags = words.iter().skip(1).take_while(|word| *word != "--");
    flags.find_map(|word| match word.to_str() {
        Some("--json") => Some(Json::Whole),
        Some("--json-lines") => Some(Json::Lines),
        _ => None,
    })
}
