//! Repeated members, which docker, podman and skopeo accept. Some readers take the first member of a name, others the
//! last, so repeated members must have the same content.

use std::collections::HashMap;

use super::name::{NameId, shown};
use super::open::Archive;
use super::problem::Problem;
use super::walk::{Data, Member, Names};
use crate::crypto::{Digest, HashAlgorithm, Hasher};
use crate::store::error::Error;

const READ_SIZE: usize = 32 << 10;

/// The content of the first member of each name.
pub(super) struct Repeats<'a> {
    archive: &'a Archive,
    /// The names as the survey found them.
    names: &'a Names,
    first: HashMap<NameId, Digest>,
}

impl<'a> Repeats<'a> {
    pub(super) fn new(archive: &'a Archive, names: &'a Names) -> Self {
        Self {
            archive,
            names,
            first: HashMap::new(),
        }
    }

    /// Whether a member repeats the name and the content of an earlier member; an error if only the name is the same.
    pub(super) fn is_copy(&self, member: &Member, data: &mut Data<'_, '_>) -> Result<bool, Error> {
        if !member.again {
            return Ok(false);
        }
        // If the survey met only one member with this name, the archive has changed since.
        let known = self.first.get(&NameId::of(&member.name));
        if let Some(known) = known
            && hash(data, known.algorithm())? == *known
        {
            return Ok(true);
        }
        let name = shown(member.name.as_bytes());
        Err(self.archive.problem(Problem::Duplicate(name)))
    }

    /// Remembers the digest of a name's first member if the name is repeated. The caller passes the digest if it has
    /// written the member.
    pub(super) fn note(
        &mut self,
        member: &str,
        written: Option<Digest>,
        data: &mut Data<'_, '_>,
    ) -> Result<(), Error> {
        let id = NameId::of(member);
        if self.names.is_repeated(id) {
            let digest = match written {
                Some(digest) => digest,
                None => hash(data, HashAlgorithm::Sha256)?,
            };
            self.first.insert(id, digest);
        }
        Ok(())
    }
}

fn hash(data: &mut Data<'_, '_>, algorithm: HashAlgorithm) -> Result<Digest, Error> {
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; READ_SIZE];
    while data.left() > 0 {
        let n = data.fill(&mut buffer)?;
        hasher.update(&buffer[..n]);
    }
    Ok(hasher.digest())
}
