//! Several new files that appear together. A transaction writes and syncs all of them under temporary names, then
//! renames them; it renames the file that leads to the others last.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::fs::FileType;

use crate::files::random_name;
use crate::parallel;
use crate::store::dir::{Dir, absent_is_none};
use crate::store::error::Error;

const TEMPORARY_PREFIX: &str = ".ir-sign-";
const TEMPORARY_SUFFIX: &str = ".tmp";
/// How many files a transaction writes at once.
const WRITERS: usize = 8;

/// Whether this is a file that a transaction has not renamed yet.
pub(in crate::store) fn is_temporary(name: &str, kind: FileType) -> bool {
    looks_temporary(name) && kind == FileType::RegularFile
}

/// Whether a name has the form of a temporary file's name; the kind of file does not matter.
pub(in crate::store) fn looks_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX)
}

/// New files for a layout. Dropping a transaction without a commit removes all of them.
///
/// The caller holds the layout's exclusive lock.
pub(in crate::store) struct Transaction<'a> {
    root: &'a Dir,
    /// Files that are written but not renamed: temporary name, folder and final name.
    waiting: Vec<(String, &'a Dir, String)>,
    /// Files that are renamed; no file had their names before.
    placed: Vec<(&'a Dir, String)>,
    last: Option<(String, &'static str)>,
}

impl<'a> Transaction<'a> {
    /// Starts a transaction in the folder of a layout, and removes temporary files that killed runs left there.
    pub(in crate::store) fn new(root: &'a Dir) -> Result<Self, Error> {
        remove_abandoned(root)?;
        Ok(Self {
            root,
            waiting: Vec::new(),
            placed: Vec::new(),
            last: None,
        })
    }

    /// Adds files: folder, name and content. Writes several at once, because each write waits for the disk.
    pub(in crate::store) fn add(
        &mut self,
        files: &[(&'a Dir, String, &[u8])],
    ) -> Result<(), Error> {
        let first = self.waiting.len();
        // The list gets the file first, because a write that fails leaves a file behind.
        for (dir, name, _) in files {
            self.waiting.push((temporary_name(), dir, name.clone()));
        }
        let waiting = &self.waiting[first..];
        let write = |n: usize, file: &(&Dir, String, &[u8])| {
            let (temporary, _, _): &(String, _, _) = &waiting[n];
            self.root.write_new(temporary, file.2)
        };
        parallel::map_on(WRITERS, files, write)
            .into_iter()
            .collect()
    }

    /// Adds the file in the layout's own folder whose rename completes the change.
    pub(in crate::store) fn add_last(
        &mut self,
        name: &'static str,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let temporary = temporary_name();
        self.last = Some((temporary.clone(), name));
        self.root.write_new(&temporary, bytes)
    }

    /// Renames all files to their names, and makes the names durable.
    pub(in crate::store) fn commit(mut self) -> Result<(), Error> {
        let mut dirs: BTreeMap<&Path, &Dir> = BTreeMap::new();
        while let Some((temporary, dir, name)) = self.waiting.last() {
            let is_new = absent_is_none(dir.file(name))?.is_none();
            self.root.rename(temporary, dir, name)?;
            dirs.insert(dir.path(), dir);
            let (_, dir, name) = self.waiting.pop().expect("it was looked at just now");
            if is_new {
                self.placed.push((dir, name));
            }
        }
        for dir in dirs.values() {
            dir.sync()?;
        }
        if let Some((temporary, name)) = self.last.clone() {
            self.root.rename(&temporary, self.root, name)?;
            self.last = None;
        }
        // The change is visible from here on, so a failure must not undo it.
        self.placed.clear();
        self.root.sync_change()
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // The caller gets an earlier error. A file that stays behind is harmless, and pruning removes it later.
        for (temporary, _, _) in &self.waiting {
            let _ = self.root.remove(temporary);
        }
        if let Some((temporary, _)) = &self.last {
            let _ = self.root.remove(temporary);
        }
        for (dir, name) in &self.placed {
            let _ = dir.remove(name);
        }
    }
}

/// Removes the temporary files that killed runs left. The caller holds the exclusive lock, so no other run is using
/// them.
pub(in crate::store) fn remove_abandoned(root: &Dir) -> Result<(), Error> {
    for (name, kind) in root.entries()? {
        if is_temporary(&name, kind) {
            root.remove(&name)?;
        }
    }
    Ok(())
}

pub(in crate::store) fn temporary_name() -> String {
    format!("{TEMPORARY_PREFIX}{}{TEMPORARY_SUFFIX}", random_name())
}
