//! A full disk and a broken one, at every call but `close`. Nothing can go wrong at `close`, because the run has synced
//! everything that must last.

use std::collections::BTreeMap;
use std::path::Path;

use super::case::{Case, Kind};
use super::disk::Disk;
use super::judge::State;
use super::judge::none_wrong;
use super::{cosign, notary};
use harness::strace::{
    self, Call, Fault, Point, last_rename, on_two_threads, some_and, until_come_to,
};
use harness::{Run, Scene, ir_sign, same, snapshot};

/// How many points of a command are tried with each error where not all are.
const SOME: usize = 14;

/// An error, and what else it says.
const BROKEN: (Fault, &str) = (Fault::Once("EIO"), "Input/output error");
const FULL: (Fault, &str) = (Fault::FromThenOn("ENOSPC"), "No space left on device");

/// Whether a call can be given an error: those that touch the registry, and standard output.
fn can_fail(call: &Call, registry: &Path) -> bool {
    call.touches(registry) || call.is_output("1") || call.is_output("2")
}

/// Whether a full disk shows in a call.
fn takes_room(call: &Call) -> bool {
    let names = [
        "write",
        "pwrite64",
        "fsync",
        "fdatasync",
        "mkdirat",
        "mkdir",
        "ftruncate",
    ];
    names.contains(&call.name.as_str()) || call.name.starts_with("rename") || call.has("O_CREAT")
}

/// Whether a run may ignore an error of a call: the next run removes left-over files, advice is optional, and standard
/// error is for a person.
fn may_fail(call: &Call, case: &Case, registry: &Path) -> bool {
    let below = |path: &std::path::PathBuf, start: &str| {
        path.strip_prefix(registry)
            .is_ok_and(|path| path.to_string_lossy().starts_with(start))
    };
    let about = |start| call.paths().iter().any(|path| below(path, start));
    let tidies =
        matches!(call.name.as_str(), "unlinkat" | "openat" | "flock") && !call.has("O_CREAT");
    let removed = about(".ir-sign-") || about("config/.truststore.");
    // An unreadable file does not count as an existing signature or blob.
    let looks = matches!(case.kind, Kind::Signature | Kind::Attached)
        && call.name == "openat"
        && !call.has("O_CREAT");
    call.name == "fadvise64"
        || call.is_output("2")
        || tidies && removed
        || looks && about("image/blobs/sha256/")
}

/// Whether a run that has made its change says that it could not look at the result. The signature is there, and the
/// words about realms are advice.
fn warns(run: &Run, calls: &[Call], scene: &Scene, text: &str) -> bool {
    let looks = |call: &Call| call.name.starts_with("read") || call.name == "openat";
    let changed = last_rename(calls);
    let only_looked = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| call.injected)
        .all(|(at, call)| at > changed && looks(call) && !call.has("O_CREAT"));
    let registry = scene.registry().display().to_string();
    let tells = |line: &str| {
        line.starts_with("warning: cannot tell whether ")
            && line.contains(&registry)
            && line.contains(text)
    };
    only_looked && run.stderr.lines().any(tells)
}

/// The results of errors, by exit status; `None` where no run reached the point.
fn fail(
    case: &Case,
    point: &Point,
    (fault, text): (Fault, &str),
) -> Result<Option<(i32, State)>, String> {
    let scene = case.scene();
    let run = Run::of(&mut case.faulted(&scene, point, fault));
    let calls = strace::read(&scene.path("strace.log"));
    let injected: Vec<&Call> = calls.iter().filter(|call| call.injected).collect();
    let registry = scene.registry();
    // Work that is shared among threads is shared otherwise each time: another call may be hit.
    if injected.is_empty() || !injected.iter().all(|call| can_fail(call, &registry)) {
        return Ok(None);
    }
    let state = case.judge(&snapshot(&registry))?;
    let is_harmless = injected.iter().all(|call| may_fail(call, case, &registry))
        || warns(&run, &calls, &scene, text);
    if run.status == 0 {
        if !is_harmless {
            return Err(format!("exit status 0: {run:?}, {injected:?}"));
        }
        if state != State::New {
            return Err(format!("exit status 0, and the state is {state:?}"));
        }
    } else {
        complains(&run, &injected, &scene, text)?;
    }
    if point.all_threads {
        lasts(case, &calls, &registry, run.status)?;
    }
    case.again(&scene, state)?;
    Ok(Some((run.status, state)))
}

/// It says what failed, and why.
fn complains(run: &Run, injected: &[&Call], scene: &Scene, text: &str) -> Result<(), String> {
    // When all writes fail from one on, the first is the one to tell of.
    let at_output = injected[0].is_output("1");
    let silent = injected.iter().any(|call| call.is_output("2"));
    let named = if at_output {
        "standard output".to_owned()
    } else {
        scene.registry().display().to_string()
    };
    let told =
        run.stderr.contains("error:") && run.stderr.contains(&named) && run.stderr.contains(text);
    if run.status != 3 || !(told || silent) || !(run.stdout.is_empty() || at_output) {
        return Err(format!("not a good end: {run:?}, {injected:?}"));
    }
    Ok(())
}

/// Power is lost just after: all is whole, and what exit status 0 stands for lasts.
fn lasts(case: &Case, calls: &[Call], registry: &Path, status: i32) -> Result<(), String> {
    let mut disk = Disk::new(&case.before);
    for call in calls {
        disk.apply(call, registry);
    }
    for loss in disk.losses() {
        let state = case.judge(&disk.after(&loss));
        let state = state.map_err(|e| format!("then power is lost ({loss:?}): {e}"))?;
        if status == 0 && state != State::New {
            return Err(format!("exit status 0, and it does not last ({loss:?})"));
        }
    }
    Ok(())
}

fn try_all(
    cases: &[Case],
    at_most: usize,
    what: &str,
    error: (Fault, &str),
    meets: impl Fn(&Call) -> bool,
) {
    let mut wrong = Vec::new();
    for case in cases {
        let scene = case.scene();
        let (run, calls) = case.record(&scene);
        run.ok();
        let mut points = strace::points(&calls, &scene.registry());
        points.retain(|point| {
            let call = &calls[point.at];
            can_fail(call, &scene.registry()) && meets(call)
        });
        // The calls after the last rename decide.
        let last = last_rename(&calls);
        let decides = |point: &Point| point.at >= last && calls[point.at].name != "openat";
        let tried = some_and(&points, at_most, decides);
        let results = on_two_threads(&tried, |point| until_come_to(|| fail(case, point, error)));
        let mut ends: BTreeMap<(i32, State), usize> = BTreeMap::new();
        let mut missed = 0;
        for (point, result) in tried.iter().zip(results) {
            match result {
                Ok(Some(end)) => *ends.entry(end).or_default() += 1,
                Ok(None) => missed += 1,
                Err(e) => wrong.push(format!("{}, {what} at {point:?}: {e}", case.name)),
            }
        }
        // A point may not be come to now and then, but then nothing would have been tried. Several threads write the many
        // blobs of cosign's two forms, and look at them afterwards.
        let share = if case.kind == Kind::Attached { 2 } else { 4 };
        if missed * share > tried.len() || !ends.keys().any(|(status, _)| *status != 0) {
            let (name, all) = (case.name, tried.len());
            wrong.push(format!(
                "{name}, {what}: {missed} of {all} not come to: {ends:?}"
            ));
        }
        println!(
            "tried: {}: {} {what} of {}, {missed} not come to; exit status and state {ends:?}",
            case.name,
            tried.len() - missed,
            points.len()
        );
    }
    none_wrong(&wrong);
}

/// Runs each command on a disk that breaks at some of its calls.
pub fn break_all(cases: &[Case], at_most: usize) {
    try_all(cases, at_most, "EIO", BROKEN, |_| true);
}

/// Runs each command on a disk that is full from some of its writes on.
pub fn fill_all(cases: &[Case], at_most: usize) {
    try_all(cases, at_most, "ENOSPC", FULL, takes_room);
}

#[test]
fn a_broken_disk_at_any_call_is_never_a_success_nor_a_broken_layout() {
    break_all(&Case::all(), SOME);
}

#[test]
fn a_full_disk_at_any_write_is_never_a_success_nor_a_broken_layout() {
    fill_all(&Case::all(), SOME);
}

/// Its own files go, and nothing else does.
#[test]
fn a_change_that_fails_at_its_last_step_leaves_exactly_what_was_there() {
    for case in [
        Case::sign_first(),
        Case::sign_what_lies_there(),
        Case::sign_nested(),
    ] {
        let (points, calls) = case.points();
        let last = last_rename(&calls);
        let point = points.iter().find(|point| point.at == last);
        let point = point.expect("the rename of index.json");
        let scene = case.scene();
        let run = Run::of(&mut case.faulted(&scene, point, BROKEN.0)).exits(3);
        run.says(&["index.json", BROKEN.1]);
        same(&case.before, &snapshot(&scene.registry()));
    }
}

/// Neither a success nor as if nothing had happened.
#[test]
fn a_change_that_could_not_be_made_to_last_is_said_to_be_there() {
    for case in [
        Case::sign_first(),
        Case::unpack("", "docker-save-old.tar", false),
    ] {
        let (points, calls) = case.points();
        let last = last_rename(&calls);
        let point = points
            .iter()
            .find(|point| point.at > last && point.name == "fsync");
        let scene = case.scene();
        let point = point.expect("the folder is synced");
        let run = Run::of(&mut case.faulted(&scene, point, BROKEN.0)).exits(3);
        run.says(&[
            "cannot flush the finished change to the disk",
            "hint: everything is written",
        ]);
        same(&case.after, &snapshot(&scene.registry()));
        let run = ir_sign(case.args(&scene)).ok();
        run.says(&["nothing was changed"]);
    }
}

/// Files that are there already have to last too; a disk that cannot be written has nothing left to be synced.
#[test]
fn an_image_that_is_up_to_date_is_synced_if_there_is_something_to_sync() {
    let point = Point {
        name: "fsync".into(),
        nth: 1,
        all_threads: true,
        at: 0,
    };
    for case in [
        Case::sign_first(),
        Case::endorse(),
        Case::extract_public(),
        cosign::sign(),
        cosign::attach(),
        notary::sign(),
        notary::update(),
    ] {
        let scene = case.scene();
        case.run(&scene).ok();
        let there = snapshot(&scene.registry());
        for (error, status) in [("EROFS", 0), ("EINVAL", 0), ("EIO", 3), ("ENOSPC", 3)] {
            let fault = Fault::FromThenOn(error);
            Run::of(&mut case.faulted(&scene, &point, fault)).exits(status);
            let calls = strace::read(&scene.path("strace.log"));
            let hit = calls.iter().any(|call| call.injected);
            assert!(hit, "{}: nothing was synced", case.name);
            same(&there, &snapshot(&scene.registry()));
        }
    }
}

/// The command where renames have no flags: NFS and others know no `RENAME_NOREPLACE`, nor `RENAME_EXCHANGE`.
fn renamed_plainly(case: &Case, scene: &Scene) -> Run {
    let point = Point {
        name: "renameat2".into(),
        nth: 1,
        all_threads: true,
        at: 0,
    };
    Run::of(&mut case.faulted(scene, &point, Fault::FromThenOn("EINVAL")))
}

/// Runs each command where renames have no flags.
pub fn rename_plainly(cases: &[Case]) {
    for case in cases {
        let scene = case.scene();
        let run = renamed_plainly(case, &scene);
        let state = case.judge(&snapshot(&scene.registry()));
        // Two apps cannot change places there.
        let replaces = case.name == "extract in another's place";
        let expected = if replaces {
            (3, State::Old)
        } else {
            (0, State::New)
        };
        assert_eq!(
            state.map(|state| (run.status, state)),
            Ok(expected),
            "{}: {run:?}",
            case.name
        );
    }
}

#[test]
fn a_file_system_that_has_but_plain_renames_serves_too_and_loses_nothing() {
    rename_plainly(&Case::all());
    let [other, case] = [true, false].map(|there| Case::unpack("", "docker-save-old.tar", there));
    let scene = other.scene();
    let run = renamed_plainly(&case, &scene).exits(1);
    run.says(&["already exists"]);
    same(&other.before, &snapshot(&scene.registry()));
}

/// FUSE, 9p and some network file systems cannot sync folders. A change there counts as made.
#[test]
fn a_file_system_that_syncs_no_folders_serves_too() {
    let is_folder = |call: &Call| call.paths().iter().all(|path| path.is_dir());
    let mut hits = 0;
    for case in Case::all() {
        let scene = case.scene();
        let (_, calls) = case.record(&scene);
        let synced = calls.iter().filter(|call| call.name == "fsync").count();
        // Each thread's calls are counted by themselves.
        for nth in 1..=synced.min(12) {
            let error = ["EINVAL", "ENOSYS", "EOPNOTSUPP"][nth % 3];
            let point = Point {
                name: "fsync".into(),
                nth,
                all_threads: true,
                at: 0,
            };
            let scene = case.scene();
            let run = Run::of(&mut case.faulted(&scene, &point, Fault::Once(error)));
            let calls = strace::read(&scene.path("strace.log"));
            // A file's `fsync` is another thing.
            let injected: Vec<_> = calls.iter().filter(|call| call.injected).collect();
            if injected.is_empty() || !injected.iter().all(|call| is_folder(call)) {
                continue;
            }
            hits += 1;
            assert_eq!(run.status, 0, "{}: {run:?}", case.name);
            let state = case.judge(&snapshot(&scene.registry()));
            assert_eq!(state, Ok(State::New), "{}", case.name);
        }
    }
    // Which thread syncs what differs from run to run.
    assert!(hits > 3, "{hits} folders were hit");
}

/// Lustre, NFS and FUSE may have no locks: who only reads needs none, and who changes something is refused.
#[test]
fn a_file_system_without_locks_is_read_and_not_changed() {
    let point = Point {
        name: "flock".into(),
        nth: 1,
        all_threads: true,
        at: 0,
    };
    for error in ["ENOSYS", "ENOLCK", "EOPNOTSUPP"] {
        let fault = Fault::FromThenOn(error);
        let case = Case::sign_first();
        let scene = case.scene();
        ir_sign(case.args(&scene)).ok();
        let before = snapshot(&scene.registry());
        let registry = scene.text("registry");
        for args in [
            scene.verify_args("app", &["--all"]),
            ["inspect-image", "-r", &registry, "-a", "app"]
                .map(str::to_owned)
                .to_vec(),
        ] {
            let log = scene.path("strace.log");
            let program = std::ffi::OsStr::new(harness::program());
            Run::of(strace::faulted(program, &log, &point, fault).args(args)).ok();
            assert!(strace::read(&log).iter().any(|call| call.injected));
        }
        same(&before, &snapshot(&scene.registry()));
        let unpack = Case::unpack("", "docker-save-old.tar", false);
        for case in [Case::sign_first(), Case::prune(), unpack] {
            let scene = case.scene();
            let run = Run::of(&mut case.faulted(&scene, &point, fault)).exits(3);
            run.says(&["cannot lock", "hint: the file system has no locks"]);
            same(&case.before, &snapshot(&scene.registry()));
        }
    }
    // Any other error leaves open whether somebody holds the lock.
    let case = Case::sign_first();
    let scene = case.scene();
    let log = scene.path("strace.log");
    let program = std::ffi::OsStr::new(harness::program());
    let mut command = strace::faulted(program, &log, &point, Fault::FromThenOn("EIO"));
    Run::of(command.args(scene.verify_args("app", &[]))).exits(3);
}
