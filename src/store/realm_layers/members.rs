//! The members of one layer, kept in few bytes until the model has seen all layers below it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::faults::Faults;

/// How many bytes the members of all layers of an image may take. A member takes the bytes of its name that differ from
/// the name before it, and some more.
const MOST_BYTES: usize = 5 << 20;

/// Counts the bytes of the members of all layers of an image.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// Counts more bytes, and says whether the total is still within the limit.
    fn takes(&self, bytes: usize) -> bool {
        self.0.fetch_add(bytes, Ordering::Relaxed) + bytes <= MOST_BYTES
    }
}

/// The effect of a member on the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    /// A file, or a member that a realm writes as a file: devices and pipes too.
    File,
    Symlink,
    HardLink,
    /// A whiteout of the file with this name.
    Whiteout,
    /// An opaque whiteout in the folder with this name.
    Opaque,
    /// A global pax header: a realm makes only the folders above its name.
    Above,
}

const KINDS: [Kind; 7] = [
    Kind::Folder,
    Kind::File,
    Kind::Symlink,
    Kind::HardLink,
    Kind::Whiteout,
    Kind::Opaque,
    Kind::Above,
];

/// A member: its name relative to the root, without `.`, `..` and empty components, and a link's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a [u8],
    pub(super) target: &'a [u8],
}

/// The members in their order, and the faults that each has by itself.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Members {
    bytes: Vec<u8>,
    last: Vec<u8>,
    budget: Budget,
    /// The rules that the layer breaks, whatever lies below it.
    pub(super) faults: Faults,
    /// Whether a realm stops in the middle of the layer, or the watch could not read on.
    pub(super) ended: bool,
    /// Whether the layer has more members than the watch keeps.
    pub(super) too_many: bool,
}

impl Members {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            ..Self::default()
        }
    }

    /// How many bytes the members take; `None` if there are more than the watch keeps.
    pub(in crate::store) fn kept(&self) -> Option<usize> {
        (!self.too_many).then(|| self.bytes.capacity())
    }

    pub(super) fn push(&mut self, member: Member<'_>) {
        if self.too_many {
            return;
        }
        let Member { kind, name, target } = member;
        let pairs = self.last.iter().zip(name);
        let shared = pairs.take_while(|(a, b)| a == b).count();
        let before = self.bytes.len();
        self.bytes.push(kind as u8);
        number(&mut self.bytes, shared);
        text(&mut self.bytes, &name[shared..]);
        if matches!(kind, Kind::Symlink | Kind::HardLink) {
            text(&mut self.bytes, target);
        }
        self.last.truncate(shared);
        self.last.extend_from_slice(&name[shared..]);
        if !self.budget.takes(self.bytes.len() - before) {
            self.too_many = true;
            self.bytes = Vec::new();
        }
    }

    pub(super) fn close(&mut self) {
        self.last = Vec::new();
        self.bytes.shrink_to_fit();
    }

    /// Calls `visit` with each member, in order.
    pub(super) fn each(&self, mut visit: impl FnMut(Member<'_>)) {
        let mut rest = &self.bytes[..];
        let mut name = Vec::new();
        while let Some((kind, after)) = rest.split_first() {
            rest = after;
            let kind = KINDS[usize::from(*kind)];
            name.truncate(take_number(&mut rest));
            name.extend_from_slice(take_text(&mut rest));
            let target = match kind {
                Kind::Symlink | Kind::HardLink => take_text(&mut rest),
                _ => b"",
            };
            visit(Member {
                kind,
                name: &name,
                target,
            });
        }
    }
}

/// Writes seven bits in a byte, the lowest first; the highest bit of a byte says that more bytes follow.
fn number(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push(low(value) | 0x80);
        value >>= 7;
    }
    bytes.push(low(value));
}

fn low(value: usize) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}

fn text(bytes: &mut Vec<u8>, text: &[u8]) {
    number(bytes, text.len());
    bytes.extend_from_slice(text);
}

fn take_number(rest: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, after) = rest.split_first().expect("a number was written whole");
        *rest = after;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn take_text<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = take_number(rest);
    let (text, after) = rest.split_at(length);
    *rest = after;
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn members_come_back(all in proptest::collection::vec((0..KINDS.len(), "[ab/]{0,9}", ".{0,200}"), 0..20)) {
            let mut members = Members::default();
            let wanted: Vec<_> = all.iter().map(|(kind, name, target)| {
                let kind = KINDS[*kind];
                let target = if matches!(kind, Kind::Symlink | Kind::HardLink) { target.as_str() } else { "" };
                (kind, name.as_bytes().to_vec(), target.as_bytes().to_vec())
            }).collect();
            for (kind, name, target) in &wanted {
                members.push(Member { kind: *kind, name, target });
            }
            members.close();
            let mut found = Vec::new();
            members.each(|m| found.push((m.kind, m.name.to_vec(), m.target.to_vec())));
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn the_members_of_a_layer_do_not_fill_the_memory() {
        let mut members = Members::default();
        let name = vec![b'a'; 4000];
        for n in 0..=u8::MAX {
            let name = [&[n][..], &name].concat();
            for kind in [Kind::File, Kind::Symlink] {
                members.push(Member {
                    kind,
                    name: &name,
                    target: &name,
                });
            }
        }
        assert!(members.kept().is_some());
        for n in 0..1000_u16 {
            let name = [&n.to_le_bytes()[..], &name].concat();
            members.push(Member {
                kind: Kind::File,
                name: &name,
                target: b"",
            });
        }
        assert_eq!(members.kept(), None);
        assert_eq!(members.bytes.capacity(), 0);
    }
}
