//! Mirrors that podman and skopeo would ask: `registries.conf` is not read for images, only for a hint (R27).
//!
//! Source: containers-registries.conf(5).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of the longest file that is looked at, and how many files of a folder.
const LONGEST: u64 = 1 << 20;
const MOST_FILES: usize = 100;

/// A mirror that a file names for an image.
pub(super) struct Mirror {
    /// The file.
    pub(super) file: String,
    /// The image's name at the mirror.
    pub(super) image: String,
}

/// The first mirror that this system's files name for a repository.
pub(super) fn mirror_of(host: &str, repository: &str) -> Option<Mirror> {
    files().into_iter().find_map(|path| {
        let text = text(&path)?;
        let image = mirror_in(&text, &format!("{host}/{repository}"))?;
        Some(Mirror {
            file: path.display().to_string(),
            image: format!("docker://{image}"),
        })
    })
}

/// The files that count, those before that win.
fn files() -> Vec<PathBuf> {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || set("HOME").map(|home| home.join(".config"));
    let own = set("XDG_CONFIG_HOME")
        .or_else(home)
        .map(|config| config.join("containers"));
    let folders = own.into_iter().chain([PathBuf::from("/etc/containers")]);
    let mut all: Vec<PathBuf> = set("CONTAINERS_REGISTRIES_CONF").into_iter().collect();
    for folder in folders {
        all.push(folder.join("registries.conf"));
        let inside = folder.join("registries.conf.d").read_dir();
        let inside = inside
            .into_iter()
            .flatten()
            .take(MOST_FILES)
            .filter_map(Result::ok);
        let mut inside: Vec<_> = inside.map(|entry| entry.path()).collect();
        inside.sort();
        all.extend(
            inside
                .into_iter()
                .filter(|path| path.extension().is_some_and(|e| e == "conf")),
        );
    }
    all
}

fn text(path: &Path) -> Option<String> {
    let is_short = fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() <= LONGEST);
    is_short.then(|| fs::read_to_string(path).ok()).flatten()
}

/// One table `[[registry]]`.
#[derive(Default)]
struct Table {
    prefix: Option<String>,
    location: Option<String>,
    mirrors: Vec<String>,
}

impl Table {
    /// The image's name at the first mirror, if the table is about the image.
    fn at_mirror(&self, image: &str) -> Option<String> {
        let prefix = self.prefix.as_ref().or(self.location.as_ref())?;
        let rest = image.strip_prefix(prefix.as_str())?;
        let is_whole = rest.is_empty() || rest.starts_with('/');
        is_whole.then(|| Some(format!("{}{rest}", self.mirrors.first()?)))?
    }
}

/// The image's name at the first mirror that a file names for it. Files are written line by line; what is written
/// otherwise gives no hint.
fn mirror_in(text: &str, image: &str) -> Option<String> {
    let mut tables: Vec<Table> = Vec::new();
    let mut is_mirror = false;
    let mut is_inside = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('[') {
            let name: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            is_mirror = name.starts_with("[[registry.mirror]]");
            let is_table = name.starts_with("[[registry]]");
            if is_table {
                tables.push(Table::default());
            }
            is_inside = is_table || is_mirror;
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| is_inside) else {
            continue;
        };
        let Some(table) = tables.last_mut() else {
            continue;
        };
        let Some(value) = quoted(value.trim()) else {
            continue;
        };
        match name.trim() {
            "location" if is_mirror => table.mirrors.push(value),
            "location" => table.location = Some(value),
            "prefix" if !is_mirror => table.prefix = Some(value),
            _ => {}
        }
    }
    tables.iter().find_map(|table| table.at_mirror(image))
}

/// The text between quotes.
fn quoted(value: &str) -> Option<String> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (inside, _) = value[1..].split_once(quote)?;
    Some(inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::mirror_in;

    #[test]
    fn r27_the_mirror_of_an_image_is_found_in_the_file_of_others() {
        let text = r#"
            unqualified-search-registries = ["docker.io"]
            # [[registry]]
            [[registry]]
            location = "quay.io"
            [[ registry ]]
            prefix = "docker.io/library"
            location = 'docker.io/library' # comment
            [[registry.mirror]]
            location = "mirror.example:5000/hub"
            insecure = true
            [[registry.mirror]]
            location = "second.example"
            [aliases]
            location = "x"
        "#;
        for (image, wanted) in [
            (
                "docker.io/library/busybox",
                Some("mirror.example:5000/hub/busybox"),
            ),
            ("docker.io/library", Some("mirror.example:5000/hub")),
            ("docker.io/libraryx/busybox", None),
            ("docker.io/other/busybox", None),
            ("quay.io/a/b", None),
        ] {
            assert_eq!(mirror_in(text, image).as_deref(), wanted, "{image}");
        }
        for nonsense in [
            "",
            "[[registry.mirror]]\nlocation = \"x\"",
            "location=\"docker.io\"",
            "[[registry]]\nlocation=\"docker.io",
        ] {
            assert_eq!(mirror_in(nonsense, "docker.io/a/b"), None, "{nonsense}");
        }
    }
}
