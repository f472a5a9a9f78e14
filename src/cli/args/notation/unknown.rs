//! notation's commands that are known and not followed.

use std::ffi::OsString;

/// Why a command of notation's is none here, and what to do instead.
pub fn refused_command(words: &[OsString]) -> Option<&'static str> {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let words: Vec<&str> = words.iter().skip(1).map(AsRef::as_ref).collect();
    match words.as_slice() {
        ["notation", "login" | "logout", ..] => Some(
            "passwords come from the files of docker and podman: `docker login`, `podman login`, or --authfile FILE",
        ),
        ["notation", "blob", ..] => Some(
            "signatures of files are made and verified by `ir-sign cosign sign-blob` and `verify-blob`, or `ir-sign sign`",
        ),
        ["notation", "version", ..] => Some("`ir-sign --version` prints the version"),
        [
            "notation",
            "certificate" | "cert",
            "generate-test" | "cleanup-test",
            ..,
        ] => {
            Some("keys and certificates for tests are made by openssl: docs/notation.md shows how")
        }
        [
            "notation",
            "plugin",
            "list" | "ls" | "uninstall" | "remove",
            ..,
        ] => Some(
            "this program runs no plugins, it is one: `ir-sign notation plugin install` puts it in its place",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_are_known_and_not_followed_say_why() {
        let refused = |text: &str| {
            let words: Vec<_> = text.split(' ').map(OsString::from).collect();
            refused_command(&words)
        };
        for command in [
            "login",
            "logout",
            "blob sign",
            "cert generate-test",
            "plugin ls",
        ] {
            assert!(refused(&format!("ir-sign notation {command}")).is_some());
        }
        assert_eq!(refused("ir-sign notation list login"), None);
        assert_eq!(refused("ir-sign"), None);
    }
}
