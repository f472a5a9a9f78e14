//! A folder to work in and a token that nobody else has.

use std::ffi::OsStr;
use std::ops::Deref;

use harness::tokens::{Fixture, Planned};
use harness::{Run, Sandbox, program};

/// A folder and a token.
pub struct Desk {
    folder: Sandbox,
    pub token: Fixture,
}

impl Deref for Desk {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.folder
    }
}

impl Desk {
    /// A token of `SoftHSM2`.
    pub fn new() -> Self {
        Self::with(Fixture::softhsm())
    }

    /// This token.
    pub fn with(token: Fixture) -> Self {
        Self {
            folder: Sandbox::with_keys(),
            token,
        }
    }

    /// A desk for each module that is tested.
    pub fn all() -> impl Iterator<Item = Self> {
        Fixture::all().map(Self::with)
    }

    /// The program with these arguments, split at spaces; `{NAME}` is the URI of the key of that
    /// name, with the PIN's source, and `{}` the token's.
    pub fn ir(&self, arguments: &str) -> Run {
        self.ir_with(self.words(arguments))
    }

    fn words(&self, arguments: &str) -> Vec<String> {
        let uri = |word: &str| match word.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
            Some("") => self.token.uri("x").replace(";object=x", ""),
            Some(name) => self.token.uri(name),
            None => word.to_owned(),
        };
        arguments.split_whitespace().map(uri).collect()
    }

    /// The program with these arguments.
    pub fn ir_with<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        let mut command = self.token.command(program());
        command
            .current_dir(self.root())
            .env("PKCS11_MODULE_PATH", &self.token.module)
            .args(arguments);
        command.output().expect("the program starts").into()
    }

    /// The same through the faulting module with a plan, and its log.
    pub fn planned(&self, plan: &str, arguments: &str) -> (Run, Planned) {
        let planned = self.token.planned(plan);
        let mut command = self.folder.command(program());
        command
            .envs(planned.env.iter().cloned())
            .env("PKCS11_MODULE_PATH", &planned.module)
            .args(self.words(arguments));
        let run = command.output().expect("the program starts").into();
        (run, planned)
    }

    /// Makes a key, and its public half as `NAME.pub`.
    #[track_caller]
    pub fn make(&self, name: &str) {
        self.ir(&format!(
            "gen-key --pkcs11-uri {{{name}}} --public {name}.pub"
        ))
        .exits(0);
    }

    /// The module's name, for assertions in a loop.
    pub fn name(&self) -> String {
        self.token.kind.to_string()
    }
}
