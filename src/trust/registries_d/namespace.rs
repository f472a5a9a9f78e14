//! One file of registries.d, by the rules of either reader.

use std::collections::HashSet;

use super::super::dialect::Dialect;
use super::scalar::{go_bool, go_text, is_merge, plain};
use crate::encoding::yaml::{Data, Malformed, Node, Stream, read};

/// Where signatures of a namespace are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Namespace {
    /// `lookaside`, or else `sigstore`.
    pub(super) lookaside: Option<String>,
    /// `use-sigstore-attachments`.
    pub(super) attachments: Option<bool>,
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct File {
    /// `default-docker`, and its line.
    pub(super) default: Option<(usize, Namespace)>,
    /// `docker`: names, their lines and namespaces.
    pub(super) docker: Vec<(String, usize, Namespace)>,
}

/// Reads a file.
pub(super) fn file(bytes: &[u8], dialect: Dialect) -> Result<File, Malformed> {
    let Stream { first, has_more } = read(bytes)?;
    match (dialect, first) {
        (Dialect::Containers, None) => Ok(File::default()),
        (Dialect::Containers, Some(node)) => containers(&node),
        (Dialect::ImageRs, None) => Err(Malformed::new(1, "the file is empty")),
        (Dialect::ImageRs, Some(_)) if has_more => {
            Err(Malformed::new(1, "the file has more than one document"))
        }
        (Dialect::ImageRs, Some(node)) => {
            plain(&node)?;
            image_rs(&node)
        }
    }
}

fn containers(node: &Node) -> Result<File, Malformed> {
    let mut file = File::default();
    let Some(members) = go_map(node)? else {
        return Ok(file);
    };
    for (name, value) in members {
        match name.as_str() {
            "default-docker" => {
                let namespace = go_map(value)?.map(|members| go_namespace(&members));
                let namespace = namespace.transpose()?;
                file.default = namespace.map(|namespace| (value.line, namespace));
            }
            "docker" => {
                for (name, value) in go_map(value)?.unwrap_or_default() {
                    let members = go_map(value)?.unwrap_or_default();
                    file.docker
                        .push((name, value.line, go_namespace(&members)?));
                }
            }
            _ => {}
        }
    }
    Ok(file)
}

fn go_namespace(members: &[(String, &Node)]) -> Result<Namespace, Malformed> {
    let (mut lookaside, mut sigstore, mut attachments) = (String::new(), String::new(), None);
    for (name, value) in members {
        match name.as_str() {
            "lookaside" => lookaside = go_text(value)?,
            "sigstore" => sigstore = go_text(value)?,
            // They are for writing, but they must be texts.
            "lookaside-staging" | "sigstore-staging" => drop(go_text(value)?),
            "use-sigstore-attachments" => attachments = go_bool(value)?,
            _ => {}
        }
    }
    let mut urls = [lookaside, sigstore].into_iter();
    Ok(Namespace {
        lookaside: urls.find(|url| !url.is_empty()),
        attachments,
    })
}

/// The members of a map with those of `<<` merged in; `None` for `null`. A key that is there twice is an error.
fn go_map(node: &Node) -> Result<Option<Vec<(String, &Node)>>, Malformed> {
    let pairs = match &node.data {
        Data::Map(pairs) => pairs,
        _ if node.is_null() => return Ok(None),
        Data::Scalar { .. } | Data::List(_) => {
            return Err(Malformed::new(node.line, "this must be a map"));
        }
    };
    let mut members: Vec<(String, &Node)> = Vec::new();
    let mut merged = Vec::new();
    let mut written = HashSet::new();
    for (key, value) in pairs {
        // Go compares names as they are written: `~` and `null` are two.
        if let Some(text) = key.text().filter(|text| !written.insert(text.as_str())) {
            return Err(Malformed::new(key.line, format!("{text:?} is there twice")));
        }
        if is_merge(key) {
            merged.push(value);
            continue;
        }
        let name = go_text(key)?;
        members.retain(|(other, _)| *other != name);
        members.push((name, value));
    }
    for value in merged {
        let maps = match &value.data {
            Data::List(items) => items.iter().collect(),
            Data::Map(_) | Data::Scalar { .. } => vec![value],
        };
        for map in maps {
            let Some(others) = go_map(map)? else {
                return Err(Malformed::new(map.line, "only a map can be merged"));
            };
            for (name, value) in others {
                if !members.iter().any(|(other, _)| *other == name) {
                    members.push((name, value));
                }
            }
        }
    }
    Ok(Some(members))
}

fn image_rs(node: &Node) -> Result<File, Malformed> {
    let mut file = File::default();
    let members = serde_map(node, &["default-docker", "docker"])?;
    for (name, value) in members {
        match name.as_str() {
            _ if value.is_null() => {}
            "default-docker" => file.default = Some((value.line, serde_namespace(value)?)),
            "docker" => {
                // Names are not members here, so a repeated name is fine: the last one counts.
                for (name, value) in serde_map(value, &[])? {
                    file.docker.retain(|(other, ..)| *other != name);
                    file.docker
                        .push((name, value.line, serde_namespace(value)?));
                }
            }
            _ => {}
        }
    }
    Ok(file)
}

fn serde_namespace(node: &Node) -> Result<Namespace, Malformed> {
    let members = serde_map(node, &["sigstore"])?;
    let sigstore = members.iter().find(|(name, _)| name == "sigstore");
    let Some((_, value)) = sigstore else {
        return Err(Malformed::new(
            node.line,
            "the member \"sigstore\" is missing",
        ));
    };
    let text = value.text().cloned();
    let text = text.ok_or_else(|| Malformed::new(value.line, "this must be a text"))?;
    Ok(Namespace {
        lookaside: Some(text),
        attachments: Some(true),
    })
}

/// The members of a map. One of the known names that is there twice is an error.
fn serde_map<'n>(node: &'n Node, known: &[&str]) -> Result<Vec<(String, &'n Node)>, Malformed> {
    let Data::Map(pairs) = &node.data else {
        return Err(Malformed::new(node.line, "this must be a map"));
    };
    let mut members: Vec<(String, &Node)> = Vec::new();
    for (key, value) in pairs {
        let name = key.text().cloned();
        let name = name.ok_or_else(|| Malformed::new(key.line, "this must be a name"))?;
        let is_there = members.iter().any(|(other, _)| *other == name);
        if is_there && known.contains(&name.as_str()) {
            return Err(Malformed::new(key.line, format!("{name:?} is there twice")));
        }
        members.push((name, value));
    }
    Ok(members)
}
