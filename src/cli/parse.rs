//! From the process's arguments to a command.

use std::ffi::OsString;

use clap::{Args, CommandFactory, FromArgMatches, ValueEnum};

use super::args::{Cli, Color, Command};

/// Reads arguments, of which the first is the program's name.
pub fn parse(words: &[OsString]) -> Result<Command, clap::Error> {
    if let Some(command) = named(words) {
        return Ok(command);
    }
    let mut whole = Cli::command();
    let matches = whole.try_get_matches_from_mut(words)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut whole))?;
    Ok(cli.command)
}

/// When help and mistakes are in colour, of arguments that are not read yet.
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

/// Reads the arguments as those of the command that the first one names.
///
/// Making the definition of all commands takes longer than checking a small image does, so that of
/// one is made. What it cannot read, help and mistakes, is for the whole definition to answer.
fn named(words: &[OsString]) -> Option<Command> {
    let (name, words) = words.get(1..)?.split_first()?;
    Some(match name.to_str()? {
        "gen-key" => Command::GenKey(one(words)?),
        "extract-public" => Command::ExtractPublic(one(words)?),
        "sign" => Command::Sign(one(words)?),
        "verify" => Command::Verify(one(words)?),
        "endorse" => Command::Endorse(one(words)?),
        "sign-image" => Command::SignImage(one(words)?),
        "extract-sign-image" => Command::ExtractSignImage(one(words)?),
        "verify-image" => Command::VerifyImage(one(words)?),
        "inspect-image" => Command::InspectImage(one(words)?),
        "prune" => Command::Prune(one(words)?),
        _ => return None,
    })
}

/// Whether the result is to be JSON, of arguments that could not be read.
pub fn wants_json(words: &[OsString]) -> bool {
    let flags = words.iter().skip(1).take_while(|word| *word != "--");
    flags.into_iter().any(|word| word == "--json")
}

fn one<A: Args>(words: &[OsString]) -> Option<A> {
    let command = clap::Command::new("ir-sign").no_binary_name(true);
    let mut command = A::augment_args(command);
    let matches = command.try_get_matches_from_mut(words).ok()?;
    // It takes time to free, and the process is short.
    std::mem::forget(command);
    A::from_arg_matches(&matches).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn one_definition_reads_what_all_of_them_read() {
        for line in [
            "gen-key -o k",
            "gen-key -o k --public=p --force -vv",
            "extract-public -i k -o p -q --json",
            "sign -k k -f f -s s --color=never",
            "endorse -kk -ff -ss",
            "verify -k p -f f -s s",
            "sign-image -r r -a a -d x -d y -v k -s s -c c --platform linux/arm64 --verbose",
            "sign-image -r r -a a -v k -x c --all-platforms --max-layer-size 1G",
            "extract-sign-image -r r -f a.tar -v k -x c --force",
            "verify-image -r r -a a -c c --config-only --vendor v --vendor w",
            "verify-image -r r -a a -c c --all --max-image-size=3k",
            "inspect-image -r r -a a -d x",
            "prune -r r -a a -n",
        ] {
            let words: Vec<OsString> = format!("ir-sign {line}")
                .split(' ')
                .map(Into::into)
                .collect();
            let all = Cli::try_parse_from(&words).expect(line).command;
            let one = named(&words).expect(line);
            assert_eq!(format!("{one:?}"), format!("{all:?}"), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_left_to_the_whole_definition() {
        for line in [
            "",
            "--version",
            "help",
            "verify-image --help",
            "verify-image -r r -a a",
            "verify-image -r r -a a -c c -d x --all",
            "sign-image -r r -a a -v k -x c -s s -c c",
            "sign-image -r r -a a -v k",
            "prune -r r -a a --unknown",
            "prune -r r -a a --version",
            "prun -r r -a a",
        ] {
            let words = format!("ir-sign {line}");
            let words: Vec<OsString> = words.split_whitespace().map(Into::into).collect();
            assert!(named(&words).is_none(), "{line}");
            assert!(parse(&words).is_err(), "{line}");
        }
    }
}
