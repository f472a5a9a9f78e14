//! The paths of a plan's files: below the plan's folder, each output under a relative path. The transcript names
//! outputs by that path, so that the folder can move.

use std::path::{Component, Path, PathBuf};

use crate::{files, text};

/// The ending that `ceremony report` appends to a transcript's name.
pub const PAGES: [&str; 2] = [".md", ".html"];

/// A file that a ceremony writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its role.
    pub role: &'static str,
    /// The plan's relative path, its parts joined by `/`: the output's name in the transcript.
    pub name: String,
}

/// The relative path of an output in its one spelling: `./x` and `x//y` are `x` and `x/y`.
///
/// Refuses an empty path, a folder's path, a path outside the plan's folder, and control characters.
pub fn name(what: &str, path: &Path) -> Result<String, String> {
    let text = path.to_string_lossy();
    if text.is_empty() {
        return Err(format!("{what} is empty"));
    }
    if let Some(c) = text::hidden(&text) {
        return Err(format!("{what} has {}", unseen(c)));
    }
    let folder = ["/", "/.", "/.."].iter().any(|end| text.ends_with(end));
    if folder || text == "." || text == ".." {
        return Err(format!("{what} \"{text}\" is a folder's name"));
    }
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            _ => {
                return Err(format!(
                    "{what} \"{text}\" is outside the plan's folder: name a file in that folder or below it"
                ));
            }
        }
    }
    Ok(parts.join("/"))
}

/// A character that people cannot see as it is.
pub(super) fn unseen(c: char) -> String {
    let number = u32::from(c);
    format!("the character U+{number:04X}, which people cannot see")
}

/// Refuses two outputs of one name, and an output that is a page of the report. Names that differ only
/// in case are one name: on many sticks they are one file.
pub fn check_apart(outputs: &[Output]) -> Result<(), String> {
    let pages = outputs
        .iter()
        .filter(|output| output.role == "transcript")
        .flat_map(|output| PAGES.map(|end| format!("{}{end}", output.name).to_lowercase()));
    let pages: Vec<String> = pages.collect();
    for (n, output) in outputs.iter().enumerate() {
        let folded = output.name.to_lowercase();
        let twin = outputs[n + 1..]
            .iter()
            .find(|other| other.name.to_lowercase() == folded);
        match twin {
            Some(other) if other.name == output.name => {
                return Err(format!("{} is named twice", output.name));
            }
            Some(other) => {
                return Err(format!(
                    "{} and {} differ only in case, and are one file on many sticks",
                    output.name, other.name
                ));
            }
            None if pages.contains(&folded) => {
                return Err(format!(
                    "{} is the name of the transcript's report",
                    output.name
                ));
            }
            None => {}
        }
    }
    Ok(())
}

/// The plan's folder, derived from the transcript's path: if that ends as the plan says, the folder above that
/// ending; else the transcript's folder.
pub fn folder_of(transcript: &Path, name: &str) -> PathBuf {
    let parent = files::parent_of(transcript);
    let below = Path::new(name).parent().unwrap_or(Path::new(""));
    if below.as_os_str().is_empty() {
        return parent;
    }
    let whole = std::fs::canonicalize(&parent).unwrap_or_else(|_| parent.clone());
    let above = whole
        .ends_with(below)
        .then(|| whole.ancestors().nth(below.components().count()));
    above.flatten().map_or(parent, Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outputs_name_has_one_spelling() {
        let is = |path: &str| name("x", Path::new(path));
        for spelling in ["a/b", "./a/b", "a//b", "a/./b"] {
            assert_eq!(is(spelling).as_deref(), Ok("a/b"), "{spelling}");
        }
        for (wrong, why) in [
            ("", "is empty"),
            ("a\nb", "has the character U+000A"),
            ("a/", "a folder's name"),
            ("a/.", "a folder's name"),
            (".", "a folder's name"),
            ("..", "a folder's name"),
            ("../a", "outside the plan's folder"),
            ("a/../b", "outside the plan's folder"),
            ("/a", "outside the plan's folder"),
        ] {
            let reason = is(wrong).expect_err(wrong);
            assert!(reason.contains(why), "{wrong}: {reason}");
        }
    }

    #[test]
    fn the_plans_folder_is_found_by_the_transcripts_place() -> Result<(), Box<dyn std::error::Error>>
    {
        let folder = tempfile::tempdir()?;
        let top = folder.path().canonicalize()?;
        std::fs::create_dir_all(top.join("a/b"))?;
        let transcript = top.join("a/b/t");
        for (name, wanted) in [("t", "a/b"), ("b/t", "a"), ("a/b/t", ""), ("c/t", "a/b")] {
            assert_eq!(folder_of(&transcript, name), top.join(wanted), "{name}");
        }
        assert_eq!(folder_of(Path::new("t"), "t"), Path::new("."));
        Ok(())
    }
}
