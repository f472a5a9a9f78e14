//! Very many images, named one by one or by their places, and the findings as they come in.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::error::Error;
use super::location::{Asked, Opened, RegistryOptions};
use crate::crypto::Digest;
use crate::image::{ImageName, Reference};
use crate::progress::Progress;
use crate::store::Limits;

/// A finding about one image.
#[derive(Debug)]
pub enum One<T> {
    /// The run decided about it.
    Decided(T),
    /// An error kept an image or a place from a decision.
    Failed {
        /// The name by which the user asked for it.
        reference: String,
        /// What went wrong.
        error: Box<Error>,
    },
    /// It belongs to another shard.
    InOtherShard,
}

impl<T> One<T> {
    /// The finding about the image or the place of this name; `None` stands for an image of another shard.
    pub(super) fn of(name: &ImageName, outcome: Result<Option<T>, Error>) -> Self {
        match outcome {
            Ok(Some(decided)) => Self::Decided(decided),
            Ok(None) => Self::InOtherShard,
            Err(error) => Self::Failed {
                reference: name.to_string(),
                error: Box::new(error),
            },
        }
    }
}

/// Takes the findings, from one thread at a time. When it breaks off, the run ends as soon as it can.
pub type Sink<'a, T> = dyn FnMut(One<T>) -> ControlFlow<()> + Send + 'a;

/// Every image that has a tag in one of these places. The names are those of places and name no image there. Leaves out
/// the tags of referrers' indexes and of cosign's attachments.
pub fn all_tags(
    places: Vec<ImageName>,
    options: &RegistryOptions,
    progress: &dyn Progress,
) -> Result<Vec<ImageName>, Error> {
    let mut images = Vec::new();
    for name in places {
        let asked = Asked::of(vec![name.clone()], true, options)?;
        let [asked] = <[Asked; 1]>::try_from(asked).expect("one name is one place");
        let place = asked.location.place();
        if !asked.references.is_empty() {
            return Err(Error::NamedAndAll(place));
        }
        let opened = asked.location.open(Limits::default(), progress)?;
        let tags: Vec<String> = match &opened {
            #[cfg(feature = "registry")]
            Opened::Remote(store) => store.tag_names()?,
            Opened::Layout(_) | Opened::Archive(_) => {
                let entries = opened.store().entries()?;
                let tags = entries.iter().filter_map(|entry| entry.tag());
                tags.map(str::to_owned).collect()
            }
        };
        let mut seen = HashSet::new();
        let own = tags.into_iter().filter(|tag| !is_of_a_digest(tag));
        let own = own.filter(|tag| seen.insert(tag.clone()));
        let before = images.len();
        images.extend(own.map(|tag| with_tag(&name, tag)));
        if images.len() == before {
            return Err(Error::NoTags(place));
        }
    }
    Ok(images)
}

/// Whether a tag is made of a digest: `sha256-HEX`, or that with an ending.
fn is_of_a_digest(tag: &str) -> bool {
    let stem = tag.split('.').next().unwrap_or(tag);
    let parts = stem.split_once('-');
    parts.is_some_and(|(algorithm, hex)| format!("{algorithm}:{hex}").parse::<Digest>().is_ok())
}

/// The name with this tag.
fn with_tag(name: &ImageName, tag: String) -> ImageName {
    let mut name = name.clone();
    match &mut name {
        ImageName::Docker { tag: own, .. } => *own = tag.parse().ok(),
        ImageName::Layout { reference, .. } | ImageName::Archive { reference, .. } => {
            *reference = Some(Reference::Tag(tag));
        }
        ImageName::Dir { .. } => {}
    }
    name
}
