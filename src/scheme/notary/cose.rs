//! COSE envelopes ("Signature Envelope COSE"; RFC 9052, section 4.2).

use std::time::{Duration, SystemTime};

use super::algorithm::{self, Named};
use super::attributes::{
    AGENT, AUTHENTIC_TIME, Attributes, EXPIRY, PLUGIN, PLUGIN_VERSION, Protected, SCHEME,
    SIGNING_TIME, SigningScheme, TIMESTAMP,
};
use super::parts::Read;
use super::payload::{CONTENT_TYPE, Payload};
use super::terms::Terms;
use crate::encoding::cbor::{CborError, Value};
use crate::encoding::time;
use crate::scheme::malformed::Malformed;
use crate::x509::Certificate;

pub(super) const WHAT: &str = "COSE envelope";

/// The tag of `COSE_Sign1`.
const SIGN1: u64 = 18;
/// The tag of seconds since 1970 (RFC 8949, section 3.4.2).
const EPOCH: u64 = 1;
/// Labels of headers (RFC 9052, section 3.1; RFC 9360, section 2).
const ALG: i128 = 1;
const CRIT: i128 = 2;
const CTY: i128 = 3;
const X5CHAIN: i128 = 33;

fn malformed(reason: impl Into<String>) -> Malformed {
    Malformed::new(WHAT, reason)
}

fn cbor(error: CborError) -> Malformed {
    malformed(error.to_string())
}

/// Reads an envelope.
pub(super) fn read(bytes: &[u8]) -> Result<Read, Malformed> {
    let Value::Tag(SIGN1, inner) = Value::read(bytes).map_err(cbor)? else {
        return Err(malformed("it is not tagged as COSE_Sign1"));
    };
    let Value::Array(parts) = *inner else {
        return Err(malformed("it is not a list"));
    };
    let Ok(
        [
            Value::Bytes(protected),
            unprotected @ Value::Map(_),
            Value::Bytes(content),
            Value::Bytes(signature),
        ],
    ) = <[Value; 4]>::try_from(parts)
    else {
        return Err(malformed(
            "it is not two headers, a payload and a signature",
        ));
    };
    let header = Value::read(&protected).map_err(cbor)?;
    let Value::Map(pairs) = &header else {
        return Err(malformed("its protected header is not a map"));
    };
    for (name, _) in pairs.iter().chain(unprotected.pairs()) {
        if !matches!(name, Value::Integer(_) | Value::Text(_)) {
            return Err(malformed(
                "a name of its headers is neither number nor text",
            ));
        }
    }
    if header.numbered(X5CHAIN).is_some() {
        return Err(malformed("its certificates are in the protected header"));
    }
    let twice = |name: &Value| pairs.iter().any(|(known, _)| known == name);
    if unprotected.pairs().iter().any(|(name, _)| twice(name)) {
        return Err(malformed("a name is in both of its headers"));
    }
    let (named, attributes) = read_protected(&header)?;
    let Some(Value::Array(chain)) = unprotected.numbered(X5CHAIN) else {
        return Err(malformed("it has no list of certificates"));
    };
    let certificates = chain.iter().map(|item| match item {
        Value::Bytes(der) => Ok(der.clone()),
        _ => Err(malformed("a certificate of it is not bytes")),
    });
    let certificates = certificates.collect::<Result<_, _>>()?;
    let agent = match unprotected.member(AGENT) {
        Some(Value::Text(agent)) if !agent.is_empty() => Some(agent.clone()),
        // No reader relies on it, and notation ignores other types.
        _ => None,
    };
    let timestamp = match unprotected.member(TIMESTAMP) {
        Some(Value::Bytes(token)) => Some(token.clone()),
        _ => None,
    };
    Ok(Read {
        algorithm: named.by,
        payload: Payload::read(&content)?,
        attributes,
        certificates,
        agent,
        timestamp,
        message: structure(protected, content),
        signature,
    })
}

/// `Sig_structure` (RFC 9052, section 4.4).
fn structure(protected: Vec<u8>, payload: Vec<u8>) -> Vec<u8> {
    Value::Array(vec![
        Value::Text("Signature1".into()),
        Value::Bytes(protected),
        Value::Bytes(Vec::new()),
        Value::Bytes(payload),
    ])
    .to_bytes()
}

fn read_protected(header: &Value) -> Result<(&'static Named, Attributes), Malformed> {
    let named = match header.numbered(ALG) {
        Some(Value::Integer(number)) => algorithm::by_cose(*number)
            .ok_or_else(|| malformed(format!("its algorithm is {number}")))?,
        Some(_) => return Err(malformed("its algorithm is not a number")),
        None => return Err(malformed("it has no algorithm")),
    };
    match header.numbered(CTY) {
        Some(Value::Text(kind)) if kind == CONTENT_TYPE => {}
        Some(Value::Text(kind)) => {
            return Err(malformed(format!("its payload is of the type {kind:?}")));
        }
        Some(_) => return Err(malformed("the type of its payload is not text")),
        None => return Err(malformed("it does not say the type of its payload")),
    }
    let text = |name: &str| match header.member(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed(format!("its {name} is not text"))),
    };
    let moment = |name: &str| {
        let value = header.member(name);
        value.map(|value| moment(name, value)).transpose()
    };
    let critical = match header.numbered(CRIT) {
        None => Vec::new(),
        Some(Value::Array(list)) => list.iter().map(critical_name).collect(),
        Some(_) => return Err(malformed("its crit is not a list of names")),
    };
    let known = [
        SCHEME,
        SIGNING_TIME,
        AUTHENTIC_TIME,
        EXPIRY,
        PLUGIN,
        PLUGIN_VERSION,
    ];
    let others = header.pairs().iter().filter_map(|(name, _)| match name {
        Value::Text(name) if !known.contains(&&**name) => Some(name.clone()),
        Value::Integer(number) if ![ALG, CRIT, CTY].contains(number) => Some(number.to_string()),
        _ => None,
    });
    let read = Protected {
        critical,
        scheme: text(SCHEME)?,
        signing_time: moment(SIGNING_TIME)?,
        authentic_time: moment(AUTHENTIC_TIME)?,
        expiry: moment(EXPIRY)?,
        plugin: text(PLUGIN)?,
        plugin_version: text(PLUGIN_VERSION)?,
        others: others.collect(),
    };
    Ok((named, Attributes::of(read).map_err(malformed)?))
}

/// A name in `crit`. A number is not the name of an attribute, so it counts as unknown.
fn critical_name(name: &Value) -> String {
    match name {
        Value::Text(name) => name.clone(),
        Value::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A tagged number of seconds, be it with a fraction.
fn moment(name: &str, value: &Value) -> Result<SystemTime, Malformed> {
    let Value::Tag(EPOCH, value) = value else {
        return Err(malformed(format!("its {name} is not tagged as a time")));
    };
    let read = match **value {
        Value::Integer(seconds) => i64::try_from(seconds).ok().and_then(time::from_seconds),
        Value::Float(seconds) => with_fraction(seconds),
        _ => None,
    };
    read.ok_or_else(|| {
        malformed(format!(
            "its {name} is not a time between the years 0 and 9999"
        ))
    })
}

fn with_fraction(seconds: f64) -> Option<SystemTime> {
    // All times that count are below this, and casting such a number loses nothing.
    if !seconds.is_finite() || seconds.abs() > 1e12 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is below 10^12")]
    let whole = time::from_seconds(seconds.floor() as i64)?;
    whole.checked_add(Duration::try_from_secs_f64(seconds - seconds.floor()).ok()?)
}

/// The protected header and the payload of a draft.
pub(super) fn parts(terms: &Terms, named: &Named) -> (Vec<u8>, Vec<u8>) {
    let text = |text: &str| Value::Text(text.into());
    let moment = |at: SystemTime| {
        let seconds = time::to_seconds(at).into();
        Value::Tag(EPOCH, Box::new(Value::Integer(seconds)))
    };
    let mut critical = vec![text(SCHEME)];
    critical.extend(terms.expiry.map(|_| text(EXPIRY)));
    let mut header = vec![
        (Value::Integer(ALG), Value::Integer(named.cose)),
        (Value::Integer(CRIT), Value::Array(critical)),
        (Value::Integer(CTY), text(CONTENT_TYPE)),
        (text(SCHEME), text(SigningScheme::X509.name())),
        (text(SIGNING_TIME), moment(terms.signing_time)),
    ];
    header.extend(terms.expiry.map(|expiry| (text(EXPIRY), moment(expiry))));
    (Value::Map(header).to_bytes(), terms.payload.to_bytes())
}

/// The bytes to be signed.
pub(super) fn message(terms: &Terms, named: &Named) -> Vec<u8> {
    let (protected, payload) = parts(terms, named);
    structure(protected, payload)
}

/// The envelope of parts that are signed.
pub(super) fn envelope(
    (protected, payload): (Vec<u8>, Vec<u8>),
    signature: &[u8],
    chain: &[Certificate],
    agent: &str,
) -> Vec<u8> {
    let chain = chain.iter().map(|one| Value::Bytes(one.der().to_vec()));
    let unprotected = Value::Map(vec![
        (Value::Integer(X5CHAIN), Value::Array(chain.collect())),
        (Value::Text(AGENT.into()), Value::Text(agent.into())),
    ]);
    let parts = Value::Array(vec![
        Value::Bytes(protected),
        unprotected,
        Value::Bytes(payload),
        Value::Bytes(signature.to_vec()),
    ]);
    Value::Tag(SIGN1, Box::new(parts)).to_bytes()
}
