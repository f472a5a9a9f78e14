//! Trying the paths of a plan's outputs before the ceremony touches anything: a ceremony that cannot write its
//! outputs never ends, and nobody can change its plan meanwhile.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::error::Error;
use super::layout::{Output, PAGES};
use super::plan::Plan;
use crate::files::{self, Existing};

/// Refuses outputs that share a place with another file of the plan, and places where no file can be
/// written. Removes the files that it tried.
pub(super) fn check(plan: &Plan) -> Result<(), Error> {
    check_apart(plan)?;
    let mut folders: BTreeMap<(u64, u64), (PathBuf, Vec<&Output>)> = BTreeMap::new();
    for output in plan.outputs() {
        let path = plan.place(output);
        check_regular(output, &path)?;
        let parent = files::parent_of(&path);
        let there = parent
            .metadata()
            .map_err(|source| io(output, &path, "create", source))?;
        let place = folders.entry((there.dev(), there.ino()));
        place.or_insert((parent, Vec::new())).1.push(output);
    }
    for (folder, outputs) in folders.values() {
        try_in(plan, folder, outputs)?;
    }
    Ok(())
}

/// Compares the files themselves, not their names in the plan.
fn check_apart(plan: &Plan) -> Result<(), Error> {
    let outputs: Vec<PathBuf> = plan.outputs().iter().map(|o| plan.place(o)).collect();
    let inputs = plan.inputs();
    for (n, output) in outputs.iter().enumerate() {
        let mut others = outputs[n + 1..].iter().chain(&inputs);
        if let Some(other) = others.find(|other| files::same_file(output, other)) {
            return Err(one_file(plan, output, other));
        }
    }
    Ok(())
}

fn one_file(plan: &Plan, a: &Path, b: &Path) -> Error {
    Error::Plan {
        path: plan.path.clone(),
        reason: format!("{} and {} are the same file", a.display(), b.display()),
    }
}

fn io(output: &Output, path: &Path, action: &'static str, source: std::io::Error) -> Error {
    let path = path.to_owned();
    Error::file(output.role)(files::Error::Io {
        path,
        action,
        source,
    })
}

/// The path must be free or a file: a ceremony neither follows nor replaces a link.
fn check_regular(output: &Output, path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() && output.role == "transcript" => {
            let opened = OpenOptions::new().read(true).append(true).open(path);
            opened
                .map_err(|source| io(output, path, "open", source))
                .map(|_| ())
        }
        Ok(metadata) if !metadata.is_file() => Err(Error::Exists {
            role: output.role,
            path: path.to_owned(),
        }),
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(io(output, path, "look at", source)),
    }
}

/// A temporary folder beside the outputs.
struct Probe(PathBuf);

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes an empty file for each output of a folder into a temporary folder there: the file system may refuse a
/// name, or take two names as one.
fn try_in(plan: &Plan, folder: &Path, outputs: &[&Output]) -> Result<(), Error> {
    let probe = Probe(folder.join(format!(".{}.tmp", files::random_name())));
    let mut tried: Vec<(PathBuf, PathBuf)> = Vec::new();
    for output in outputs {
        let path = plan.place(output);
        let refused = |action| {
            let path = path.clone();
            move |source| io(output, &path, action, source)
        };
        if tried.is_empty() {
            fs::create_dir(&probe.0).map_err(refused("create"))?;
            files::sync_dir(folder).map_err(Error::file(output.role))?;
        }
        let name = path.file_name().unwrap_or_default();
        let mut names = vec![name.to_owned()];
        if output.role == "transcript" {
            names.extend(PAGES.map(|end| {
                let mut page = name.to_owned();
                page.push(end);
                page
            }));
        }
        for name in names {
            let at = probe.0.join(&name);
            match files::write(&at, b"", 0o600, Existing::Refuse) {
                Ok(_) => tried.push((at.clone(), path.with_file_name(&name))),
                Err(files::Error::Io { action, source, .. }) => {
                    let place = path.with_file_name(&name);
                    return Err(io(output, &place, action, source));
                }
                Err(files::Error::Exists { .. }) => {
                    let same = |(other, _): &&(PathBuf, PathBuf)| files::same_file(other, &at);
                    let other = tried.iter().find(same).map_or(&path, |(_, place)| place);
                    return Err(one_file(plan, other, &path));
                }
                Err(error) => return Err(Error::file(output.role)(error)),
            }
        }
        if output.role == "transcript" {
            let file = fs::File::open(probe.0.join(name)).map_err(refused("open"))?;
            flock(&file, FlockOperation::NonBlockingLockExclusive)
                .map_err(|e| refused("lock")(e.into()))?;
        }
    }
    Ok(())
}
