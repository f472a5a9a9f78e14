//! The output of a command: results to standard output, everything for a person to standard error.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::Value;
use signal_hook::consts::SIGPIPE;
use signal_hook::low_level::emulate_default_handler;

use super::args::{self, Color, Json, Settings};
use super::explain;
use super::show::{self, Paint};
use super::status::Status;
use crate::image::realm::Finding;
use crate::key::hidden;
use crate::ops::Error;
use crate::output;
use crate::text::plain;

/// Why a command ended early.
pub enum Failure {
    /// The work failed.
    Work(Box<Error>),
    /// The result could not be printed.
    Output(io::Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Work(Box::new(error.into()))
    }
}

/// How a command ended.
pub type Outcome = Result<Status, Failure>;

/// The output for results and notes.
pub struct Console {
    /// The settings.
    pub settings: Settings,
    /// Whether in colour.
    pub paint: Paint,
}

impl Console {
    /// A console on this process's own output.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            paint: Paint(in_color(settings.color, &io::stderr())),
        }
    }

    /// A line for a script, on standard output.
    pub fn result(&self, line: &str) -> Result<(), Failure> {
        if self.settings.json || self.settings.json_lines {
            return Ok(());
        }
        print(format!("{line}\n").as_bytes())
    }

    /// The result for a program, on standard output.
    pub fn json(&self, value: impl FnOnce() -> Value) -> Result<(), Failure> {
        if self.settings.json_lines {
            return print(format!("{}\n", value()).as_bytes());
        }
        if !self.settings.json {
            return Ok(());
        }
        print(format!("{:#}\n", value()).as_bytes())
    }

    /// A line for a person, on standard error.
    pub fn note(&self, text: &str) {
        if !self.settings.quiet {
            tell(text);
        }
    }

    /// A line for a person who wants to know more.
    pub fn detail(&self, text: &str) {
        if self.settings.verbose > 0 {
            self.note(text);
        }
    }

    /// A warning for a person.
    pub fn warn(&self, text: &str) {
        self.note(&format!(
            "{} {}",
            self.paint.warn("warning:"),
            plain(&show::short(text))
        ));
    }

    /// A warning that a quiet run tells too: silence would hide that more is let in than it seems.
    pub fn caution(&self, text: &str) {
        tell(&format!(
            "{} {}",
            self.paint.warn("warning:"),
            plain(&show::short(text))
        ));
    }

    /// A failure, for a person.
    pub fn failure(&self, text: &str) {
        tell(&format!(
            "{} {}",
            self.paint.bad("error:"),
            plain(&show::short(text))
        ));
    }

    /// An error, and what to do about it, for a person.
    pub fn error(&self, error: &Error) {
        self.failure(&error.to_string());
        if let Some(hint) = explain::hint(error) {
            self.hint(&hint);
        }
    }

    /// Advice on a problem, for a person.
    pub fn hint(&self, text: &str) {
        tell(&format!("{} {}", self.paint.warn("hint:"), plain(text)));
    }

    /// In a line, that findings keep realms from an app, or that nobody can tell. Those who sign for clusters may need no
    /// realm.
    pub fn realms_in_short(&self, findings: &Result<Vec<Finding>, String>) {
        let findings = match findings {
            Ok(findings) => findings,
            Err(reason) => {
                self.warn(&format!(
                    "cannot tell whether realms get this app: {reason}"
                ));
                return;
            }
        };
        let rules: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
        if !rules.is_empty() {
            let rules = rules.join(", ");
            self.warn(&format!(
                "realms cannot get this app [{rules}]: inspect-image says why, and docs/realms.md how to change that"
            ));
        }
    }

    /// The findings that keep realms from an app, and advice on them.
    pub fn realms(&self, findings: &[Finding]) {
        for Finding { rule, reason } in findings {
            self.warn(&format!("realms cannot get this app: {reason} [{rule}]"));
        }
        if let Some(hint) = explain::realms::of(findings)
            && !self.settings.quiet
        {
            self.hint(hint);
        }
    }
}

/// Whether output is in colour. Without `--color always` only a terminal that knows colours gets them, unless the
/// person has turned them off (no-color.org).
fn in_color(color: Color, stream: &impl IsTerminal) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let variable = std::env::var_os;
            stream.is_terminal()
                && variable("NO_COLOR").is_none_or(|value| value.is_empty())
                && variable("TERM").is_some_and(|terminal| terminal != "dumb")
        }
    }
}

/// Writes a line to standard error. There is nobody to report an error to.
pub fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", hidden::pins(line));
}

/// Writes a result to standard output.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    output::write(bytes).map_err(Failure::Output)
}

/// Ends the process by a signal, so that its parent, as a shell that runs a loop, sees which.
pub fn die(signal: i32) -> ExitCode {
    let _ = emulate_default_handler(signal);
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}

/// Ends after an error of printing the result: quietly, as other programs do, where the reader has gone (`| head
/// -1`).
pub fn unprinted(error: &io::Error) -> ExitCode {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return die(SIGPIPE);
    }
    tell(&format!("error: cannot write to standard output: {error}"));
    ExitCode::from(Status::Undecided as u8)
}

/// Prints help or the version and ends with status 0, or a usage error and ends with status 2.
pub fn end(message: &clap::Error, json: Option<Json>, color: Color) -> ExitCode {
    let text = message.render();
    let is_mistake = message.use_stderr();
    let colored = if is_mistake {
        // The search for PINs needs plain text.
        in_color(color, &io::stderr()) && args::is_clean(message)
    } else {
        in_color(color, &io::stdout())
    };
    let text = if colored {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    let told = if is_mistake {
        if args::is_clean(message) {
            let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
        } else {
            tell(text.trim_end());
        }
        match json {
            Some(Json::Whole) => print(format!("{:#}\n", usage_json(message)).as_bytes()),
            Some(Json::Lines) => print(format!("{}\n", usage_json(message)).as_bytes()),
            None => Ok(()),
        }
    } else {
        print(text.as_bytes())
    };
    match told {
        Ok(()) if is_mistake => ExitCode::from(Status::Usage as u8),
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => unprinted(&error),
        Err(Failure::Work(_)) => unreachable!("nothing but printing was done"),
    }
}

/// A usage error as JSON: the message, without the usage that follows it, and the tip.
fn usage_json(message: &clap::Error) -> Value {
    let text = message.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut parts = text.split("\n\n");
    let what = parts.next().unwrap_or_default().trim_end();
    let tip = parts.find_map(|part| part.strip_prefix("  tip: "));
    show::error_json(what, tip, Status::Usage)
}
