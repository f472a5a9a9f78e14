//! Reading a layer's tar archive as a realm does, from bytes that arrive piece by piece.
//!
//! A realm's reader ends at the first block of zeros, goes by the header's own size and link target, writes members of
//! unknown type as files, and accepts no sparse file. A header that a realm and other readers understand differently is
//! a finding.

use std::borrow::Cow;

use tar::{EntryType, Header};

use super::members::{Budget, Kind, Member, Members};
use crate::image::realm::rule;
use crate::store::tar_header::{
    self as header, BLOCK, Extension, Extensions, checksum_fits, has_known_format, shown,
};

/// The most bytes of a long name or a pax header; extended attributes may be long.
const LONGEST_EXTENSION: u64 = 1 << 20;
/// The most bytes that Linux allows in a component of a name, and in a name: `PATH_MAX`, less some bytes for the
/// folder that a realm unpacks into.
const LONGEST_COMPONENT: usize = 255;
const LONGEST_NAME: usize = 3800;
/// The positions where GNU's header, and each further block of a sparse file's map, say that more blocks follow.
const SPARSE_GOES_ON: usize = 482;
const SPARSE_GOES_ON_AGAIN: usize = 504;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Looks at the bytes of a layer while ir-sign unpacks it.
#[derive(Default)]
pub(in crate::store) struct Watch {
    block: Vec<u8>,
    position: u64,
    state: State,
    extensions: Extensions,
    /// GNU's long link target; a realm ignores pax link targets.
    long_link: Option<Vec<u8>>,
    members: Members,
}

#[derive(Clone, Copy, Default)]
enum State {
    /// At a header.
    #[default]
    Header,
    /// In an extension of this many bytes.
    Extension(Extension, u64),
    /// In content, or in the padding after an extension or content.
    Skip(u64),
    /// In the map of a sparse file, with this many bytes of content after it.
    Map(u64),
    /// After the end, or after the place where a realm stops reading.
    Ended,
}

impl Watch {
    /// Starts a layer of the image with this budget.
    pub(in crate::store) fn new(budget: &Budget) -> Self {
        Self {
            members: Members::new(budget.clone()),
            ..Self::default()
        }
    }

    /// Takes the next bytes.
    pub(in crate::store) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let wanted = match self.state {
                State::Ended => return,
                State::Skip(left) => {
                    let step = left.min(bytes.len() as u64);
                    let (_, rest) = bytes.split_at(usize::try_from(step).unwrap_or(bytes.len()));
                    bytes = rest;
                    self.position += step;
                    self.skip(left - step);
                    continue;
                }
                State::Extension(_, size) => size,
                State::Header | State::Map(_) => BLOCK,
            };
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX) - self.block.len();
            let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.block.extend_from_slice(taken);
            bytes = rest;
            if taken.len() == wanted {
                self.position += self.block.len() as u64;
                self.whole();
                self.block.clear();
            }
        }
    }

    /// Ends the layer.
    pub(in crate::store) fn finish(mut self) -> Members {
        let cut = match self.state {
            State::Header => !self.block.is_empty(),
            State::Ended => false,
            State::Extension(..) | State::Skip(_) | State::Map(_) => true,
        };
        if cut {
            self.broken("it is cut short");
        }
        self.members.close();
        self.members
    }

    fn skip(&mut self, left: u64) {
        self.state = match left {
            0 => State::Header,
            left => State::Skip(left),
        };
    }

    /// Handles a header block, an extension or a map block once all its bytes have arrived.
    fn whole(&mut self) {
        match self.state {
            State::Header => self.header(),
            State::Extension(kind, size) => {
                self.skip(padding(size));
                let content = std::mem::take(&mut self.block);
                if kind == Extension::Link {
                    self.long_link = Some(content.clone());
                }
                if let Err(reason) = self.extensions.take(kind, content) {
                    self.broken(reason);
                }
            }
            State::Map(content) => {
                if self.block[SPARSE_GOES_ON_AGAIN] == 0 {
                    self.skip(content);
                }
            }
            State::Skip(_) | State::Ended => {}
        }
    }

    /// Records the fault that ends the reading.
    fn broken(&mut self, reason: &str) {
        let position = self.position;
        self.members.faults.add(rule::LAYER_TAR, || {
            format!(
                "is not a tar archive that a realm reads as others do: up to byte {position}, {reason}"
            )
        });
        self.members.ended = true;
        self.state = State::Ended;
    }

    fn header(&mut self) {
        if self.block.iter().all(|b| *b == 0) {
            self.state = State::Ended;
            return;
        }
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(&self.block);
        if !checksum_fits(&header) {
            return self.broken("the checksum of a header is wrong");
        }
        let blank = header.as_old().size.iter().all(|b| matches!(b, 0 | b' '));
        let size = header::size(&header).filter(|_| !blank);
        let Some(size) = size.filter(|size| *size <= u64::MAX - BLOCK) else {
            return self.broken("the size in a header is not a number");
        };
        let extension = header::extension_of(&header);
        if extension.is_some() && !has_known_format(&header) {
            return self.broken("an extension is in a header of neither POSIX's nor GNU's format");
        }
        if let Some(kind) = extension {
            if size > LONGEST_EXTENSION {
                return self.broken("an extension has more than 1 MiB");
            }
            if kind == Extension::GlobalPax {
                self.name(&header, Kind::Above);
            }
            self.state = State::Extension(kind, size);
            if size == 0 {
                self.whole();
            }
            return;
        }
        self.member(&header, size);
        self.extensions = Extensions::default();
        self.long_link = None;
    }

    fn member(&mut self, header: &Header, size: u64) {
        if self.extensions.size.is_some_and(|stated| stated != size) {
            return self.broken("a pax header gives another size than the header of its file");
        }
        self.skip(size + padding(size));
        let name = self.raw_name(header);
        let kind = match header.entry_type() {
            EntryType::Directory => Kind::Folder,
            EntryType::Symlink => Kind::Symlink,
            EntryType::Link => Kind::HardLink,
            EntryType::GNUSparse => {
                if header.as_gnu().is_some() && self.block[SPARSE_GOES_ON] != 0 {
                    self.state = State::Map(size + padding(size));
                }
                self.members.faults.add(rule::LAYER_SPARSE, || {
                    format!(
                        "has a sparse file in the form of old GNU tar, \"{}\"",
                        shown(&name)
                    )
                });
                Kind::File
            }
            // Before tar had a type for folders, a slash at the end of the name marked a folder.
            _ if header.as_ustar().is_none() && name.ends_with(b"/") => Kind::Folder,
            _ => Kind::File,
        };
        self.name(header, kind);
    }

    fn raw_name(&self, header: &Header) -> Vec<u8> {
        let name = self.extensions.name.clone();
        name.unwrap_or_else(|| header.path_bytes().into_owned())
    }

    fn bad_name(&mut self, raw: &[u8], reason: &str) {
        self.members.faults.add(rule::LAYER_PATH, || {
            format!("has \"{}\", {reason}", shown(raw))
        });
    }

    /// Records a member's name, or the name that a whiteout removes.
    fn name(&mut self, header: &Header, kind: Kind) {
        let raw = self.raw_name(header);
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in raw.split(|b| *b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => return self.bad_name(&raw, "a name that leads out of its folder"),
                part => parts.push(part),
            }
        }
        if raw.contains(&0) {
            return self.bad_name(&raw, "a name with a NUL in it");
        }
        if raw.len() > LONGEST_NAME || parts.iter().any(|part| part.len() > LONGEST_COMPONENT) {
            return self.bad_name(&raw, "a name that is too long");
        }
        let Some((last, above)) = parts.split_last() else {
            // The member is the root, which already exists.
            return;
        };
        if header.entry_type() == EntryType::Regular {
            if str::from_utf8(last).is_err() {
                return self.bad_name(&raw, "a file whose name is not UTF-8");
            }
            if let Some(hidden) = last.strip_prefix(WHITEOUT) {
                return self.whiteout(&raw, above, hidden, *last == OPAQUE);
            }
        }
        let name = parts.join(&b'/');
        let target = self.target(header, kind, &raw);
        let target = target.as_deref().unwrap_or_default();
        if matches!(kind, Kind::Symlink | Kind::HardLink) {
            if target.is_empty() || target.contains(&0) {
                return self.broken("a link has no target");
            }
            if target.len() > LONGEST_NAME {
                return self.bad_name(&raw, "a link whose target is too long");
            }
        }
        self.members.push(Member {
            kind,
            name: &name,
            target,
        });
    }

    fn whiteout(&mut self, raw: &[u8], above: &[&[u8]], hidden: &[u8], opaque: bool) {
        if raw.starts_with(b"/") {
            let reason =
                "a whiteout with an absolute name, which a realm looks for outside of the image";
            return self.bad_name(raw, reason);
        }
        let (kind, name) = if opaque {
            (Kind::Opaque, above.join(&b'/'))
        } else {
            (Kind::Whiteout, [above, &[hidden]].concat().join(&b'/'))
        };
        if !opaque && matches!(hidden, b"" | b"." | b"..") {
            self.members.faults.add(rule::WHITEOUT_OF_FOLDER, || {
                format!("has the whiteout \"{}\", which names a folder", shown(raw))
            });
            return;
        }
        self.members.push(Member {
            kind,
            name: &name,
            target: b"",
        });
    }

    /// The target of a link as a realm reads it.
    fn target(&mut self, header: &Header, kind: Kind, raw: &[u8]) -> Option<Vec<u8>> {
        if !matches!(kind, Kind::Symlink | Kind::HardLink) {
            return None;
        }
        let own = match self.long_link.take() {
            Some(mut long) => {
                if long.last() == Some(&0) {
                    long.pop();
                }
                Some(long)
            }
            None => header.link_name_bytes().map(Cow::into_owned),
        };
        if self.extensions.link.is_some() && self.extensions.link != own {
            self.members.faults.add(rule::LINK_TARGET, || {
                let raw = shown(raw);
                format!("has the target of the link \"{raw}\" in a pax record, which a realm does not read")
            });
        }
        own
    }
}

const fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}
