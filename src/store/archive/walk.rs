//! Walking through an archive's members. Both passes use this walk, so the second pass refuses everything that the
//! first refuses.

use std::collections::{HashMap, HashSet};

use tar::Header;

use super::name::{self, NameId, Place, shown};
use super::problem::Problem;
use super::source::Source;
use crate::store;
use crate::store::error::{Error, Kind as ErrorKind};
use crate::store::limits::Limits;
use crate::store::tar_header::{self as header, BLOCK, Extensions, Type};

/// The most bytes of a long name or a pax header; the walk reads them into memory.
const LONGEST_EXTENSION: u64 = 64 << 10;

/// The type of a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File(Place),
    /// A symbolic link, with its target.
    Link(String),
}

/// A member that is not a folder.
#[derive(Debug)]
pub(super) struct Member {
    /// Its normalised name.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Whether an earlier member has this name too.
    pub(super) again: bool,
}

/// Whether the walk accepts symbolic links; it accepts only those that `docker save` writes, `*/layer.tar`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    Refused,
    ToLayers,
}

/// The type of each member, by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    shapes: HashMap<NameId, Shape>,
    /// The names that several members have. None of these is a folder.
    repeated: HashSet<NameId>,
}

/// How many names may have several members.
const MOST_REPEATED: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    File,
    Folder,
    Link,
}

impl Names {
    /// Whether a regular member has this name.
    pub(super) fn has_file(&self, name: NameId) -> bool {
        self.shapes.get(&name) == Some(&Shape::File)
    }

    /// Whether several members have this name, none of them a folder.
    pub(super) fn is_repeated(&self, name: NameId) -> bool {
        self.repeated.contains(&name)
    }
}

/// A member's content.
pub(super) struct Data<'w, 'a> {
    source: &'w mut Source<'a>,
    left: u64,
}

impl Data<'_, '_> {
    /// The position of the next byte in the unpacked archive.
    pub(super) const fn position(&self) -> u64 {
        self.source.position()
    }

    /// How many bytes are left.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// Fills the buffer unless the content ends first; returns how many bytes it read.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let length = usize::try_from(self.left).map_or(buffer.len(), |n| n.min(buffer.len()));
        if self.source.fill(&mut buffer[..length])? < length {
            return Err(self.source.problem(Problem::Truncated));
        }
        self.left -= length as u64;
        Ok(length)
    }

    /// Reads the whole content, at most `limit` bytes.
    pub(super) fn read(&mut self, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let too_large = || {
            self.source.problem(Problem::TooLarge {
                name: shown(name.as_bytes()),
                size: self.left,
                limit,
            })
        };
        if self.left > limit {
            return Err(too_large());
        }
        let length = usize::try_from(self.left).map_err(|_| too_large())?;
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// Calls `visit` with every member that is not a folder, in order, and skips the content that `visit` does not read.
///
/// Long names and pax headers count as members towards the limit of members. All bytes that the walk reads or skips,
/// headers and padding too, count towards the limit of the image.
///
/// A block of zeros must mark the end. POSIX asks for two, and some writers stop after one. Without this rule, an
/// archive that was cut short between two members would look whole.
pub(super) fn walk(
    source: &mut Source<'_>,
    limits: &Limits,
    links: Links,
    visit: &mut dyn FnMut(Member, &mut Data<'_, '_>) -> Result<(), Error>,
) -> Result<Names, Error> {
    let mut walker = Walker {
        source,
        limits,
        links,
        headers: 0,
        names: Names::default(),
    };
    while walker.member(visit)? {}
    Ok(walker.names)
}

struct Walker<'w, 'a> {
    source: &'w mut Source<'a>,
    limits: &'w Limits,
    links: Links,
    headers: usize,
    names: Names,
}

impl<'a> Walker<'_, 'a> {
    /// Reads one member and the extensions before it; `false` at the end.
    fn member(
        &mut self,
        visit: &mut dyn FnMut(Member, &mut Data<'_, '_>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let mut extensions = Extensions::default();
        loop {
            let position = self.source.position();
            let bad = |reason| Problem::Header { position, reason };
            let Some(header) = self.header()? else {
                if extensions.any() {
                    return Err(self.problem(bad("the member that it describes is missing")));
                }
                return Ok(false);
            };
            let size = header::size(&header);
            let size = size.ok_or_else(|| self.problem(bad("its size is not a number")))?;
            if let Some(kind) = header::extension_of(&header) {
                if !header::has_known_format(&header) {
                    let reason = "it is an extension, but in neither POSIX's nor GNU's format";
                    return Err(self.problem(bad(reason)));
                }
                if size > LONGEST_EXTENSION {
                    return Err(self.problem(bad("it is an extension of more than 64 KiB")));
                }
                let mut data = self.data(size);
                let content = data.read("", size)?;
                self.pass_padding(size)?;
                let taken = extensions.take(kind, content);
                taken.map_err(|reason| self.problem(bad(reason)))?;
                continue;
            }
            let size = extensions.size.unwrap_or(size);
            if let Some(member) = self.check(&header, size, extensions)? {
                let mut data = self.data(size);
                visit(member, &mut data)?;
                let left = data.left();
                self.source.skip(left)?;
            }
            self.pass_padding(size)?;
            return Ok(true);
        }
    }

    /// Reads a header; `None` at the archive's end.
    fn header(&mut self) -> Result<Option<Header>, Error> {
        let start = self.source.position();
        let mut header = Header::new_old();
        let length = self.source.fill(header.as_mut_bytes())?;
        let whole = length as u64 == BLOCK;
        if whole && header.as_bytes().iter().all(|b| *b == 0) {
            self.source.only_zeros()?;
            return Ok(None);
        }
        if !whole || !header::checksum_fits(&header) {
            return Err(self.problem(match (start, whole) {
                (0, _) => Problem::NotTar,
                (_, false) if length == 0 => Problem::NoEnd,
                (_, false) => Problem::Truncated,
                (position, true) => Problem::Header {
                    position,
                    reason: "its checksum is wrong",
                },
            }));
        }
        self.headers += 1;
        if self.headers > self.limits.members {
            return Err(self.problem(Problem::TooManyMembers(self.limits.members)));
        }
        Ok(Some(header))
    }

    /// Applies the rules about types, names and sizes; `None` for a folder.
    fn check(
        &mut self,
        header: &Header,
        size: u64,
        extensions: Extensions,
    ) -> Result<Option<Member>, Error> {
        let raw = extensions
            .name
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let misnamed = |reason| Problem::Name {
            name: shown(&raw),
            reason,
        };
        let is = |kind| Problem::Kind {
            name: shown(&raw),
            kind,
        };
        let name = name::normalised(&raw).map_err(|reason| self.problem(misnamed(reason)))?;
        // Before tar had a type for folders, a slash at the end of the name marked a folder.
        let kind = match header::type_of(header) {
            Type::File if raw.ends_with(b"/") => Type::Folder,
            kind => kind,
        };
        if extensions.sparse {
            return Err(self.problem(is("a sparse file")));
        }
        let (shape, kind) = match kind {
            Type::File => (Shape::File, Some(Kind::File(Place::of(&name)))),
            Type::Folder => (Shape::Folder, None),
            Type::Symlink => {
                if self.links == Links::Refused || !name.ends_with("/layer.tar") {
                    return Err(self.problem(is("a symbolic link")));
                }
                let header_link = || header.link_name_bytes().unwrap_or_default().into_owned();
                let target = extensions.link.unwrap_or_else(header_link);
                let to = name::link_target(&name, &target).ok_or_else(|| {
                    self.problem(Problem::Link {
                        name: shown(&raw),
                        target: shown(&target),
                    })
                })?;
                (Shape::Link, Some(Kind::Link(to)))
            }
            Type::Foreign(kind) => return Err(self.problem(is(kind))),
        };
        if header::has_doubtful_prefix(header) {
            let reason = "has a name with a first part that some readers ignore";
            return Err(self.problem(misnamed(reason)));
        }
        // Some readers skip the content that a folder or a link states, others do not.
        if size > 0 && shape != Shape::File {
            return Err(self.problem(misnamed("has content, which only a regular file can have")));
        }
        if name.is_empty() && shape == Shape::File {
            return Err(self.problem(misnamed("has no name")));
        }
        if size > self.limits.layer {
            let kind = ErrorKind::Bomb {
                what: format!("member \"{}\"", shown(&raw)),
                limit: self.limits.layer,
                flag: "--max-layer-size",
            };
            return Err(kind.at(store::place::Place::Archive(self.source.path().to_owned())));
        }
        let id = NameId::of(&name);
        let again = match self.names.shapes.insert(id, shape) {
            None => false,
            // The visitor compares the content of the two members. A repeated folder changes nothing.
            Some(before) if before == shape => true,
            Some(_) => return Err(self.problem(Problem::Duplicate(shown(&raw)))),
        };
        if again && shape != Shape::Folder {
            self.names.repeated.insert(id);
            if self.names.repeated.len() > MOST_REPEATED {
                return Err(self.problem(Problem::TooManyRepeated(MOST_REPEATED)));
            }
        }
        Ok(kind.map(|kind| Member { name, kind, again }))
    }

    fn data(&mut self, size: u64) -> Data<'_, 'a> {
        Data {
            source: self.source,
            left: size,
        }
    }

    fn pass_padding(&mut self, size: u64) -> Result<(), Error> {
        self.source.skip((BLOCK - size % BLOCK) % BLOCK)
    }

    fn problem(&self, problem: Problem) -> Error {
        self.source.problem(problem)
    }
}
