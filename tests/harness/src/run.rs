//! A run of a command, and what became of it.

use std::ffi::OsStr;
use std::process::{Command, Output};

use serde_json::Value;

use crate::place::program;

/// The result of a command.
#[derive(Debug)]
pub struct Run {
    /// The exit status.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl From<Output> for Run {
    /// Fails for a run that panicked, was killed or took too long.
    #[track_caller]
    fn from(output: Output) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = output;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output in UTF-8");
        let run = Self {
            status: status.code().unwrap_or(-1),
            stdout: text(stdout),
            stderr: text(stderr),
        };
        let fell = matches!(run.status, -1 | 101 | 124 | 134 | 137 | 139);
        assert!(
            !fell,
            "a run panicked, was killed or hung ({status}):\n{}",
            run.stderr
        );
        run
    }
}

impl Run {
    /// Runs a command to its end.
    #[track_caller]
    pub fn of(command: &mut Command) -> Self {
        let output = command.output();
        output.unwrap_or_else(|e| panic!("{command:?}: {e}")).into()
    }

    /// Asserts success.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Asserts the exit status.
    #[track_caller]
    pub fn exits(self, status: i32) -> Self {
        assert_eq!(
            self.status, status,
            "stdout:\n{}stderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Asserts that standard error contains a text, or each of several.
    #[track_caller]
    pub fn says<'a>(self, texts: impl Into<Texts<'a>>) -> Self {
        for text in texts.into().0 {
            assert!(
                self.stderr.contains(text),
                "{text:?} is not in:\n{}",
                self.stderr
            );
        }
        self
    }

    /// The command of the hint `verb: command` that was given.
    #[track_caller]
    pub fn hint(&self) -> String {
        let hint = self.stderr.lines().find_map(|l| l.strip_prefix("hint: "));
        let command = hint.and_then(|hint| hint.split_once(": ")).map(|(_, c)| c);
        command
            .unwrap_or_else(|| panic!("no hint with a command in {self:#?}"))
            .to_owned()
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e} in {self:#?}"))
    }
}

/// One text or several.
pub struct Texts<'a>(Vec<&'a str>);

impl<'a> From<&'a str> for Texts<'a> {
    fn from(text: &'a str) -> Self {
        Self(vec![text])
    }
}

impl<'a> From<&'a String> for Texts<'a> {
    fn from(text: &'a String) -> Self {
        Self(vec![text])
    }
}

impl<'a, const N: usize> From<&[&'a String; N]> for Texts<'a> {
    fn from(texts: &[&'a String; N]) -> Self {
        Self(texts.map(String::as_str).to_vec())
    }
}

impl<'a> From<&[&'a str]> for Texts<'a> {
    fn from(texts: &[&'a str]) -> Self {
        Self(texts.to_vec())
    }
}

impl<'a, const N: usize> From<&[&'a str; N]> for Texts<'a> {
    fn from(texts: &[&'a str; N]) -> Self {
        Self(texts.to_vec())
    }
}

/// A command that is ended when it takes much too long.
pub fn limited(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["-k", "1", "60"])
        .arg(program)
        .env_remove("NO_COLOR");
    command
}

pub fn ir_sign<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    Run::of(limited(program()).args(args))
}

/// Runs another program, which has to be there and succeed.
#[track_caller]
pub fn tool<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Run {
    let there = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .output()
        .expect("a shell");
    assert!(
        there.status.success(),
        "{program} is not installed, and these tests want it"
    );
    Run::of(limited(program).args(args)).ok()
}
