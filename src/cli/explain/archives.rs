//! Advice on a file that is not an archive of images, or of a kind that ir-sign does not read.

use std::path::Path;

use super::shell::quoted;
use crate::store::archive::{Packing, Problem};

pub(super) fn of(path: &Path, problem: &Problem) -> Option<String> {
    // Standard input has no name that another program could read.
    let archive = if is_input(path) {
        "FILE".into()
    } else {
        quoted(path)
    };
    Some(match problem {
        Problem::OtherPacking(packing) => unpack(path, &archive, *packing),
        Problem::RootFs => {
            "an image is what `docker save IMAGE -o FILE` writes; `docker commit CONTAINER IMAGE` makes one of a container"
                .into()
        }
        Problem::SkopeoDir => format!(
            "{COPY}: mkdir new-dir && tar -xf {archive} -C new-dir && {}",
            skopeo("new-dir")
        ),
        Problem::InFolder { .. } => format!(
            "pack the content of that folder: mkdir new-dir && tar -xf {archive} -C new-dir --strip-components=1 && \
             tar -cf image.tar -C new-dir ."
        ),
        Problem::Kind {
            kind: "a hard link" | "a sparse file",
            ..
        } => format!(
            "pack it with plain files: mkdir new-dir && tar -xf {archive} -C new-dir && \
             tar --hard-dereference -cf image.tar -C new-dir ."
        ),
        _ => return None,
    })
}

/// Advice where docker's list of images and `index.json` differ.
pub(super) fn two_lists(layout: &Path) -> String {
    if layout.is_dir() {
        return format!(
            "if docker never loads it, take its list away: rm {}",
            quoted(&layout.join("manifest.json"))
        );
    }
    let archive = quoted(layout);
    format!(
        "copy out the one that you mean, with its tag: skopeo copy oci-archive:{archive}:TAG \
         oci-archive:image.tar:TAG (or docker-archive:{archive} for docker's)"
    )
}

/// For a folder that skopeo wrote.
pub(super) fn from_dir(folder: &str) -> String {
    format!("{COPY}: {}", skopeo(folder))
}

/// For a form that only skopeo reads.
const COPY: &str = "copy it into an archive, and give image.tar to extract-sign-image";

fn skopeo(folder: &str) -> String {
    format!("skopeo copy dir:{folder} oci-archive:image.tar:latest")
}

/// Whether an archive came from standard input.
fn is_input(path: &Path) -> bool {
    path.as_os_str() == "standard input"
}

/// The command that unpacks a file; where the name shows the packing, into a file beside it, so that it overwrites nothing.
fn unpack(path: &Path, file: &str, packing: Packing) -> String {
    let Some(program) = packing.program() else {
        return format!("unpack it, and give the image's archive inside: {file} is not one itself");
    };
    if is_input(path) {
        return format!(
            "unpack it on the way: {program} -dc {file} | ir-sign extract-sign-image -f -"
        );
    }
    let ending = path.extension().and_then(|ending| ending.to_str());
    match (packing, ending) {
        (Packing::Xz, Some("xz" | "txz"))
        | (Packing::Lzma, Some("lzma" | "tlz"))
        | (Packing::Bzip2, Some("bz2" | "bz" | "tbz2" | "tbz"))
        | (Packing::Lz4, Some("lz4"))
        | (Packing::Lzip, Some("lz" | "tlz"))
        | (Packing::Compress, Some("Z")) => format!("unpack it first: {program} -dk {file}"),
        _ => {
            let mut name = path.as_os_str().to_owned();
            name.push(".tar");
            let unpacked = quoted(Path::new(&name));
            format!("unpack it first: {program} -dc {file} > {unpacked}")
        }
    }
}
