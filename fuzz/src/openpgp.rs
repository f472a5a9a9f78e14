//! OpenPGP's key rings and messages: two bytes with the length of the ring, the ring, the message. The verdicts by both
//! rules go together, and a ring is the same in armour.

use std::time::{Duration, SystemTime};

use base64ct::{Base64, Encoding};
use ir_sign::scheme::simple::{Claim, KeyRing, Refusal, Rules, Stored, verify};

/// 2025-03-01: the keys of the seeds are older, and the one that expires is not yet at its end.
const NOW: u64 = 1_740_787_200;

pub fn run(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (ring, message) = rest.split_at(length);
    let stored = Stored::of(message);
    let Ok(read) = KeyRing::read(ring, Rules::Gpg) else {
        return;
    };
    let fingerprints: Vec<_> = read.fingerprints().collect();
    let judged = |rules| -> Result<Claim, Refusal> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        verify(message, &read, now, rules)
    };
    let (gpg, image_rs) = (judged(Rules::Gpg), judged(Rules::ImageRs));
    for claim in gpg.iter().chain(&image_rs) {
        assert!(fingerprints.contains(&claim.primary));
        assert!(!claim.payload.docker_reference.is_empty());
        assert!(stored.is_ok(), "what is no such file is no such message");
    }
    if let Ok(claim) = &gpg {
        assert!(claim.doubts.is_empty());
        assert!(image_rs.is_ok() || claim.key != claim.primary);
    }
    if let Ok(claim) = &image_rs {
        assert_eq!(claim.key, claim.primary, "image-rs takes no subkeys");
        assert!(gpg.is_err() || claim.doubts.is_empty());
        // A sound signature is refused for its payload alone, of which image-rs wants less.
        let of_payload = matches!(gpg, Err(Refusal::Payload(_)));
        assert!(gpg.is_ok() || of_payload || !claim.doubts.is_empty());
    }
    if ring[0] & 0x80 != 0 {
        same_in_armour(ring, &fingerprints);
    }
}

fn same_in_armour(ring: &[u8], fingerprints: &[String]) {
    let label = "PGP PUBLIC KEY BLOCK-----";
    let content = Base64::encode_string(ring);
    let text = format!("-----BEGIN {label}\n\n{content}\n-----END {label}\n");
    let again = KeyRing::read(text.as_bytes(), Rules::ImageRs).expect("it was read before");
    assert!(again.fingerprints().eq(fingerprints.iter().cloned()));
}
