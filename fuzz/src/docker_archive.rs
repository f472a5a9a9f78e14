//! Archives by their members, from a recipe: what `docker save` writes, and layouts in a tar. The tar headers are
//! right, so that it is names, links and documents that change. What a line before the first part says packs it.

use super::archive::check;
use super::recipe::{self, Part, gzip, zstd};

pub fn run(bytes: &[u8]) {
    let mut tar = Vec::new();
    for part in recipe::parts(bytes) {
        append(&mut tar, &part);
    }
    if !bytes.starts_with(b"unended") {
        tar.extend([0; 1024]);
    }
    check(&match bytes {
        [b'g', b'z', ..] => gzip(&tar),
        [b'z', b's', ..] => zstd(&tar),
        // A second gzip member, and a skippable frame.
        [b'g', b'2', ..] => [gzip(&tar), gzip(b"")].concat(),
        [b'z', b'2', ..] => [&*zstd(&tar), b"\x50\x2a\x4d\x18\x01\0\0\0x"].concat(),
        _ => tar,
    });
}

/// Appends a member. A name that is too long for the header gets a member of its own, as GNU tar does it.
fn append(tar: &mut Vec<u8>, part: &Part) {
    let kind = if part.is_blob() { b'0' } else { part.kind };
    let mut header = tar::Header::new_gnu();
    let old = header.as_old_mut();
    for (kind, text, field) in [
        (b'L', &part.name, &mut old.name),
        (b'K', &part.target, &mut old.linkname),
    ] {
        if text.len() > field.len() {
            member(tar, tar::Header::new_gnu(), kind, text);
        }
        let length = text.len().min(field.len());
        field[..length].copy_from_slice(&text[..length]);
    }
    member(tar, header, kind, &part.content);
}

fn member(tar: &mut Vec<u8>, mut header: tar::Header, kind: u8, content: &[u8]) {
    header.as_mut_bytes()[156] = kind;
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.extend(header.as_bytes());
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}
