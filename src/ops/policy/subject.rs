//! The image that the user asks a policy about: its name as policies see it, its place, and the manifest that counts.

use std::fs;
use std::path::Path;

use super::error::Error as PolicyProblem;
use super::instance;
use crate::crypto::Digest;
use crate::image::{ArchiveKind, ImageName, Platform, Reference, media};
use crate::ops::error::Error;
use crate::ops::location::{Asked as Place, Opened, RegistryOptions};
use crate::progress::Progress;
use crate::scheme::cosign::check_kind;
use crate::store::{Limits, Reader, Selected, Selection, SkopeoDir, Store, Window};
use crate::trust::{Asked, Dialect};

/// The name of an image as policies see it. A path is written out, without links.
pub(super) fn asked(name: &ImageName, dialect: Dialect) -> Result<Asked, Error> {
    let path = |transport, path: &Path| {
        let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let path = whole.to_string_lossy().into_owned();
        Asked::Path { transport, path }
    };
    match name {
        ImageName::Docker {
            host, tag, digest, ..
        } => {
            let image = name.to_string();
            if tag.is_some() && digest.is_some() && dialect == Dialect::Containers {
                return Err(PolicyProblem::TagAndDigest { image }.into());
            }
            // Scopes and signatures tell upper and lower case of a host apart.
            let asked = Asked::docker(&image.replacen(host.as_str(), host.spelling(), 1));
            asked.map_err(|source| PolicyProblem::Name { image, source }.into())
        }
        ImageName::Layout { path: at, .. } => Ok(path("oci", at)),
        ImageName::Archive {
            kind: ArchiveKind::Oci,
            path: at,
            ..
        } => Ok(path("oci-archive", at)),
        ImageName::Archive {
            kind: ArchiveKind::Docker,
            ..
        } => Ok(Asked::DockerArchive),
        ImageName::Dir { path: at } => Ok(path("dir", at)),
    }
}

/// The place of an image, open for reading.
pub(super) enum OpenPlace {
    Usual(Opened, Option<Reference>),
    Dir(Box<SkopeoDir>),
}

impl OpenPlace {
    pub(super) fn of(
        name: &ImageName,
        options: &RegistryOptions,
        limits: Limits,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        if let ImageName::Dir { path } = name {
            return Ok(Self::Dir(Box::new(SkopeoDir::open(path, limits)?)));
        }
        let mut name = name.clone();
        if let ImageName::Layout { path, .. } = &mut name
            && path.is_symlink()
            && let Ok(whole) = fs::canonicalize(&*path)
        {
            *path = whole;
        }
        let places = Place::of(vec![name], false, options)?;
        let place = places.into_iter().next();
        let place = place.expect("one name is one place");
        let opened = place.location.open(limits, progress)?;
        Ok(Self::Usual(opened, place.references.into_iter().next()))
    }

    pub(super) fn store(&self) -> &dyn Store {
        match self {
            Self::Usual(opened, _) => opened.store(),
            Self::Dir(dir) => &**dir,
        }
    }

    pub(super) fn take_window(&mut self) -> Window {
        match self {
            Self::Usual(opened, _) => opened.take_window(),
            Self::Dir(_) => Window::default(),
        }
    }

    pub(super) const fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Usual(_, reference) => reference.as_ref(),
            Self::Dir(_) => None,
        }
    }

    pub(super) fn dir(&self) -> Option<&SkopeoDir> {
        match self {
            Self::Usual(..) => None,
            Self::Dir(dir) => Some(dir),
        }
    }
}

/// A manifest or an index whose signatures count.
pub(super) struct Subject {
    /// Its platform in brackets, if the name leads to an index.
    pub(super) platform: String,
    pub(super) digest: Digest,
    /// The image; `None` for image-rs, to which an index counts as a whole.
    pub(super) image: Option<Selected>,
}

/// This machine's platform, as skopeo chooses by it.
fn own_platform() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    };
    Platform {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        ..Platform::default()
    }
}

/// The manifests whose signatures count: to containers/image those of the platforms, to image-rs the one that the name
/// leads to. `selection` is `None` if the user does not choose; then this machine's platform counts. `is_skopeos`: skopeo's
/// rules choose among several images for a platform.
pub(super) fn subjects(
    reader: &Reader<'_>,
    reference: Option<&Reference>,
    dialect: Dialect,
    selection: Option<&Selection>,
    is_skopeos: bool,
) -> Result<Vec<Subject>, Error> {
    let (name, descriptor) = reader.subject(reference)?;
    let is_index = media::is_index(&descriptor.media_type);
    if dialect == Dialect::ImageRs {
        reader.whole(&descriptor)?;
        return Ok(vec![Subject {
            platform: String::new(),
            digest: descriptor.digest,
            image: None,
        }]);
    }
    let selected = match selection {
        None if is_index && is_skopeos => {
            vec![instance::chosen(
                reader,
                name,
                &descriptor,
                &own_platform(),
            )?]
        }
        // containers/image knows no versions and features of systems.
        Some(Selection::Platform(wanted))
            if is_index
                && is_skopeos
                && wanted.os_version.is_none()
                && wanted.os_features.is_none() =>
        {
            vec![instance::chosen(reader, name, &descriptor, wanted)?]
        }
        Some(Selection::Platform(_)) => images(reader, reference, selection)?,
        _ if is_index => images(reader, reference, selection)?,
        _ => vec![Selected { name, descriptor }],
    };
    let mut subjects = Vec::new();
    for image in selected {
        // The signature covers the digest of the manifest's bytes.
        let (manifest, _) = reader.manifest(&image.descriptor)?;
        if is_skopeos {
            check_kind(manifest.bytes()).map_err(|bad| PolicyProblem::Index {
                name: image.name.clone(),
                reason: bad.to_string(),
            })?;
        }
        let platform = image.descriptor.platform.as_ref().filter(|_| is_index);
        let platform = platform.map(|platform| format!(" ({platform})"));
        subjects.push(Subject {
            platform: platform.unwrap_or_default(),
            digest: image.descriptor.digest,
            image: Some(image),
        });
    }
    Ok(subjects)
}

/// That a layout has one entry where the user names none: containers/image chooses none of several.
pub(super) fn check_only(name: &ImageName, reader: &Reader<'_>) -> Result<(), Error> {
    let is_layout = match name {
        ImageName::Layout { .. } => true,
        ImageName::Archive { kind, .. } => *kind == ArchiveKind::Oci,
        ImageName::Docker { .. } | ImageName::Dir { .. } => false,
    };
    let found = if is_layout {
        reader.store().entries()?.len()
    } else {
        1
    };
    if found == 1 {
        return Ok(());
    }
    let reason = format!("it has {found} images, and containers/image wants the name of one");
    let name = name.to_string();
    Err(PolicyProblem::Index { name, reason }.into())
}

/// The images of a name: those that the user chooses, or this machine's.
pub(super) fn images(
    reader: &Reader<'_>,
    reference: Option<&Reference>,
    selection: Option<&Selection>,
) -> Result<Vec<Selected>, Error> {
    let own = || Selection::Platform(own_platform());
    let selection = selection.cloned().unwrap_or_else(own);
    let references: Vec<Reference> = reference.cloned().into_iter().collect();
    Ok(reader.resolve(&references, &selection)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_tell_upper_and_lower_case_of_a_host_apart() {
        let name: ImageName = "docker://Example.COM:5000/a".parse().expect("a name");
        let lower: ImageName = "docker://example.com:5000/a".parse().expect("a name");
        assert_eq!(name, lower, "it is one registry");
        for (name, scope) in [
            (name, "Example.COM:5000/a:latest"),
            (lower, "example.com:5000/a:latest"),
        ] {
            let asked = asked(&name, Dialect::Containers).expect("a name of policies");
            assert_eq!(asked.names()[0], scope);
        }
    }
}
