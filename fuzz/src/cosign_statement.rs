//! In-toto statements: an accepted one is about the digests of its subjects, and about no other.

use ir_sign::crypto::{Digest, HashAlgorithm};
use ir_sign::scheme::cosign::Statement;

pub fn run(bytes: &[u8]) {
    let Ok(statement) = Statement::read(bytes) else {
        return;
    };
    for subject in &statement.subjects {
        for (algorithm, hex) in &subject.digest {
            if let Ok(digest) = format!("{algorithm}:{hex}").parse() {
                assert!(statement.about(&digest).is_some());
            }
        }
    }
    let other = Digest::of(HashAlgorithm::Sha256, bytes);
    let text = String::from_utf8_lossy(bytes);
    // A text that holds its own hash is not to be found.
    assert!(!text.contains(&other.hex()) && statement.about(&other).is_none());
}
