//! `NaCl`'s `crypto_secretbox`: a stream cipher and a tag, both under one key.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 24;
/// Bytes of the tag.
pub const TAG_LEN: usize = 16;

/// Decrypts a box in place, where key and tag are right: the message lies behind the tag's place.
pub fn open(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN], sealed: &mut [u8]) -> bool {
    let Some((tag, text)) = sealed.split_at_mut_checked(TAG_LEN) else {
        return false;
    };
    let mut cipher = XSalsa20::new(key.into(), nonce.into());
    let right = tag_of(&mut cipher, text);
    if verify_slices_are_equal(&right, tag).is_err() {
        return false;
    }
    cipher.apply_keystream(text);
    true
}

/// Encrypts a message in place, which lies behind the room for the tag. A nonce serves once.
pub fn seal(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN], room: &mut [u8]) {
    let (tag, text) = room.split_at_mut(TAG_LEN);
    let mut cipher = XSalsa20::new(key.into(), nonce.into());
    // The tag's key comes first in the stream.
    let mut poly_key = Zeroizing::new([0; KEY_LEN]);
    cipher.apply_keystream(&mut *poly_key);
    cipher.apply_keystream(text);
    tag.copy_from_slice(&mac(&poly_key, text));
}

/// The tag of an encrypted message. The cipher's next bytes are those for the message.
fn tag_of(cipher: &mut XSalsa20, text: &[u8]) -> [u8; TAG_LEN] {
    let mut poly_key = Zeroizing::new([0; KEY_LEN]);
    cipher.apply_keystream(&mut *poly_key);
    mac(&poly_key, text)
}

fn mac(key: &[u8; KEY_LEN], text: &[u8]) -> [u8; TAG_LEN] {
    Poly1305::new(key.into()).compute_unpadded(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::hex::unhex;

    /// `NaCl`'s own test (tests/secretbox.c).
    #[test]
    fn the_box_of_nacl_opens_and_is_made() {
        let bytes = |text: &str| unhex(text).expect("hexadecimal");
        let key = bytes("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
        let key = <[u8; KEY_LEN]>::try_from(key).expect("its length");
        let nonce = bytes("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
        let nonce = <[u8; NONCE_LEN]>::try_from(nonce).expect("its length");
        let message = bytes(concat!(
            "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc",
            "e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31",
            "0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde",
            "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864",
            "5e0705",
        ));
        let sealed = bytes(concat!(
            "f3ffc7703f9400e52a7dfb4b3d3305d9",
            "8e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a",
            "c0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738",
            "b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da",
            "99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74",
            "e355a5",
        ));
        let mut room = sealed.clone();
        assert!(open(&key, &nonce, &mut room));
        assert_eq!(room[TAG_LEN..], message);
        room[..TAG_LEN].fill(0);
        seal(&key, &nonce, &mut room);
        assert_eq!(room, sealed);
        for at in 0..sealed.len() {
            room.copy_from_slice(&sealed);
            room[at] ^= 1;
            let changed = room.clone();
            assert!(!open(&key, &nonce, &mut room), "{at}");
            assert_eq!(room, changed);
        }
        for length in 0..sealed.len() {
            assert!(
                !open(&key, &nonce, &mut sealed[..length].to_vec()),
                "{length}"
            );
        }
    }
}
