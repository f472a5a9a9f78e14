//! A registry that does all as the specification has it, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ir_sign::crypto::{Digest, HashAlgorithm};

use super::server::{Reply, Seen};

/// The content of a registry.
#[derive(Debug, Default)]
pub struct Good {
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// By digest: the type and the bytes.
    pub manifests: BTreeMap<String, (String, Vec<u8>)>,
    pub tags: BTreeMap<String, String>,
    uploads: BTreeMap<String, Vec<u8>>,
    number: usize,
    /// Whether it lists referrers by itself.
    pub lists_referrers: bool,
}

/// A digest as registries write it.
pub fn digest(bytes: &[u8]) -> String {
    Digest::of(HashAlgorithm::Sha256, bytes).to_string()
}

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Good {
    /// An empty registry, shared with the server that shows it.
    pub fn new() -> Arc<Mutex<Self>> {
        Arc::default()
    }

    /// Puts a blob there.
    pub fn blob(&mut self, bytes: &[u8]) -> String {
        self.blobs.insert(digest(bytes), bytes.to_vec());
        digest(bytes)
    }

    /// Puts a manifest there, under a tag too.
    pub fn manifest(&mut self, tag: Option<&str>, kind: &str, text: &str) -> String {
        let digest = digest(text.as_bytes());
        self.manifests
            .insert(digest.clone(), (kind.to_owned(), text.into()));
        if let Some(tag) = tag {
            self.tags.insert(tag.to_owned(), digest.clone());
        }
        digest
    }

    /// How many uploads were begun and neither ended nor given up.
    pub fn open_uploads(&self) -> usize {
        self.uploads.len()
    }

    /// Answers a request for the repository `app`.
    pub fn answer(&mut self, seen: &Seen) -> Reply {
        let Some(rest) = seen.path().strip_prefix("/v2/app/") else {
            return Reply::new(404);
        };
        let parts: Vec<&str> = rest.split('/').collect();
        match (seen.method.as_str(), &parts[..]) {
            ("GET" | "HEAD", ["manifests", reference]) => self.get_manifest(reference),
            ("PUT", ["manifests", reference]) => self.put_manifest(seen, reference),
            ("GET" | "HEAD", ["blobs", digest]) => self.get_blob(seen, digest),
            ("POST", ["blobs", "uploads", ""]) => self.begin(seen),
            ("PATCH" | "PUT" | "GET" | "DELETE", ["blobs", "uploads", id]) => self.upload(seen, id),
            ("GET", ["tags", "list"]) => self.list(seen),
            ("GET", ["referrers", digest]) if self.lists_referrers => self.referrers(seen, digest),
            _ => Reply::new(404).body(r#"{"errors":[{"code":"NOT_FOUND"}]}"#),
        }
    }

    fn get_manifest(&self, reference: &str) -> Reply {
        let digest = self.tags.get(reference).map_or(reference, |d| d.as_str());
        match self.manifests.get(digest) {
            Some((kind, bytes)) => Reply::ok(bytes.clone())
                .header("Content-Type", kind)
                .header("Docker-Content-Digest", digest),
            None => Reply::new(404).body(r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
        }
    }

    fn put_manifest(&mut self, seen: &Seen, reference: &str) -> Reply {
        let found = match reference.split_once(':') {
            Some(("sha512", _)) => Digest::of(HashAlgorithm::Sha512, &seen.body).to_string(),
            _ => digest(&seen.body),
        };
        let document: serde_json::Value = serde_json::from_slice(&seen.body).expect("JSON");
        let blobs = document["layers"].as_array().into_iter().flatten();
        for blob in blobs.chain(document.get("config")) {
            if !self
                .blobs
                .contains_key(blob["digest"].as_str().expect("a digest"))
            {
                return Reply::new(400).body(r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#);
            }
        }
        for child in document["manifests"].as_array().into_iter().flatten() {
            if !self.lists_referrers && document.get("annotations").is_some() {
                break;
            }
            if !self
                .manifests
                .contains_key(child["digest"].as_str().expect("a digest"))
            {
                return Reply::new(400).body(r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#);
            }
        }
        if reference.contains(':') {
            if reference != found {
                return Reply::new(400).body(r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
            }
        } else {
            self.tags.insert(reference.to_owned(), found.clone());
        }
        let kind = seen.header("content-type").expect("a type").to_owned();
        self.manifests
            .insert(found.clone(), (kind, seen.body.clone()));
        let reply = Reply::new(201).header("Docker-Content-Digest", found);
        match document["subject"]["digest"].as_str() {
            Some(subject) if self.lists_referrers => reply.header("OCI-Subject", subject),
            _ => reply,
        }
    }

    fn get_blob(&self, seen: &Seen, digest: &str) -> Reply {
        let Some(bytes) = self.blobs.get(digest) else {
            return Reply::new(404);
        };
        let from = seen.header("range").and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        });
        match from {
            Some(from) if from < bytes.len() => {
                let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                Reply::new(206)
                    .body(&bytes[from..])
                    .header("Content-Range", range)
            }
            _ => Reply::ok(bytes.clone()).header("Docker-Content-Digest", digest),
        }
    }

    fn begin(&mut self, seen: &Seen) -> Reply {
        if let Some(digest) = seen.query("mount")
            && self.blobs.contains_key(&digest)
        {
            return Reply::new(201).header("Docker-Content-Digest", digest);
        }
        self.number += 1;
        let id = format!("upload-{}", self.number);
        self.uploads.insert(id.clone(), Vec::new());
        self.accepted(&id)
    }

    fn accepted(&self, id: &str) -> Reply {
        let held = self.uploads[id].len();
        // Each place has a state of its own, and only the newest is known.
        Reply::new(202)
            .header(
                "Location",
                format!("/v2/app/blobs/uploads/{id}?_state=a%2Fb=={held}"),
            )
            .header("Range", format!("0-{}", held.saturating_sub(1)))
    }

    fn upload(&mut self, seen: &Seen, id: &str) -> Reply {
        let Some(held) = self.uploads.get_mut(id) else {
            return Reply::new(404).body(r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#);
        };
        if !seen
            .target
            .contains(&format!("_state=a%2Fb=={}", held.len()))
        {
            return Reply::new(404).body(r#"{"errors":[{"code":"BLOB_UPLOAD_INVALID"}]}"#);
        }
        match seen.method.as_str() {
            "DELETE" => {
                self.uploads.remove(id);
                Reply::new(204)
            }
            "GET" => self.accepted(id),
            "PATCH" => {
                let range = seen.header("content-range").expect("a range");
                let first: usize = range
                    .split('-')
                    .next()
                    .and_then(|n| n.parse().ok())
                    .expect("a number");
                if first != held.len() {
                    return Reply::new(416);
                }
                held.extend_from_slice(&seen.body);
                self.accepted(id)
            }
            _ => {
                held.extend_from_slice(&seen.body);
                let bytes = self.uploads.remove(id).expect("it is there");
                let stated = seen.query("digest").expect("a digest");
                let found = match stated.split_once(':') {
                    Some(("sha512", _)) => Digest::of(HashAlgorithm::Sha512, &bytes).to_string(),
                    _ => digest(&bytes),
                };
                if stated != found {
                    return Reply::new(400).body(r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
                }
                self.blobs.insert(found.clone(), bytes);
                Reply::new(201).header("Docker-Content-Digest", found)
            }
        }
    }

    fn list(&self, seen: &Seen) -> Reply {
        let n: usize = seen
            .query("n")
            .map_or(usize::MAX, |n| n.parse().expect("a number"));
        let last = seen.query("last").unwrap_or_default();
        let names: Vec<_> = self
            .tags
            .keys()
            .filter(|tag| **tag > last)
            .cloned()
            .collect();
        let page: Vec<_> = names.iter().take(n.min(2)).collect();
        let body = serde_json::json!({"name": "app", "tags": page}).to_string();
        let reply = Reply::ok(body);
        match page.last() {
            Some(last) if page.len() < names.len() => reply.header(
                "Link",
                format!("</v2/app/tags/list?n=2&last={last}>; rel=\"next\""),
            ),
            _ => reply,
        }
    }

    fn referrers(&self, seen: &Seen, subject: &str) -> Reply {
        let wanted = seen.query("artifactType");
        let mut found = Vec::new();
        for (digest, (kind, bytes)) in &self.manifests {
            let document: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
            let artifact = document["artifactType"]
                .as_str()
                .or(document["config"]["mediaType"].as_str());
            if document["subject"]["digest"] == subject
                && (wanted.is_none() || wanted.as_deref() == artifact)
            {
                found.push(serde_json::json!({"mediaType": kind, "digest": digest, "size": bytes.len(), "artifactType": artifact, "annotations": document["annotations"]}));
            }
        }
        let body = serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": found});
        Reply::ok(body.to_string()).header("Content-Type", INDEX)
    }
}
