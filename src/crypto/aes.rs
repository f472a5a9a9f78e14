//! AES-256: a stream in counter mode (NIST SP 800-38A), and sealed messages in GCM (SP 800-38D).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, DecryptionContext, StreamingDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of a block, and of the first counter block.
pub const BLOCK_LEN: usize = 16;
/// Bytes of GCM's nonce.
pub const GCM_NONCE_LEN: usize = 12;
/// Bytes of GCM's tag, which lies behind the ciphertext.
pub const GCM_TAG_LEN: usize = 16;

/// A stream in counter mode: the same function encrypts and decrypts. Nothing tells whether key and bytes are right.
pub struct Counter(StreamingDecryptingKey);

impl Counter {
    /// A stream from its start; `block` is the first counter block.
    pub fn new(key: &[u8; KEY_LEN], block: &[u8; BLOCK_LEN]) -> Self {
        let key = UnboundCipherKey::new(&AES_256, key).expect("a key of this length");
        let first = DecryptionContext::Iv128(FixedLength::from(block));
        Self(StreamingDecryptingKey::ctr(key, first).expect("counter mode of AES"))
    }

    /// The next bytes. `to` has [`BLOCK_LEN`] bytes more than `from`; the result lies at its start.
    pub fn apply(&mut self, from: &[u8], to: &mut [u8]) {
        let done = self.0.update(from, to).expect("there is room");
        assert_eq!(done.written().len(), from.len(), "a stream keeps lengths");
    }
}

/// Opens a sealed message in place: the text, without the tag; `None` where key, nonce or message are wrong.
pub fn gcm_open<'a>(
    key: &[u8; KEY_LEN],
    nonce: &[u8; GCM_NONCE_LEN],
    sealed: &'a mut [u8],
) -> Option<&'a mut [u8]> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of this length"));
    let nonce = Nonce::assume_unique_for_key(*nonce);
    key.open_in_place(nonce, Aad::empty(), sealed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::hex::{hex, unhex};

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        unhex(text).expect("hex").try_into().expect("the length")
    }

    /// SP 800-38A, F.5.6, in pieces of every length.
    #[test]
    fn the_stream_of_nist_decrypts_in_pieces_of_any_length() {
        let key = bytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let block = bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
        let ciphertext = unhex(
            "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
             2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
        )
        .expect("hex");
        let text = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                    30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
        for piece in 1..=ciphertext.len() {
            let mut stream = Counter::new(&key, &block);
            let mut out = Vec::new();
            for part in ciphertext.chunks(piece) {
                let mut room = vec![0; part.len() + BLOCK_LEN];
                stream.apply(part, &mut room);
                out.extend_from_slice(&room[..part.len()]);
            }
            assert_eq!(hex(&out), text, "pieces of {piece} bytes");
        }
    }

    /// The GCM specification's test case 14, and one bit of it changed.
    #[test]
    fn the_sealed_message_of_gcms_authors_opens_unless_a_bit_is_changed() {
        let (key, nonce) = ([0; KEY_LEN], [0; GCM_NONCE_LEN]);
        let sealed = unhex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
        let sealed = sealed.expect("hex");
        let opened = |bytes: &[u8], key: &[u8; KEY_LEN]| {
            let mut bytes = bytes.to_vec();
            gcm_open(key, &nonce, &mut bytes).map(|text| text.to_vec())
        };
        assert_eq!(opened(&sealed, &key), Some(vec![0; 16]));
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert_eq!(opened(&other, &key), None);
        }
        assert_eq!(opened(&sealed, &[1; KEY_LEN]), None);
        assert_eq!(opened(&sealed[..15], &key), None);
    }
}
