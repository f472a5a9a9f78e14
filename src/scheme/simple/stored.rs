//! The files of a lookaside, and the first bytes by which containers/image tells one kind of signature from another
//! (containers/image, `signature/internal/signature.go`).

use crate::scheme::malformed::Malformed;

const WHAT: &str = "signature as containers/image stores it";

/// The content of a file `signature-N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored<'a> {
    /// An OpenPGP message.
    Simple(&'a [u8]),
    /// A signature of Sigstore's, in the JSON of containers/image.
    Sigstore(&'a [u8]),
}

impl<'a> Stored<'a> {
    /// Tells the kind of a file's content. Armoured and clear-text signatures, and all else, are an error.
    pub fn of(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let error = |reason: String| Malformed::new(WHAT, reason);
        match bytes {
            [] => Err(error("it is empty".into())),
            // Compressed data, a one-pass signature, a signature: each with the old and the new form of a header.
            [
                0xa0..=0xa3 | 0xc8 | 0x90..=0x93 | 0xc4 | 0x88..=0x8b | 0xc2,
                ..,
            ] => Ok(Self::Simple(bytes)),
            [0, rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == b'\n');
                let end = end.ok_or_else(|| error("the name of its format does not end".into()))?;
                let (name, content) = (&rest[..end], &rest[end + 1..]);
                match name {
                    b"simple-signing" => Ok(Self::Simple(content)),
                    b"sigstore-json" => Ok(Self::Sigstore(content)),
                    _ => Err(error(format!(
                        "its format is {:?}",
                        String::from_utf8_lossy(&name[..name.len().min(64)])
                    ))),
                }
            }
            [first, ..] => Err(error(format!("it starts with the byte {first:#04x}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_kind() {
        for first in [0x88, 0x90, 0xa3, 0xc2, 0xc4, 0xc8] {
            assert_eq!(Stored::of(&[first, 1]), Ok(Stored::Simple(&[first, 1])));
        }
        let stored = Stored::of(b"\0sigstore-json\n{}");
        assert_eq!(stored, Ok(Stored::Sigstore(b"{}")));
        let stored = Stored::of(b"\0simple-signing\n\n");
        assert_eq!(stored, Ok(Stored::Simple(b"\n")));
        for other in [
            &b""[..],
            b"\0",
            b"\0other\n",
            b"\0sigstore-json",
            b"\xcb",
            b"-----",
            b"{}",
        ] {
            assert!(Stored::of(other).is_err(), "{other:?}");
        }
    }
}
