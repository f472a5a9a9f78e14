//! Showing what is in a layout and who claims to have signed it, trusting nothing.

use std::path::PathBuf;
use std::slice;

use super::Error;
use crate::image::{AppName, Descriptor, Image, Reference, media};
use crate::scheme::annotation::{self, Claim};
use crate::store::{Entry, Limits, Registry, Selection, Target};

/// Looks at an app.
#[derive(Clone, Debug)]
pub struct Inspect {
    /// The registry directory.
    pub registry: PathBuf,
    /// The app.
    pub app: AppName,
    /// One image of it; all of them where there is none.
    pub reference: Option<Reference>,
    /// How much is read before giving up.
    pub limits: Limits,
}

/// One entry of an index, and what it leads to.
#[derive(Debug)]
pub struct Inspected {
    /// How many indexes lie above it.
    pub depth: usize,
    /// The entry.
    pub descriptor: Descriptor,
    /// What it leads to.
    pub content: Content,
}

/// What an entry leads to.
#[derive(Debug)]
pub enum Content {
    /// An index, whose entries follow.
    Index,
    /// An image, and what it claims about who signed it.
    Image(Box<Image>, Option<Box<Claim>>),
    /// `BuildKit`'s attestation about an image.
    Attestation,
    /// Something that is not in the layout, not an image, or wrong; and why.
    Unreadable(String),
}

impl Inspect {
    /// Reads what there is. Only what concerns the layout as a whole is an error.
    pub fn run(&self) -> Result<Vec<Inspected>, Error> {
        let registry = Registry::open(&self.registry, self.limits)?;
        let layout = registry.layout(&self.app)?;
        let entries = match &self.reference {
            None => layout.entries()?,
            Some(reference) => {
                let targets = layout.resolve(slice::from_ref(reference), &Selection::All)?;
                let entry = |target: Target| Entry {
                    depth: 0,
                    descriptor: target.descriptor,
                    present: true,
                };
                targets.into_iter().map(entry).collect()
            }
        };
        let look = |entry: Entry| {
            let descriptor = entry.descriptor;
            let content = if media::is_index(&descriptor.media_type) {
                if entry.present {
                    Content::Index
                } else {
                    Content::Unreadable("is not in the layout".into())
                }
            } else if descriptor.is_attestation() {
                Content::Attestation
            } else {
                let target = Target {
                    name: descriptor.digest.to_string(),
                    descriptor: descriptor.clone(),
                };
                match layout.load(&target) {
                    Ok(image) => {
                        let claim = annotation::claim(&image).map(Box::new);
                        Content::Image(Box::new(image), claim)
                    }
                    Err(e) => Content::Unreadable(e.to_string()),
                }
            };
            Inspected {
                depth: entry.depth,
                descriptor,
                content,
            }
        };
        Ok(entries.into_iter().map(look).collect())
    }
}
