//! Files that name one another by their digests, from a text that does without digests: a change of
//! the text changes what the files say and leaves right what they are called.
//!
//! A part starts with `--- KIND NAME > TARGET` on a line of its own; its content follows, up to the
//! next one. KIND is the type of a tar member, one character; or `b`, `g` or `z` for a blob that
//! is called by its SHA-256, as it is, gzipped or packed with zstd; or `B` for one that is called by
//! its SHA-512. In content, names and targets, parts further down are called by their place, one
//! digit or letter (`0` is the first):
//!
//! | text | stands for |
//! |---|---|
//! | `$h2` `$H2` | the SHA-256 and SHA-512 of part 2, in hex |
//! | `$s2` | its size |
//! | `$u2` | the SHA-256 of what it was before it was packed |
//! | `$b2` | its bytes in base64 |
//! | `$v2` | the vendor's signature of it, in hex |
//! | `$K` `$E` | the vendor's public key and the CA's endorsement of it, in hex |

use std::io::Write;

use ir_sign::crypto::Signed;
use ir_sign::crypto::p384::ALGORITHM;
use ir_sign::encoding::base64::base64;
use ir_sign::encoding::hex::hex;
use ir_sign::key::Signer;
use sha2::{Digest, Sha512};

use super::scene::{ENDORSEMENT, SIGNER, VENDOR, sha256};

/// Parts at the most.
const PARTS: usize = 36;
/// Bytes of a part's content at the most.
const LONGEST: usize = 64 << 10;
/// Signatures take long.
const SIGNATURES: usize = 3;

/// A file in the making.
#[derive(Default)]
pub struct Part {
    pub kind: u8,
    pub name: Vec<u8>,
    pub target: Vec<u8>,
    pub content: Vec<u8>,
    /// The SHA-256 of the content before it was packed.
    unpacked: String,
}

impl Part {
    /// Whether it is a blob that is called by what it holds.
    pub const fn is_blob(&self) -> bool {
        matches!(self.kind, b'b' | b'g' | b'z' | b'B')
    }
}

/// Reads a recipe and makes its files. Bytes before the first part say nothing here.
pub fn parts(recipe: &[u8]) -> Vec<Part> {
    let written: Vec<Part> = split(recipe).into_iter().map(read).collect();
    let mut made: Vec<Option<Part>> = written.iter().map(|_| None).collect();
    let mut signatures = SIGNATURES;
    for (n, part) in written.into_iter().enumerate().rev() {
        let mut expand = |text: &[u8]| expand(text, &made, &mut signatures);
        let mut part = Part {
            kind: part.kind,
            name: expand(&part.name),
            target: expand(&part.target),
            content: expand(&part.content),
            unpacked: String::new(),
        };
        part.unpacked = sha256(&part.content);
        match part.kind {
            b'g' => part.content = gzip(&part.content),
            b'z' => part.content = zstd(&part.content),
            _ => {}
        }
        if part.is_blob() {
            part.name = match part.kind {
                b'B' => format!("blobs/sha512/{}", hex(&Sha512::digest(&part.content))),
                _ => format!("blobs/sha256/{}", sha256(&part.content)),
            }
            .into_bytes();
        }
        made[n] = Some(part);
    }
    made.into_iter().flatten().collect()
}

const MARK: &[u8] = b"--- ";

/// The parts' texts, without the marks.
fn split(recipe: &[u8]) -> Vec<&[u8]> {
    let starts_line = |at: usize| at == 0 || recipe[at - 1] == b'\n';
    let marks = (0..recipe.len()).filter(|at| recipe[*at..].starts_with(MARK) && starts_line(*at));
    let marks: Vec<usize> = marks.take(PARTS).collect();
    let ends = marks.iter().skip(1).copied().chain([recipe.len() + 1]);
    marks
        .iter()
        .zip(ends)
        .map(|(from, to)| {
            let text = &recipe[from + MARK.len()..to.min(recipe.len())];
            // The newline before the next mark is the mark's.
            if to > recipe.len() {
                text
            } else {
                text.strip_suffix(b"\n").unwrap_or(text)
            }
        })
        .collect()
}

fn read(text: &[u8]) -> Part {
    let end = text.iter().position(|b| *b == b'\n').unwrap_or(text.len());
    let (head, content) = text.split_at(end);
    let content = content.strip_prefix(b"\n").unwrap_or_default();
    let (kind, name) = head.split_first().unwrap_or((&b'0', b""));
    let name = name.strip_prefix(b" ").unwrap_or(name);
    let arrow = name.windows(3).position(|part| part == b" > ");
    let (name, target) = arrow.map_or((name, &b""[..]), |at| (&name[..at], &name[at + 3..]));
    Part {
        kind: *kind,
        name: name.to_vec(),
        target: target.to_vec(),
        content: content[..content.len().min(LONGEST)].to_vec(),
        unpacked: String::new(),
    }
}

fn expand(mut text: &[u8], made: &[Option<Part>], signatures: &mut usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        text = rest;
        let meant = (*first == b'$').then(|| meaning(rest, made, signatures));
        if let Some((value, length)) = meant.flatten()
            && out.len() < LONGEST
        {
            out.extend(value);
            text = &rest[length..];
        } else {
            out.push(*first);
        }
    }
    out
}

/// The word behind a `$`, and its length in bytes.
fn meaning(text: &[u8], made: &[Option<Part>], signatures: &mut usize) -> Option<(Vec<u8>, usize)> {
    match text.first()? {
        b'K' => return Some((hex(VENDOR).into(), 1)),
        b'E' => return Some((hex(ENDORSEMENT).into(), 1)),
        _ => {}
    }
    let place = char::from(*text.get(1)?).to_digit(36)?;
    let part = made.get(usize::try_from(place).ok()?)?.as_ref()?;
    let value = match text[0] {
        b'h' => sha256(&part.content),
        b'H' => hex(&Sha512::digest(&part.content)),
        b's' => part.content.len().to_string(),
        b'u' => part.unpacked.clone(),
        b'b' => base64(&part.content),
        b'v' => {
            *signatures = signatures.checked_sub(1)?;
            let signed = SIGNER.sign(ALGORITHM, Signed::Bytes(&part.content));
            hex(&signed.expect("a key file signs").to_bytes())
        }
        _ => return None,
    };
    Some((value.into_bytes(), 2))
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}
