//! A folder with a home, in which the program and notation run with one configuration.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use harness::{Run, Sandbox, peers, program};

/// Where the configuration is, in the folder.
pub const CONFIG: &str = "home/.config/notation";

/// A folder to work in.
pub struct Desk {
    pub sandbox: Sandbox,
}

impl Desk {
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        std::fs::create_dir(sandbox.path("home")).expect("a folder");
        Self { sandbox }
    }

    /// A path in the configuration.
    pub fn config(&self, name: &str) -> PathBuf {
        self.sandbox.path(CONFIG).join(name)
    }

    pub fn at_home(&self, mut command: Command) -> Command {
        for variable in [
            "NOTATION_CONFIG",
            "NOTATION_LIBEXEC",
            "NOTATION_CACHE",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
        ] {
            command.env_remove(variable);
        }
        command.env("HOME", self.sandbox.path("home"));
        command
    }

    /// The program, in the folder and with its home.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.at_home(self.sandbox.command(program()));
        command.args(arguments);
        command
    }

    /// Runs `ir-sign notation …`.
    #[track_caller]
    pub fn run(&self, arguments: &str) -> Run {
        let words = ["notation"].into_iter().chain(arguments.split_whitespace());
        Run::of(&mut self.command(words))
    }

    /// Runs real notation, where it is.
    #[track_caller]
    pub fn notation(&self, arguments: &str) -> Option<Run> {
        let mut command = self.at_home(peers::notation()?);
        command
            .current_dir(self.sandbox.root())
            .args(arguments.split_whitespace());
        Some(Run::of(&mut command))
    }
}
