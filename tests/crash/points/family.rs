//! A family of commands that read certificates, with arguments written as words.

use std::path::Path;

use super::case::{Case, Kind, run_in};
use super::pki;
use harness::Scene;

pub struct Family {
    /// The first word of its commands.
    pub command: &'static str,
    pub kind: Kind,
    /// Where a command finds the file `@NAME`.
    pub input: fn(&Scene, &Path, &str) -> String,
    /// Where the certificates of [`pki`] are.
    pub certificates: fn(&Scene, &Path) -> std::path::PathBuf,
}

impl Family {
    /// Arguments, separated by blanks: `@NAME` is an input file, `%NAME` a file in the registry.
    pub fn args(
        &'static self,
        words: &'static str,
    ) -> impl Fn(&Scene, &Path) -> Vec<String> + Clone {
        move |scene, folder| {
            let word = |word: &str| match word.split_once(['@', '%']) {
                Some((before, name)) if word.contains('@') => {
                    before.to_owned() + &(self.input)(scene, folder, name)
                }
                Some((before, name)) => {
                    format!("{before}{}", scene.registry().join(name).display())
                }
                None => word.to_owned(),
            };
            let words = words.split_whitespace().map(word);
            [self.command.to_owned()].into_iter().chain(words).collect()
        }
    }

    /// A command in a scene that the commands of `before` prepared.
    pub fn case(
        &'static self,
        name: &'static str,
        before: &'static [&'static str],
        words: &'static str,
        done: Option<(i32, &'static str)>,
    ) -> Case {
        let prepare = |scene: &Scene, folder: &Path| {
            pki::write_to(&(self.certificates)(scene, folder));
            for words in before {
                run_in(scene, self.args(words)(scene, folder)).ok();
            }
        };
        Case::of(name, self.kind, done, prepare, self.args(words))
    }
}
