//! A header block of a tar archive, and the extension members that say more about the next member.
//!
//! This refuses a header that readers are known to understand differently.

use std::ops::Range;

use tar::{EntryType, Header};

/// Bytes of a block.
pub(super) const BLOCK: u64 = 512;
/// The position of the first part of a long name in POSIX's header.
const PREFIX: Range<usize> = 345..500;
/// The length of that part in star's header.
const STAR_PREFIX_LENGTH: usize = 131;
/// The position of `tar` at the end of star's header.
const STAR_TRAILER: usize = 508;

/// Checks a block's checksum (POSIX "ustar Interchange Format": the sum of all bytes, with the
/// checksum's own field taken as spaces).
pub(super) fn checksum_fits(header: &Header) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().map(|b| u32::from(*b)).sum::<u32>();
    let bytes = header.as_bytes();
    let found = sum(&bytes[..148]) + sum(&bytes[156..]) + 8 * u32::from(b' ');
    header.cksum().is_ok_and(|stated| stated == found)
}

/// The size that a header states: octal digits, or GNU's binary form for sizes that do not fit octal digits.
pub(super) fn size(header: &Header) -> Option<u64> {
    let field = &header.as_old().size;
    if field[0] & 0x80 != 0 {
        let (head, tail) = field.split_at(4);
        let tail = <[u8; 8]>::try_from(tail).ok()?;
        return (head == [0x80, 0, 0, 0]).then(|| u64::from_be_bytes(tail));
    }
    let digits = field.trim_ascii_start();
    let digits = match digits.iter().position(|b| matches!(b, 0 | b' ')) {
        Some(end) if digits[end..].iter().all(|b| matches!(b, 0 | b' ')) => &digits[..end],
        Some(_) => return None,
        None => digits,
    };
    digits.iter().try_fold(0u64, |value, digit| match digit {
        b'0'..=b'7' => Some(value * 8 + u64::from(digit - b'0')),
        _ => None,
    })
}

/// Whether the header's magic and version say that it is POSIX's or GNU's. Some readers recognise an extension whatever
/// the magic is, others take it for a file.
pub(super) fn has_known_format(header: &Header) -> bool {
    header.as_ustar().is_some() || header.as_gnu().is_some()
}

/// Whether readers differ about the first part of the name. The header may have bytes in that field without saying that
/// it is POSIX's: some readers put them before the name, others do not. Or the header says that it is also star's, and
/// the part is longer than star's field: Go's reader cuts it there.
pub(super) fn has_doubtful_prefix(header: &Header) -> bool {
    let (prefix, trailer) = (
        &header.as_bytes()[PREFIX],
        &header.as_bytes()[STAR_TRAILER..],
    );
    let is_read_whole = header.as_ustar().is_some()
        && (trailer != b"tar\0" || prefix[..=STAR_PREFIX_LENGTH].contains(&0));
    !is_read_whole && prefix.iter().any(|b| *b != 0)
}

/// The type of a member that is not an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    File,
    Folder,
    Symlink,
    /// Any other type, by its name.
    Foreign(&'static str),
}

/// A member that says more about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    /// GNU's long name.
    Name,
    /// GNU's long link target.
    Link,
    /// A pax header for the next member.
    Pax,
    /// A pax header for all later members.
    GlobalPax,
}

pub(super) fn extension_of(header: &Header) -> Option<Extension> {
    match header.entry_type() {
        EntryType::GNULongName => Some(Extension::Name),
        EntryType::GNULongLink => Some(Extension::Link),
        EntryType::XHeader => Some(Extension::Pax),
        EntryType::XGlobalHeader => Some(Extension::GlobalPax),
        _ => None,
    }
}

pub(super) fn type_of(header: &Header) -> Type {
    match header.entry_type() {
        // By POSIX, a contiguous file may count as a regular one.
        EntryType::Regular | EntryType::Continuous => Type::File,
        EntryType::Directory => Type::Folder,
        EntryType::Symlink => Type::Symlink,
        EntryType::Link => Type::Foreign("a hard link"),
        EntryType::Char => Type::Foreign("a character device"),
        EntryType::Block => Type::Foreign("a block device"),
        EntryType::Fifo => Type::Foreign("a named pipe"),
        EntryType::GNUSparse => Type::Foreign("a sparse file"),
        _ => Type::Foreign("of an unknown type"),
    }
}

/// The content of extension members about the next member.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) sparse: bool,
    pax: bool,
}

impl Extensions {
    /// Whether an extension said anything.
    pub(super) const fn any(&self) -> bool {
        self.name.is_some() || self.link.is_some() || self.pax
    }

    /// Reads an extension member's content; an error gives the fault.
    pub(super) fn take(&mut self, kind: Extension, content: Vec<u8>) -> Result<(), &'static str> {
        match kind {
            Extension::Name => set(&mut self.name, terminated(content)),
            Extension::Link => set(&mut self.link, terminated(content)),
            Extension::Pax if self.pax => Err("it has two pax headers"),
            Extension::Pax => {
                self.pax = true;
                records(&content, |key, value| self.record(key, value))
            }
            // Go's reader then forgets the extensions that came before.
            Extension::GlobalPax if self.any() => {
                Err("it stands between another extension and the member that the other describes")
            }
            // No known program writes these for all members, and readers differ about when they end.
            Extension::GlobalPax => records(&content, |key, _| {
                if matches!(key, b"path" | b"linkpath" | b"size") || is_sparse(key) {
                    Err("it sets a name or a size for all members")
                } else {
                    Ok(())
                }
            }),
        }
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        match key {
            b"path" => set(&mut self.name, value.to_vec()),
            b"linkpath" => set(&mut self.link, value.to_vec()),
            b"size" => set(
                &mut self.size,
                decimal(value).ok_or("its size is not a number")?,
            ),
            key => {
                self.sparse |= is_sparse(key);
                Ok(())
            }
        }
    }
}

fn set<T>(field: &mut Option<T>, value: T) -> Result<(), &'static str> {
    if field.is_some() {
        return Err("it gives one value twice");
    }
    *field = Some(value);
    Ok(())
}

fn is_sparse(key: &[u8]) -> bool {
    key.starts_with(b"GNU.sparse.")
}

/// GNU's long names end with a NUL.
fn terminated(mut content: Vec<u8>) -> Vec<u8> {
    if content.last() == Some(&0) {
        content.pop();
    }
    content
}

/// Splits a pax header into its records, `LENGTH KEY=VALUE\n`, by their stated lengths.
fn records(
    mut content: &[u8],
    mut take: impl FnMut(&[u8], &[u8]) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    const BAD: &str = "it has a malformed pax record";
    while !content.is_empty() {
        let space = content.iter().position(|b| *b == b' ').ok_or(BAD)?;
        let length = decimal(&content[..space])
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| *n <= content.len())
            .ok_or(BAD)?;
        let (record, rest) = content.split_at(length);
        let record = record.get(space + 1..).ok_or(BAD)?;
        let record = record.strip_suffix(b"\n").ok_or(BAD)?;
        let equals = record.iter().position(|b| *b == b'=').ok_or(BAD)?;
        take(&record[..equals], &record[equals + 1..])?;
        content = rest;
    }
    Ok(())
}

fn decimal(text: &[u8]) -> Option<u64> {
    // The number parser would also accept a sign.
    text.first().filter(|b| b.is_ascii_digit())?;
    str::from_utf8(text).ok()?.parse().ok()
}

/// A name as messages show it: on one line, and of limited length.
pub(super) fn shown(raw: &[u8]) -> String {
    const MOST: usize = 200;
    let cut = raw.len() > MOST;
    let text = String::from_utf8_lossy(&raw[..raw.len().min(MOST)]);
    format!("{}{}", text.escape_debug(), if cut { "..." } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sized(field: &[u8; 12]) -> Option<u64> {
        let mut header = Header::new_gnu();
        header.as_old_mut().size = *field;
        size(&header)
    }

    #[test]
    fn sizes() {
        assert_eq!(sized(b"00000000017\0"), Some(15));
        assert_eq!(sized(b"         17 "), Some(15));
        assert_eq!(sized(b"777777777777"), Some((1 << 36) - 1));
        assert_eq!(sized(b"\0\0\0\0\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(sized(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(1 << 33));
        for bad in [
            b"00000000018\0",
            b"+0000000017\0",
            b"-0000000017\0",
            b"17\0       1\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x80\0\0\x01\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(sized(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn pax_records_go_by_their_lengths() {
        let mut found = Vec::new();
        // A newline in a value must not start a record.
        let content = b"20 a=\n11 path=evil\n\n17 path=blobs/xy\n";
        records(content, |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            Ok(())
        })
        .expect("well formed");
        assert_eq!(found[0], (b"a".to_vec(), b"\n11 path=evil\n".to_vec()));
        assert_eq!(found[1], (b"path".to_vec(), b"blobs/xy".to_vec()));
        for bad in [
            &b"5 a=b"[..],
            b"99 a=b\n",
            b"6 a=b\n6 a",
            b"6 abc\n",
            b"0 a=b\n",
            b"+6 a=b\n",
            b"1 a=b\n",
            b"18446744073709551616 a=b\n",
            b"\0\0",
        ] {
            assert!(records(bad, |_, _| Ok(())).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn refuses_to_be_told_twice() {
        let mut extensions = Extensions::default();
        let take = &mut |kind, content: &[u8]| extensions.take(kind, content.to_vec());
        assert!(take(Extension::GlobalPax, b"9 size=1\n").is_err());
        assert!(take(Extension::GlobalPax, b"22 GNU.sparse.major=1\n").is_err());
        take(Extension::GlobalPax, b"13 comment=x\n").expect("says nothing that matters");
        take(Extension::Name, b"a\0").expect("a name");
        assert!(take(Extension::GlobalPax, b"13 comment=x\n").is_err());
        assert!(take(Extension::Pax, b"9 path=b\n").is_err());
        assert!(take(Extension::Pax, b"9 size=1\n").is_err());
        assert_eq!(extensions.name.as_deref(), Some(&b"a"[..]));
    }

    #[test]
    fn a_shown_name_has_a_limit() {
        assert_eq!(shown(&[b'a'; 200]), "a".repeat(200));
        assert_eq!(shown(&[b'a'; 201]), "a".repeat(200) + "...");
        assert_eq!(shown(b"a\n\x1b"), "a\\n\\u{1b}");
    }

    proptest! {
        #[test]
        fn sizes_read_back(value in any::<u64>()) {
            let mut header = Header::new_gnu();
            header.set_size(value);
            prop_assert_eq!(size(&header), Some(value));
        }

        #[test]
        fn any_pax_header_is_read_or_refused(content in "[0-9]{1,2} [a-z]{0,4}=?\\PC{0,6}\n{0,2}") {
            let _ = records(content.as_bytes(), |_, _| Ok(()));
        }
    }
}
