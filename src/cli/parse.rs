//! From the process's arguments to a command.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, ValueEnum};

use super::args::{Cli, Color, Command, Json, cosign, notation};
use super::pages;

/// Reads arguments, of which the first is the program's name.
pub fn parse(words: &[OsString]) -> Result<Command, clap::Error> {
    let mut whole = Cli::command();
    if let Some(why) = refused_command(words) {
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
    let cli = Cli::from_arg_matches(&matches).map_err(|error| match error.kind() {
        // The text is whole, and clap would add the usage of the whole program.
        ErrorKind::ValueValidation => error,
        _ => error.format(&mut whole),
    })?;
    Ok(cli.command)
}

/// Why ir-sign does not have a command of another program's, and what to do instead.
fn refused_command(words: &[OsString]) -> Option<&'static str> {
    let words: Vec<_> = words.iter().skip(1).map(|w| w.to_string_lossy()).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        ["cosign", words @ ..] => cosign::refused_command(words),
        ["notation", words @ ..] => notation::refused_command(words),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_are_known_and_not_followed_say_why() {
        let refused = |text: &str| {
            let words: Vec<_> = text.split(' ').map(OsString::from).collect();
            refused_command(&words)
        };
        for command in [
            "cosign copy a b",
            "cosign save",
            "cosign load",
            "cosign clean x",
            "cosign attach sbom",
            "cosign login",
            "notation login",
            "notation logout",
            "notation blob sign",
            "notation cert generate-test",
            "notation plugin ls",
        ] {
            assert!(
                refused(&format!("ir-sign {command}")).is_some(),
                "{command}"
            );
        }
        for command in ["cosign sign copy", "notation list login", "copy"] {
            assert_eq!(refused(&format!("ir-sign {command}")), None, "{command}");
        }
        assert_eq!(refused("ir-sign"), None);
    }
}
