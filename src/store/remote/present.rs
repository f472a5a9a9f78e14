//! The tags that the report lists when a user names a tag that does not exist.

use ureq::http::header::LINK;

use super::error::Problem;
use super::list::read_tags;
use super::repository::RemoteRepository;
use crate::image::Tag;

/// The mark that replaces the rest of a list.
pub(super) const MORE: &str = "…";

impl RemoteRepository {
    /// The first page of the tags that may be images'. There are none if the registry does not list them; nothing
    /// depends on them.
    pub(super) fn some_tags(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut is_all = true;
        let first = self.path("tags/list?n=1000");
        let asked = self.pages(&first, None, &self.what("list of tags"), |answer, bytes| {
            if answer.status == 200 {
                let page = read_tags(&bytes).map_err(Problem::Document)?;
                let images = page.tags.iter().filter(|tag| !is_beside(tag));
                names.extend(images.map(ToString::to_string));
                is_all = !answer.headers.contains_key(LINK);
            }
            Ok(false)
        });
        if asked.is_err() {
            return Vec::new();
        }
        if !is_all && !names.is_empty() {
            names.push(MORE.to_owned());
        }
        names
    }
}

/// Whether a tag holds the signatures or referrers of another image (`sha256-HEX`, `sha256-HEX.sig`).
fn is_beside(tag: &Tag) -> bool {
    let name = tag.as_str().split('.').next().unwrap_or_default();
    name.split_once('-').is_some_and(|(algorithm, hex)| {
        ["sha256", "sha384", "sha512"].contains(&algorithm)
            && hex.len() >= 64
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}
