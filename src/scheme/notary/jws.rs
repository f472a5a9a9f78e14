//! JWS envelopes ("Signature Envelope JWS"; RFC 7515).

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::algorithm::{self, Named};
use super::attributes::{
    AGENT, AUTHENTIC_TIME, Attributes, EXPIRY, PLUGIN, PLUGIN_VERSION, Protected, SCHEME,
    SIGNING_TIME, SigningScheme, TIMESTAMP,
};
use super::parts::Read;
use super::payload::{CONTENT_TYPE, Payload};
use super::terms::Terms;
use crate::encoding::base64::{base64, unbase64};
use crate::encoding::strict::{self, Shape};
use crate::encoding::time;
use crate::scheme::malformed::Malformed;
use crate::x509::Certificate;

pub(super) const WHAT: &str = "JWS envelope";

const SHAPE: Shape = Shape::Object(&[
    ("payload", &Shape::Any),
    ("protected", &Shape::Any),
    ("signature", &Shape::Any),
    // The general serialisation has several, and no reader of this one looks at them.
    ("signatures", &Shape::Foreign),
    (
        "header",
        &Shape::Object(&[
            ("x5c", &Shape::List(&Shape::Any)),
            (AGENT, &Shape::Any),
            (TIMESTAMP, &Shape::Any),
        ]),
    ),
]);

const PROTECTED: Shape = Shape::Object(&[
    ("alg", &Shape::Any),
    ("crit", &Shape::List(&Shape::Any)),
    ("cty", &Shape::Any),
    // The bytes that are signed would be others (RFC 7797).
    ("b64", &Shape::Foreign),
    (SCHEME, &Shape::Any),
    (SIGNING_TIME, &Shape::Any),
    (AUTHENTIC_TIME, &Shape::Any),
    (EXPIRY, &Shape::Any),
    (PLUGIN, &Shape::Any),
    (PLUGIN_VERSION, &Shape::Any),
]);

#[derive(Deserialize)]
struct Document {
    payload: String,
    protected: String,
    header: Header,
    signature: String,
}

#[derive(Deserialize)]
struct Header {
    x5c: Vec<String>,
    #[serde(rename = "io.cncf.notary.signingAgent")]
    agent: Option<String>,
    #[serde(rename = "io.cncf.notary.timestampSignature")]
    timestamp: Option<String>,
}

fn malformed(reason: impl Into<String>) -> Malformed {
    Malformed::new(WHAT, reason)
}

/// Reads an envelope.
pub(super) fn read(bytes: &[u8]) -> Result<Read, Malformed> {
    strict::check_shape(bytes, &SHAPE).map_err(Malformed::refused(WHAT))?;
    let document: Document = serde_json::from_slice(bytes).map_err(Malformed::json(WHAT))?;
    let url = |name: &str, text: &str| {
        let read = Base64UrlUnpadded::decode_vec(text);
        read.map_err(|_| malformed(format!("its {name} is not base64url without padding")))
    };
    let standard = |name: &str, text: &str| {
        unbase64(text).ok_or_else(|| malformed(format!("its {name} is not base64")))
    };
    let protected = url("protected header", &document.protected)?;
    let (named, attributes) = read_protected(&protected)?;
    let content = url("payload", &document.payload)?;
    let header = document.header;
    let certificates = header.x5c.iter().map(|text| standard("x5c", text));
    let timestamp = header.timestamp.filter(|text| !text.is_empty());
    let timestamp = timestamp.map(|text| standard("timestamp", &text));
    Ok(Read {
        algorithm: named.by,
        payload: Payload::read(&content)?,
        attributes,
        certificates: certificates.collect::<Result<_, _>>()?,
        agent: header.agent.filter(|agent| !agent.is_empty()),
        timestamp: timestamp.transpose()?,
        message: format!("{}.{}", document.protected, document.payload).into_bytes(),
        signature: url("signature", &document.signature)?,
    })
}

fn read_protected(bytes: &[u8]) -> Result<(&'static Named, Attributes), Malformed> {
    const WHAT: &str = "protected header of a JWS";
    let malformed = |reason: String| Malformed::new(WHAT, reason);
    strict::check_shape(bytes, &PROTECTED).map_err(Malformed::refused(WHAT))?;
    let mut map: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(Malformed::json(WHAT))?;
    let mut text = |name: &str| match map.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(format!("its {name} is not text"))),
    };
    let moment = |name: &str, text: Option<String>| {
        let read = text.map(|text| time::read(&text).ok_or(text));
        read.transpose()
            .map_err(|text| malformed(format!("its {name} is not a time in RFC 3339: {text:?}")))
    };
    let algorithm = text("alg")?.unwrap_or_default();
    let named = algorithm::by_jose(&algorithm);
    let named = named.ok_or_else(|| malformed(format!("its algorithm is {algorithm:?}")))?;
    let content = text("cty")?.unwrap_or_default();
    if content != CONTENT_TYPE {
        return Err(malformed(format!("its payload is of the type {content:?}")));
    }
    let mut read = Protected {
        scheme: text(SCHEME)?,
        signing_time: moment("signing time", text(SIGNING_TIME)?)?,
        authentic_time: moment("authentic signing time", text(AUTHENTIC_TIME)?)?,
        expiry: moment("expiry", text(EXPIRY)?)?,
        plugin: text(PLUGIN)?,
        plugin_version: text(PLUGIN_VERSION)?,
        ..Protected::default()
    };
    let critical = map.remove("crit").unwrap_or_default();
    read.critical = serde_json::from_value(critical)
        .map_err(|_| malformed("its crit is not a list of names".into()))?;
    read.others = map.into_iter().map(|(name, _)| name).collect();
    Ok((named, Attributes::of(read).map_err(malformed)?))
}

/// The bytes to be signed.
pub(super) fn message(terms: &Terms, named: &Named) -> Vec<u8> {
    let scheme = SigningScheme::X509.name();
    let mut critical = vec![SCHEME];
    critical.extend(terms.expiry.map(|_| EXPIRY));
    // In the order of their names, as notation writes them.
    let mut protected = json!({ "alg": named.jose, "crit": critical, "cty": CONTENT_TYPE });
    if let Some(expiry) = terms.expiry {
        protected[EXPIRY] = time::write(expiry).into();
    }
    protected[SCHEME] = scheme.into();
    protected[SIGNING_TIME] = time::write(terms.signing_time).into();
    let protected = Base64UrlUnpadded::encode_string(protected.to_string().as_bytes());
    let payload = Base64UrlUnpadded::encode_string(&terms.payload.to_bytes());
    format!("{protected}.{payload}").into_bytes()
}

/// The envelope of a message that is signed.
pub(super) fn envelope(
    message: &[u8],
    signature: &[u8],
    chain: &[Certificate],
    agent: &str,
) -> Vec<u8> {
    let message = String::from_utf8_lossy(message);
    let (protected, payload) = message.split_once('.').expect("two parts");
    let x5c = chain.iter().map(|certificate| base64(certificate.der()));
    json!({
        "payload": payload,
        "protected": protected,
        "header": { "x5c": x5c.collect::<Vec<_>>(), AGENT: agent },
        "signature": Base64UrlUnpadded::encode_string(signature),
    })
    .to_string()
    .into_bytes()
}
