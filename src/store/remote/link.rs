//! The next page of a list: the header `Link` (R55).
//!
//! Source: RFC 8288, section 3; OCI Distribution Specification 1.1, "Listing Tags".

/// A malformed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLink;

/// The address of the next page, as the header spells it; `None` if there is no next page.
///
/// ```
/// use ir_sign::store::remote::next_page;
///
/// let header = r#"</v2/app/tags/list?last=b&n=2>; rel="next""#;
/// assert_eq!(next_page([header].into_iter()), Ok(Some("/v2/app/tags/list?last=b&n=2".into())));
/// ```
pub fn next_page<'h>(headers: impl Iterator<Item = &'h str>) -> Result<Option<String>, BadLink> {
    let mut next = None;
    for header in headers {
        let mut rest = header.trim_matches([' ', '\t', ',']);
        while !rest.is_empty() {
            let inside = rest.strip_prefix('<').ok_or(BadLink)?;
            let (address, after) = inside.split_once('>').ok_or(BadLink)?;
            let (is_next, after) = parameters(after)?;
            if is_next {
                if next.as_deref().is_some_and(|known| known != address) {
                    return Err(BadLink);
                }
                next = Some(address.to_owned());
            }
            rest = after;
        }
    }
    Ok(next)
}

/// Whether one of the parameters says that it is the next page, and the text after the comma that ends them.
fn parameters(text: &str) -> Result<(bool, &str), BadLink> {
    let mut rest = text.trim_start();
    let mut is_next = None;
    loop {
        if rest.is_empty() {
            return Ok((is_next.unwrap_or(false), rest));
        }
        if let Some(after) = rest.strip_prefix(',') {
            let after = after.trim_start_matches([' ', '\t', ',']);
            return Ok((is_next.unwrap_or(false), after));
        }
        rest = rest.strip_prefix(';').ok_or(BadLink)?.trim_start();
        let end = rest.find(['=', ';', ',']).unwrap_or(rest.len());
        let name = rest[..end].trim();
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            if let Some(inside) = after.strip_prefix('"') {
                let mut chars = inside.char_indices();
                let end = loop {
                    match chars.next().ok_or(BadLink)? {
                        (at, '"') => break at,
                        (_, '\\') => value.push(chars.next().ok_or(BadLink)?.1),
                        (_, c) => value.push(c),
                    }
                };
                rest = &inside[end + 1..];
            } else {
                let end = after.find([';', ',']).unwrap_or(after.len());
                after[..end].trim().clone_into(&mut value);
                rest = &after[end..];
            }
        }
        rest = rest.trim_start();
        // The first counts (RFC 8288, section 3.3).
        if name.eq_ignore_ascii_case("rel") && is_next.is_none() {
            let words = value.split_ascii_whitespace();
            is_next = Some(
                words
                    .into_iter()
                    .any(|word| word.eq_ignore_ascii_case("next")),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r55_the_next_page_is_found_in_every_spelling() {
        for (headers, wanted) in [
            (&[][..], None),
            (&[""], None),
            (&["</a?n=1>; rel=\"next\""], Some("/a?n=1")),
            (&["</a>;rel=next"], Some("/a")),
            (&["</a> ; REL = \"prev Next\" ; x=y"], Some("/a")),
            (
                &["</p>; rel=prev, </a,b;c>; title=\"x, <y>; \\\"\"; rel=next"],
                Some("/a,b;c"),
            ),
            (
                &["</p>; rel=first", "<https://x/a>; rel=next"],
                Some("https://x/a"),
            ),
            (&["</a>; rel=last; rel=next"], None),
            (&["</a>; rel=next, </a>; rel=next"], Some("/a")),
            (&["</a>"], None),
            (&["<>; rel=next"], Some("")),
        ] {
            let found = next_page(headers.iter().copied());
            assert_eq!(found, Ok(wanted.map(str::to_owned)), "{headers:?}");
        }
    }

    #[test]
    fn r55_a_link_that_nobody_understands_is_an_error() {
        for header in [
            "/a; rel=next",
            "</a",
            "</a> rel=next",
            "</a>; rel=\"next",
            "</a>; rel=next, x",
            "</a>; rel=next, </b>; rel=next",
        ] {
            assert_eq!(next_page([header].into_iter()), Err(BadLink), "{header}");
        }
    }
}
