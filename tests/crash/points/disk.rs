//! A disk that loses power: which of a recording's changes are sure to be there after it.
//!
//! What POSIX promises, and no more: the content of a file lasts once that file was synced, and a name
//! in a folder once that folder was. A rename is there as a whole or not at all; it lasts once the
//! folder was synced that the thing went to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use harness::Snapshot;
use harness::strace::Call;
use harness::strace::parse::Arg;

type Names = BTreeMap<OsString, usize>;

#[derive(Clone, Debug, PartialEq)]
enum Node {
    File { now: Vec<u8>, lasting: Vec<u8> },
    Folder { now: Names, lasting: Names },
}

/// A rename from one folder to another of which it is not sure yet that it lasts.
#[derive(Clone, Debug, PartialEq)]
struct Move {
    node: usize,
    from: (usize, OsString),
    to: (usize, OsString),
    /// The file that came into its old place, if they changed places.
    back: Option<usize>,
}

/// A folder and all below it, as it is and as it would be after a loss of power.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    nodes: Vec<Node>,
    moves: Vec<Move>,
}

const TOP: usize = 0;

/// Calls that change nothing that is looked at here.
const HARMLESS: &str = "access,chdir,chmod,close,dup,dup2,dup3,execve,faccessat,faccessat2,fadvise64,\
    fchdir,fchmod,fchmodat,fcntl,fgetxattr,flock,fstat,fstatfs,getcwd,getdents64,getxattr,ioctl,lseek,\
    lstat,mmap,newfstatat,poll,ppoll,pread64,preadv,read,readlink,readlinkat,readv,stat,statfs,statx,\
    sync_file_range,epoll_create1,epoll_ctl,epoll_wait,eventfd2,select,pselect6";

/// One way in which power can be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Only the changes that are sure to last are there.
    AllSinceTheLastSync,
    /// All names are there; the content of files that were not synced is not.
    ContentsAlone,
    /// One folder was written back by itself, and nothing else.
    AllButOneFolder(usize),
}

impl Disk {
    /// A folder that has been there for long.
    pub fn new(there: &Snapshot) -> Self {
        let folder = || Node::Folder {
            now: Names::new(),
            lasting: Names::new(),
        };
        let mut disk = Self {
            nodes: vec![folder()],
            moves: Vec::new(),
        };
        // Sorted: folders before their content.
        for (path, content) in there {
            let node = if content == b"folder" {
                folder()
            } else {
                Node::File {
                    now: content.clone(),
                    lasting: content.clone(),
                }
            };
            disk.add(path, node);
        }
        for node in &mut disk.nodes {
            if let Node::Folder { now, lasting } = node {
                lasting.clone_from(now);
            }
        }
        disk
    }

    fn find(&self, path: &Path) -> Option<usize> {
        path.components()
            .try_fold(TOP, |node, part| match &self.nodes[node] {
                Node::Folder { now, .. } => now.get(part.as_os_str()).copied(),
                Node::File { .. } => None,
            })
    }

    /// The folder that a path is in, and its name there.
    fn place(&self, path: &Path) -> (usize, OsString) {
        let parent = path.parent().expect("it is below the folder");
        let folder = self.find(parent);
        let folder = folder.unwrap_or_else(|| panic!("no folder {}", parent.display()));
        (folder, path.file_name().expect("a name").to_owned())
    }

    fn names(&mut self, folder: usize) -> &mut Names {
        match &mut self.nodes[folder] {
            Node::Folder { now, .. } => now,
            Node::File { .. } => panic!("a file in a folder's place"),
        }
    }

    fn content(&mut self, path: &Path) -> &mut Vec<u8> {
        let node = self.find(path);
        match node.map(|node| &mut self.nodes[node]) {
            Some(Node::File { now, .. }) => now,
            other => panic!("no file {}: {other:?}", path.display()),
        }
    }

    fn add(&mut self, path: &Path, node: Node) {
        let (folder, name) = self.place(path);
        self.nodes.push(node);
        let node = self.nodes.len() - 1;
        let before = self.names(folder).insert(name, node);
        assert!(before.is_none(), "{} was there", path.display());
    }

    /// Does what a call of a recording did below the folder `top`; says whether it did anything.
    pub fn apply(&mut self, call: &Call, top: &Path) -> bool {
        let paths: Vec<PathBuf> = call.paths();
        let inside = |path: &PathBuf| path.strip_prefix(top).ok().map(Path::to_owned);
        let inner: Vec<PathBuf> = paths.iter().filter_map(inside).collect();
        let failed = call.result.is_none_or(|result| result < 0);
        let mapped = call.name == "mmap" && call.has("MAP_SHARED") && call.has("PROT_WRITE");
        assert!(inner.is_empty() || !mapped, "written how? {call:?}");
        if inner.is_empty() || failed || HARMLESS.split(',').any(|name| name == call.name) {
            return false;
        }
        assert_eq!(inner.len(), paths.len(), "one end is elsewhere: {call:?}");
        match (call.name.as_str(), &inner[..]) {
            ("open" | "openat" | "creat", [path]) => return self.open(path, call),
            ("write", [path]) => {
                let bytes = written(call);
                // Files are written from their beginning, or at their end; `open` saw to it.
                self.content(path).extend(bytes);
            }
            ("pwrite64", [path]) => {
                let bytes = written(call).to_vec();
                let Some(Arg::Word(offset)) = call.args.last() else {
                    panic!("no offset: {call:?}");
                };
                let offset: usize = offset.parse().expect("a number");
                let content = self.content(path);
                content.resize(content.len().max(offset + bytes.len()), 0);
                content[offset..offset + bytes.len()].copy_from_slice(&bytes);
            }
            ("ftruncate" | "truncate", [path]) => {
                let Some(Arg::Word(length)) = call.args.last() else {
                    panic!("no length: {call:?}");
                };
                let length = length.parse().expect("a number");
                self.content(path).resize(length, 0);
            }
            ("mkdir" | "mkdirat", [path]) => self.add(
                path,
                Node::Folder {
                    now: Names::new(),
                    lasting: Names::new(),
                },
            ),
            ("unlink" | "unlinkat" | "rmdir", [path]) => {
                let (folder, name) = self.place(path);
                let gone = self.names(folder).remove(&name);
                assert!(gone.is_some(), "{} was not there", path.display());
            }
            ("link" | "linkat", [old, new]) => {
                let node = self.find(old).expect("it is there");
                let (folder, name) = self.place(new);
                self.names(folder).insert(name, node);
            }
            ("rename" | "renameat" | "renameat2", [old, new]) => {
                self.rename(old, new, call.has("RENAME_EXCHANGE"));
            }
            ("fsync" | "fdatasync", [path]) => {
                let node = self.find(path);
                self.sync(node.unwrap_or_else(|| panic!("no {}", path.display())));
            }
            _ => panic!("a call that is not understood: {call:?}"),
        }
        true
    }

    fn open(&mut self, path: &Path, call: &Call) -> bool {
        let is_written = call.has("O_WRONLY") || call.has("O_RDWR");
        match self.find(path) {
            None => {
                let (now, lasting) = (Vec::new(), Vec::new());
                self.add(path, Node::File { now, lasting });
                true
            }
            Some(_) if call.has("O_TRUNC") => {
                self.content(path).clear();
                true
            }
            Some(_) => {
                let at_its_end = call.has("O_APPEND");
                assert!(!is_written || at_its_end, "where does it write? {call:?}");
                false
            }
        }
    }

    fn rename(&mut self, old: &Path, new: &Path, exchange: bool) {
        let (from, to) = (self.place(old), self.place(new));
        let node = self.names(from.0).remove(&from.1);
        let node = node.unwrap_or_else(|| panic!("no {}", old.display()));
        let there = self.names(to.0).insert(to.1.clone(), node);
        let back = there.filter(|_| exchange);
        if let Some(back) = back {
            self.names(from.0).insert(from.1.clone(), back);
        }
        if from.0 != to.0 {
            self.moves.push(Move {
                node,
                from,
                to,
                back,
            });
        }
    }

    fn sync(&mut self, node: usize) {
        let now = match &mut self.nodes[node] {
            Node::File { now, lasting } => {
                lasting.clone_from(now);
                return;
            }
            Node::Folder { now, .. } => now.clone(),
        };
        let mut lasting = now;
        let (came, other) = std::mem::take(&mut self.moves)
            .into_iter()
            .partition(|m: &Move| m.to.0 == node);
        self.moves = other;
        for left in self.moves.iter().filter(|m| m.from.0 == node) {
            // It lasts where it was until the other folder is synced.
            lasting.insert(left.from.1.clone(), left.node);
        }
        for came in came {
            if let Node::Folder { lasting, .. } = &mut self.nodes[came.from.0]
                && lasting.get(&came.from.1) == Some(&came.node)
            {
                lasting.remove(&came.from.1);
                if let Some(back) = came.back {
                    lasting.insert(came.from.1, back);
                }
            }
        }
        if let Node::Folder { lasting: old, .. } = &mut self.nodes[node] {
            *old = lasting;
        }
    }

    /// All ways in which power can be lost now.
    pub fn losses(&self) -> Vec<Loss> {
        let mut losses = vec![Loss::AllSinceTheLastSync, Loss::ContentsAlone];
        for (n, node) in self.nodes.iter().enumerate() {
            if matches!(node, Node::Folder { now, lasting } if now != lasting) {
                losses.push(Loss::AllButOneFolder(n));
            }
        }
        losses
    }

    /// The files when power comes back.
    pub fn after(&self, loss: &Loss) -> Snapshot {
        let mut disk = self.clone();
        if let Loss::AllButOneFolder(folder) = loss {
            disk.sync(*folder);
        }
        disk.list(*loss != Loss::ContentsAlone, true)
    }

    /// The files as long as there is power.
    pub fn now(&self) -> Snapshot {
        self.list(false, false)
    }

    fn list(&self, lasting_names: bool, lasting_contents: bool) -> Snapshot {
        let mut all = Snapshot::new();
        let mut folders = vec![(TOP, PathBuf::new())];
        while let Some((folder, path)) = folders.pop() {
            let Node::Folder { now, lasting } = &self.nodes[folder] else {
                panic!("a file in a folder's place");
            };
            for (name, node) in if lasting_names { lasting } else { now } {
                let path = path.join(name);
                let content = match &self.nodes[*node] {
                    Node::Folder { .. } => {
                        folders.push((*node, path.clone()));
                        b"folder".to_vec()
                    }
                    Node::File { now, lasting } => {
                        if lasting_contents { lasting } else { now }.clone()
                    }
                };
                all.insert(path, content);
            }
        }
        all
    }
}

/// The bytes that a call wrote, of those it was given.
fn written(call: &Call) -> &[u8] {
    let data = call.args.iter().find_map(|arg| match arg {
        Arg::Text(bytes) => Some(bytes),
        _ => None,
    });
    let count = call.result.and_then(|n| usize::try_from(n).ok());
    &data.expect("data")[..count.expect("a length")]
}
