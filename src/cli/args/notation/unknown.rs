//! notation's commands that ir-sign knows but does not follow.

/// Why ir-sign does not have a command of notation's, and what to do instead. The words follow `notation`.
pub fn refused_command(words: &[&str]) -> Option<&'static str> {
    match words {
        ["login" | "logout", ..] => Some(
            "passwords come from the files of docker and podman: `docker login`, `podman login`, or --authfile FILE",
        ),
        ["blob", ..] => Some(
            "`ir-sign cosign sign-blob` and `verify-blob` sign and verify files, and so do `ir-sign sign` and `verify`",
        ),
        ["version", ..] => Some("`ir-sign --version` prints the version"),
        ["certificate" | "cert", "generate-test" | "cleanup-test", ..] => {
            Some("make keys and certificates for tests with openssl: docs/notation.md shows how")
        }
        ["plugin", "list" | "ls" | "uninstall" | "remove", ..] => Some(
            "this program runs no plugins, it is one: `ir-sign notation plugin install` puts it in its place",
        ),
        _ => None,
    }
}
