//! Unpacks the names in the layers of an image, one layer after the other, to find the place where a realm would stop.
//!
//! After a fault the model goes on as runtimes do, so that one fault gives one finding.

use std::fmt;

use super::faults::Faults;
use super::members::{Kind, Member, Members};
use super::tree::{Dead, Id, Node, Tree};
use super::watch::Watch;
use crate::image::realm::{Finding, rule};
use crate::store::tar_header::shown;

/// Says which content of some layers a realm could not unpack. The layers lie unpacked in memory, the lowest first. The
/// watch reads them in pieces of `step` bytes; the size of the pieces makes no difference.
pub fn check_layers(layers: &[&[u8]], step: usize) -> Vec<Finding> {
    let (mut model, mut faults, budget) = Default::default();
    for (n, layer) in layers.iter().enumerate() {
        let mut watch = Watch::new(&budget);
        layer.chunks(step).for_each(|piece| watch.feed(piece));
        let layer = format!("layer {}", n + 1);
        Model::unpack(&mut model, Some(&watch.finish()), &layer, &mut faults);
    }
    Faults::findings(faults)
}

/// The image as far as the model has unpacked it.
#[derive(Default)]
pub(in crate::store) struct Model {
    tree: Tree,
    /// Whether the findings on later layers would be wrong.
    ended: bool,
}

impl Model {
    /// Unpacks the next layer; `layer` names it. Adds the faults that the watch found in the layer's members, and a
    /// fault if there are no members to look at.
    pub(in crate::store) fn unpack(
        &mut self,
        members: Option<&Members>,
        layer: &dyn fmt::Display,
        faults: &mut Faults,
    ) {
        let Some(members) = members else {
            faults.add(rule::LAYER_NAMES, || format!("{layer} was not looked at"));
            self.ended = true;
            return;
        };
        faults.add_all(&members.faults, layer);
        let mut found = Faults::default();
        if !self.ended {
            let mut layer = Layer {
                tree: &mut self.tree,
                faults: &mut found,
                above: None,
            };
            members.each(|member| layer.hide(member));
            members.each(|member| layer.write(member));
        }
        if !self.ended && (self.tree.is_full() || members.too_many) {
            found = Faults::default();
            found.add(rule::LAYER_NAMES, || {
                "and those below it have more names than ir-sign remembers, so it cannot check whether a realm can unpack them"
                    .to_owned()
            });
            self.ended = true;
        }
        self.ended |= members.ended;
        faults.add_all(&found, layer);
    }
}

struct Layer<'a> {
    tree: &'a mut Tree,
    faults: &'a mut Faults,
    /// The folder of the last member: the next member is mostly in the same folder.
    above: Option<(Vec<u8>, Id)>,
}

impl Layer<'_> {
    /// Applies a whiteout; the model applies all whiteouts of a layer before it writes the members.
    fn hide(&mut self, member: Member<'_>) {
        match member.kind {
            Kind::Whiteout => self.whiteout(member.name),
            Kind::Opaque => self.opaque(member.name),
            _ => {}
        }
    }

    fn whiteout(&mut self, name: &[u8]) {
        let (above, last) = split(name);
        // A realm follows links to see whether a file exists, and then removes the link itself.
        match self.tree.find(name, true) {
            Ok(_) => {}
            Err(Dead::Absolute | Dead::Outside) if !self.is_link(name) => return self.dead(name),
            Err(Dead::Loop) => return self.dead(name),
            Err(_) => {
                let is_link = self.is_link(name);
                self.fault(rule::WHITEOUT_OF_NOTHING, name, |name| {
                    if is_link {
                        format!(
                            "has a whiteout of \"{name}\", a link that leads nowhere in a realm"
                        )
                    } else {
                        format!("has a whiteout of \"{name}\", which is not there")
                    }
                });
                if !is_link {
                    return;
                }
            }
        }
        if matches!(self.tree.find(name, false), Ok(Node::Folder(_))) {
            self.fault(rule::WHITEOUT_OF_FOLDER, name, |name| {
                format!("has a whiteout of \"{name}\", which is a folder")
            });
        }
        if let Ok(Node::Folder(folder)) = self.tree.find(above, true) {
            self.tree.remove(folder, last);
        }
    }

    fn is_link(&self, name: &[u8]) -> bool {
        matches!(self.tree.find(name, false), Ok(Node::Symlink(_)))
    }

    fn opaque(&mut self, name: &[u8]) {
        match self.tree.find(name, true) {
            Ok(Node::Folder(folder)) => self.tree.empty(folder),
            Err(Dead::Absolute | Dead::Outside | Dead::Loop) => self.dead(name),
            Ok(_) | Err(_) => self.fault(rule::OPAQUE_OF_NOTHING, name, |name| {
                format!(
                    "has an opaque whiteout in \"{name}\", which is not a folder of a lower layer"
                )
            }),
        }
    }

    /// Writes a member.
    fn write(&mut self, member: Member<'_>) {
        let (above, last) = split(member.name);
        if matches!(member.kind, Kind::Whiteout | Kind::Opaque) {
            return;
        }
        let Some(folder) = self.folder(above) else {
            return self.dead(member.name);
        };
        let there = self.tree.get(folder, last);
        let node = match member.kind {
            Kind::Folder => match there {
                Some(Node::Folder(_)) => return,
                Some(Node::Symlink(_)) => match self.tree.find(member.name, true) {
                    Ok(Node::Folder(_)) => return,
                    Err(Dead::Absolute | Dead::Outside | Dead::Loop) => {
                        return self.dead(member.name);
                    }
                    _ => self.over(member, there),
                },
                _ => self.over(member, there),
            },
            Kind::File | Kind::Symlink => self.over(member, there),
            Kind::HardLink => {
                self.over(member, there);
                self.linked(member)
            }
            Kind::Above | Kind::Whiteout | Kind::Opaque => return,
        };
        if matches!(there, Some(Node::Folder(_) | Node::Symlink(_))) {
            self.above = None;
        }
        self.tree.set(folder, last, node);
    }

    /// Reports a member that must not replace an existing file, link or folder; returns the node to write.
    fn over(&mut self, member: Member<'_>, there: Option<Node>) -> Node {
        let Member { kind, name, target } = member;
        let is_link = matches!(kind, Kind::Symlink | Kind::HardLink);
        match there {
            Some(Node::Folder(_)) if kind != Kind::Folder => {
                self.fault(rule::OVER_FOLDER, name, |name| {
                    let what = if is_link { "link" } else { "file" };
                    format!("has a {what} \"{name}\" in the place of a folder")
                });
            }
            Some(Node::File | Node::Symlink(_)) if kind == Kind::Folder => {
                self.fault(rule::FOLDER_OVER_FILE, name, |name| {
                    format!("has a folder \"{name}\" in the place of a file or of a link to none")
                });
            }
            Some(_) if is_link => self.fault(rule::LINK_OVER_FILE, name, |name| {
                format!("has a link \"{name}\" in the place of a file or link")
            }),
            _ => {}
        }
        match kind {
            Kind::Folder => self.tree.new_folder(),
            Kind::Symlink => self.tree.new_link(target),
            _ => Node::File,
        }
    }

    /// The node that a hard link gives another name.
    fn linked(&mut self, member: Member<'_>) -> Node {
        let Member { name, target, .. } = member;
        // The target has to lead somewhere; then the link itself gets another name.
        let node = self.tree.find(target, true);
        let node = node.and_then(|_| self.tree.find(target, false));
        let reason = match node {
            _ if target.starts_with(b"/") => "by an absolute name",
            Ok(Node::Folder(_)) => "which is a folder",
            Ok(node) => return node,
            Err(Dead::Absolute) => "by way of a link to an absolute name",
            Err(_) => "which is not there",
        };
        self.fault(rule::HARD_LINK, name, |name| {
            format!(
                "has a hard link \"{name}\" to \"{}\", {reason}",
                shown(target)
            )
        });
        Node::File
    }

    fn folder(&mut self, above: &[u8]) -> Option<Id> {
        if let Some((name, id)) = &self.above
            && name == above
        {
            return Some(*id);
        }
        let id = self.tree.folder(above).ok()?;
        self.above = Some((above.to_vec(), id));
        Some(id)
    }

    /// Reports a name that leads nowhere.
    fn dead(&mut self, name: &[u8]) {
        let (above, _) = split(name);
        let why = match self
            .tree
            .find(above, true)
            .and_then(|_| self.tree.find(name, true))
        {
            Err(Dead::Absolute) => "a link with an absolute target",
            Err(Dead::Outside) => "a link out of the image",
            Err(Dead::Loop) => "too many links",
            Err(Dead::Dangling) => "a link that leads nowhere",
            _ => "a file",
        };
        self.fault(rule::LAYER_PATH, name, |name| {
            format!("has \"{name}\", whose path goes through {why}")
        });
    }

    fn fault(&mut self, rule: &'static str, name: &[u8], reason: impl FnOnce(&str) -> String) {
        self.faults.add(rule, || reason(&shown(name)));
    }
}

/// The folder's name, and the name in it.
fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|b| *b == b'/') {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (b"", name),
    }
}
