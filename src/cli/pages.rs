//! The parts of help and manual pages that are not about one flag: examples, environment, exit status, related pages.

use clap::builder::StyledStr;
use clap::{Arg, Command};

use super::broker_examples::BROKER;
use super::cert_examples::CERT;
use super::cosign_examples::COSIGN;
use super::example::{Entry, Example};
use super::examples::EXAMPLES;
use super::notation_examples::NOTATION;
use super::policy_examples::POLICY;

/// One variable of the environment and what it does.
type Variable = (&'static str, &'static str);

/// The variable that names a PKCS#11 module.
const MODULE: Variable = (
    "PKCS11_MODULE_PATH",
    "The PKCS#11 module, unless --pkcs11-module or the URI names one.",
);

/// The variables that cosign's commands read for secrets.
const PASSWORD: Variable = (
    "COSIGN_PASSWORD",
    "The passphrase of an encrypted key file, which may be empty, unless --passphrase-source names another.",
);
const COSIGN_PIN: Variable = (
    "COSIGN_PKCS11_PIN",
    "The PIN of a token, unless --pin-source or the URI says where it comes from.",
);
const COSIGN_MODULE: Variable = (
    "COSIGN_PKCS11_MODULE_PATH",
    "The PKCS#11 module, unless --pkcs11-module or the URI names one; before PKCS11_MODULE_PATH.",
);

const COSIGN_REPOSITORY: Variable = (
    "COSIGN_REPOSITORY",
    "The repository (HOST/REPOSITORY) that holds the signatures and attestations of a registry's images, unless they \
     are beside the images.",
);
const COSIGN_MOST: Variable = (
    "COSIGN_MAX_ATTACHMENT_SIZE",
    "The most bytes of an attestation that ir-sign reads: a number, or one with a unit, such as 128MiB.",
);

/// The folders of notation's configuration.
const NOTATION_CONFIG: Variable = (
    "NOTATION_CONFIG",
    "The folder of notation's configuration, else notation below XDG_CONFIG_HOME, else below ~/.config.",
);
const NOTATION_LIBEXEC: Variable = (
    "NOTATION_LIBEXEC",
    "The folder whose plugins notation runs, else that of its configuration.",
);

/// The variables that every command reads.
const OF_ALL: [Variable; 2] = [
    (
        "NO_COLOR",
        "If it is set and not empty, ir-sign uses no colours unless --color asks for them.",
    ),
    (
        "TERM",
        "If it is dumb, ir-sign uses no colours and shows no progress bar.",
    ),
];

/// The exit statuses of every command.
pub(super) const STATUSES: [(&str, &str); 5] = [
    ("0", "Done, or trusted."),
    ("1", "Refused: a check failed."),
    ("2", "Wrong usage."),
    ("3", "Could not decide: I/O, token, environment."),
    ("128+N", "Ended by signal N; 130 is Ctrl-C."),
];

/// The parts after the options in help and on a manual page.
pub(super) struct Page {
    pub(super) examples: &'static [Example],
    pub(super) environment: Vec<Variable>,
    /// Names with their section, as in `openssl-dgst(1)`.
    pub(super) see_also: Vec<String>,
}

impl Page {
    /// The page of a command, by its full name, as `ir-sign token init`.
    pub(super) fn of(path: &str, command: &Command) -> Self {
        let own = path.strip_prefix("ir-sign").unwrap_or(path).trim_start();
        let entry = all_examples().find(|entry| entry.command == own);
        let has = |name: &str| {
            let mut longs = command.get_arguments().filter_map(Arg::get_long);
            longs.any(|long| long == name)
        };
        let is_of_cosign = own.starts_with("cosign ");
        let is_of_notation = own.starts_with("notation ");
        let read = [
            (has("pkcs11-module"), MODULE),
            (is_of_cosign && has("passphrase-source"), PASSWORD),
            (is_of_notation, NOTATION_CONFIG),
            (own == "notation plugin install", NOTATION_LIBEXEC),
            (is_of_cosign && has("pin-source"), COSIGN_PIN),
            (is_of_cosign && has("pkcs11-module"), COSIGN_MODULE),
            (has("attachment-tag-prefix"), COSIGN_REPOSITORY),
            (has("attachment-tag-prefix"), COSIGN_MOST),
        ];
        let read = read.into_iter().filter(|(is_read, _)| *is_read);
        let mut environment: Vec<_> = read.map(|(_, variable)| variable).collect();
        environment.extend(OF_ALL);
        let below = command.get_subcommands().map(Command::get_name);
        let mut see_also: Vec<String> = below
            .filter(|name| *name != "help")
            .map(|name| format!("{}-{name}(1)", path.replace(' ', "-")))
            .collect();
        see_also.extend(entry.into_iter().flat_map(|entry| {
            entry
                .see_also
                .iter()
                .map(|name| match name.strip_suffix(')') {
                    Some(_) => (*name).to_owned(),
                    None => format!("ir-sign-{name}(1)"),
                })
        }));
        if let Some((above, _)) = path.rsplit_once(' ') {
            see_also.push(format!("{}(1)", above.replace(' ', "-")));
        }
        Self {
            examples: entry.map_or(&[], |entry| entry.examples),
            environment,
            see_also,
        }
    }

    /// The text below the options of `--help`.
    fn text(&self) -> String {
        let mut parts = Vec::new();
        if !self.examples.is_empty() {
            let examples = self.examples.iter().map(|example| {
                let lines = example
                    .lines
                    .iter()
                    .map(|line| line.replace('\n', "\n      "));
                let lines = lines.map(|line| format!("    $ {line}\n"));
                format!("  {}\n{}", example.what, lines.collect::<String>())
            });
            parts.push(format!("Examples:\n{}", examples.collect::<String>()));
        }
        parts.push(table("Environment", &self.environment));
        parts.push(table("Exit status", &STATUSES));
        parts.push(format!("See also: {}", self.see_also.join(", ")));
        parts.join("\n")
    }
}

fn table(title: &str, rows: &[Variable]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let rows = rows
        .iter()
        .map(|(name, what)| format!("  {name:width$}  {what}\n"));
    format!("{title}:\n{}", rows.collect::<String>())
}

/// The definition of all commands for help: each page with its last parts, and without the source's marks.
pub fn complete(mut command: Command) -> Command {
    // This builds the flags of all commands.
    command.build();
    let path = command.get_name().to_owned();
    complete_at(&path, command)
}

fn complete_at(path: &str, command: Command) -> Command {
    let page = Page::of(path, &command).text();
    let mut command = command.mut_args(without_marks);
    if let Some(text) = command.get_about().map(plain) {
        command = command.about(text);
    }
    if let Some(text) = command.get_long_about().map(plain) {
        command = command.long_about(text);
    }
    command
        .after_long_help(page)
        .mut_subcommands(|sub| complete_at(&format!("{path} {}", sub.get_name()), sub))
}

fn without_marks(arg: Arg) -> Arg {
    let (short, long) = (arg.get_help().map(plain), arg.get_long_help().map(plain));
    let arg = match short {
        Some(text) => arg.help(text),
        None => arg,
    };
    match long {
        Some(text) => arg.long_help(text),
        None => arg,
    }
}

/// Without the backticks that mark code in the source's documentation.
fn plain(text: &StyledStr) -> String {
    text.to_string().replace('`', "")
}

fn all_examples() -> impl Iterator<Item = &'static Entry> {
    let families = [EXAMPLES, BROKER, CERT, COSIGN, NOTATION, POLICY];
    families.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Cli;

    fn each(path: &str, command: &Command, visit: &mut dyn FnMut(&str, &Command)) {
        visit(path, command);
        let own = command.get_subcommands();
        for sub in own.filter(|sub| sub.get_name() != "help") {
            each(&format!("{path} {}", sub.get_name()), sub, visit);
        }
    }

    #[test]
    fn every_command_has_examples_that_are_its_own() {
        let mut known = 0;
        let mut whole = Cli::command();
        whole.build();
        each("ir-sign", &whole, &mut |path, command| {
            let page = Page::of(path, command);
            assert!(!page.examples.is_empty(), "{path} has no examples");
            known += 1;
            let mut lines = page.examples.iter().flat_map(|example| example.lines);
            assert!(
                lines.any(|line| line.contains(path)),
                "{path} is in none of its examples"
            );
        });
        assert_eq!(known, all_examples().count(), "examples of no command");
    }

    /// The words of a shell's line; what stands between single quotes is of one word.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        for (n, part) in line.split('\'').enumerate() {
            let is_quoted = n % 2 == 1;
            for c in part.chars() {
                if c.is_whitespace() && !is_quoted {
                    words.push(String::new());
                } else if let Some(last) = words.last_mut() {
                    last.push(c);
                }
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn the_parser_takes_every_example() {
        for example in all_examples().flat_map(|entry| entry.examples) {
            for line in example.lines {
                // What is typed in before or after the program is not its own.
                let Some(at) = line.find("ir-sign ") else {
                    continue;
                };
                let line = line.replace("\\\n", "");
                let ends = [" | ", "; ", " > "].map(|end| line[at..].find(end));
                let end = ends.into_iter().flatten().min();
                let own = end.map_or(&line[at..], |end| &line[at..at + end]);
                let words: Vec<OsString> = words(own).into_iter().map(Into::into).collect();
                if let Err(error) = Cli::command().try_get_matches_from(&words) {
                    panic!("{line}: {error}");
                }
            }
        }
    }

    #[test]
    fn no_page_has_marks_of_the_source() {
        each(
            "ir-sign",
            &complete(Cli::command()),
            &mut |path, command| {
                let help = command.clone().render_long_help().to_string();
                let about = command
                    .get_about()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(
                    about.contains(' ') && !about.starts_with("The flags"),
                    "{path}: {about}"
                );
                assert!(!help.contains('`'), "{path}: {help}");
                for part in ["Examples:", "Environment:", "Exit status:", "See also:"] {
                    assert!(help.contains(part), "{path} lacks {part}");
                }
            },
        );
    }
}
