//! Fingerprints for people: hexadecimal digits in groups, and the PGP word list for reading aloud.

/// Bytes on a line.
const ROW: usize = 8;

/// A digest in hexadecimal, in groups of four digits.
pub fn groups(digest: &[u8]) -> Vec<String> {
    let group = |pair: &[u8]| crate::encoding::hex::hex(pair);
    digest
        .chunks(ROW)
        .map(|row| row.chunks(2).map(group).collect::<Vec<_>>().join(" "))
        .collect()
}

/// A digest in the words of the PGP word list: two syllables for bytes at even places, three for
/// those at odd ones, so that a word left out or swapped is heard.
pub fn words(digest: &[u8]) -> Vec<String> {
    let digest = digest.to_vec();
    let words = pgp_words::to_words(&digest);
    words.chunks(ROW).map(|row| row.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_example() {
        let fingerprint = [
            0xE5, 0x82, 0x94, 0xF2, 0xE9, 0xA2, 0x27, 0x48, 0x6E, 0x8B, 0x06, 0x1B, 0x31, 0xCC,
            0x52, 0x8F, 0xD7, 0xFA, 0x3F, 0x19,
        ];
        let text = words(&fingerprint).join(" ");
        assert!(
            text.starts_with("topmost istanbul pluto vagabond treadmill pacific"),
            "{text}"
        );
        assert!(
            text.ends_with("stopwatch whimsical cowbell bottomless"),
            "{text}"
        );
    }

    #[test]
    fn every_byte_has_two_words_of_its_own() {
        let even: std::collections::BTreeSet<String> =
            (0..=255).flat_map(|b| words(&[b])).collect();
        let odd = (0..=255).flat_map(|b| words(&[0, b]));
        let odd: std::collections::BTreeSet<String> = odd.collect();
        assert_eq!((even.len(), odd.len()), (256, 256));
    }

    #[test]
    fn groups_of_four_digits() {
        assert_eq!(
            groups(&[1, 2, 3, 4, 5, 6, 7, 8, 9]),
            ["0102 0304 0506 0708", "09"]
        );
    }
}
