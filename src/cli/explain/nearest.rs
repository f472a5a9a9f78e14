//! The name that a person probably meant.

use std::path::Path;

use strsim::damerau_levenshtein;

/// The most names to compare: there may be very many, all untrusted.
const MOST: usize = 1000;
/// The longest name to compare: longer ones take long, and nobody types them.
const LONGEST: usize = 128;

/// The nearest of these names, if it is near: at most a third of its characters differ.
pub(super) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if wanted.len() > LONGEST {
        return None;
    }
    let most = (wanted.chars().count() / 3).max(1);
    names
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .take(MOST)
        .map(|name| (damerau_levenshtein(wanted, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The app of a registry directory whose name is nearest to that of one which is not there.
pub(super) fn nearest_app(absent: &Path) -> Option<String> {
    let (registry, wanted) = (absent.parent()?, absent.file_name()?.to_str()?);
    let entries = registry.read_dir().ok()?.take(MOST).filter_map(Result::ok);
    let apps: Vec<String> = entries
        .filter(|entry| entry.path().join("oci-layout").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    nearest(wanted, apps.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_are_found_and_nothing_else() {
        let names = ["hello", "help", "world", "1.0"];
        for (typed, meant) in [
            ("helo", Some("hello")),
            ("hlelo", Some("hello")),
            ("wrold", Some("world")),
            ("1.1", Some("1.0")),
            ("2.5", None),
            ("something", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
    }
}
