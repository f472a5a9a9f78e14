//! Judges whether the files are wholly old or wholly new.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::case::{Case, Kind};
use super::{certificates, cosign, notary};
use harness::oci::digest_with;
use harness::{Run, Snapshot, ir_sign, limited, program, write};

/// The findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Old,
    /// The private key without its public half, or a chain without the certificate that it begins with.
    Half,
    New,
}

impl Case {
    /// Says whether the files are wholly old or wholly new, apart from files that the next run removes.
    pub fn judge(&self, there: &Snapshot) -> Result<State, String> {
        let there = without_left_overs(there);
        match self.kind {
            Kind::Key => judge_key(&there),
            Kind::Change => self.judge_change(&there),
            Kind::Unpack | Kind::File if there == self.before => Ok(State::Old),
            Kind::Unpack | Kind::File if there == self.after => Ok(State::New),
            Kind::Unpack | Kind::File => Err(differences(&there, &self.after)),
            Kind::Configuration => self.judge_configuration(&there),
            Kind::Signature => notary::judge_signature(self, &there),
            Kind::Attached => cosign::judge_attached(self, &there),
            Kind::Files => cosign::judge_files(self, &there),
            Kind::Certificates => certificates::judge(self, &there),
        }
    }

    fn judge_configuration(&self, there: &Snapshot) -> Result<State, String> {
        let [there, before, after] = [there, &self.before, &self.after].map(files_of);
        if there == before {
            Ok(State::Old)
        } else if there == after {
            Ok(State::New)
        } else {
            Err(differences(&there, &after))
        }
    }

    fn judge_change(&self, there: &Snapshot) -> Result<State, String> {
        blobs_match(there)?;
        let before = without_left_overs(&self.before);
        let index = Path::new("app/index.json");
        let kept = |name: &PathBuf| before.get(name) == self.after.get(name);
        for (name, content) in there {
            if before.get(name) != Some(content) && self.after.get(name) != Some(content) {
                return Err(format!("{} is neither old nor new", name.display()));
            }
        }
        if let Some(lost) = before.keys().find(|n| kept(n) && !there.contains_key(*n)) {
            return Err(format!("{} is lost", lost.display()));
        }
        let state = if there == &self.after {
            return Ok(State::New);
        } else if there.get(index) == before.get(index) {
            State::Old
        } else {
            State::New
        };
        // A change of `index.json` only adds blobs, and pruning only removes them.
        let whole = if state == State::Old {
            &before
        } else {
            &self.after
        };
        let is_prune = before.get(index) == self.after.get(index);
        match whole.keys().find(|name| !there.contains_key(*name)) {
            Some(lost) if !is_prune => Err(format!("{} is not there yet", lost.display())),
            _ => Ok(state),
        }
    }

    /// The same where a layout may have been pruned: what its `index.json` leads to is there.
    pub fn judge_pruned(&self, there: &Snapshot) -> Result<State, String> {
        let index = Path::new("app/index.json");
        let (state, whole) = if there.get(index) == self.before.get(index) {
            (State::Old, &self.before)
        } else {
            (State::New, &self.after)
        };
        let wanted = reachable(whole);
        match wanted
            .iter()
            .find(|name| there.get(*name) != whole.get(*name))
        {
            Some(lost) => Err(format!("{} is lost", lost.display())),
            None => Ok(state),
        }
    }
}

/// The files that a killed run may leave: a folder with a prepared app, files of a change without their names, and a
/// file on its way to its own name.
pub fn without_left_overs(all: &Snapshot) -> Snapshot {
    let is_left_over = |name: &&PathBuf| {
        name.iter().any(|part| {
            let part = part.to_string_lossy();
            part.starts_with(".ir-sign-staging-") || part.starts_with('.') && part.ends_with(".tmp")
        })
    };
    let kept = all.iter().filter(|(name, _)| !is_left_over(name));
    kept.map(|(name, content)| (name.clone(), content.clone()))
        .collect()
}

/// The files of a snapshot without its folders and without those that a killed run may leave.
pub fn files_of(all: &Snapshot) -> Snapshot {
    let mut kept = without_left_overs(all);
    kept.retain(|_, content| content != b"folder");
    kept
}

/// The files of a layout that its `index.json` leads to, by any digest.
fn reachable(all: &Snapshot) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut todo = vec![PathBuf::from("app/index.json")];
    while let Some(path) = todo.pop() {
        let content = all.get(&path).filter(|_| !found.contains(&path));
        let Some(content) = content else { continue };
        let text = String::from_utf8_lossy(content);
        for algorithm in ["sha256", "sha512"] {
            for (_, rest) in text
                .match_indices(&format!("\"{algorithm}:"))
                .map(|(at, s)| text[at..].split_at(s.len()))
            {
                let hex: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
                todo.push(Path::new("app/blobs").join(algorithm).join(hex));
            }
        }
        found.insert(path);
    }
    found
}

pub fn differences(a: &Snapshot, b: &Snapshot) -> String {
    let names: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let differing = names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name));
    format!("these differ: {:?}", differing.collect::<Vec<_>>())
}

/// Every blob has the digest that it is named by.
pub fn blobs_match(there: &Snapshot) -> Result<(), String> {
    for (name, content) in there {
        let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
        if let [_, blobs, algorithm, hex] = &parts[..]
            && blobs == "blobs"
            && digest_with(algorithm, content) != format!("{algorithm}:{hex}")
        {
            return Err(format!("{} is not what its name says", name.display()));
        }
    }
    Ok(())
}

fn judge_key(there: &Snapshot) -> Result<State, String> {
    let file = |name: &str| there.get(Path::new(name));
    let (private, public) = match (file("new").or(file("new.key")), file("new.pub")) {
        (None, None) => return Ok(State::Old),
        (None, Some(_)) => return Err("a public key without its private key".into()),
        (Some(private), public) => (private, public),
    };
    let folder = harness::temp_dir();
    let at = |name: &str| folder.path().join(name).display().to_string();
    write(at("key"), private);
    let run = if file("new.key").is_some() {
        let args = [
            "cosign",
            "public-key",
            "--key",
            &at("key"),
            "--outfile",
            &at("pub"),
        ];
        Run::of(limited(program()).env("COSIGN_PASSWORD", "").args(args))
    } else {
        ir_sign(["extract-public", "-i", &at("key"), "-o", &at("pub")])
    };
    match public {
        _ if run.status != 0 => Err(format!("half a private key: {}", run.stderr)),
        None => Ok(State::Half),
        Some(public) if *public == fs::read(at("pub")).unwrap_or_default() => Ok(State::New),
        Some(_) => Err("the public key is not the private key's".into()),
    }
}

/// Fails with all that is wrong.
#[track_caller]
pub fn none_wrong(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} points are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
