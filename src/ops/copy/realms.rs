//! Copies into the layout of an app that realms are to get.

use std::path::Path;
use std::slice;

use crate::crypto::Digest;
use crate::image::realm::Finding;
use crate::image::{Descriptor, Reference, media};
use crate::ops::error::Error;
use crate::ops::realms;
use crate::store::{
    self, Closure, ForRealms, Kind, Layout, Limits, Mended, Reader, Store, unserved,
};

/// Refuses an image that the server for realms would not hand out, even if the copy leaves out everything else. The
/// copy has brought nothing yet.
pub(super) fn check(
    reader: &Reader<'_>,
    closure: &Closure,
    root: &Descriptor,
    name: &str,
) -> Result<(), Error> {
    let mut reason = None;
    for (descriptor, content) in &closure.documents {
        let is_meant = !media::is_index(&root.media_type) || descriptor.digest != root.digest;
        if !is_meant || media::is_index(&descriptor.media_type) {
            continue;
        }
        match unserved(descriptor, content) {
            None => return Ok(()),
            Some(why) => reason = reason.or(Some(why)),
        }
    }
    let name = name.to_owned();
    let reason = reason.unwrap_or_else(|| "it holds no image".into());
    Err(Error::Store(store::Error {
        place: reader.place().clone(),
        kind: Kind::NotForRealms { name, reason },
    }))
}

/// The tag and the digest of an image in a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct There {
    pub(super) tag: Option<String>,
    pub(super) digest: Digest,
}

impl There {
    fn reference(&self) -> Reference {
        match &self.tag {
            Some(tag) => Reference::Tag(tag.clone()),
            None => Reference::Digest(self.digest),
        }
    }
}

/// Leaves out of the app what no server loads, and returns the image's tag and digest in it.
pub(super) fn mend(
    path: &Path,
    limits: Limits,
    was: &There,
) -> Result<(There, Vec<Mended>), Error> {
    let mut layout = Layout::at(path, limits)?;
    let reference = was.reference();
    let before = digests(&layout)?;
    let realms = ForRealms {
        references: slice::from_ref(&reference),
        by_platform: false,
    };
    let mended = layout.apply_for_realms(&[], realms)?.mended;
    let mut now = was.clone();
    for one in &mended {
        if let Mended::Tag { from, to, digest } = one
            && Some(from) == was.tag.as_ref()
        {
            (now.tag, now.digest) = (to.clone(), *digest);
        }
    }
    if let Some(tag) = &now.tag {
        if let Some(entry) = layout.find(&Reference::Tag(tag.clone()))?.first() {
            now.digest = entry.digest;
        }
        return Ok((now, mended));
    }
    let after = digests(&layout)?;
    if !after.contains(&now.digest) {
        // No tag leads to it, and the copy has rewritten it.
        let mut new = after.iter().filter(|digest| !before.contains(digest));
        if let (Some(only), None) = (new.next(), new.next()) {
            now.digest = *only;
        }
    }
    Ok((now, mended))
}

fn digests(layout: &Layout) -> Result<Vec<Digest>, Error> {
    let entries = layout.entries()?;
    Ok(entries.iter().map(|entry| entry.digest).collect())
}

/// The findings that keep realms from the app, as far as the layout shows them.
pub(super) fn look(
    path: &Path,
    limits: Limits,
    there: &There,
) -> Result<Vec<Finding>, store::Error> {
    realms::of_copied(&Layout::at(path, limits)?, &there.reference())
}
