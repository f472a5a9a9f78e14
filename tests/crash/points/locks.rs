//! The locks that a run holds when it makes its change. They keep out other runs, which hardly ever come in between.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::case::{Case, Kind};
use harness::strace::{Call, parse::Arg};

/// The open folders that are locked when a call is made, each with whether it is for this run alone.
pub fn locked(calls: &[Call], at: usize) -> BTreeMap<PathBuf, bool> {
    let mut locked = BTreeMap::new();
    for call in &calls[..at] {
        let Some(Arg::Open(number, path)) = call.args.first() else {
            continue;
        };
        match call.name.as_str() {
            "flock" if call.result == Some(0) => {
                locked.insert(number, (path.clone(), call.has("LOCK_EX")));
            }
            "close" => drop(locked.remove(number)),
            _ => {}
        }
    }
    locked.into_values().collect()
}

#[test]
fn a_change_is_made_under_its_locks() {
    for case in Case::all() {
        let scene = case.scene();
        let (run, calls) = case.record(&scene);
        run.ok();
        let registry = scene.registry();
        let (layout, blobs) = (scene.app("app"), scene.app("app").join("blobs"));
        let visible = |call: &Call| match case.kind {
            Kind::Change if case.name == "prune" => call.name == "unlinkat" && call.touches(&blobs),
            Kind::Change => call.paths().contains(&layout.join("index.json")),
            _ => call.paths().contains(&layout),
        };
        let renames = |call: &Call| call.name.starts_with("rename") || call.name == "unlinkat";
        let mut changes = 0;
        for (at, call) in calls.iter().enumerate() {
            if !(renames(call) && visible(call)) {
                continue;
            }
            changes += 1;
            let locked = locked(&calls, at);
            let wanted: &[_] = match case.kind {
                Kind::Change if case.name == "prune" => &[(&blobs, true)],
                // A run that prunes waits for the blobs, and one that signs for the other two.
                Kind::Change => &[(&registry, true), (&layout, true), (&blobs, false)],
                _ => &[(&registry, true)],
            };
            // A new run takes a folder without a lock for one of a killed run.
            let staging = |(path, alone): (&PathBuf, &bool)| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(".ir-sign-staging-") && *alone
            };
            let staged = locked.iter().any(staging);
            assert_eq!(
                staged,
                case.kind == Kind::Unpack,
                "{}: {locked:?}",
                case.name
            );
            for (folder, alone) in wanted {
                assert_eq!(
                    locked.get(*folder),
                    Some(alone),
                    "{}: {locked:?}",
                    case.name
                );
            }
        }
        let is_of_layouts = matches!(case.kind, Kind::Change | Kind::Unpack);
        assert_eq!(changes > 0, is_of_layouts, "{}", case.name);
    }
}
