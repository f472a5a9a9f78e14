//! Making the file of an offline broker.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::error::Error as ResourceError;
use crate::broker::{LARGEST_FILE, ResourceName, encode};
use crate::files::{self, Written};
use crate::ops::error::Error;
use crate::ops::keys::existing;
use crate::ops::outputs::check_output;

const ROLE: &str = "offline file";

/// A resource's name, and the file with its bytes.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name.
    pub name: ResourceName,
    /// The file.
    pub file: PathBuf,
}

/// Makes the file of an offline broker.
#[derive(Clone, Debug)]
pub struct Encode {
    /// The resources, in the file's order.
    pub resources: Vec<Named>,
    /// The file.
    pub output: PathBuf,
    /// Whether to replace an existing file with other content.
    pub force: bool,
}

/// What was made.
#[derive(Clone, Copy, Debug)]
pub struct Encoded {
    /// Bytes of the file.
    pub size: usize,
    /// Whether this run wrote it.
    pub written: Written,
}

impl Encode {
    /// Reads all files before it writes one.
    pub fn run(&self) -> Result<Encoded, Error> {
        let mut names = HashSet::new();
        for Named { name, .. } in &self.resources {
            if !names.insert(name) {
                return Err(ResourceError::Twice(name.as_str().to_owned()).into());
            }
        }
        let inputs: Vec<&Path> = self
            .resources
            .iter()
            .map(|one| one.file.as_path())
            .collect();
        check_output(ROLE, &self.output, &inputs)?;
        let mut read = Vec::new();
        for path in inputs {
            let bytes = files::read_wiped(path, LARGEST_FILE);
            let bytes = bytes.map_err(Error::file("resource file"))?;
            if bytes.is_empty() {
                return Err(ResourceError::Empty(path.to_owned()).into());
            }
            read.push(bytes);
        }
        let all = self.resources.iter().zip(&read);
        let all: Vec<_> = all
            .map(|(one, bytes)| (one.name.clone(), bytes.as_slice()))
            .collect();
        let text = encode(&all);
        let (size, most) = (text.len(), LARGEST_FILE);
        if size > most {
            return Err(ResourceError::TooLarge { size, most }.into());
        }
        // Keys may be in it.
        let written = files::write(&self.output, &text, 0o600, existing(self.force));
        let written = written.map_err(Error::file(ROLE))?;
        Ok(Encoded { size, written })
    }
}
