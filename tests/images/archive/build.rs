//! Archives made by hand, member by member, and what becomes of them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::slice;

use ir_sign::crypto::{Digest, HashAlgorithm};
use ir_sign::image::Reference;
use ir_sign::progress::Silent;
use ir_sign::store::archive::{Archive, Problem, Unpacked};
use ir_sign::store::{Error, Kind, Layout, Limits, Registry, Selection, Staging};
use tempfile::TempDir;

/// A tar archive in the making.
#[derive(Clone, Default)]
pub struct Tar(Vec<u8>);

impl Tar {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.member(name.as_bytes(), b'0', "", content)
    }

    /// A member of any type, its name and link target put into the header as they are.
    pub fn member(mut self, name: &[u8], kind: u8, link: &str, content: &[u8]) -> Self {
        self.0
            .extend(header(name, kind, link, content.len() as u64).as_bytes());
        self.content(content)
    }

    /// Content, filled up to whole blocks.
    pub fn content(mut self, content: &[u8]) -> Self {
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// Bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// A pax header with these records.
    pub fn pax(self, kind: u8, records: &[(&str, &str)]) -> Self {
        let mut content = String::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let guess = rest.len();
            // One digit more may need one digit more.
            let length = rest.len() + guess.to_string().len();
            let length = rest.len() + length.to_string().len();
            content += &length.to_string();
            content += &rest;
        }
        self.member(b"PaxHeaders/x", kind, "", content.as_bytes())
    }

    pub fn end(self) -> Vec<u8> {
        self.raw(&[0; 1024]).0
    }

    /// Without the blocks that mark the end.
    pub fn unended(self) -> Vec<u8> {
        self.0
    }
}

pub fn header(name: &[u8], kind: u8, link: &str, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name);
    old.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.as_mut_bytes()[156] = kind;
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    header
}

pub fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(HashAlgorithm::Sha256, bytes)
}

pub fn blob_name(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", sha256(bytes).hex())
}

pub const LAYOUT_FILE: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub const LAYER: &[u8] = &[7; 700];

pub fn config() -> Vec<u8> {
    let diff_id = sha256(LAYER);
    format!(
        r#"{{"architecture":"arm64","os":"linux","variant":"v8","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    )
    .into_bytes()
}

pub fn manifest() -> Vec<u8> {
    let config = config();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}]}}"#,
        sha256(&config),
        config.len(),
        sha256(LAYER),
        LAYER.len()
    )
    .into_bytes()
}

pub fn index(tags: &[&str]) -> Vec<u8> {
    let manifest = manifest();
    let entries = tags.iter().map(|tag| {
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{},"annotations":{{"org.opencontainers.image.ref.name":"{tag}"}}}}"#,
            sha256(&manifest),
            manifest.len()
        )
    });
    let entries: Vec<_> = entries.collect();
    format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        entries.join(",")
    )
    .into_bytes()
}

/// The blobs of a small image.
pub fn blobs() -> Tar {
    let mut tar = Tar::new();
    for blob in [config(), manifest(), LAYER.to_vec()] {
        tar = tar.file(&blob_name(&blob), &blob);
    }
    tar
}

/// A small image as an OCI image layout, without an end.
pub fn layout() -> Tar {
    blobs()
        .file("oci-layout", LAYOUT_FILE)
        .file("index.json", &index(&["1.0"]))
}

/// The folder that an archive was unpacked in.
pub struct Place {
    folder: TempDir,
    registry: Registry,
    limits: Limits,
}

impl Place {
    pub fn new() -> Self {
        Self::limited(Limits::default())
    }

    pub fn limited(limits: Limits) -> Self {
        let folder = TempDir::new().expect("a folder");
        let registry = Registry::open(folder.path(), limits).expect("a registry");
        Self {
            folder,
            registry,
            limits,
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts an archive down.
    pub fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("archive.tar");
        fs::write(&path, bytes).expect("written");
        path
    }

    /// Surveys and unpacks an archive.
    pub fn unpack(&self, path: &Path) -> Result<(Staging<'_>, Unpacked), Error> {
        let archive = Archive::open(path, self.limits)?;
        let survey = archive.survey(&Silent)?;
        match survey.check_reference(None) {
            // They are named one by one.
            Err(Error {
                kind: Kind::NotOneImage { .. },
                ..
            }) => {}
            other => other?,
        }
        let staging = self.registry.stage(&"app".parse().expect("a name"))?;
        let unpacked = archive.unpack(&survey, staging.dir(), &Silent)?;
        Ok((staging, unpacked))
    }

    /// Unpacks an archive's bytes and checks all images in it.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Error> {
        let path = self.put(bytes);
        let (staging, _) = self.unpack(&path)?;
        assert_eq!(mismatches(staging.dir().path()), [""; 0]);
        check_images(&staging.layout()?)
    }
}

/// Loads every image and checks its layers.
pub fn check_images(layout: &Layout) -> Result<(), Error> {
    for target in layout.reader().all_images()?.0 {
        check_image(layout, Some(&Reference::Digest(target.descriptor.digest)))?;
    }
    Ok(())
}

pub fn check_image(layout: &Layout, reference: Option<&Reference>) -> Result<(), Error> {
    for target in layout
        .reader()
        .resolve(reference.map_or(&[], slice::from_ref), &Selection::All)?
    {
        let image = layout.reader().load(&target)?;
        let findings = layout.reader().check_layers(&image, &Silent)?;
        let fine = (Ok(()), Some(Ok(())));
        assert_eq!((findings.blobs, findings.diff_ids), fine, "{}", target.name);
    }
    Ok(())
}

/// The blobs below a layout whose bytes do not have the digest that they are named by, and
/// whatever is there that does not belong in a layout.
pub fn mismatches(layout: &Path) -> Vec<String> {
    let list = |path: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).expect("a folder");
        entries.map(|e| e.expect("an entry").path()).collect()
    };
    let mut wrong = Vec::new();
    for path in list(layout) {
        let name = path.file_name().expect("a name").to_string_lossy();
        if !matches!(&*name, "blobs" | "index.json" | "oci-layout") {
            wrong.push(name.into_owned());
        }
    }
    for blob in list(&layout.join("blobs")).iter().flat_map(|a| list(a)) {
        let hex = blob.file_name().expect("a name").to_string_lossy();
        let algorithm = blob.parent().and_then(Path::file_name).expect("a folder");
        let digest: Result<Digest, _> = format!("{}:{hex}", algorithm.display()).parse();
        let is_file = fs::symlink_metadata(&blob).expect("metadata").is_file();
        let fits = |d: &Digest| Digest::of(d.algorithm(), &fs::read(&blob).expect("bytes")) == *d;
        if !is_file || !digest.is_ok_and(|d| fits(&d)) {
            wrong.push(blob.display().to_string());
        }
    }
    wrong
}

/// The fault of an archive.
pub fn problem(bytes: &[u8]) -> Problem {
    match Place::new().check(bytes) {
        Err(Error {
            kind: Kind::Archive { problem, .. },
            ..
        }) => problem,
        Err(other) => panic!("refused otherwise: {other}"),
        Ok(()) => panic!("taken"),
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}
