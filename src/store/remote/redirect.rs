//! Where an answer redirects the client, and whether the client follows (R28, R29).

use super::error::Problem;
use super::url::{Scheme, Url};
use super::wire::Answer;

/// The most redirects that the client follows.
pub(super) const MOST: usize = 10;

/// Whether a status is a redirect.
pub(super) const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The address to which a redirect sends a GET or HEAD (R28).
pub(super) fn target(answer: &Answer, location: Option<&str>) -> Result<Url, Problem> {
    let location = location.ok_or(Problem::Redirect("without an address to go to"))?;
    on(&answer.url, location)
}

/// The address to which a redirect sends a request with a body: same origin, and the body is repeated (R29).
pub(super) fn target_within(answer: &Answer, location: Option<&str>) -> Result<Url, Problem> {
    if !matches!(answer.status, 307 | 308) {
        return Err(Problem::Redirect(
            "by a status that would drop what ir-sign sent",
        ));
    }
    let url = target(answer, location)?;
    if url.origin != answer.url.origin {
        return Err(Problem::Redirect("to another host with what was sent"));
    }
    Ok(url)
}

fn on(from: &Url, location: &str) -> Result<Url, Problem> {
    let url = from.join(location);
    let url = url.ok_or(Problem::Redirect(
        "to an address that is neither http nor https",
    ))?;
    if url.origin.scheme == Scheme::Http && from.origin.scheme == Scheme::Https {
        return Err(Problem::Redirect("from TLS to an address without it"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r28_a_redirect_stays_on_the_web_and_never_leaves_tls() {
        let url = |text| Url::parse(text).expect("an address");
        let tls = url("https://r.example/v2/a");
        for location in ["/x", "https://s3.example/y?z", "//cdn.example/", "?again"] {
            assert!(on(&tls, location).is_ok(), "{location}");
        }
        for location in [
            "http://r.example/x",
            "http://127.0.0.1/",
            "file:///x",
            "gopher://x",
            "https://u:p@x/",
        ] {
            assert!(on(&tls, location).is_err(), "{location}");
        }
        let plain = url("http://localhost:5000/v2/a");
        assert!(on(&plain, "http://localhost:5001/x").is_ok());
        assert!(on(&plain, "https://r.example/x").is_ok());
    }
}
