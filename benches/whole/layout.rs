//! Image layouts, written as a builder of images writes them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use flate2::write::GzEncoder;
use ir_sign::crypto::{Digest, HashAlgorithm, Hasher};
use serde_json::{Value, json};

use super::Error;
use super::content::Files;

/// The window of a zstd layer: 8 MiB, the most that a decoder has to support.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How layers are packed.
#[derive(Clone, Copy)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/vnd.oci.image.layer.v1.tar",
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }
}

/// A layer that was written.
#[derive(Clone)]
pub struct Layer {
    descriptor: Value,
    diff_id: Digest,
    pub path: PathBuf,
}

/// A layout in the making.
pub struct Layout {
    path: PathBuf,
    manifests: Vec<Value>,
}

impl Layout {
    /// Starts a layout in a new folder.
    pub fn new(path: PathBuf) -> Result<Self, Error> {
        fs::create_dir_all(path.join("blobs/sha256"))?;
        fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Self {
            path,
            manifests: Vec::new(),
        })
    }

    /// Writes a layer: a tar archive of generated files, of about `bytes` bytes.
    pub fn layer(&self, packing: Packing, bytes: u64, seed: u64) -> Result<Layer, Error> {
        let blobs = self.path.join("blobs/sha256");
        let unfinished = blobs.join(format!("unfinished-{seed}"));
        let mut blob = Hashed::new(BufWriter::with_capacity(
            1 << 18,
            File::create(&unfinished)?,
        ));
        let diff_id = match packing {
            Packing::Plain => archive(&mut blob, bytes, seed)?,
            Packing::Gzip => {
                let mut gzip = GzEncoder::new(&mut blob, flate2::Compression::new(6));
                let diff_id = archive(&mut gzip, bytes, seed)?;
                gzip.finish()?;
                diff_id
            }
            Packing::Zstd => {
                let mut zstd = zstd::Encoder::new(&mut blob, 3)?;
                zstd.window_log(ZSTD_WINDOW_LOG)?;
                let diff_id = archive(&mut zstd, bytes, seed)?;
                zstd.finish()?;
                diff_id
            }
        };
        blob.flush()?;
        let digest = blob.hasher.digest();
        let path = blobs.join(digest.hex());
        fs::rename(unfinished, &path)?;
        Ok(Layer {
            descriptor: json!({
                "mediaType": packing.media_type(),
                "digest": digest.to_string(),
                "size": blob.length,
            }),
            diff_id,
            path,
        })
    }

    /// Adds an image of these layers under a tag.
    pub fn image(&mut self, tag: &str, layers: &[Layer]) -> Result<(), Error> {
        let diff_ids: Vec<_> = layers.iter().map(|l| l.diff_id.to_string()).collect();
        let history: Vec<_> = layers
            .iter()
            .map(|_| {
                json!({
                    "created": "2025-01-01T00:00:00Z",
                    "created_by": "COPY rootfs / # buildkit",
                    "comment": "buildkit.dockerfile.v0",
                })
            })
            .collect();
        let config = json!({
            "created": "2025-01-01T00:00:00Z",
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "User": "1000:1000",
                "ExposedPorts": { "8443/tcp": {} },
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Entrypoint": ["/usr/bin/service", "--config", "/etc/service.conf"],
                "WorkingDir": "/srv",
                "Labels": { "org.opencontainers.image.version": tag },
            },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": history,
        });
        let config = self.document("application/vnd.oci.image.config.v1+json", &config)?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": layers.iter().map(|l| &l.descriptor).collect::<Vec<_>>(),
        });
        let mut entry = self.document("application/vnd.oci.image.manifest.v1+json", &manifest)?;
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
        self.manifests.push(entry);
        Ok(())
    }

    /// Writes `index.json`.
    pub fn finish(self) -> Result<(), Error> {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": self.manifests,
        });
        fs::write(self.path.join("index.json"), serde_json::to_vec(&index)?)?;
        Ok(())
    }

    fn document(&self, media_type: &str, value: &Value) -> Result<Value, Error> {
        let bytes = serde_json::to_vec(value)?;
        let digest = Digest::of(HashAlgorithm::Sha256, &bytes);
        let path = self.path.join("blobs/sha256").join(digest.hex());
        fs::write(path, &bytes)?;
        Ok(json!({
            "mediaType": media_type,
            "digest": digest.to_string(),
            "size": bytes.len(),
        }))
    }
}

/// Writes a tar archive of generated files and gives its digest.
fn archive(output: impl Write, bytes: u64, seed: u64) -> Result<Digest, Error> {
    let mut files = Files::new(seed);
    let mut tar = tar::Builder::new(Hashed::new(output));
    let mut number = 0;
    while tar.get_ref().length < bytes {
        let left = usize::try_from(bytes - tar.get_ref().length)?;
        let file = files.file(left);
        let mut header = tar::Header::new_gnu();
        header.set_size(file.length as u64);
        header.set_mode(0o644);
        header.set_mtime(1_735_689_600);
        let path = format!("usr/share/part-{:03}/file-{number:06}", number / 500);
        tar.append_data(&mut header, path, file)?;
        number += 1;
    }
    Ok(tar.into_inner()?.hasher.digest())
}

/// A writer that hashes and counts what goes through it.
struct Hashed<W> {
    inner: W,
    hasher: Hasher,
    length: u64,
}

impl<W> Hashed<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Hasher::new(HashAlgorithm::Sha256),
            length: 0,
        }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        self.length += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
