//! The annotations of an encrypted layer, and the key that is in them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::document;
use super::error::Error;
use super::keys::{KEY_LEN, Keys};
use super::packet::Packet;
use crate::crypto::aes::BLOCK_LEN;
use crate::crypto::hmac256::TAG_LEN;
use crate::encoding::base64::{unbase64, unbase64_wiped};
use crate::encoding::strict::Shape;
use crate::text::plain;

const OPTIONS: &str = "org.opencontainers.image.enc.pubopts";
const KEYS: &str = "org.opencontainers.image.enc.keys.";
const PROVIDER: &str = "provider.";
const CIPHER: &str = "AES_256_CTR_HMAC_SHA256";

/// The options that everybody may read.
const PUBLIC: Shape = Shape::Object(&[("cipher", &Shape::Any), ("hmac", &Shape::Any)]);
/// What a packet holds.
const SECRET: Shape = Shape::Object(&[
    ("symkey", &Shape::Any),
    ("cipheroptions", &Shape::Object(&[("nonce", &Shape::Any)])),
]);

/// The most names of keys that a message repeats, and the most characters of one.
const MOST_NAMES: usize = 5;
const LONGEST_NAME: usize = 200;

/// What the annotations of an encrypted layer say of it.
pub struct Sealed {
    hmac: [u8; TAG_LEN],
    packets: Vec<Packet>,
}

/// The key of one layer.
pub struct LayerKey {
    pub(super) key: Zeroizing<[u8; KEY_LEN]>,
    pub(super) block: [u8; BLOCK_LEN],
    pub(super) hmac: [u8; TAG_LEN],
}

impl Sealed {
    /// Reads the annotations of an encrypted layer's descriptor.
    ///
    /// The name of a key provider is not compared, as others do not compare it: whose key opens a packet counts.
    pub fn read(annotations: &BTreeMap<String, String>) -> Result<Self, Error> {
        let options = annotations.get(OPTIONS);
        let options = options.ok_or(Error::NoAnnotation(OPTIONS))?;
        let hmac = options_hmac(options).map_err(|reason| Error::Annotation {
            annotation: OPTIONS.to_owned(),
            reason,
        })?;
        let of_keys = || {
            let all = annotations.iter();
            all.filter_map(|(name, value)| Some((name.strip_prefix(KEYS)?, value)))
        };
        let mut packets = Vec::new();
        for (name, value) in of_keys() {
            if !name.starts_with(PROVIDER) {
                continue;
            }
            for text in value.split(',') {
                let bytes = unbase64(text).ok_or("is not base64");
                let packet = bytes.and_then(|bytes| Packet::read(&bytes));
                packets.push(packet.map_err(|reason| Error::Annotation {
                    annotation: short(&format!("{KEYS}{name}")),
                    reason,
                })?);
            }
        }
        if packets.is_empty() {
            let others: Vec<_> = of_keys()
                .take(MOST_NAMES)
                .map(|(name, _)| short(name))
                .collect();
            return Err(if others.is_empty() {
                Error::NoAnnotation("org.opencontainers.image.enc.keys.provider.*")
            } else {
                Error::OtherWrapping(others.join(", "))
            });
        }
        Ok(Self { hmac, packets })
    }

    /// Finds the layer's key: in the first packet that one of the keys opens.
    pub fn open(&self, keys: &Keys) -> Result<LayerKey, Error> {
        let mut wrong = None;
        for packet in &self.packets {
            for key in keys.all() {
                let Some(content) = packet.open(key) else {
                    continue;
                };
                match self.layer_key(&content) {
                    Ok(key) => return Ok(key),
                    // Whoever made the packet sealed this.
                    Err(reason) if packet.is_authenticated() => {
                        wrong.get_or_insert(Error::Content(reason));
                    }
                    Err(_) => {}
                }
            }
        }
        Err(wrong.unwrap_or_else(|| {
            let kids = self.packets.iter().filter_map(|packet| packet.kid.as_ref());
            Error::NoKey {
                tried: keys.len(),
                kids: kids.take(MOST_NAMES).map(|kid| short(kid)).collect(),
            }
        }))
    }

    /// Reads what a packet holds; the error ends the sentence "a packet whose content …".
    fn layer_key(&self, content: &[u8]) -> Result<LayerKey, &'static str> {
        #[derive(Deserialize)]
        struct Document<'a> {
            #[serde(borrow)]
            symkey: Cow<'a, str>,
            #[serde(borrow)]
            cipheroptions: Options<'a>,
        }
        #[derive(Deserialize)]
        struct Options<'a> {
            #[serde(borrow)]
            nonce: Cow<'a, str>,
        }
        let document: Option<Document> = document::read(content, &SECRET);
        let document = document.ok_or("is not a key of a layer")?;
        let symkey = unbase64_wiped(&document.symkey);
        let symkey = symkey.filter(|key| key.len() == KEY_LEN);
        let symkey = symkey.ok_or("has a symkey that is not 32 bytes in base64")?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        key.copy_from_slice(&symkey);
        let nonce = unbase64(&document.cipheroptions.nonce);
        let block = nonce.and_then(|nonce| nonce.try_into().ok());
        Ok(LayerKey {
            key,
            block: block.ok_or("has a nonce that is not 16 bytes in base64")?,
            hmac: self.hmac,
        })
    }
}

/// Reads the annotation with the options; the error ends the sentence "an annotation that …".
fn options_hmac(text: &str) -> Result<[u8; TAG_LEN], &'static str> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        cipher: Cow<'a, str>,
        #[serde(borrow)]
        hmac: Option<Cow<'a, str>>,
    }
    let bytes = unbase64(text).ok_or("is not base64")?;
    let document: Option<Document> = document::read(&bytes, &PUBLIC);
    let document = document.ok_or("holds no options of a cipher")?;
    if document.cipher != CIPHER {
        return Err("names another cipher than AES_256_CTR_HMAC_SHA256");
    }
    let hmac = document.hmac.ok_or("has no HMAC")?;
    let hmac = unbase64(&hmac).and_then(|hmac| hmac.try_into().ok());
    hmac.ok_or("has an HMAC that is not 32 bytes in base64")
}

fn short(text: &str) -> String {
    plain(&text.chars().take(LONGEST_NAME).collect::<String>())
}
