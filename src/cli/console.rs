//! Where a command's words go: results to standard output, everything for a person to standard error.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::Value;

use super::args::{self, Color, Settings};
use super::explain::{self, Status};
use super::show::{self, Paint};
use crate::key::hidden;
use crate::ops::Error;

/// Why a command ended early.
pub enum Failure {
    /// The work was not done.
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

/// Where results and notes go.
pub struct Console {
    /// How they are shown.
    pub settings: Settings,
    /// Whether in colour.
    pub paint: Paint,
}

impl Console {
    /// A console on this process's own output.
    pub fn new(settings: Settings) -> Self {
        let paint = match settings.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                io::stderr().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        };
        Self {
            settings,
            paint: Paint(paint),
        }
    }

    /// A line for a script, on standard output.
    pub fn result(&self, line: &str) -> Result<(), Failure> {
        if self.settings.json {
            return Ok(());
        }
        print(format!("{line}\n").as_bytes())
    }

    /// The result for a program, on standard output.
    pub fn json(&self, value: impl FnOnce() -> Value) -> Result<(), Failure> {
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
            show::plain(&show::short(text))
        ));
    }

    /// Something that is wrong, for a person.
    pub fn failure(&self, text: &str) {
        tell(&format!(
            "{} {}",
            self.paint.bad("error:"),
            show::plain(&show::short(text))
        ));
    }

    /// An error, and what to do about it, for a person.
    pub fn error(&self, error: &Error) {
        self.failure(&error.to_string());
        if let Some(hint) = explain::hint(error) {
            tell(&format!(
                "{} {}",
                self.paint.warn("hint:"),
                show::plain(&hint)
            ));
        }
    }
}

/// Writes a line to standard error. If nobody takes it there is nobody to complain to.
pub fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", hidden::pins(line));
}

/// Writes a result to standard output.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(Failure::Output)
}

/// Prints help or the version and ends with status 0, or a usage error and ends with status 2.
pub fn end(message: &clap::Error, json: bool) -> ExitCode {
    let printed = if args::is_clean(message) {
        message.print().and_then(|()| io::stdout().flush())
    } else {
        tell(&message.render().to_string());
        Ok(())
    };
    let told = match (message.use_stderr(), printed) {
        (true, _) if json => print(format!("{:#}\n", usage_json(message)).as_bytes()),
        (true, _) => Ok(()),
        (false, printed) => printed.map_err(Failure::Output),
    };
    match told {
        Ok(()) if message.use_stderr() => ExitCode::from(Status::Usage as u8),
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => {
            tell(&format!("error: cannot write to standard output: {error}"));
            ExitCode::from(Status::Undecided as u8)
        }
        Err(Failure::Work(_)) => unreachable!("nothing but printing was done"),
    }
}

/// A usage error for a program: what is wrong, without the usage that follows it, and the tip.
fn usage_json(message: &clap::Error) -> Value {
    let text = message.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut parts = text.split("\n\n");
    let what = parts.next().unwrap_or_default().trim_end();
    let tip = parts.find_map(|part| part.strip_prefix("  tip: "));
    show::error_json(what, tip, Status::Usage)
}
