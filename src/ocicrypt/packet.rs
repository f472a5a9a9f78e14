//! Packets: the key of a layer, encrypted by a key of a key provider.

use std::borrow::Cow;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::document;
use super::keys::KEY_LEN;
use crate::crypto::aes::{self, BLOCK_LEN, GCM_NONCE_LEN};
use crate::encoding::base64::unbase64;
use crate::encoding::strict::Shape;

const SHAPE: Shape = Shape::Object(&[
    ("kid", &Shape::Any),
    ("wrapped_data", &Shape::Any),
    ("iv", &Shape::Any),
    ("wrap_type", &Shape::Any),
]);

/// A packet as an agent writes it. Newer ones have more members, which say where its broker is.
pub(super) struct Packet {
    /// The name of the key, as the packet states it.
    pub(super) kid: Option<String>,
    by: By,
    wrapped: Vec<u8>,
}

/// The cipher, with its nonce or its first counter block.
enum By {
    Gcm([u8; GCM_NONCE_LEN]),
    /// It is not authenticated: any key gives something.
    Ctr([u8; BLOCK_LEN]),
}

impl Packet {
    /// Reads a packet; the error ends the sentence "an annotation that …".
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Document<'a> {
            #[serde(borrow)]
            kid: Option<Cow<'a, str>>,
            #[serde(borrow)]
            wrapped_data: Cow<'a, str>,
            #[serde(borrow)]
            iv: Cow<'a, str>,
            #[serde(borrow)]
            wrap_type: Cow<'a, str>,
        }
        let document: Option<Document> = document::read(bytes, &SHAPE);
        let document = document.ok_or("holds no packet of an agent")?;
        let wrapped = unbase64(&document.wrapped_data);
        let wrapped = wrapped.ok_or("holds a packet whose wrapped_data is not base64")?;
        let iv = unbase64(&document.iv).ok_or("holds a packet whose iv is not base64")?;
        let by = match document.wrap_type.as_ref() {
            "A256GCM" => iv.try_into().map(By::Gcm),
            "A256CTR" => iv.try_into().map(By::Ctr),
            _ => return Err("holds a packet whose wrap_type is neither A256GCM nor A256CTR"),
        };
        let by = by.map_err(|_| "holds a packet whose iv has a wrong length")?;
        let kid = document.kid.map(Cow::into_owned);
        Ok(Self { kid, by, wrapped })
    }

    /// What the packet holds, if this may be the key. Where the cipher is not authenticated, it may be anything.
    pub(super) fn open(&self, key: &[u8; KEY_LEN]) -> Option<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(self.wrapped.clone());
        let length = match &self.by {
            By::Gcm(nonce) => aes::gcm_open(key, nonce, &mut text)?.len(),
            By::Ctr(block) => {
                let length = text.len();
                text = Zeroizing::new(vec![0; length + BLOCK_LEN]);
                aes::Counter::new(key, block).apply(&self.wrapped, &mut text);
                length
            }
        };
        text.truncate(length);
        Some(text)
    }

    pub(super) const fn is_authenticated(&self) -> bool {
        match self.by {
            By::Gcm(_) => true,
            By::Ctr(_) => false,
        }
    }
}
