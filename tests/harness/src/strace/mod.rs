//! The program under `strace`: what it asks of the file system is recorded, and at one call it is
//! killed or given an error.
//!
//! `strace` counts the calls of each thread and of each system call by itself (`when=N` is the N-th
//! `fsync` of *every* thread). So a point is a thread, a system call and a number:
//!
//! - Where no other thread makes as many such calls, all threads are traced: one call is hit.
//! - Otherwise a call of the first thread is hit by tracing that one alone, without `-f`.
//! - Otherwise all threads are traced, and the first that comes to its N-th such call is hit. (A call
//!   of which the first thread makes as many before it starts with its work is left out: a few files
//!   that other threads open for reading.)
//!
//! How work is shared among threads differs from run to run, so now and then a point is not come to,
//! however often it is tried; such points are counted apart. Only for the third kind, and where threads share work, is it not
//! certain that each call of a recording was hit.

pub mod parse;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub use parse::Call;

/// The calls that open, write, sync, rename, link, remove, make, truncate, lock or change modes.
pub const CALLS: &str = "open,openat,openat2,creat,write,writev,pwrite64,pwritev,pwritev2,fsync,\
    fdatasync,sync,syncfs,sync_file_range,rename,renameat,renameat2,link,linkat,symlink,symlinkat,\
    unlink,unlinkat,rmdir,mkdir,mkdirat,truncate,ftruncate,fallocate,copy_file_range,sendfile,splice,\
    flock,chmod,fchmod,fchmodat,fadvise64";

/// Those of a recording: all that are given a path or an open file.
const RECORDED: &str = "%file,%desc";

/// A call to hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    pub name: String,
    pub nth: usize,
    /// Whether all threads are traced.
    pub all_threads: bool,
    /// Where it stands in the recording.
    pub at: usize,
}

/// The fault at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9`, before the call has any effect.
    Kill,
    /// This call gives an error.
    Once(&'static str),
    /// This call and all others of its name from then on give an error.
    FromThenOn(&'static str),
}

/// The program under `strace`, which writes to `log` what it asks of the file system.
pub fn recorded(program: &OsStr, log: &Path) -> Command {
    traced(program, log, &["-f", "-e", &format!("trace={RECORDED}")])
}

/// The program with a fault at a point; the log has its calls of [`CALLS`], of all threads or of the
/// first.
pub fn faulted(program: &OsStr, log: &Path, point: &Point, fault: Fault) -> Command {
    let (name, nth) = (&point.name, point.nth);
    let inject = match fault {
        Fault::Kill => format!("inject={name}:signal=KILL:when={nth}"),
        Fault::Once(error) => format!("inject={name}:error={error}:when={nth}"),
        Fault::FromThenOn(error) => format!("inject={name}:error={error}:when={nth}+"),
    };
    let trace = format!("trace={CALLS}");
    let mut flags = vec!["-e", &trace, "-e", &inject];
    flags.extend(point.all_threads.then_some("-f"));
    traced(program, log, &flags)
}

/// Ended when it takes much too long, with all texts and the paths of open files in the log.
fn traced(program: &OsStr, log: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["-k", "1", "60", "strace", "-qq", "-y", "-xx"])
        .args(["-s", "1000000000", "-e", "signal=none"])
        .args(flags)
        .args([OsStr::new("-o"), log.as_os_str(), program])
        .env_remove("NO_COLOR");
    command
}

/// Whether a command was killed by the fault: `strace` ends as the program did, and `timeout` in the
/// same way or says so.
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9) || status.code() == Some(128 + 9)
}

/// Reads what `strace` wrote.
pub fn read(log: &Path) -> Vec<Call> {
    let text = std::fs::read_to_string(log).unwrap_or_else(|e| panic!("{}: {e}", log.display()));
    // Without `-f` there is no thread's number.
    let is_numbered = text.starts_with(|c: char| c.is_ascii_digit());
    let lines = text.lines();
    let numbered = lines.map(|line| {
        if is_numbered {
            line.to_owned()
        } else {
            format!("0 {line}")
        }
    });
    parse::parse(&numbered.collect::<Vec<_>>().join("\n"))
}

/// The points of a recording: every call of [`CALLS`] from the first on that touches the folder.
pub fn points(calls: &[Call], folder: &Path) -> Vec<Point> {
    let start = calls.iter().position(|call| call.touches(folder));
    let start = start.expect("the folder is touched");
    let mut counts: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        if !CALLS.split(',').any(|name| name == call.name) {
            continue;
        }
        let count = counts.entry((call.thread, &call.name)).or_default();
        *count += 1;
        if at >= start {
            found.push((at, call, *count));
        }
    }
    let point = |(at, call, nth): &(usize, &Call, usize)| {
        let by_others = counts
            .iter()
            .filter(|((thread, name), _)| *thread != call.thread && *name == call.name);
        let is_alone = by_others.map(|(_, count)| *count).all(|count| count < *nth);
        Point {
            name: call.name.clone(),
            nth: *nth,
            all_threads: is_alone || call.thread != 0,
            at: *at,
        }
    };
    let mut points: Vec<Point> = found.iter().map(point).collect();
    // One of the third kind would hit the first thread while it still starts.
    points.retain(|point| {
        let first = |name: &str, nth| {
            let mut of_first = calls
                .iter()
                .enumerate()
                .filter(|(_, c)| c.thread == 0 && c.name == name);
            of_first.nth(nth - 1).map(|(at, _)| at)
        };
        let is_third = point.all_threads && calls[point.at].thread != 0;
        !is_third || first(&point.name, point.nth).is_none_or(|at| at >= start)
    });
    // Two threads' calls of the third kind are one point.
    let mut seen = Vec::new();
    points.retain(|point| {
        let key = (point.name.clone(), point.nth, point.all_threads);
        let is_new = !seen.contains(&key);
        seen.push(key);
        is_new
    });
    points
}

/// Whether all points are tried.
pub fn is_thorough() -> bool {
    std::env::var_os("IR_SIGN_THOROUGH").is_some_and(|v| v == "1")
}

/// Some of many, evenly spread, with first and last; all with `IR_SIGN_THOROUGH=1`.
pub fn some<T: Clone>(all: &[T], at_most: usize) -> Vec<T> {
    if is_thorough() || all.len() <= at_most {
        return all.to_vec();
    }
    let last = all.len() - 1;
    (0..at_most)
        .map(|n| all[n * last / (at_most - 1)].clone())
        .collect()
}

/// Some of many, and in any case those that this holds of.
pub fn some_and<T: Clone + PartialEq>(
    all: &[T],
    at_most: usize,
    wanted: impl Fn(&T) -> bool,
) -> Vec<T> {
    let picked = some(all, at_most);
    let is_taken = |item: &&T| picked.contains(item) || wanted(item);
    all.iter().filter(is_taken).cloned().collect()
}

/// Where the last rename of a recording stands: that by which all is in its place.
pub fn last_rename(calls: &[Call]) -> usize {
    let last = calls
        .iter()
        .rposition(|call| call.name.starts_with("rename"));
    last.unwrap_or(0)
}

/// Tries a point again that was not come to, a few times.
pub fn until_come_to<T, E>(mut work: impl FnMut() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
    for _ in 0..4 {
        if let Some(done) = work()? {
            return Ok(Some(done));
        }
    }
    Ok(None)
}

/// Does `work` to all, on two threads, and keeps the order.
pub fn on_two_threads<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(n) else { break };
            done.push((n, work(item)));
        }
        done
    };
    let mut all: Vec<(usize, R)> = thread::scope(|scope| {
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        let results = workers.map(|w| w.join().unwrap_or_else(|e| std::panic::resume_unwind(e)));
        results.into_iter().flatten().collect()
    });
    all.sort_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, result)| result).collect()
}
