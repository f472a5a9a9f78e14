//! `kill -9` at every call.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use super::case::{Case, Kind};
use super::judge::State;
use super::judge::none_wrong;
use harness::snapshot;
use harness::strace::{
    Fault, Point, last_rename, on_two_threads, some_and, until_come_to, was_killed,
};

/// How many points of a command are tried where not all are.
const SOME: usize = 24;

/// The files that a kill left: `None` where no run reached the point.
fn kill(case: &Case, point: &Point) -> Result<Option<State>, String> {
    let scene = case.scene();
    let mut command = case.faulted(&scene, point, Fault::Kill);
    let status = command.output().expect("strace runs").status;
    if !was_killed(status) {
        if status.success() {
            return Ok(None);
        }
        return Err(format!("it failed ({status})"));
    }
    let there = snapshot(&scene.registry());
    if case.kind == Kind::Key {
        let new = there.keys().filter(|name| !case.before.contains_key(*name));
        for name in new.map(|name| scene.registry().join(name)) {
            let mode = name.metadata().expect("metadata").mode();
            // A name that has not become `new.pub` yet starts with it.
            if !name.display().to_string().contains("new.pub") && mode & 0o077 != 0 {
                return Err(format!("{} is open to others ({mode:o})", name.display()));
            }
        }
    }
    let state = case.judge(&there)?;
    case.again(&scene, state)?;
    Ok(Some(state))
}

#[test]
fn a_command_killed_at_any_call_leaves_the_old_or_the_new_and_can_be_run_again() {
    kill_all(&Case::all(), SOME);
}

/// Kills each command at some of its calls.
pub fn kill_all(cases: &[Case], at_most: usize) {
    let mut wrong = Vec::new();
    for case in cases {
        let (points, calls) = case.points();
        // Just after the last rename, all is in its place. With several threads a run may not come to a call.
        let last = last_rename(&calls);
        let after = points.iter().filter(|point| point.at > last);
        let next: Vec<_> = after.take(3).collect();
        let tried = some_and(&points, at_most, |point| next.contains(&point));
        let results = on_two_threads(&tried, |point| until_come_to(|| kill(case, point)));
        let mut states: BTreeMap<State, usize> = BTreeMap::new();
        let mut missed = 0;
        for (point, result) in tried.iter().zip(results) {
            match result {
                Ok(Some(state)) => *states.entry(state).or_default() += 1,
                Ok(None) => missed += 1,
                Err(e) => wrong.push(format!("{}, killed at {point:?}: {e}", case.name)),
            }
        }
        println!(
            "tried: {}: {} kills of {}, {missed} not come to; then {states:?}",
            case.name,
            tried.len() - missed,
            points.len()
        );
        assert!(
            missed * 3 <= tried.len(),
            "{}: too many are missed",
            case.name
        );
        let are_both = states.len() > 1 || missed > 0;
        assert!(are_both, "{}: {states:?}", case.name);
    }
    none_wrong(&wrong);
}
