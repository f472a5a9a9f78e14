//! The registry: a folder that holds one image layout for each app.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::crypto::{Digest, HashAlgorithm};
use crate::files::random_name;
use crate::image::AppName;
use crate::progress::Progress;
use crate::store::dir::{Dir, Lock, absent_is_none};
use crate::store::error::{Error, Kind};
use crate::store::layout::folder::{BLOBS, INDEX_FILE, LAYOUT_FILE, Layout, index_bytes};
use crate::store::limits::Limits;

/// The prefix of staging folders, which lie beside the new app.
const STAGING_PREFIX: &str = ".ir-sign-staging-";
/// The layout inside a staging folder. The staging folder itself cannot be the layout, because a layout has a lock of
/// its own.
const STAGED: &str = "layout";
/// How often this run tries to open a layout that other runs keep replacing.
const TRIES: usize = 16;

/// A registry directory, held open.
#[derive(Debug)]
pub struct Registry {
    dir: Dir,
    limits: Limits,
}

impl Registry {
    /// Opens the folder that the user named.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
        let dir = absent_is_none(Dir::open(path))?;
        let dir = dir.ok_or_else(|| Kind::NoRegistry.at_file(path))?;
        Ok(Self { dir, limits })
    }

    /// Where an app is or would be, for messages.
    pub fn path_of(&self, app: &AppName) -> PathBuf {
        self.dir.path_of(app.as_str())
    }

    /// The apps: folders with a layout in them, sorted. Calls `unread` for each layout that cannot be an app, because
    /// of its name or because a link leads to it, and for each error of reading.
    pub fn apps(
        &self,
        unread: &mut dyn FnMut(Error) -> Result<(), Error>,
    ) -> Result<Vec<AppName>, Error> {
        let mut apps = Vec::new();
        for (name, kind) in self.dir.any_entries()? {
            let path = self.dir.path_of(&name);
            let has_layout = || absent_is_none(self.dir.dir(&name)?.file(LAYOUT_FILE));
            match kind {
                FileType::Directory => match (has_layout(), name.to_str().map(str::parse)) {
                    (Ok(None), _) => {}
                    (Ok(Some(_)), Some(Ok(app))) => apps.push(app),
                    (Ok(Some(_)), _) => unread(Kind::NotAnApp.at_file(path))?,
                    // Hidden folders are rarely layouts, and this user may have no right to read them.
                    (Err(_), _) if name.as_bytes().starts_with(b".") => {}
                    (Err(e), _) if self.is_lost_and_found(&name, &e) => {}
                    (Err(e), _) => unread(e)?,
                },
                FileType::Symlink if self.leads_out(&path) => unread(Kind::Link.at_file(path))?,
                _ => {}
            }
        }
        Ok(apps)
    }

    /// Whether an unreadable folder is the one in which file-system repairs put what they find (mklost+found(8)). That
    /// folder belongs to root, and holds no layout.
    fn is_lost_and_found(&self, name: &OsStr, error: &Error) -> bool {
        name == "lost+found" && error.is_io(ErrorKind::PermissionDenied) && self.dir.is_others(name)
    }

    /// Whether a link leads to a layout outside the registry. This user may be unable to follow the layout's path from
    /// the root directory, so this compares the layout's parent folder with the registry.
    fn leads_out(&self, link: &Path) -> bool {
        let around = link.join("..").metadata().ok();
        let around = around.map(|folder| (folder.dev(), folder.ino()));
        link.join(LAYOUT_FILE).exists() && around != self.dir.identity().ok()
    }

    /// Opens an app's layout.
    pub fn layout(&self, app: &AppName) -> Result<Layout, Error> {
        let app = app.as_str();
        let mut tries = 0;
        loop {
            let dir = self.dir.dir(app)?;
            let identity = dir.identity()?;
            let opened = Layout::open(dir, self.limits);
            // Before this run got the lock, another run may have replaced the layout and removed it.
            tries += 1;
            if tries == TRIES || self.dir.identity_of(app)? == Some(identity) {
                return opened;
            }
        }
    }

    /// Refuses to change a layout if another run has replaced it. The caller must hold the registry's lock until it has
    /// made the change.
    pub fn check_in_place(&self, app: &AppName, layout: &Layout) -> Result<(), Error> {
        if self.dir.identity_of(app.as_str())? == Some(layout.dir.identity()?) {
            Ok(())
        } else {
            Err(Kind::Replaced.at_file(self.path_of(app)))
        }
    }

    /// Opens an app's layout; `None` if the registry has nothing of that name.
    pub fn layout_if_any(&self, app: &AppName) -> Result<Option<Layout>, Error> {
        if self.has(app)? {
            self.layout(app).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The digest that [`Layout::index_digest`] would give for an app's layout now.
    pub fn index_digest(&self, app: &AppName) -> Result<Digest, Error> {
        let dir = self.dir.dir(app.as_str())?;
        let bytes = index_bytes(&dir, self.limits)?;
        Ok(Digest::of(HashAlgorithm::Sha256, &bytes))
    }

    /// Waits until no other run is changing the registry, and keeps other runs from changing it meanwhile.
    pub fn lock(&self) -> Result<RegistryLock, Error> {
        // This opens the folder a second time, so that the lock ends when the caller drops the result.
        let dir = self.dir.dir(".")?;
        dir.lock(Lock::Exclusive)?;
        Ok(RegistryLock { _dir: dir })
    }

    /// Whether the registry has anything of that name.
    pub fn has(&self, app: &AppName) -> Result<bool, Error> {
        Ok(self.dir.identity_of(app.as_str())?.is_some())
    }

    /// Whether a file that the user named lies in an app's folder.
    pub fn has_file(&self, app: &AppName, file: &Path) -> Result<bool, Error> {
        let Some(folder) = self.dir.identity_of(app.as_str())? else {
            return Ok(false);
        };
        let file = match file.canonicalize() {
            // If the file is missing, the caller reports that when it reads the file.
            Err(e) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&e.kind()) => {
                return Ok(false);
            }
            other => other.map_err(|e| Error::io(file, "find the folder of", e))?,
        };
        let is_folder = |path: &Path| {
            path.metadata()
                .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == folder)
        };
        Ok(file.ancestors().any(is_folder))
    }

    /// Makes an empty folder beside the app's place, in which the caller can prepare a layout. Removes the staging
    /// folders that killed runs left.
    pub fn stage(&self, app: &AppName) -> Result<Staging<'_>, Error> {
        self.remove_abandoned()?;
        loop {
            let name = format!("{STAGING_PREFIX}{}-{}", app.as_str(), random_name());
            // Until this run holds its lock, another run may take the folder for an abandoned one.
            self.dir.add_dir(&name)?;
            match self.lock_staged(&name) {
                Ok(Some((outer, layout))) => {
                    return Ok(Staging {
                        registry: self,
                        app: app.clone(),
                        name,
                        layout,
                        outer,
                        is_left: false,
                    });
                }
                Ok(None) => {}
                Err(e) => {
                    // The folder holds at most an empty folder. The caller gets the first error.
                    let _ = self
                        .dir
                        .remove_tree(&name)
                        .or_else(|_| self.dir.remove_dir(&name));
                    return Err(e);
                }
            }
        }
    }

    /// Locks a new folder, and makes the layout's folder in it; `None` if another run removed the new folder first.
    fn lock_staged(&self, name: &str) -> Result<Option<(Dir, Dir)>, Error> {
        let Some(outer) = self.dir.dir_if_any(name)? else {
            return Ok(None);
        };
        // A run holds this lock as long as it uses the folder: a run that gets the lock knows that no other run does.
        if !outer.try_lock()? || self.dir.dir_if_any(name)?.is_none() {
            return Ok(None);
        }
        let layout = outer.make_new_dir(STAGED)?;
        Ok(Some((outer, layout)))
    }

    fn remove_abandoned(&self) -> Result<(), Error> {
        for (name, kind) in self.dir.any_entries()? {
            if let Some(name) = name.to_str()
                && kind == FileType::Directory
                && name.starts_with(STAGING_PREFIX)
            {
                match self.remove_if_abandoned(name) {
                    // Another user's folder does no harm, and that user has to remove it.
                    Err(e) if e.is_io(ErrorKind::PermissionDenied) => {}
                    other => other?,
                }
            }
        }
        Ok(())
    }

    fn remove_if_abandoned(&self, name: &str) -> Result<(), Error> {
        // The folder is gone already: its own run, or another run that cleans up, was faster.
        if let Some(dir) = self.dir.dir_if_any(name)?
            && dir.try_lock()?
        {
            // The folder may hold a replaced layout, and the replacement may not be durable yet: a power failure must
            // not bring back a layout that this run removes here.
            self.dir.sync()?;
            absent_is_none(self.remove_staged(name))?;
        }
        Ok(())
    }

    /// Removes a staging folder. If it holds the replaced layout, this waits until no run reads that layout.
    fn remove_staged(&self, name: &str) -> Result<(), Error> {
        let outer = self.dir.dir(name)?;
        // No run can be reading a folder without `blobs` as a layout.
        let blobs = outer.dir(STAGED).and_then(|layout| layout.dir(BLOBS));
        if let Ok(blobs) = &blobs {
            blobs.lock(Lock::Exclusive)?;
        }
        self.dir.remove_tree(name)
    }
}

/// The lock of a registry. Other runs wait with their changes until this run drops it.
#[derive(Debug)]
pub struct RegistryLock {
    _dir: Dir,
}

/// A layout in preparation. Dropping this removes the layout unless the caller has published it.
pub struct Staging<'a> {
    registry: &'a Registry,
    app: AppName,
    name: String,
    /// This run holds the lock.
    outer: Dir,
    layout: Dir,
    /// Whether dropping this leaves the folder to the next run, which removes it.
    is_left: bool,
}

/// The result of [`Staging::publish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The app is there now.
    New,
    /// The app existed already, with the same content.
    Same,
    /// The app existed already, with other content, which this layout replaced.
    Replaced,
}

impl Staging<'_> {
    /// The folder.
    pub const fn dir(&self) -> &Dir {
        &self.layout
    }

    /// Opens the prepared layout. Messages call it by its future name.
    pub fn layout(&self) -> Result<Layout, Error> {
        let path = self.registry.path_of(&self.app);
        let dir = self.outer.dir(STAGED)?.shown_as(path);
        Layout::open(dir, self.registry.limits)
    }

    /// Renames the folder to the app's name in one step. The caller has synced everything in the folder.
    ///
    /// If the app already exists with the same content, this leaves it alone. If it exists with other content, this
    /// refuses unless `replace` is set.
    pub fn publish(&mut self, replace: bool) -> Result<Published, Error> {
        let registry = &self.registry.dir;
        let app = self.app.as_str();
        self.layout.sync()?;
        let published = if self.outer.rename_new(STAGED, registry, app)? {
            Published::New
        } else if self.same_as(&registry.dir(app)?)? {
            Published::Same
        } else if replace {
            // The replaced layout stays, because a power failure may bring it back.
            self.is_left = true;
            if let Err(error) = self.outer.exchange(STAGED, registry, app) {
                // The exchange may have happened in spite of the error.
                let staged = self.outer.identity_of(STAGED)?;
                self.is_left = staged != Some(self.layout.identity()?);
                return Err(error);
            }
            Published::Replaced
        } else {
            return Err(Kind::Exists.at_file(registry.path_of(app)));
        };
        registry.sync_change()?;
        self.is_left = false;
        Ok(published)
    }

    /// Waits until no run reads the replaced layout. If this cannot wait now, the removal of the layout waits, or
    /// leaves the layout to the next run.
    pub fn wait_for_readers(&self, progress: &dyn Progress) {
        let blobs = self.outer.dir(STAGED).and_then(|layout| layout.dir(BLOBS));
        if let Ok(blobs) = blobs
            && matches!(blobs.try_lock(), Ok(false))
        {
            progress.begin(
                "waiting for other runs that still read the replaced layout",
                0,
            );
            let _ = blobs.lock(Lock::Exclusive);
        }
    }

    /// Whether another layout has the same index and all of this one's blobs, byte for byte.
    fn same_as(&self, other: &Dir) -> Result<bool, Error> {
        let limit = self.registry.limits.document;
        let index = self.layout.read(INDEX_FILE, limit)?;
        if if_right(other.read(INDEX_FILE, limit))?.is_none_or(|theirs| theirs != index) {
            return Ok(false);
        }
        let (ours, Some(theirs)) = (self.layout.dir(BLOBS)?, if_right(other.dir(BLOBS))?) else {
            return Ok(false);
        };
        for (algorithm, _) in ours.entries()? {
            let Some(there) = if_right(theirs.dir(&algorithm))? else {
                return Ok(false);
            };
            let here = ours.dir(&algorithm)?;
            for (blob, _) in here.entries()? {
                let Some(theirs) = if_right(there.file(&blob))? else {
                    return Ok(false);
                };
                let equal = same_content(here.file(&blob)?, theirs);
                if !equal.map_err(|e| Error::io(&there.path_of(&blob), "compare", e))? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Turns an error about a wrong kind or size, or about a missing file, into `None`.
fn if_right<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match absent_is_none(result) {
        Err(e) if matches!(e.kind, Kind::Link | Kind::NotAFile | Kind::TooLarge { .. }) => Ok(None),
        Err(e) if e.is_io(ErrorKind::NotADirectory) => Ok(None),
        other => other,
    }
}

/// Whether two files hold the same bytes.
pub(in crate::store) fn same_content(a: (File, u64), b: (File, u64)) -> io::Result<bool> {
    const STEP: usize = 256 << 10;
    if a.1 != b.1 {
        return Ok(false);
    }
    let [mut a, mut b] = [a.0, b.0].map(|file| BufReader::with_capacity(STEP, file));
    loop {
        let (ours, theirs) = (a.fill_buf()?, b.fill_buf()?);
        let length = ours.len().min(theirs.len());
        if ours[..length] != theirs[..length] || (length == 0 && ours.len() != theirs.len()) {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
        a.consume(length);
        b.consume(length);
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if self.is_left {
            return;
        }
        // The folder may still hold an unpublished layout, or the replaced one. Dropping cannot report an error; the
        // next run that stages an app tries again.
        let _ = self.registry.remove_staged(&self.name);
    }
}
