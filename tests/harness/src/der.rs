//! DER by hand: no encoder writes what the program has to refuse.

/// `SEQUENCE`
pub const SEQUENCE: u8 = 0x30;
/// `INTEGER`
pub const INTEGER: u8 = 0x02;
/// `BIT STRING`
pub const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`
pub const OCTET_STRING: u8 = 0x04;
/// The object identifier `secp384r1`, tag and length included.
pub const SECP384R1: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];
/// The order of the P-384 group, 48 bytes, in hexadecimal.
pub const ORDER: &str = "ffffffffffffffffffffffffffffffffffffffffffffffff\
                         c7634d81f4372ddf581a0db248b0a77aecec196accc52973";

/// One element with the shortest length.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut bytes = vec![tag];
    match u8::try_from(length).expect("a short element") {
        short @ 0..0x80 => bytes.push(short),
        long => bytes.extend([0x81, long]),
    }
    bytes.extend(content);
    bytes
}

/// An `INTEGER` that is not negative.
pub fn integer(magnitude: &[u8]) -> Vec<u8> {
    let zeros = magnitude.iter().take_while(|b| **b == 0).count();
    let mut content = magnitude[zeros..].to_vec();
    if content.first().is_none_or(|b| b & 0x80 != 0) {
        content.insert(0, 0);
    }
    element(INTEGER, &content)
}

/// An `ECDSA-Sig-Value`.
pub fn signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[integer(r), integer(s)].concat())
}

/// An `ECPrivateKey`: the scalar, what stands in `[0]` if that is there, and the public point.
pub fn private_key(scalar: &[u8], curve: Option<&[u8]>, point: Option<&[u8]>) -> Vec<u8> {
    let mut content = [element(INTEGER, &[1]), element(OCTET_STRING, scalar)].concat();
    if let Some(curve) = curve {
        content.extend(element(0xa0, curve));
    }
    if let Some(point) = point {
        let bits = element(BIT_STRING, &[&[0], point].concat());
        content.extend(element(0xa1, &bits));
    }
    element(SEQUENCE, &content)
}

/// A `SubjectPublicKeyInfo` of an EC key: the curve's object identifier, and the point.
pub fn public_key(curve: &[u8], point: &[u8]) -> Vec<u8> {
    let ec = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    let algorithm = element(SEQUENCE, &[&ec[..], curve].concat());
    let bits = element(BIT_STRING, &[&[0], point].concat());
    element(SEQUENCE, &[algorithm, bits].concat())
}
