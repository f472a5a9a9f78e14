//! The files of registries.d together: where the signatures of an image are.

use std::collections::HashMap;

use super::super::dialect::Dialect;
use super::super::reference::DockerReference;
use super::error::LookupError;
use super::namespace::{Namespace, file};
use crate::encoding::yaml::Malformed;

/// Where signatures of images are, by namespaces.
///
/// Source: containers-registries.d(5); for image-rs its `SigstoreConfig`.
///
/// ```
/// use ir_sign::trust::registries_d::Lookup;
/// use ir_sign::trust::{Dialect, DockerReference};
///
/// let near = b"docker:\n  example.com/team:\n    lookaside: file:///srv/signatures\n";
/// let far = b"default-docker:\n  use-sigstore-attachments: yes\n";
/// let files = [("near.yaml".into(), near.to_vec()), ("far.yaml".into(), far.to_vec())];
/// let lookup = Lookup::read(&files, Dialect::Containers)?;
/// let asked = DockerReference::parse("example.com/team/app:v1")?;
/// assert_eq!(lookup.lookaside(&asked), Some("file:///srv/signatures"));
/// assert!(lookup.uses_attachments(&asked));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lookup {
    dialect: Dialect,
    default: Option<Namespace>,
    docker: HashMap<String, Namespace>,
}

impl Lookup {
    /// Reads the files of a folder, each by its name. The names of files that count end in `.yaml`.
    pub fn read(files: &[(String, Vec<u8>)], dialect: Dialect) -> Result<Self, LookupError> {
        let mut all = Self {
            dialect,
            default: None,
            docker: HashMap::new(),
        };
        for (name, bytes) in files {
            all.add(bytes)
                .map_err(|malformed| LookupError::new(name, malformed))?;
        }
        Ok(all)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let file = file(bytes, self.dialect)?;
        if let Some((line, namespace)) = file.default {
            if self.clashes(self.default.as_ref(), &namespace) {
                let reason = "another file has default-docker too";
                return Err(Malformed::new(line, reason));
            }
            self.default = Some(namespace);
        }
        for (name, line, namespace) in file.docker {
            if self.clashes(self.docker.get(&name), &namespace) {
                let reason = format!("another file has the namespace {name:?} too");
                return Err(Malformed::new(line, reason));
            }
            self.docker.insert(name, namespace);
        }
        Ok(())
    }

    /// Whether two files say something of one namespace. To image-rs they may, if they agree.
    fn clashes(&self, before: Option<&Namespace>, new: &Namespace) -> bool {
        before.is_some_and(|before| match self.dialect {
            Dialect::Containers => true,
            Dialect::ImageRs => before != new,
        })
    }

    /// The reader by whose rules the files were read.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The URL of the lookaside of an image in a registry, as the file spells it; `None` if there is none.
    pub fn lookaside(&self, asked: &DockerReference) -> Option<&str> {
        self.first(asked, |namespace| namespace.lookaside.as_deref())
    }

    /// Whether signatures are attached to an image in its registry. image-rs does not ask.
    pub fn uses_attachments(&self, asked: &DockerReference) -> bool {
        match self.dialect {
            Dialect::ImageRs => true,
            Dialect::Containers => {
                let attachments = self.first(asked, |namespace| namespace.attachments);
                attachments.unwrap_or(false)
            }
        }
    }

    /// The first namespace that has the member, nearest first: each member is looked up by itself.
    fn first<'l, T>(
        &'l self,
        asked: &DockerReference,
        member: impl Fn(&'l Namespace) -> Option<T>,
    ) -> Option<T> {
        let names = asked.scopes();
        let near = names.iter().filter_map(|name| self.docker.get(name));
        near.chain(&self.default).find_map(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "127.0.0.1:5000/lab/a:v1";

    fn look(files: &[&str], dialect: Dialect) -> Result<(Option<String>, bool), LookupError> {
        let files = files
            .iter()
            .map(|text| ("x.yaml".to_owned(), text.as_bytes().to_vec()));
        let files: Vec<_> = files.collect();
        let lookup = Lookup::read(&files, dialect)?;
        let asked = DockerReference::parse(ASKED).expect("a name");
        let lookaside = lookup.lookaside(&asked).map(str::to_owned);
        Ok((lookaside, lookup.uses_attachments(&asked)))
    }

    fn found(files: &[&str]) -> (Option<String>, bool) {
        look(files, Dialect::Containers).unwrap_or_else(|error| panic!("{error}: {files:?}"))
    }

    fn one(lookaside: &str, attachments: bool) -> (Option<String>, bool) {
        (Some(lookaside.to_owned()), attachments)
    }

    const DEFAULT: &str =
        "default-docker:\n  use-sigstore-attachments: true\n  lookaside: file:///d\n";

    #[test]
    fn each_member_is_looked_up_by_itself() {
        let near = "docker:\n  \"127.0.0.1:5000/lab\":\n    lookaside: file:///n\n";
        assert_eq!(found(&[DEFAULT, near]), one("file:///n", true));
        let off = "docker:\n  127.0.0.1:5000/lab/a:\n    use-sigstore-attachments: false\n";
        assert_eq!(found(&[off, DEFAULT]), one("file:///d", false));
        for name in ["127.0.0.1:5000/lab/a:v1", "127.0.0.1:5000", "*.0.1", "*.1"] {
            let docker = format!("docker:\n  '{name}': {{lookaside: 'file:///n'}}");
            assert_eq!(found(&[DEFAULT, &docker]), one("file:///n", true), "{name}");
        }
        for name in ["127.0.0.1", "lab/a", "127.0.0.1:5000/lab/", "*", ""] {
            let docker = format!("docker:\n  '{name}': {{lookaside: 'file:///n'}}");
            assert_eq!(found(&[DEFAULT, &docker]), one("file:///d", true), "{name}");
        }
        assert_eq!(found(&[]), (None, false));
    }

    #[test]
    fn the_old_name_counts_where_the_new_one_is_absent_and_staging_never() {
        for (members, lookaside) in [
            ("lookaside: a\n  sigstore: b", Some("a")),
            ("sigstore: b", Some("b")),
            ("lookaside: ''\n  sigstore: b", Some("b")),
            ("lookaside: ~\n  sigstore: 7", Some("7")),
            ("lookaside-staging: a\n  sigstore-staging: b", None),
        ] {
            let text = format!("default-docker:\n  {members}\n");
            assert_eq!(found(&[&text]).0.as_deref(), lookaside, "{members}");
        }
    }

    #[test]
    fn a_boolean_is_a_word_of_yaml_1_2_or_one_of_yaml_1_1() {
        let text = |word: &str| format!("default-docker:\n  use-sigstore-attachments: {word}\n");
        for word in [
            "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y", "\"yes\"",
        ] {
            assert!(found(&[&text(word)]).1, "{word}");
        }
        for word in [
            "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N", "~",
            "null", "",
        ] {
            assert!(!found(&[&text(word)]).1, "{word}");
        }
        for word in ["1", "0", "\"true\"", "yEs", "nO", "tRue", "[]", "{}", "''"] {
            let read = look(&[&text(word)], Dialect::Containers);
            assert!(read.is_err(), "{word} was taken");
        }
    }

    #[test]
    fn empty_files_are_passed_over() {
        for text in [
            "",
            "# x\n",
            "~",
            "{}",
            "more: {a: [1]}\n",
            "docker:\n",
            "default-docker:\n",
            "docker:\n  '127.0.0.1:5000/lab':\n",
            "docker:\n  'no such : scope':\n    lookaside: file:///x\n",
            "{}\n---\n default-docker: [",
        ] {
            assert_eq!(found(&[DEFAULT, text]), one("file:///d", true), "{text:?}");
        }
    }

    #[test]
    fn files_that_no_reader_could_follow_are_errors() {
        for text in [
            "[",
            "x",
            "[]",
            "docker: x",
            "docker: []",
            "docker:\n  a: x",
            "default-docker: x",
            "default-docker:\n  lookaside: []",
            "default-docker:\n  lookaside-staging: {}",
            "default-docker:\n  lookaside: a\n  lookaside: a",
            "docker: {}\ndocker: {}",
            "docker:\n  a: {}\n  a: {}",
            "x: 1\nx: 1",
            "{[a]: 1}",
            "default-docker:\n  <<: 7",
        ] {
            let read = look(&[text], Dialect::Containers);
            assert!(read.is_err(), "{text:?} was taken");
        }
        let again = look(&[DEFAULT, DEFAULT], Dialect::Containers);
        let error = again.expect_err("twice").to_string();
        assert_eq!(error, "x.yaml: line 2: another file has default-docker too");
        let docker = "docker:\n  a: {}\n";
        look(&[docker, docker], Dialect::Containers).expect_err("one namespace in two files");
    }

    #[test]
    fn aliases_and_merged_maps_count_as_in_go() {
        let text = "x: &x {lookaside: 'file:///x', use-sigstore-attachments: on}\ndefault-docker:\n  <<: *x\n  \
                    lookaside: file:///own\n";
        assert_eq!(found(&[text]), one("file:///own", true));
        let text = "x: &x {lookaside: 'file:///x'}\ndefault-docker: *x\n";
        assert_eq!(found(&[text]), one("file:///x", false));
    }

    #[test]
    fn image_rs_wants_sigstore_in_each_entry() {
        let rs = |files: &[&str]| look(files, Dialect::ImageRs);
        let default = "default-docker:\n  sigstore: file:///d\n  lookaside: file:///l\n";
        assert_eq!(rs(&[default]), Ok(one("file:///d", true)));
        assert_eq!(rs(&[default, default]), Ok(one("file:///d", true)));
        assert_eq!(rs(&["docker: ~\ndefault-docker: ~\n"]), Ok((None, true)));
        assert_eq!(rs(&[]), Ok((None, true)));
        let near = "docker:\n  127.0.0.1:5000/lab:\n    sigstore: file:///n\n";
        assert_eq!(rs(&[default, near]), Ok(one("file:///n", true)));
        for text in [
            "",
            "~",
            "[]",
            "{}\n---\n{}",
            "default-docker: {}",
            "default-docker:\n  lookaside: file:///l\n",
            "docker:\n  a: ~\n",
            "docker:\n  a:\n    lookaside: file:///l\n",
            "default-docker:\n  sigstore: a\n  sigstore: a\n",
            "docker: {}\ndocker: {}\n",
        ] {
            assert!(rs(&[text]).is_err(), "{text:?} was taken");
        }
        let other = "default-docker:\n  sigstore: file:///other\n";
        rs(&[default, other]).expect_err("two defaults that differ");
    }
}
