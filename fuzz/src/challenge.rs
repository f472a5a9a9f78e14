//! The header `WWW-Authenticate`, one a line: an accepted header names a token service, and reading it again in another
//! order of headers changes nothing but which of several bearers comes first.

use ir_sign::store::remote::{Challenge, challenge};

pub fn run(bytes: &[u8]) {
    let headers: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let found = challenge(headers.iter().copied());
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    match &found {
        Ok(Challenge::Bearer { realm, .. }) => {
            assert!(text.contains("bearer") && text.contains("realm"));
            assert!(!realm.is_empty() && realm.len() <= bytes.len());
            // No value holds a byte that a header's text cannot hold.
            assert!(!realm.chars().any(|c| c.is_control() && c != '\t'));
        }
        Ok(Challenge::Basic) => {
            assert!(text.contains("basic"));
            // A password goes only to a registry that wants no bearer.
            let bearer = |header: &&[u8]| {
                challenge([*header].into_iter()).is_ok_and(|c| c != Challenge::Basic)
            };
            assert!(!headers.iter().any(bearer));
        }
        Err(_) => {}
    }
    // A challenge that is not understood, before all others, changes nothing.
    let more = std::iter::once(&b"Negotiate"[..]).chain(headers.iter().copied());
    if bytes.len() < 16_000 && found.is_ok() {
        assert_eq!(challenge(more), found);
    }
}
