//! The inputs: keys, a large file, layouts, an archive.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ir_sign::encoding::hex::unhex;
use ir_sign::scheme::annotation::SIGNATURE;
use serde_json::Value;

use super::content::Files;
use super::images::{MANY, layers, note, ours, tags, unsigned};
use super::layout::{Layout, Packing};
use super::{Error, Place, tokens};

const MB: u64 = 1_000_000;
const GIB: u64 = 1 << 30;

/// Makes the inputs of the wanted parts, or all.
pub fn make(place: &Place, wanted: &[&str]) -> Result<(), Error> {
    let any = |parts: &[&str]| wanted.is_empty() || parts.iter().any(|p| wanted.contains(p));
    keys(place)?;
    fs::create_dir(place.path("registry"))?;
    if any(&["tokens"]) {
        tokens::make(place)?;
    }
    if any(&["config-only", "registry", "cosign", "notation"]) {
        images(place, "small", Packing::Gzip, &[100_000], 1)?;
        signed_parts(place)?;
    }
    if any(&["all", "registry", "cosign", "notation"]) {
        images(place, "many", Packing::Gzip, &[10_000], MANY)?;
    }
    if any(&["gzip", "notation"]) {
        images(place, "gzip-1", Packing::Gzip, &[1000 * MB], 1)?;
    }
    if any(&["gzip"]) {
        images(place, "gzip-2", Packing::Gzip, &[500 * MB, 500 * MB], 1)?;
    }
    if any(&["registry"]) {
        images(place, "gzip-4", Packing::Gzip, &[250 * MB; 4], 1)?;
    }
    if any(&["zstd"]) {
        images(place, "zstd-2", Packing::Zstd, &[250 * MB, 250 * MB], 1)?;
    }
    if any(&["extract"]) {
        archive(place)?;
    }
    if any(&["sign", "cosign"]) {
        note("a file of 1 GiB");
        let mut file = BufWriter::new(File::create(place.path("file"))?);
        Files::new(7).write(&mut file, GIB)?;
        file.flush()?;
    }
    // Data that is still on its way to the disk would slow down the measured run.
    rustix::fs::sync();
    Ok(())
}

fn keys(place: &Place) -> Result<(), Error> {
    for who in ["ca", "vendor"] {
        let (private, public) = (format!("{who}.prv"), format!("{who}.pub"));
        ours(place, &["gen-key", "-o", &private, "--public", &public])?;
    }
    ours(
        place,
        &[
            "endorse",
            "-k",
            "ca.prv",
            "-f",
            "vendor.pub",
            "-s",
            "vendor.sig",
        ],
    )
}

/// Writes and signs a layout.
fn images(
    place: &Place,
    app: &str,
    packing: Packing,
    sizes: &[u64],
    count: u32,
) -> Result<(), Error> {
    let layers = unsigned(place.path("registry").join(app), packing, sizes, count)?;
    for (n, layer) in layers.iter().enumerate() {
        fs::hard_link(&layer.path, place.path(&format!("{app}-layer-{n}")))?;
    }
    let tags = tags(count);
    let mut sign = vec!["sign-image", "-q", "-r", "registry", "-a", app];
    sign.extend(["-v", "vendor.prv", "-s", "vendor.sig", "-c", "ca.pub"]);
    sign.extend(tags.iter().flat_map(|tag| ["-d", tag]));
    ours(place, &sign)
}

/// An archive of a layout with uncompressed layers.
fn archive(place: &Place) -> Result<(), Error> {
    note("an archive of uncompressed layers");
    let unpacked = place.path("unpacked");
    let mut layout = Layout::new(unpacked.clone())?;
    let layers = layers(&layout, Packing::Plain, &[500 * MB, 500 * MB])?;
    layout.image("v0", &layers)?;
    layout.finish()?;
    let mut tar = tar::Builder::new(BufWriter::new(File::create(place.path("archive.tar"))?));
    for name in ["oci-layout", "index.json", "blobs"] {
        let path = unpacked.join(name);
        if path.is_dir() {
            tar.append_dir_all(name, path)?;
        } else {
            tar.append_path_with_name(path, name)?;
        }
    }
    tar.into_inner()?.flush()?;
    fs::remove_dir_all(unpacked)?;
    Ok(())
}

/// Takes the signed config and its signature out of the layout `small`, for `openssl`.
fn signed_parts(place: &Place) -> Result<(), Error> {
    let layout = place.path("registry/small");
    let index = read(&layout.join("index.json"))?;
    let manifest = read(&blob(&layout, &index["manifests"][0])?)?;
    fs::copy(blob(&layout, &manifest["config"])?, place.path("config"))?;
    let signature = manifest["annotations"][SIGNATURE].as_str();
    let signature = signature.and_then(unhex).ok_or("no signature")?;
    fs::write(place.path("config.sig"), signature)?;
    Ok(())
}

fn read(path: &Path) -> Result<Value, Error> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn blob(layout: &Path, descriptor: &Value) -> Result<PathBuf, Error> {
    let digest = descriptor["digest"].as_str().ok_or("no digest")?;
    Ok(layout.join("blobs").join(digest.replace(':', "/")))
}
