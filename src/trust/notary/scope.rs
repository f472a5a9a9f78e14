//! Scopes: repositories written out.

/// The scope that every artifact is in.
pub(super) const WILDCARD: &str = "*";

/// Whether a text is `HOST[:PORT]/REPOSITORY`, without a scheme, a tag or a wildcard.
pub(super) fn is_repository(scope: &str) -> bool {
    scope
        .split_once('/')
        .is_some_and(|(host, path)| is_host(host) && path.split('/').all(is_component))
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        label.chars().all(inner) && outer(label.chars().next()) && outer(label.chars().last())
    };
    let is_port = |port: &str| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    name.split('.').all(is_label) && port.is_none_or(is_port)
}

/// Small letters and digits, parted by one `.`, one or two `_`, or dashes.
fn is_component(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let parts = text.split(is_word).filter(|part| !part.is_empty());
    let fits = |part: &str| matches!(part, "." | "_" | "__") || part.chars().all(|c| c == '-');
    text.starts_with(is_word) && text.ends_with(is_word) && parts.into_iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_one_repository_written_out() {
        for scope in [
            "local/x",
            "example.com/a",
            "example.com:5000/a/b-c/d_e/f__g/h.i/j--k",
            "127.0.0.1:5000/a/b",
            "EXAMPLE.com/a",
        ] {
            assert!(is_repository(scope), "{scope}");
        }
        for scope in [
            "",
            "x",
            "/x",
            "x/",
            "local/*",
            "*",
            "https://example.com/a",
            "example.com/a:1",
            "example.com/a@sha256:00",
            "example.com:/a",
            "example.com:x/a",
            "-example.com/a",
            "example..com/a",
            "example.com/A",
            "example.com/a//b",
            "example.com/a/",
            "example.com/a..b",
            "example.com/a___b",
            "example.com/.a",
            "example.com/a ",
        ] {
            assert!(!is_repository(scope), "{scope}");
        }
    }
}
