//! The tree that a realm has unpacked so far; each name takes few bytes.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// How many names of all layers together the tree keeps. Each takes about 15 to 30 bytes.
const MOST_NAMES: usize = 300_000;
/// How many bytes the targets of all symbolic links may take.
const MOST_TARGETS: usize = 2 << 20;
/// How many links Linux follows while it resolves one name.
const MOST_LINKS: usize = 40;
/// How many parts the tree has, so that it does not copy everything at once when it grows.
const PARTS: usize = 32;

/// The file, folder or link of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    File,
    Folder(Id),
    Symlink(Id),
}

/// A folder, or a link's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(u32);

/// Why a name leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dead {
    /// Nothing has this name.
    Nothing,
    /// A part of the name before its end is not a folder.
    NotAFolder,
    /// A symbolic link on the way leads to a missing name.
    Dangling,
    /// A symbolic link on the way has an absolute target, which a realm looks for in its own system.
    Absolute,
    /// A symbolic link on the way leads outside the image's root.
    Outside,
    /// There are too many symbolic links on the way.
    Loop,
}

/// Files, folders and links. A keyed hash of its folder and itself finds a name: without the key, an attacker cannot
/// make two names that the tree confuses.
pub(super) struct Tree {
    parts: Vec<HashMap<Key, [u8; 4], BuildHasherDefault<AsItIs>>>,
    names: RandomState,
    /// How often an opaque whiteout has emptied a folder, if ever; the tree no longer finds older names.
    emptied: HashMap<Id, u32>,
    targets: Vec<u8>,
    next: u32,
    kept: usize,
    full: bool,
}

type Key = [u8; 8];

/// The root folder.
pub(super) const ROOT: Id = Id(0);

impl Default for Tree {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| HashMap::default()).collect(),
            names: RandomState::new(),
            emptied: HashMap::new(),
            targets: Vec::new(),
            next: 1,
            kept: 0,
            full: false,
        }
    }
}

impl Tree {
    /// Whether there are more names, or longer targets, than the tree keeps: its answers about names may then be wrong.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    fn key(&self, folder: Id, name: &[u8]) -> Key {
        let emptied = self.emptied.get(&folder).copied().unwrap_or_default();
        self.names.hash_one((folder, emptied, name)).to_le_bytes()
    }

    /// The node with this name in a folder.
    pub(super) fn get(&self, folder: Id, name: &[u8]) -> Option<Node> {
        let key = self.key(folder, name);
        let packed = self.parts[part(key)].get(&key)?;
        Some(unpacked(u32::from_le_bytes(*packed)))
    }

    /// Sets the node of a name in a folder.
    pub(super) fn set(&mut self, folder: Id, name: &[u8], node: Node) {
        let key = self.key(folder, name);
        let before = self.parts[part(key)].insert(key, packed(node).to_le_bytes());
        self.kept += usize::from(before.is_none());
        self.full |= self.kept > MOST_NAMES;
        if self.full {
            // The parts are of no use any more.
            self.parts
                .iter_mut()
                .for_each(|part| *part = HashMap::default());
        }
    }

    /// Removes a name, and everything below it, from a folder.
    pub(super) fn remove(&mut self, folder: Id, name: &[u8]) {
        let key = self.key(folder, name);
        if self.parts[part(key)].remove(&key).is_some() {
            self.kept -= 1;
        }
    }

    /// Removes everything from a folder.
    pub(super) fn empty(&mut self, folder: Id) {
        *self.emptied.entry(folder).or_default() += 1;
        self.full |= self.emptied.len() > MOST_NAMES / 8;
    }

    /// Makes an empty folder.
    pub(super) fn new_folder(&mut self) -> Node {
        let id = self.next;
        // There cannot be more folders than bytes in all layers.
        self.next = self.next.wrapping_add(1) & !KIND_BITS;
        self.full |= self.next == 0;
        Node::Folder(Id(id))
    }

    /// Makes a symbolic link.
    pub(super) fn new_link(&mut self, target: &[u8]) -> Node {
        if self.targets.len() + target.len() > MOST_TARGETS {
            self.full = true;
            return Node::File;
        }
        let at = u32::try_from(self.targets.len()).expect("fewer than the most");
        let length = u16::try_from(target.len()).expect("no name is that long");
        self.targets.extend(length.to_le_bytes());
        self.targets.extend_from_slice(target);
        Node::Symlink(Id(at))
    }

    fn target(&self, link: Id) -> &[u8] {
        let at = usize::try_from(link.0).unwrap_or(usize::MAX);
        let (length, rest) = self.targets[at..].split_at(2);
        &rest[..usize::from(u16::from_le_bytes([length[0], length[1]]))]
    }

    /// Follows a name from the root to its node; `follow` says whether to follow the last link too.
    pub(super) fn find(&self, name: &[u8], follow: bool) -> Result<Node, Dead> {
        let mut way = vec![ROOT];
        self.walk(&mut way, name, follow, &mut 0)
    }

    fn walk(
        &self,
        way: &mut Vec<Id>,
        name: &[u8],
        follow: bool,
        links: &mut usize,
    ) -> Result<Node, Dead> {
        let mut parts = name
            .split(|b| *b == b'/')
            .filter(|part| !matches!(*part, b"" | b"."))
            .peekable();
        while let Some(part) = parts.next() {
            if part == b".." {
                way.pop();
                if way.is_empty() {
                    return Err(Dead::Outside);
                }
                continue;
            }
            let folder = *way.last().expect("the root at least");
            let is_last = parts.peek().is_none();
            let mut node = self.get(folder, part).ok_or(Dead::Nothing)?;
            if let Node::Symlink(link) = node
                && (follow || !is_last)
            {
                node = self.follow(way, link, links)?;
                if matches!(node, Node::Folder(_)) {
                    // Following the link has put the folder on the way already.
                    continue;
                }
            }
            match node {
                Node::Folder(id) => way.push(id),
                node if is_last => return Ok(node),
                _ => return Err(Dead::NotAFolder),
            }
        }
        Ok(Node::Folder(*way.last().expect("the root at least")))
    }

    fn follow(&self, way: &mut Vec<Id>, link: Id, links: &mut usize) -> Result<Node, Dead> {
        *links += 1;
        if *links > MOST_LINKS {
            return Err(Dead::Loop);
        }
        let target = self.target(link);
        if target.starts_with(b"/") {
            return Err(Dead::Absolute);
        }
        self.walk(way, target, true, links)
            .map_err(|dead| match dead {
                Dead::Nothing | Dead::NotAFolder => Dead::Dangling,
                dead => dead,
            })
    }

    /// The folder that a name leads to. Makes missing folders.
    pub(super) fn folder(&mut self, name: &[u8]) -> Result<Id, Dead> {
        let mut way = vec![ROOT];
        for part in name.split(|b| *b == b'/').filter(|part| !part.is_empty()) {
            let folder = *way.last().expect("the root at least");
            match self.get(folder, part) {
                None => {
                    let node = self.new_folder();
                    self.set(folder, part, node);
                    if let Node::Folder(id) = node {
                        way.push(id);
                    }
                }
                Some(Node::Folder(id)) => way.push(id),
                Some(Node::File) => return Err(Dead::NotAFolder),
                Some(Node::Symlink(link)) => match self.follow(&mut way, link, &mut 0)? {
                    Node::Folder(_) => {}
                    _ => return Err(Dead::NotAFolder),
                },
            }
        }
        Ok(*way.last().expect("the root at least"))
    }
}

const KIND_BITS: u32 = 3 << 30;

const fn packed(node: Node) -> u32 {
    match node {
        Node::File => 0,
        Node::Folder(Id(id)) => 1 << 30 | id,
        Node::Symlink(Id(id)) => 2 << 30 | id,
    }
}

const fn unpacked(packed: u32) -> Node {
    let id = Id(packed & !KIND_BITS);
    match packed >> 30 {
        1 => Node::Folder(id),
        2 => Node::Symlink(id),
        _ => Node::File,
    }
}

fn part(key: Key) -> usize {
    // The maps use the lowest and the highest bits.
    usize::from(key[5]) % PARTS
}

/// Uses a key that is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        if let Ok(hash) = bytes.try_into() {
            self.0 = u64::from_le_bytes(hash);
        }
    }

    fn write_usize(&mut self, _: usize) {
        // All keys have the same length.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_is_full_says_so_and_takes_no_more_memory() {
        let mut tree = Tree::default();
        for n in 0..MOST_NAMES {
            tree.set(ROOT, &n.to_le_bytes(), Node::File);
            // Setting a name twice takes no more room.
            tree.set(ROOT, b"\0\0\0\0\0\0\0\0", Node::File);
        }
        assert!(!tree.is_full());
        assert_eq!(tree.get(ROOT, &7_usize.to_le_bytes()), Some(Node::File));
        tree.set(ROOT, b"one more", Node::File);
        assert!(tree.is_full());
        assert!(tree.parts.iter().all(HashMap::is_empty));
        let mut tree = Tree::default();
        while !tree.is_full() {
            tree.new_link(&[b'a'; 1000]);
        }
        assert!(tree.targets.len() <= MOST_TARGETS);
    }

    #[test]
    fn an_emptied_folder_has_none_of_its_names() {
        let mut tree = Tree::default();
        let folder = tree.folder(b"a/b").expect("made");
        tree.set(folder, b"c", Node::File);
        let above = tree.folder(b"a").expect("there");
        tree.empty(above);
        assert_eq!(tree.find(b"a/b/c", true), Err(Dead::Nothing));
        assert_eq!(tree.find(b"a", true), Ok(Node::Folder(above)));
        assert_ne!(tree.folder(b"a/b"), Ok(folder));
        assert_eq!(tree.find(b"a/b/c", true), Err(Dead::Nothing));
    }
}
