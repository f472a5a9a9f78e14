//! The scopes that a transport of containers/image takes, all tried with skopeo 1.22.

use crate::crypto::Digest;

/// Why the transport takes no such scope; `None` where it does. Names of transports that are not known take any.
pub(super) fn problem(transport: &str, scope: &str) -> Option<&'static str> {
    if scope.is_empty() {
        return None;
    }
    match transport {
        "dir" | "oci" | "oci-archive" | "sif" => of_path(scope),
        "docker-archive" | "tarball" => Some("the transport has no scope but \"\""),
        "docker-daemon" => scope
            .parse::<Digest>()
            .is_ok()
            .then_some("this transport has no digests as scopes"),
        "atomic" => (!is_stream(scope)).then_some("the transport wants NAMESPACE/STREAM:TAG"),
        "containers-storage" => {
            (!is_stored(scope)).then_some("the transport wants [DRIVER@ROOT]NAME")
        }
        _ => None,
    }
}

fn of_path(scope: &str) -> Option<&'static str> {
    let Some(rest) = scope.strip_prefix('/') else {
        return Some("the path is not absolute");
    };
    if rest.is_empty() {
        return Some("\"/\" is not a scope; \"\" is the scope of all images of a transport");
    }
    let is_clean = rest
        .split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..");
    (!is_clean).then_some("the path is not canonical")
}

/// A host, a namespace in it, and a stream with or without a tag in that.
fn is_stream(scope: &str) -> bool {
    let parts: Vec<_> = scope.split('/').collect();
    let colons = |part: Option<&&str>| part.map_or(0, |part| part.matches(':').count());
    parts.len() <= 3 && colons(parts.get(1)) == 0 && colons(parts.get(2)) <= 1
}

/// `[ROOT]` or `[DRIVER@ROOT]`, and perhaps a name, a digest and an image's ID.
fn is_stored(scope: &str) -> bool {
    let Some((store, name)) = scope
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    else {
        return false;
    };
    let root = match store.split_once('@') {
        None => store,
        Some(("", _)) => return false,
        Some((_, root)) => root,
    };
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let is_id = |id: &str| id.len() == 64 && id.bytes().all(is_hex);
    let is_digest = |text: &str| text.parse::<Digest>().is_ok();
    let parts: Vec<_> = name.splitn(3, '@').collect();
    let is_name = match parts.as_slice() {
        [_, last] => is_id(last) || is_digest(last),
        [_, digest, id] => is_digest(digest) && is_id(id),
        _ => true,
    };
    root.starts_with('/') && is_name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(transport: &str, taken: &[&str], refused: &[&str]) {
        assert_eq!(problem(transport, ""), None);
        for scope in taken {
            assert_eq!(problem(transport, scope), None, "{transport} {scope}");
        }
        for scope in refused {
            assert!(problem(transport, scope).is_some(), "{transport} {scope}");
        }
    }

    #[test]
    fn a_path_is_absolute_and_canonical() {
        let taken = ["/a", "/a/b.c/..d", "/a:tag"];
        let refused = [
            "a", "./a", "/", "//", "/a/", "/a//b", "/a/.", "/a/../b", "/..",
        ];
        for transport in ["dir", "oci", "oci-archive", "sif"] {
            check(transport, &taken, &refused);
        }
        for transport in ["docker", "ostree", "static", "warp", "Dir", ""] {
            check(transport, &refused, &[]);
        }
        for transport in ["docker-archive", "tarball"] {
            check(transport, &[], &taken);
        }
    }

    #[test]
    fn other_transports_have_scopes_of_their_own() {
        let digest = format!("sha256:{}", "0".repeat(64));
        check("docker-daemon", &["a", "a:b", "sha256:0"], &[&digest]);
        check(
            "atomic",
            &[
                "ns",
                "a:b:c",
                "ns/st",
                "ns//x",
                "ns/st/x:",
                "ns/st/x:t",
                "/",
                &digest,
            ],
            &["ns/st:tag", "ns/st/x:t:u", "/a//b", "a/b/c/d", "/a:b"],
        );
        let id = "0".repeat(64);
        let names = [
            format!("[/x]a@{id}"),
            format!("[/x]a:b@{digest}"),
            format!("[/x]@{digest}@{id}"),
        ];
        let mut taken = vec!["[/x]", "[overlay@/x]", "[/x]A", "[/x]a/b:c"];
        taken.extend(names.iter().map(String::as_str));
        let refused = [
            "a",
            "/x",
            "[",
            "[]",
            "[x]",
            "[@/x]",
            "[overlay@]",
            "[overlay@x]",
            "[/x]a@b",
            "[/x]a@b@c",
            "[/x",
        ];
        check("containers-storage", &taken, &refused);
    }
}
