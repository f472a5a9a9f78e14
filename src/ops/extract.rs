//! Unpacking an image archive into a registry and signing it, in one step.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::endorsement::{EndorsementFrom, Staging};
use super::error::Error;
use super::keys::inputs;
use super::sign::{How, Site};
use super::signed::SignedImages;
use crate::files;
use crate::image::AppName;
use crate::key::KeyRing;
use crate::progress::Progress;
use crate::store::archive::Archive;
use crate::store::{self, Kind, Part, Place, Published, Registry};

/// Unpacks an archive as a new app and signs it.
#[derive(Clone, Debug)]
pub struct ExtractSign {
    /// The registry directory.
    pub registry: PathBuf,
    /// The archive.
    pub archive: PathBuf,
    /// The new app.
    pub app: AppName,
    /// Which images, and with which keys.
    pub how: How,
    /// Whether to replace an existing app with other content.
    pub force: bool,
}

impl ExtractSign {
    /// Checks keys, options and the references before it writes anything. It prepares the app in a staging folder
    /// and renames it into place when it is signed: the app is there whole or not at all.
    pub fn run(
        &self,
        ring: &KeyRing,
        progress: &dyn Progress,
    ) -> Result<(SignedImages, Published), Error> {
        // The errors that the user can mend come before the PIN prompt.
        let registry = Registry::open(&self.registry, self.how.limits)?;
        let archive = if files::is_standard(&self.archive) {
            let input = files::open(&self.archive).map_err(Error::file("archive"))?;
            Archive::receive(input, &self.registry, self.how.limits, progress)?
        } else {
            Archive::open(&self.archive, self.how.limits)?
        };
        if self.force {
            self.check_inputs(&registry, ring)?;
        }
        if self.how.wants_token() {
            self.how.endorsement.check_files()?;
        }
        let ready = self.how.ready(ring)?;
        let survey = archive.survey(progress)?;
        if self.how.references.is_empty() {
            survey.check_reference(None)?;
        }
        let mut how = self.how.clone();
        for reference in &mut how.references {
            survey.check_reference(Some(reference))?;
            *reference = survey.unpacked_reference(reference);
        }
        let present = registry.layout_if_any(&self.app).map_err(in_the_way)?;
        let mut staging = registry.stage(&self.app)?;
        let unpacked = archive.unpack(&survey, staging.dir(), progress)?;
        // It holds index.json, and that may be large.
        drop(survey);
        let window = archive.into_window();
        // Messages give the staged layout its final path, where nothing lies yet.
        let of_archive = |error| self.of_archive(error, &registry.path_of(&self.app));
        let mut layout = staging.layout().map_err(|error| of_archive(error.into()))?;
        let same = layout.reader().compare_docker_list(&unpacked.listed);
        let same = same.map_err(|error| of_archive(error.into()))?;
        same.map_err(|reason| Error::TwoLists {
            place: Place::Archive(self.archive.clone()),
            reason,
        })?;
        let site = Site {
            registry: &registry,
            app: &self.app,
            staging: Staging::Staged(present.as_ref()),
            written: &unpacked.blobs,
        };
        let signed = how.sign(&ready, &mut layout, &site, window, progress);
        let (signed, lock) = signed.map_err(of_archive)?;
        drop((layout, present));
        let published = staging.publish(self.force)?;
        // This run removes the replaced app once no run reads it. Other runs need not wait for that.
        drop(lock);
        staging.wait_for_readers(progress);
        drop(staging);
        Ok((signed, published))
    }

    /// Turns an error about the unpacked layout into one about the archive.
    fn of_archive(&self, mut error: Error, staged: &Path) -> Error {
        let (Error::Unfit { place, .. }
        | Error::Store(store::Error {
            place,
            kind:
                Kind::Part { .. }
                | Kind::NoSuchImage { .. }
                | Kind::NotOneImage { .. }
                | Kind::AmbiguousTag { .. }
                | Kind::IsIndex { .. }
                | Kind::Platform { .. }
                | Kind::Bomb { .. },
        })) = &mut error
        else {
            return error;
        };
        if matches!(place, Place::Layout(path) if path == staged) {
            *place = Place::Archive(self.archive.clone());
        }
        error
    }

    /// Refuses to replace an app if a file of this command lies in its folder: the file would be gone.
    fn check_inputs(&self, registry: &Registry, ring: &KeyRing) -> Result<(), Error> {
        let mut named = inputs(ring, &self.how.keys());
        named.push(&self.archive);
        if let EndorsementFrom::File { signature, .. } = &self.how.endorsement {
            named.push(signature);
        }
        for file in named.into_iter().filter(|file| !files::is_standard(file)) {
            if registry.has_file(&self.app, file)? {
                return Err(Error::InputInApp {
                    file: file.to_owned(),
                    app: registry.path_of(&self.app),
                });
            }
        }
        Ok(())
    }
}

/// The error if something that is not an app has the app's path.
fn in_the_way(error: store::Error) -> Error {
    let reason = match &error.kind {
        Kind::NotALayout { reason } => reason.clone(),
        Kind::Part {
            part: part @ Part::IndexJson,
            problem,
        } => format!("{part} {problem}"),
        Kind::Link => "it is a symbolic link".into(),
        Kind::Io { source, .. } if source.kind() == ErrorKind::NotADirectory => {
            "it is not a folder".into()
        }
        _ => return error.into(),
    };
    let app = error.place;
    Error::InTheWay { app, reason }
}

/// The default name of the app: the archive's name, without its endings.
pub fn default_app(archive: &Path) -> Result<AppName, Error> {
    if files::is_standard(archive) {
        return Err(Error::NoAppNamed);
    }
    let name = archive
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let endings = [
        ".gz", ".zst", ".zstd", ".tgz", ".tzst", ".tar", ".oci", ".docker",
    ];
    let mut stem = name.as_str();
    while let Some(shorter) = endings.iter().find_map(|ending| stem.strip_suffix(ending)) {
        stem = shorter;
    }
    stem.parse().map_err(|source| Error::NoAppName {
        path: archive.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_archive_without_its_endings() {
        for name in [
            "hello.tar",
            "/a/hello.tar.gz",
            "hello.oci.tar.zst",
            "hello.tgz",
            "hello",
        ] {
            let app = default_app(Path::new(name)).map(|app| app.to_string());
            assert_eq!(app.ok().as_deref(), Some("hello"), "{name}");
        }
        for name in ["", "..", ".tar", "/", "x y.tar"] {
            assert!(default_app(Path::new(name)).is_err(), "{name} was taken");
        }
    }
}
