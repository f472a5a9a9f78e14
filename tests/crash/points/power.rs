//! Power that is lost at every moment.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::case::{Case, Kind, at_home, scene_with};
use super::disk::Disk;
use super::judge::State;
use super::judge::none_wrong;
use harness::strace::{self, Call, last_rename, on_two_threads, some, some_and};
use harness::{Run, Scene, Snapshot, program};

/// How many different states of a disk are gone on from where not all are.
const SOME: usize = 8;

/// A run's calls, and the folder that they were made in.
struct Recording {
    calls: Vec<Call>,
    registry: PathBuf,
    /// Whether the run says that its work is done.
    succeeded: bool,
}

impl Recording {
    fn of(case: &Case, there: &Snapshot) -> Self {
        Self::of_args(&scene_with(there), |scene| case.args(scene))
    }

    fn of_args(scene: &Scene, args: impl Fn(&Scene) -> Vec<String>) -> Self {
        let log = scene.path("strace.log");
        let mut command = strace::recorded(OsStr::new(program()), &log);
        let run = Run::of(at_home(&mut command, scene).args(args(scene)));
        Self {
            calls: strace::read(&log),
            registry: scene.registry(),
            succeeded: run.status == 0,
        }
    }

    /// The same without some of its calls.
    fn without(&self, left_out: impl Fn(usize, &Call) -> bool) -> Self {
        let calls = self.calls.iter().enumerate();
        Self {
            calls: calls
                .filter(|(n, call)| !left_out(*n, call))
                .map(|(_, c)| c.clone())
                .collect(),
            registry: self.registry.clone(),
            succeeded: self.succeeded,
        }
    }

    fn is_sync(&self, call: &Call) -> bool {
        matches!(call.name.as_str(), "fsync" | "fdatasync") && call.touches(&self.registry)
    }

    /// The states of the disk, one after each call that changes it.
    fn disks(&self, disk: &mut Disk, mut each: impl FnMut(usize, &Disk)) {
        for (n, call) in self.calls.iter().enumerate() {
            if disk.apply(call, &self.registry) {
                each(n, disk);
            }
        }
    }
}

/// The findings when power fails at each moment of a run.
#[derive(Default)]
struct Found {
    cuts: usize,
    /// The states that differ, left overs included.
    states: BTreeSet<Snapshot>,
    wrong: Vec<String>,
}

/// Says whether the files are whole.
type Judge<'a> = &'a dyn Fn(&Snapshot) -> Result<State, String>;

impl Found {
    fn look(&mut self, judge: Judge<'_>, when: &str, disk: &Disk) {
        for loss in disk.losses() {
            self.cuts += 1;
            let there = disk.after(&loss);
            if !self.states.contains(&there) {
                if let Err(e) = judge(&there) {
                    self.wrong.push(format!("{when}, {loss:?}: {e}"));
                }
                self.states.insert(there);
            }
        }
    }

    /// After exit status 0, the new state is there however power is lost.
    fn look_at_end(&mut self, judge: Judge<'_>, when: &str, disk: &Disk) {
        for loss in disk.losses() {
            let state = judge(&disk.after(&loss));
            if state != Ok(State::New) {
                self.wrong.push(format!(
                    "{when}, at the end, {loss:?}: {state:?} does not last"
                ));
            }
        }
    }
}

/// Loses power at each moment of a run that begins on this disk.
fn cut(judge: Judge<'_>, disk: &mut Disk, recording: &Recording, what: &str) -> Found {
    let mut found = Found::default();
    found.look(judge, &format!("{what}, before"), disk);
    recording.disks(disk, |n, disk| {
        let name = &recording.calls[n].name;
        found.look(judge, &format!("{what}, call {n}, {name}"), disk);
    });
    found
}

/// Loses power at each moment of a case's run, and after it.
fn cut_case(case: &Case, recording: &Recording) -> Found {
    let mut disk = Disk::new(&case.before);
    let judge = |there: &Snapshot| case.judge(there);
    let mut found = cut(&judge, &mut disk, recording, case.name);
    found.look_at_end(&judge, case.name, &disk);
    found
}

#[test]
fn power_lost_at_any_call_leaves_the_old_or_the_new_and_the_command_can_be_run_again() {
    cut_all(&Case::all(), SOME);
}

/// Loses power at each moment of each command, and goes on from some of the states that it leaves.
pub fn cut_all(cases: &[Case], at_most: usize) {
    let mut wrong = Vec::new();
    for case in cases {
        let recording = Recording::of(case, &case.before);
        let mut disk = Disk::new(&case.before);
        recording.disks(&mut disk, |_, _| ());
        assert!(recording.succeeded, "{}", case.name);
        if case.kind.is_reproducible() {
            assert!(
                disk.now() == case.after,
                "{}: the replay is wrong",
                case.name
            );
        }
        let found = cut_case(case, &recording);
        wrong.extend(found.wrong);
        let states: Vec<_> = found.states.into_iter().collect();
        let tried = some(&states, at_most);
        let results = on_two_threads(&tried, |there| {
            let state = case.judge(there)?;
            case.again(&scene_with(there), state)
        });
        wrong.extend(results.into_iter().filter_map(Result::err));
        println!(
            "tried: {}: {} power cuts to {} states, gone on from {}",
            case.name,
            found.cuts,
            states.len(),
            tried.len()
        );
    }
    none_wrong(&wrong);
}

/// A kill ends one run, another run does its work, and then the power fails. The second run builds on files that the
/// first has not synced.
#[test]
fn power_lost_in_the_run_after_a_killed_one_leaves_the_old_or_the_new() {
    cut_after_kill_all(&Case::all(), SOME);
}

/// Kills each command, and loses power at each moment of the run that follows.
pub fn cut_after_kill_all(cases: &[Case], at_most: usize) {
    let mut wrong = Vec::new();
    for case in cases {
        if case.kind == Kind::Key {
            continue;
        }
        let again = |scene: &Scene| case.args(scene);
        let judge = |there: &Snapshot| case.judge(there);
        wrong.extend(chain(case, at_most, "run again", &again, &judge, true));
        if case.before.contains_key(Path::new("app")) {
            let prune = |scene: &Scene| scene.prune_args("app");
            let judge = |there: &Snapshot| case.judge_pruned(there);
            wrong.extend(chain(case, at_most, "pruned", &prune, &judge, false));
        }
    }
    none_wrong(&wrong);
}

/// A run that was killed.
#[derive(Clone, PartialEq)]
struct Killed {
    /// After which call.
    at: usize,
    when: String,
    disk: Disk,
}

/// Kills a run after each call that changed something, and loses power in the run of `args` that
/// follows it.
fn chain(
    case: &Case,
    at_most: usize,
    what: &str,
    args: &(dyn Fn(&Scene) -> Vec<String> + Sync),
    judge: &(dyn Fn(&Snapshot) -> Result<State, String> + Sync),
    completes: bool,
) -> Vec<String> {
    let recording = Recording::of(case, &case.before);
    let mut killed: Vec<Killed> = Vec::new();
    recording.disks(&mut Disk::new(&case.before), |n, disk| {
        let call = &recording.calls[n];
        let changes = killed
            .last()
            .is_none_or(|last| last.disk.now() != disk.now());
        if changes || recording.is_sync(call) {
            killed.push(Killed {
                at: n,
                when: format!("{} killed after call {n}, {}", case.name, call.name),
                disk: disk.clone(),
            });
        }
    });
    // The second run finds most to do, or nothing, after the last rename of the first.
    let last = last_rename(&recording.calls);
    let tried = some_and(&killed, at_most, |killed| killed.at == last);
    let found = on_two_threads(&tried, |Killed { when, disk, .. }| {
        let mut disk = disk.clone();
        let second = Recording::of_args(&scene_with(&disk.now()), args);
        let when = format!("{when}, {what}");
        // A run may only say that another has done its work.
        assert!(second.succeeded || case.is_done_once(), "{when}: it fails");
        let mut found = cut(judge, &mut disk, &second, &when);
        if completes && second.succeeded {
            found.look_at_end(judge, &when, &disk);
        }
        found
    });
    let cuts: usize = found.iter().map(|found| found.cuts).sum();
    println!(
        "tried: {}, killed and {what}: {} kills of {}, {cuts} power cuts",
        case.name,
        tried.len(),
        killed.len()
    );
    found.into_iter().flat_map(|found| found.wrong).collect()
}

/// The replay finds programs that sync too little: this one, with some of its syncs left out.
#[test]
fn a_program_that_does_not_sync_is_found_out() {
    leave_out_syncs(&Case::all());
}

/// Loses power in each command as if it made some syncs fewer.
pub fn leave_out_syncs(cases: &[Case]) {
    for case in cases {
        let recording = Recording::of(case, &case.before);
        assert_eq!(cut_case(case, &recording).wrong, [""; 0]);
        let notices = |left_out: &dyn Fn(usize, &Call) -> bool| {
            !cut_case(case, &recording.without(left_out))
                .wrong
                .is_empty()
        };
        let is_sync = |call: &Call| recording.is_sync(call);
        assert!(
            notices(&|_, call| is_sync(call)),
            "{}: no syncs at all",
            case.name
        );
        let calls = recording.calls.iter().enumerate();
        let syncs: Vec<usize> = calls
            .filter(|(_, call)| is_sync(call))
            .map(|(n, _)| n)
            .collect();
        let missed = syncs
            .iter()
            .filter(|sync| notices(&|n, _| n == **sync))
            .count();
        println!(
            "{}: {missed} of {} syncs are missed when left out",
            case.name,
            syncs.len()
        );
        // Others are for the run that follows a killed one, or done twice.
        assert!(missed > 0, "{}: no sync is missed", case.name);
    }
}
