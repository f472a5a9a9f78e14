//! JWS and COSE envelopes that are signed rightly and say what no envelope may say, and those that this program drafts.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64ct::{Base64UrlUnpadded, Encoding};
use ir_sign::crypto::{Algorithm, Curve, Signature};
use ir_sign::encoding::cbor::Value as Cbor;
use ir_sign::scheme::notary::{
    Chains, DraftError, Envelope, Form, Format, Payload, SignatureManifest, SigningScheme, attach,
    draft,
};
use serde_json::{Value, json};

use crate::pki::{P256, P384, P521, RSA};
use crate::signer::{
    AUTHENTIC, CONTENT, EXPIRY, SCHEME, Signer, TIME, cose_protected, image, payload_text,
    protected, tagged,
};

/// Why an envelope is refused: as it is read or as it is checked.
fn refusal(format: Format, bytes: &[u8]) -> Option<String> {
    match Envelope::read(format, bytes) {
        Err(malformed) => Some(malformed.to_string()),
        Ok(envelope) => envelope.check().err().map(|error| error.to_string()),
    }
}

#[track_caller]
fn refused(format: Format, bytes: &[u8], reason: &str) {
    let found = refusal(format, bytes).unwrap_or_else(|| panic!("taken, and not {reason}"));
    assert!(found.contains(reason), "{reason}: {found}");
}

fn jws(bytes: &Value) -> Vec<u8> {
    bytes.to_string().into_bytes()
}

#[test]
fn a_jws_whose_protected_header_breaks_a_rule_is_refused() {
    let signer = Signer::new();
    let good = protected();
    let sealed = |protected: &str| jws(&signer.jws(protected, &payload_text()));
    assert_eq!(refusal(Format::Jws, &sealed(&good.to_string())), None);
    let soon = "2099-01-01T00:00:00Z";
    let plugin = "io.cncf.notary.verificationPlugin";
    for (change, reason) in [
        (json!({"alg": "none"}), "its algorithm is \"none\""),
        (json!({"alg": null}), "its algorithm is \"\""),
        (json!({"alg": "es256"}), "its algorithm is \"es256\""),
        (json!({"alg": 1}), "its alg is not text"),
        (json!({"alg": "ES384"}), "never signs so"),
        (json!({"alg": "PS256"}), "never signs so"),
        (json!({"crit": null}), "its crit is not a list"),
        (
            json!({"crit": []}),
            "does not mark \"io.cncf.notary.signingScheme\"",
        ),
        (json!({"crit": SCHEME}), "a list"),
        (json!({"crit": [SCHEME, SCHEME]}), "as critical twice"),
        (
            json!({"crit": [SCHEME, TIME]}),
            "which this program does not know",
        ),
        (
            json!({"crit": [SCHEME, "cty"]}),
            "which this program does not know",
        ),
        (
            json!({"crit": [SCHEME, "x"], "x": "y"}),
            "which this program does not know",
        ),
        (json!({"crit": [SCHEME, EXPIRY]}), "which it has not"),
        (json!({"crit": [SCHEME, AUTHENTIC]}), "which it has not"),
        (
            json!({"crit": [SCHEME, "b64"], "b64": false}),
            "the member \"b64\"",
        ),
        (json!({"b64": false}), "the member \"b64\""),
        (json!({"b64": true}), "the member \"b64\""),
        (json!({"cty": null}), "of the type \"\""),
        (json!({"cty": "text/plain"}), "of the type \"text/plain\""),
        (json!({SCHEME: null}), "no signing scheme"),
        (json!({SCHEME: "notary.x509.x"}), "its signing scheme is"),
        (json!({TIME: null}), "no signing time"),
        (json!({TIME: 1}), "is not text"),
        (json!({TIME: "2026-01-02"}), "not a time in RFC 3339"),
        (
            json!({TIME: "+275760-09-13T00:00:00Z"}),
            "not a time in RFC 3339",
        ),
        (
            json!({EXPIRY: soon}),
            "does not mark \"io.cncf.notary.expiry\"",
        ),
        (
            json!({"crit": [SCHEME, EXPIRY], EXPIRY: "2020-01-01T00:00:00Z"}),
            "no later than it was signed",
        ),
        (
            json!({AUTHENTIC: soon, "crit": [SCHEME, AUTHENTIC]}),
            "which its scheme has not",
        ),
        (
            json!({SCHEME: "notary.x509.signingAuthority"}),
            "no authentic signing time",
        ),
        (
            json!({
                SCHEME: "notary.x509.signingAuthority",
                AUTHENTIC: soon,
                "crit": [SCHEME, AUTHENTIC]
            }),
            "a signing time, which its scheme has not",
        ),
        (
            json!({SCHEME: "notary.x509.signingAuthority", AUTHENTIC: soon, TIME: null}),
            "does not mark \"io.cncf.notary.authenticSigningTime\"",
        ),
        (
            json!({plugin: "p"}),
            "does not mark \"io.cncf.notary.verificationPlugin\"",
        ),
        (json!({"ALG": "ES256"}), "\"alg\" to some readers"),
    ] {
        let mut header = good.clone();
        for (name, value) in change.as_object().expect("an object") {
            header[name] = value.clone();
        }
        refused(Format::Jws, &sealed(&header.to_string()), reason);
    }
    let twice = good.to_string().replacen('{', "{\"alg\":\"ES256\",", 1);
    refused(Format::Jws, &sealed(&twice), "is there twice");
    refused(Format::Jws, &sealed("[]"), "an object");
}

#[test]
fn a_jws_is_exactly_what_was_signed() {
    let signer = Signer::new();
    let good = signer.jws(&protected().to_string(), &payload_text());
    let text = |name: &str| good[name].as_str().expect("text").to_owned();
    let raw = Base64UrlUnpadded::decode_vec(&text("signature")).expect("base64url");
    let der = Signature::from_raw(Curve::P256, &raw)
        .expect("r and s")
        .to_bytes();
    let url = |bytes: &[u8]| Value::from(Base64UrlUnpadded::encode_string(bytes));
    let mut other = raw.clone();
    other[40] ^= 1;
    let x5c = signer.x5c();
    for (name, value, reason) in [
        ("signature", url(&der), "not r and s"),
        ("signature", url(&raw[..63]), "not r and s"),
        ("signature", url(&[0; 64]), "not r and s"),
        ("signature", url(&[]), "not r and s"),
        (
            "signature",
            url(&other),
            "not by the key of \"C=PT, ST=Lisboa, O=IR, CN=Leaf\"",
        ),
        (
            "signature",
            format!("{}==", text("signature")).into(),
            "without padding",
        ),
        (
            "signature",
            format!("{}\n", text("signature")).into(),
            "without padding",
        ),
        (
            "payload",
            url(payload_text().replace(":5", ":6").as_bytes()),
            "not by the key",
        ),
        ("payload", url(b"{}"), "not a Notary Project payload"),
        ("header", json!({}), "missing field `x5c`"),
        ("header", json!({"x5c": []}), "no certificate"),
        (
            "header",
            json!({"x5c": ["AAAA"]}),
            "not a DER X.509 certificate",
        ),
        (
            "header",
            json!({"x5c": [x5c[0].trim_end_matches('=').to_owned() + "\n"]}),
            "base64",
        ),
        ("header", json!({"x5c": [x5c[0]]}), "is missing"),
        ("header", json!({"x5c": [x5c[0], x5c[2]]}), "follows it"),
        (
            "header",
            json!({"x5c": [x5c[1], x5c[2]]}),
            "is a CA's, and no signer's",
        ),
        (
            "header",
            json!({"x5c": vec![&x5c[0]; 1001]}),
            "more than 1000",
        ),
        ("signatures", json!([]), "the member \"signatures\""),
        ("Payload", json!(""), "\"payload\" to some readers"),
    ] {
        let mut changed = good.clone();
        changed[name] = value;
        refused(Format::Jws, &jws(&changed), reason);
    }
    let whole = jws(&good);
    for text in [
        &b""[..],
        b"null",
        b"[]",
        b"{}",
        &whole[..whole.len() - 1],
        &[&*whole, b"x"].concat(),
    ] {
        assert!(refusal(Format::Jws, text).is_some());
    }
    // More members beside those, and unsigned ones, are passed over.
    let mut more = good.clone();
    more["foo"] = 1.into();
    more["header"]["bar"] = 1.into();
    assert_eq!(refusal(Format::Jws, &jws(&more)), None);
    assert!(refusal(Format::Cose, &whole).is_some(), "a JWS is not COSE");
}

#[test]
fn a_signing_authority_has_its_own_signing_time() {
    let signer = Signer::new();
    let mut header = protected();
    header[SCHEME] = "notary.x509.signingAuthority".into();
    header["crit"] = json!([SCHEME, AUTHENTIC, EXPIRY]);
    header.as_object_mut().expect("an object").remove(TIME);
    header[AUTHENTIC] = "2026-01-02T03:04:05.5+01:00".into();
    header[EXPIRY] = "2026-01-02T02:04:06Z".into();
    let bytes = jws(&signer.jws(&header.to_string(), &payload_text()));
    let envelope = Envelope::read(Format::Jws, &bytes).expect("an envelope");
    envelope.check().expect("it holds");
    let attributes = &envelope.attributes;
    assert_eq!(attributes.scheme, SigningScheme::SigningAuthority);
    let between = attributes
        .expiry
        .expect("an expiry")
        .duration_since(attributes.signing_time);
    assert_eq!(between.expect("later"), Duration::from_millis(500));
}

#[test]
fn a_cose_envelope_whose_header_breaks_a_rule_is_refused() {
    let signer = Signer::new();
    let text = |text: &str| Cbor::Text(text.into());
    let sealed = |header: Vec<(Cbor, Cbor)>| tagged(signer.cose(Cbor::Map(header).to_bytes()));
    assert_eq!(refusal(Format::Cose, &sealed(cose_protected())), None);
    let moment = |value: Cbor| Cbor::Tag(1, Box::new(value));
    let crit = |names: &[&str]| Cbor::Array(names.iter().map(|name| text(name)).collect());
    let (alg, critical, cty) = (Cbor::Integer(1), Cbor::Integer(2), Cbor::Integer(3));
    for (name, value, reason) in [
        (&alg, None, "it has no algorithm"),
        (&alg, Some(text("ES256")), "its algorithm is not a number"),
        (&alg, Some(Cbor::Integer(-257)), "its algorithm is -257"),
        (&alg, Some(Cbor::Integer(-35)), "never signs so"),
        (&alg, Some(Cbor::Null), "its algorithm is not a number"),
        (&critical, None, "does not mark"),
        (&critical, Some(Cbor::Null), "its crit is not a list"),
        (
            &critical,
            Some(crit(&[SCHEME, SCHEME])),
            "as critical twice",
        ),
        (&critical, Some(crit(&[SCHEME, "zz"])), "does not know"),
        (&critical, Some(crit(&[SCHEME, TIME])), "does not know"),
        (
            &critical,
            Some(Cbor::Array(vec![text(SCHEME), Cbor::Integer(3)])),
            "\"3\"",
        ),
        (
            &critical,
            Some(Cbor::Array(vec![text(SCHEME), Cbor::Null])),
            "\"\"",
        ),
        (&cty, None, "does not say the type"),
        (
            &cty,
            Some(Cbor::Integer(60)),
            "the type of its payload is not text",
        ),
        (&cty, Some(text("text/plain")), "of the type \"text/plain\""),
        (&text(SCHEME), None, "no signing scheme"),
        (&text(SCHEME), Some(Cbor::Integer(1)), "is not text"),
        (&text(TIME), None, "no signing time"),
        (&text(TIME), Some(Cbor::Integer(1)), "not tagged as a time"),
        (
            &text(TIME),
            Some(Cbor::Tag(0, Box::new(text("2026-01-02T03:04:05Z")))),
            "not tagged",
        ),
        (&text(TIME), Some(moment(text("1"))), "not a time between"),
        (
            &text(TIME),
            Some(moment(Cbor::Float(f64::INFINITY))),
            "not a time between",
        ),
        (
            &text(TIME),
            Some(moment(Cbor::Float(f64::NAN))),
            "not a time between",
        ),
        (
            &text(TIME),
            Some(moment(Cbor::Float(1e300))),
            "not a time between",
        ),
        (
            &text(TIME),
            Some(moment(Cbor::Integer(u64::MAX.into()))),
            "not a time between",
        ),
        (
            &text(TIME),
            Some(moment(Cbor::Integer(i64::MIN.into()))),
            "not a time between",
        ),
        (
            &text(EXPIRY),
            Some(moment(Cbor::Integer(1))),
            "does not mark",
        ),
        (
            &Cbor::Integer(33),
            Some(Cbor::Array(vec![])),
            "in the protected header",
        ),
        (&Cbor::Null, Some(Cbor::Null), "neither number nor text"),
    ] {
        let mut header = cose_protected();
        header.retain(|(known, _)| known != name);
        header.extend(value.map(|value| (name.clone(), value)));
        refused(Format::Cose, &sealed(header), reason);
    }
    // These are taken: fractions, and numbers that nobody knows.
    let mut header = cose_protected();
    header.retain(|(known, _)| *known != text(TIME));
    header.push((text(TIME), moment(Cbor::Float(1_767_323_045.5))));
    header.push((Cbor::Integer(99), Cbor::Null));
    assert_eq!(refusal(Format::Cose, &sealed(header)), None);
}

#[test]
fn a_cose_envelope_has_one_form() {
    let signer = Signer::new();
    let protected = Cbor::Map(cose_protected()).to_bytes();
    let good = signer.cose(protected.clone());
    let with = |at: usize, part: Cbor| {
        let mut parts = good.clone();
        parts[at] = part;
        tagged(parts)
    };
    let Cbor::Map(unprotected) = good[1].clone() else {
        panic!("a map");
    };
    let unprotected = |pair: (Cbor, Cbor)| {
        let mut all = unprotected.clone();
        all.retain(|(name, _)| *name != pair.0);
        all.push(pair);
        with(1, Cbor::Map(all))
    };
    let chain = Cbor::Integer(33);
    let leaf = Cbor::Bytes(signer.chain[0].der().to_vec());
    for (bytes, reason) in [
        (Cbor::Array(good.clone()).to_bytes(), "not tagged"),
        (
            Cbor::Tag(98, Box::new(Cbor::Array(good.clone()))).to_bytes(),
            "not tagged",
        ),
        (Cbor::Tag(18, Box::new(Cbor::Null)).to_bytes(), "not a list"),
        (tagged(good[..3].to_vec()), "not two headers"),
        (tagged([&*good, &[Cbor::Null]].concat()), "not two headers"),
        (with(0, Cbor::Bytes(vec![])), "not CBOR"),
        (with(0, Cbor::Map(cose_protected())), "not two headers"),
        (with(1, Cbor::Map(vec![])), "no list of certificates"),
        (with(2, Cbor::Null), "not two headers"),
        (
            with(2, Cbor::Bytes(b"{}".to_vec())),
            "not a Notary Project payload",
        ),
        (with(3, Cbor::Null), "not two headers"),
        (with(3, Cbor::Bytes(vec![])), "not r and s"),
        (
            unprotected((chain.clone(), leaf)),
            "no list of certificates",
        ),
        (
            unprotected((chain.clone(), Cbor::Array(vec![]))),
            "no certificate",
        ),
        (
            unprotected((chain, Cbor::Array(vec![Cbor::Null]))),
            "is not bytes",
        ),
        (
            unprotected((Cbor::Integer(1), Cbor::Integer(-7))),
            "in both of its headers",
        ),
        ([tagged(good.clone()), vec![0]].concat(), "bytes follow"),
    ] {
        refused(Format::Cose, &bytes, reason);
    }
    // What was signed, with its bytes in two pieces of a value of indefinite length.
    let whole = tagged(good.clone());
    let mut pieces = vec![0xd2, 0x9f];
    pieces.extend(&whole[2..]);
    pieces.push(0xff);
    refused(Format::Cose, &pieces, "indefinite length");
    let mut inner = vec![0xbf];
    inner.extend(&protected[1..]);
    inner.push(0xff);
    refused(
        Format::Cose,
        &tagged(signer.cose(inner)),
        "indefinite length",
    );
    // An agent that is not text is nobody's.
    let agent = (
        Cbor::Text("io.cncf.notary.signingAgent".into()),
        Cbor::Integer(1),
    );
    assert_eq!(refusal(Format::Cose, &unprotected(agent)), None);
}

#[test]
fn every_kind_of_key_signs_in_both_formats_and_openssl_is_the_signer() {
    for (key, hash, options) in [
        (P256, "sha256", ""),
        (P384, "sha384", ""),
        (P521, "sha512", ""),
        (
            RSA,
            "sha256",
            "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest",
        ),
    ] {
        let signer = Signer::with(key);
        for format in Format::ALL {
            let mut terms = signer.terms(format);
            terms.expiry = Some(terms.signing_time + Duration::from_hours(24));
            let metadata = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
            terms.payload = Payload::new(&image(), metadata).expect("free names");
            let draft = draft(terms.clone(), &signer.chain).expect("a draft");
            let by = draft.algorithm();
            let bytes = signer.openssl(hash, draft.message(), options);
            let raw = match by {
                Algorithm::Ecdsa(curve, _) => Signature::from_der(curve, &bytes)
                    .expect("a signature")
                    .to_raw(),
                _ => bytes,
            };
            let bytes = draft.finish_raw(&raw).expect("an envelope");
            let envelope = Envelope::read(format, &bytes).expect("it reads back");
            envelope.check().expect("it holds");
            assert_eq!(envelope.algorithm, by);
            assert_eq!(envelope.payload, terms.payload);
            assert_eq!(envelope.agent.as_deref(), Some("test/1"));
            assert_eq!(envelope.chain.certificates(), signer.chain);
            let since = terms
                .signing_time
                .duration_since(envelope.attributes.signing_time);
            assert!(since.expect("cut off") < Duration::from_secs(1));
            assert!(envelope.attributes.expiry.is_some());
        }
    }
}

#[test]
fn a_draft_that_could_not_be_verified_is_refused_before_and_after_signing() {
    let signer = Signer::new();
    let terms = |at: SystemTime| {
        let mut terms = signer.terms(Format::Jws);
        terms.signing_time = at;
        terms
    };
    let now = SystemTime::now();
    let refused = |terms, chain: &[_]| draft(terms, chain).err().expect("refused").to_string();
    let day = Duration::from_hours(24);
    let chain = &*signer.chain;
    assert!(refused(terms(now - day), chain).contains("not valid before"));
    assert!(refused(terms(now + 60 * day), chain).contains("expired at"));
    assert!(refused(terms(now), &chain[..2]).contains("is missing"));
    assert!(refused(terms(now), &chain[1..]).contains("no signer's"));
    assert!(refused(terms(now), &[]).contains("no certificate"));
    let mut early = terms(now);
    early.expiry = Some(now);
    assert_eq!(draft(early, chain).err(), Some(DraftError::Expiry));
    // Another's signature, and one of other bytes.
    let other = Signer::new();
    for format in Format::ALL {
        let mut terms = terms(now);
        terms.format = format;
        let sign = |by: &Signer, more: &[u8]| {
            let draft = draft(terms.clone(), chain).expect("a draft");
            let raw = by.sign(&[draft.message(), more].concat());
            let signature = Signature::from_raw(Curve::P256, &raw).expect("r and s");
            draft.finish(&signature)
        };
        assert!(sign(&signer, b"").is_ok());
        for result in [sign(&other, b""), sign(&signer, b"x")] {
            let error = result.expect_err("another signature").to_string();
            assert!(error.contains("not by the key of"), "{error}");
        }
    }
    let reserved = BTreeMap::from([("io.cncf.notary.x".to_owned(), String::new())]);
    assert!(Payload::new(&image(), reserved).is_err());
}

#[test]
fn a_chain_is_read_once_for_all_envelopes_with_its_bytes() {
    let signer = Signer::new();
    let bytes = jws(&signer.jws(&protected().to_string(), &payload_text()));
    let chains = Chains::new();
    let read = || Envelope::read_with(Format::Jws, &bytes, &chains).expect("an envelope");
    let (first, second) = (read(), read());
    assert!(std::sync::Arc::ptr_eq(&first.chain, &second.chain));
    // A chain that differs in one certificate is another one.
    let mut changed: Value = serde_json::from_slice(&bytes).expect("JSON");
    changed["header"]["x5c"]
        .as_array_mut()
        .expect("a list")
        .pop();
    let third = Envelope::read_with(Format::Jws, &jws(&changed), &chains).expect("an envelope");
    assert!(third.check().is_err() && first.check().is_ok() && second.check().is_ok());
}

#[test]
fn a_manifest_of_either_form_leads_to_one_envelope_and_one_subject() {
    let signer = Signer::new();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for form in [Form::Legacy, Form::ArtifactType] {
        let change = attach(
            &image(),
            Format::Cose,
            b"envelope".to_vec(),
            &signer.chain,
            form,
            now,
        );
        let ir_sign::image::Change::Attach {
            manifest, blobs, ..
        } = change
        else {
            panic!("a manifest");
        };
        assert_eq!(blobs[0].bytes(), b"{}");
        let read = SignatureManifest::read(manifest.bytes()).expect("it reads back");
        assert_eq!((read.form, read.format), (form, Format::Cose));
        assert_eq!(read.envelope.digest, blobs[1].digest());
        assert!(read.is_of(&image()));
        let mut other = image();
        other.size += 1;
        assert!(!read.is_of(&other));
        let document: Value = serde_json::from_slice(manifest.bytes()).expect("JSON");
        let prints = signer.chain.iter().map(|one| one.fingerprint().hex());
        let prints = Value::from(prints.collect::<Vec<_>>()).to_string();
        let annotation = "io.cncf.notary.x509chain.thumbprint#S256";
        assert_eq!(document["annotations"][annotation], prints);
        let created = &document["annotations"]["org.opencontainers.image.created"];
        assert_eq!(created, "1970-01-01T00:00:01Z");
        for (pointer, value, reason) in [
            ("/subject", Value::Null, "about no artifact"),
            ("/layers", json!([]), "0 envelopes"),
            (
                "/layers",
                json!([document["layers"][0], document["layers"][0]]),
                "2 envelopes",
            ),
            ("/layers/0/mediaType", json!("x/y"), "\"x/y\""),
            ("/layers/0/size", json!((32 << 20) + 1), "is the most"),
            ("/layers/0/digest", json!("sha256:x"), "digest"),
            ("/subject/size", json!("5"), "a number"),
            ("/config/mediaType", json!(CONTENT), "something else"),
        ] {
            if reason == "something else" && form == Form::ArtifactType {
                continue;
            }
            let mut changed = document.clone();
            *changed.pointer_mut(pointer).expect("it is there") = value;
            let error = SignatureManifest::read(&jws(&changed))
                .expect_err(reason)
                .to_string();
            assert!(error.contains(reason), "{reason}: {error}");
        }
        let mut changed = document;
        changed["artifactType"] = "x/y".into();
        assert!(SignatureManifest::read(&jws(&changed)).is_err());
    }
}
