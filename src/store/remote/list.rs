//! Lists that come in pages: tags, and referrers (R55, R56).

use std::collections::HashSet;

use serde::Deserialize;
use ureq::http::Method;
use ureq::http::header::{HeaderValue, LINK};

use super::client::At;
use super::error::{Error, Problem};
use super::link::next_page;
use super::problem::shown;
use super::repository::RemoteRepository;
use super::url::Url;
use super::wire::Answer;
use crate::image::Tag;

/// The most pages, tags, and bytes of a page.
const MOST_PAGES: usize = 1000;
const MOST_TAGS: usize = 100_000;
const LARGEST_PAGE: u64 = 16 << 20;

/// The tags of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// The valid tags.
    pub tags: Vec<Tag>,
    /// How many listed names are not valid tags.
    pub passed_over: usize,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// Reads a page of tags: for tests of the form.
pub fn read_tags(bytes: &[u8]) -> Result<Tags, String> {
    let page: Page = serde_json::from_slice(bytes).map_err(|error| shown(&error.to_string()))?;
    let mut tags = Tags::default();
    for name in page.tags.unwrap_or_default() {
        match name.parse() {
            Ok(tag) => tags.tags.push(tag),
            Err(_) => tags.passed_over += 1,
        }
    }
    Ok(tags)
}

impl RemoteRepository {
    /// All tags of the repository; none if there is no such repository.
    pub fn tags(&self) -> Result<Tags, Error> {
        let what = self.what("list of tags");
        let first = self.path("tags/list?n=1000");
        let unlisted = |status| self.error(&what, Problem::Unlisted { status });
        let mut all = Tags::default();
        let pages = self.pages(&first, None, &what, |answer, bytes| {
            match answer.status {
                200 => {}
                404 => return Ok(true),
                status @ (403 | 405) => return Err(Problem::Unlisted { status }),
                status => {
                    return Err(Problem::Status {
                        status,
                        words: shown(&String::from_utf8_lossy(&bytes)),
                    });
                }
            }
            let page = read_tags(&bytes).map_err(Problem::Document)?;
            all.passed_over += page.passed_over;
            all.tags.extend(page.tags);
            if all.tags.len() + all.passed_over > MOST_TAGS {
                return Err(Problem::TooMany {
                    limit: MOST_TAGS,
                    of: "tags",
                });
            }
            Ok(true)
        });
        match pages {
            Ok(()) => Ok(all),
            // A registry that wants other credentials does not list its tags.
            Err(Error {
                problem: Problem::Anonymous { .. } | Problem::Credentials { .. },
                ..
            }) => Err(unlisted(401)),
            Err(error) => Err(error),
        }
    }

    /// Reads one page after the other, as long as the reader wants another page and there is one.
    pub(super) fn pages(
        &self,
        first: &str,
        accept: Option<&'static str>,
        what: &str,
        mut read: impl FnMut(&Answer, Vec<u8>) -> Result<bool, Problem>,
    ) -> Result<(), Error> {
        let mut seen: HashSet<Url> = HashSet::new();
        let mut next: Option<Url> = None;
        let error = |problem| self.error(what, problem);
        for _ in 0..MOST_PAGES {
            let at = next.as_ref().map_or(At::Path(first), At::Url);
            let mut answer = self.ask(Method::GET, at, accept, None, what)?;
            let bytes = answer.bytes(LARGEST_PAGE).map_err(error)?;
            let goes_on = read(&answer, bytes).map_err(error)?;
            if answer.status != 200 || !goes_on {
                return Ok(());
            }
            let mut headers = Vec::new();
            for value in answer.headers.get_all(LINK) {
                let text = HeaderValue::to_str(value);
                headers.push(text.map_err(|_| {
                    error(Problem::List("in a form that ir-sign does not understand"))
                })?);
            }
            let link = next_page(headers.into_iter());
            let link = link
                .map_err(|_| error(Problem::List("in a form that ir-sign does not understand")))?;
            let Some(link) = link else {
                return Ok(());
            };
            let page = answer
                .url
                .join(&link)
                .filter(|page| page.origin == answer.url.origin);
            let page = page.ok_or_else(|| error(Problem::List("at another host")))?;
            seen.insert(answer.url.clone());
            if !seen.insert(page.clone()) {
                return Err(error(Problem::List("in a circle")));
            }
            next = Some(page);
        }
        Err(error(Problem::TooMany {
            limit: MOST_PAGES,
            of: "pages",
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r55_a_page_of_tags_may_be_empty_and_hold_what_is_no_tag() {
        let tags = |text: &str| read_tags(text.as_bytes());
        for text in [r#"{"name":"a","tags":null}"#, r#"{"tags":[]}"#, "{}"] {
            assert_eq!(tags(text), Ok(Tags::default()));
        }
        let page =
            tags(r#"{"tags":["a","-b","c d","x\u001b[31m","1.0"],"next":{}}"#).expect("a page");
        let names: Vec<_> = page.tags.iter().map(Tag::as_str).collect();
        assert_eq!((names, page.passed_over), (vec!["a", "1.0"], 3));
        for text in ["", "[]x", r#"{"tags":[1]}"#, r#"{"tags":"a"}"#, "<html>"] {
            assert!(tags(text).is_err(), "{text}");
        }
    }
}
