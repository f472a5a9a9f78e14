//! Which scopes a transport of containers/image takes.

/// Why the transport takes no such scope; `None` where it does. Names of transports that are not known take any.
pub(super) fn problem(transport: &str, scope: &str) -> Option<&'static str> {
    if scope.is_empty() {
        return None;
    }
    match transport {
        "dir" | "oci" | "oci-archive" | "sif" | "ostree" => path_problem(scope),
        "docker-archive" | "tarball" | "static" => Some("the transport has no scope but \"\""),
        _ => None,
    }
}

fn path_problem(scope: &str) -> Option<&'static str> {
    let Some(rest) = scope.strip_prefix('/') else {
        return Some("the path is not absolute");
    };
    if rest.is_empty() {
        return Some("\"/\" is no scope; \"\" is the scope of all images of a transport");
    }
    let is_clean = rest
        .split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..");
    (!is_clean).then_some("the path is not canonical")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_and_canonical() {
        for scope in ["/a", "/a/b.c/..d", "/a:tag"] {
            assert_eq!(problem("oci", scope), None, "{scope}");
        }
        for scope in [
            "a", "./a", "/", "//", "/a/", "/a//b", "/a/.", "/a/../b", "/..",
        ] {
            for transport in ["dir", "oci", "oci-archive"] {
                assert!(problem(transport, scope).is_some(), "{transport} {scope}");
            }
            assert_eq!(problem("docker", scope), None, "{scope}");
            assert_eq!(problem("warp", scope), None, "{scope}");
        }
        assert!(problem("docker-archive", "/a").is_some());
        assert_eq!(problem("docker-archive", ""), None);
    }
}
