//! Encrypts layers as a key provider of ocicrypt does, right or wrong.

use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, DecryptionContext, StreamingDecryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use harness::Sandbox;
use harness::oci::{MANIFEST, Maker, base64, blob, manifest, replace_manifest, tagged};
use serde_json::{Value, json};

pub const PUBOPTS: &str = "org.opencontainers.image.enc.pubopts";
pub const PROVIDER: &str = "org.opencontainers.image.enc.keys.provider.attestation-agent";
pub const KID: &str = "kbs:///default/image-key/test";

/// How a packet is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    Gcm,
    Ctr,
}

/// Everything that goes into the annotations of a layer, before it is encoded.
pub struct Seal {
    pub wrap: Wrap,
    /// The key of the key provider.
    pub kek: [u8; 32],
    pub options: Value,
    pub secret: Value,
    /// Members of the packet besides what is wrapped.
    pub packet: Value,
    pub ciphertext: Vec<u8>,
    pub annotations: Value,
}

/// AES-256 in counter mode: the same both ways.
pub fn counter(key: &[u8; 32], block: &[u8; 16], bytes: &[u8]) -> Vec<u8> {
    let key = UnboundCipherKey::new(&AES_256, key).expect("a key");
    let first = DecryptionContext::Iv128(FixedLength::from(block));
    let mut stream = StreamingDecryptingKey::ctr(key, first).expect("a stream");
    let mut room = vec![0; bytes.len() + 16];
    let length = stream
        .update(bytes, &mut room)
        .expect("room")
        .written()
        .len();
    room.truncate(length);
    room
}

impl Seal {
    /// Encrypts bytes for a key.
    pub fn new(wrap: Wrap, kek: [u8; 32], plain: &[u8]) -> Self {
        let (key, block) = ([0x17; 32], [0x2a; 16]);
        let ciphertext = counter(&key, &block, plain);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &ciphertext);
        Self {
            wrap,
            kek,
            options: json!({
                "cipher": "AES_256_CTR_HMAC_SHA256",
                "hmac": base64(tag.as_ref()),
                "cipheroptions": {},
            }),
            secret: json!({
                "symkey": base64(&key),
                "digest": harness::oci::digest(plain),
                "cipheroptions": { "nonce": base64(&block) },
            }),
            packet: json!({ "kid": KID }),
            ciphertext,
            annotations: json!({}),
        }
    }

    /// The packet with the layer's key.
    pub fn packet(&self) -> Value {
        let secret = self.secret.to_string();
        let mut packet = self.packet.clone();
        let (iv, wrapped, name) = match self.wrap {
            Wrap::Gcm => {
                let iv = [9; 12];
                let key = UnboundKey::new(&AES_256_GCM, &self.kek).expect("a key");
                let mut bytes = secret.into_bytes();
                let nonce = Nonce::assume_unique_for_key(iv);
                LessSafeKey::new(key)
                    .seal_in_place_append_tag(nonce, Aad::empty(), &mut bytes)
                    .expect("sealed");
                (iv.to_vec(), bytes, "A256GCM")
            }
            Wrap::Ctr => {
                let iv = [9; 16];
                let bytes = counter(&self.kek, &iv, secret.as_bytes());
                (iv.to_vec(), bytes, "A256CTR")
            }
        };
        for (member, value) in [
            ("wrapped_data", base64(&wrapped)),
            ("iv", base64(&iv)),
            ("wrap_type", name.to_owned()),
        ] {
            if packet.get(member).is_none() {
                packet[member] = json!(value);
            }
        }
        packet
    }

    /// The layer's descriptor, and its blob in the layout.
    pub fn layer(&self, layout: &Path, media_type: &str) -> Value {
        let maker = Maker::new(layout.to_owned());
        let mut layer = maker.blob(&format!("{media_type}+encrypted"), &self.ciphertext);
        let encoded = |value: &Value| json!(base64(value.to_string().as_bytes()));
        let mut annotations = json!({
            PUBOPTS: encoded(&self.options),
            PROVIDER: encoded(&self.packet()),
        });
        for (name, value) in self.annotations.as_object().expect("an object") {
            annotations[name] = value.clone();
        }
        let annotations = annotations.as_object_mut().expect("an object");
        annotations.retain(|_, value| !value.is_null());
        layer["annotations"] = json!(annotations);
        layer
    }
}

/// Encrypts every layer of an image, each changed a little before it is encoded.
pub fn encrypt(layout: &Path, tag: &str, wrap: Wrap, kek: [u8; 32], change: &dyn Fn(&mut Seal)) {
    let layers = manifest(layout, tag, None)["layers"].clone();
    let layers: Vec<Value> = layers
        .as_array()
        .expect("layers")
        .iter()
        .map(|layer| {
            let mut seal = Seal::new(wrap, kek, &blob(layout, layer));
            change(&mut seal);
            seal.layer(layout, layer["mediaType"].as_str().expect("a media type"))
        })
        .collect();
    replace_manifest(layout, tag, |manifest| {
        manifest["mediaType"] = json!(MANIFEST);
        manifest["layers"] = json!(layers);
    });
}

/// An app with one image, `latest`.
pub fn unpack_one(sandbox: &Sandbox, app: &str) {
    sandbox.unpack("umoci", app);
    let layout = sandbox.path("registry").join(app);
    Maker::new(layout.clone()).index(&[tagged(&layout, "latest")]);
}
