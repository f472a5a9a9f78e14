//! The message of a signature: a one-pass signature, literal data and a signature, perhaps compressed as a whole
//! (RFC 9580, section 10.3).

use flate2::{Decompress, FlushDecompress, Status};

use super::packet::{self, Fields, Packet, Packets};
use crate::scheme::malformed::Malformed;

const WHAT: &str = "simple-signing message of OpenPGP";
/// No message is longer, nor its content.
const MOST_BYTES: usize = 4 << 20;
/// Bytes by which the room for the content grows.
const STEP: usize = 64 << 10;

/// A message, taken apart.
pub(super) struct Message {
    /// The signed bytes.
    pub(super) data: Vec<u8>,
    /// The content of the signature packet.
    pub(super) signature: Vec<u8>,
    pub(super) one_pass: OnePass,
}

/// The announcement of the signature (section 5.4, version 3).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OnePass {
    pub(super) kind: u8,
    pub(super) hash: u8,
    pub(super) algorithm: u8,
    pub(super) key: [u8; 8],
}

impl Message {
    /// Takes a message apart. It must have one signer, and nothing after it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MOST_BYTES {
            return Err(malformed("it has more than 4 MiB"));
        }
        let mut packets = Packets::of(bytes, WHAT);
        match packets.next()? {
            Some(Packet { tag, body }) if tag == packet::COMPRESSED => {
                if packets.next()?.is_some() {
                    return Err(malformed("more follows the compressed data"));
                }
                Self::parts(Packets::of(&inflated(&body)?, WHAT))
            }
            _ => Self::parts(Packets::of(bytes, WHAT)),
        }
    }

    fn parts(mut packets: Packets<'_>) -> Result<Self, Malformed> {
        let mut next = |tag: u8, what: &str| match packets.next()? {
            Some(packet) if packet.tag == tag => Ok(packet.body),
            Some(Packet { tag, .. }) => {
                let reason = format!("a packet of type {tag} stands where {what} must be");
                Err(malformed(reason))
            }
            None => Err(malformed(format!("it ends where {what} must be"))),
        };
        let one_pass = next(packet::ONE_PASS, "a one-pass signature")?;
        let one_pass = OnePass::read(&one_pass)?;
        let literal = next(packet::LITERAL, "literal data")?;
        let data =
            literal_data(&literal).ok_or_else(|| malformed("its literal data is cut off"))?;
        let signature = next(packet::SIGNATURE, "a signature")?.into_owned();
        if packets.next()?.is_some() {
            return Err(malformed("more follows the signature"));
        }
        Ok(Self {
            data: data.to_vec(),
            signature,
            one_pass,
        })
    }
}

impl OnePass {
    fn read(body: &[u8]) -> Result<Self, Malformed> {
        let [3, kind, hash, algorithm, key @ .., last] = body else {
            return Err(malformed("its one-pass signature is not of version 3"));
        };
        let key = key
            .try_into()
            .map_err(|_| malformed("its one-pass signature has a wrong length"))?;
        if *last == 0 {
            return Err(malformed("it has several signers"));
        }
        let (kind, hash, algorithm) = (*kind, *hash, *algorithm);
        Ok(Self {
            kind,
            hash,
            algorithm,
            key,
        })
    }
}

/// The content of literal data, after its format, its name and its date, which no signature covers.
fn literal_data(body: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields(body);
    fields.byte()?;
    let name = fields.byte()?;
    fields.take(name.into())?;
    fields.four_bytes()?;
    Some(fields.0)
}

/// Unpacks compressed data (section 5.6), which has to end where its packet does.
fn inflated(body: &[u8]) -> Result<Vec<u8>, Malformed> {
    let (has_header, packed) = match body {
        [1, packed @ ..] => (false, packed),
        [2, packed @ ..] => (true, packed),
        _ => {
            return Err(malformed(
                "its data is compressed neither by ZIP nor by ZLIB",
            ));
        }
    };
    let mut inflate = Decompress::new(has_header);
    let mut content = Vec::new();
    loop {
        content.reserve(STEP);
        let read = usize::try_from(inflate.total_in()).unwrap_or(usize::MAX);
        let (read, made) = (&packed[read..], content.len());
        let status = inflate.decompress_vec(read, &mut content, FlushDecompress::Finish);
        let status = status.map_err(|_| malformed("its compressed data is damaged"))?;
        if content.len() > MOST_BYTES {
            return Err(malformed("its content has more than 4 MiB"));
        }
        let is_all = usize::try_from(inflate.total_in()) == Ok(packed.len());
        match status {
            Status::StreamEnd if is_all => return Ok(content),
            Status::StreamEnd => return Err(malformed("more follows in its compressed data")),
            Status::Ok | Status::BufError if is_all && content.len() == made => {
                return Err(malformed("its compressed data is cut off"));
            }
            Status::Ok | Status::BufError => {}
        }
    }
}

fn malformed(reason: impl Into<String>) -> Malformed {
    Malformed::new(WHAT, reason)
}
