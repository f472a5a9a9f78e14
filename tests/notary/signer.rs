//! A signer with a chain that openssl made, and envelopes that it signs whatever they say.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use harness::Sandbox;
use ir_sign::crypto::{Curve, Digest, HashAlgorithm, Signature};
use ir_sign::encoding::cbor::Value as Cbor;
use ir_sign::image::{Descriptor, Embedded, media};
use ir_sign::scheme::notary::{Format, Payload, Terms};
use ir_sign::x509::Certificate;
use serde_json::{Value, json};

use crate::pki::{self, P256};

pub const SCHEME: &str = "io.cncf.notary.signingScheme";
pub const TIME: &str = "io.cncf.notary.signingTime";
pub const AUTHENTIC: &str = "io.cncf.notary.authenticSigningTime";
pub const EXPIRY: &str = "io.cncf.notary.expiry";
pub const CONTENT: &str = "application/vnd.cncf.notary.payload.v1+json";

/// A chain of three on P-256 in a folder.
pub struct Signer {
    pub sandbox: Sandbox,
    pub chain: Vec<Certificate>,
}

impl Signer {
    pub fn new() -> Self {
        Self::with(P256)
    }

    pub fn with(key: &str) -> Self {
        let sandbox = Sandbox::new();
        pki::three(&sandbox, key);
        let chain = Certificate::read_all(&sandbox.read("chain.crt")).expect("a chain");
        Self { sandbox, chain }
    }

    /// `openssl dgst` by the leaf's key: DER, or RSA-PSS.
    pub fn openssl(&self, hash: &str, message: &[u8], options: &str) -> Vec<u8> {
        self.sandbox.write("message", message);
        self.sandbox
            .openssl(&format!("dgst -{hash} -sign leaf.key {options} message"))
    }

    /// `r‖s` on P-256.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let der = self.openssl("sha256", message, "");
        let signature = Signature::from_der(Curve::P256, &der);
        signature.expect("a signature").to_raw()
    }

    pub fn x5c(&self) -> Vec<String> {
        let ders = self.chain.iter().map(Certificate::der);
        ders.map(Base64::encode_string).collect()
    }

    /// A JWS with these texts as protected header and payload.
    pub fn jws(&self, protected: &str, payload: &str) -> Value {
        let [protected, payload] =
            [protected, payload].map(|text| Base64UrlUnpadded::encode_string(text.as_bytes()));
        let signature = self.sign(format!("{protected}.{payload}").as_bytes());
        json!({
            "payload": payload,
            "protected": protected,
            "header": { "x5c": self.x5c() },
            "signature": Base64UrlUnpadded::encode_string(&signature),
        })
    }

    /// A COSE envelope with this protected header, in these bytes.
    pub fn cose(&self, protected: Vec<u8>) -> Vec<Cbor> {
        let payload = payload_text().into_bytes();
        let message = Cbor::Array(vec![
            Cbor::Text("Signature1".into()),
            Cbor::Bytes(protected.clone()),
            Cbor::Bytes(vec![]),
            Cbor::Bytes(payload.clone()),
        ]);
        let signature = self.sign(&message.to_bytes());
        let chain = self.chain.iter().map(|one| Cbor::Bytes(one.der().to_vec()));
        let unprotected = vec![(Cbor::Integer(33), Cbor::Array(chain.collect()))];
        vec![
            Cbor::Bytes(protected),
            Cbor::Map(unprotected),
            Cbor::Bytes(payload),
            Cbor::Bytes(signature),
        ]
    }

    /// The content that this program must sign.
    #[expect(clippy::unused_self, reason = "read as a method of the signer")]
    pub fn terms(&self, format: Format) -> Terms {
        Terms {
            format,
            payload: Payload::new(&image(), BTreeMap::new()).expect("no metadata"),
            signing_time: SystemTime::now(),
            expiry: None,
            agent: "test/1".into(),
        }
    }
}

/// The bytes of a COSE envelope.
pub fn tagged(parts: Vec<Cbor>) -> Vec<u8> {
    Cbor::Tag(18, Box::new(Cbor::Array(parts))).to_bytes()
}

/// The image that is signed.
pub fn image() -> Descriptor {
    Descriptor {
        media_type: media::MANIFEST.into(),
        digest: Digest::of(HashAlgorithm::Sha256, b"image"),
        size: 5,
        tag: None,
        full_name: None,
        platform: None,
        embedded: Embedded::Nothing,
    }
}

pub fn payload_text() -> String {
    let image = image();
    json!({ "targetArtifact": {
        "mediaType": image.media_type,
        "digest": image.digest.to_string(),
        "size": image.size,
    } })
    .to_string()
}

/// A protected header of a JWS on P-256, signed a minute ago.
pub fn protected() -> Value {
    let minute = Duration::from_mins(1);
    json!({
        "alg": "ES256",
        "crit": [SCHEME],
        "cty": CONTENT,
        SCHEME: "notary.x509",
        TIME: ir_sign::encoding::time::write(SystemTime::now() - minute),
    })
}

/// The same of a COSE envelope.
pub fn cose_protected() -> Vec<(Cbor, Cbor)> {
    let text = |text: &str| Cbor::Text(text.into());
    let now = ir_sign::encoding::time::to_seconds(SystemTime::now());
    vec![
        (Cbor::Integer(1), Cbor::Integer(-7)),
        (Cbor::Integer(2), Cbor::Array(vec![text(SCHEME)])),
        (Cbor::Integer(3), text(CONTENT)),
        (text(SCHEME), text("notary.x509")),
        (
            text(TIME),
            Cbor::Tag(1, Box::new(Cbor::Integer(now.into()))),
        ),
    ]
}
