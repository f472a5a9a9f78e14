//! Ending by a signal: no call is cut short, and the modules are finalised, before the process dies
//! of it. A token that is not told keeps what the run left on it: a bare TPM takes no login any more.
//!
//! From the first such signal on nobody goes in or comes out of work on a token. A second signal is
//! not waited with. Without a module there is none of this: signals do what they always do.

use std::cell::Cell;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, OnceLock, PoisonError, Weak};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// A module as a signal finds it.
pub trait Finalise: Send + Sync {
    /// `C_Finalize`, while nobody is at work and the process ends.
    fn finalise(&self);
}

/// Who is at work on tokens.
struct Work {
    inside: usize,
    ending: bool,
}

static WORK: Mutex<Work> = Mutex::new(Work {
    inside: 0,
    ending: false,
});
static CHANGED: Condvar = Condvar::new();
static MODULES: Mutex<Vec<Weak<dyn Finalise>>> = Mutex::new(Vec::new());
static LAST: OnceLock<fn()> = OnceLock::new();

thread_local! {
    /// How often this thread has gone in without coming out.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Stands for work on a token: dropping it ends the work.
pub struct Inside(());

/// Begins work on a token, or goes on with it.
pub fn enter() -> Inside {
    if DEPTH.replace(DEPTH.get() + 1) == 0 {
        go_in();
    }
    Inside(())
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 {
            come_out();
        }
    }
}

/// Waits for something else than the token in the midst of work: a person, or another thread.
pub fn outside<T>(wait: impl FnOnce() -> T) -> T {
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            go_in();
        }
    }
    if DEPTH.get() == 0 {
        return wait();
    }
    come_out();
    let _back = Back;
    wait()
}

fn go_in() {
    stay_if_ending(work()).inside += 1;
}

fn come_out() {
    let mut work = work();
    work.inside -= 1;
    CHANGED.notify_all();
    // Nothing is made of what the token gave.
    drop(stay_if_ending(work));
}

fn stay_if_ending(work: MutexGuard<'_, Work>) -> MutexGuard<'_, Work> {
    let stayed = CHANGED.wait_while(work, |work| work.ending);
    stayed.unwrap_or_else(PoisonError::into_inner)
}

fn work() -> MutexGuard<'static, Work> {
    WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is done last, before the process dies.
pub fn last(hook: fn()) {
    LAST.get_or_init(|| hook);
}

/// Has a module finalised should a signal end the process.
pub fn remember(module: Weak<dyn Finalise>) {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    modules.push(module);
}

/// Waits for signals from now on. Those that are ignored stay so (nohup(1)).
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ignored = ignored();
        let signals: Vec<i32> = [SIGINT, SIGTERM, SIGHUP]
            .into_iter()
            .filter(|signal| ignored & (1 << (signal - 1)) == 0)
            .collect();
        let at_once = Arc::new(AtomicBool::new(false));
        let second = Arc::clone(&at_once);
        let begin = || {
            for signal in &signals {
                flag::register_conditional_default(*signal, Arc::clone(&at_once))?;
            }
            let mut coming = Signals::new(&signals)?;
            thread::Builder::new().spawn(move || {
                if let Some(signal) = coming.forever().next() {
                    second.store(true, Ordering::SeqCst);
                    end(signal);
                }
            })
        };
        if begin().is_err() {
            // Nobody waits: they do at once what they always do.
            at_once.store(true, Ordering::SeqCst);
        }
    });
}

fn end(signal: i32) {
    let mut work = work();
    work.ending = true;
    let alone = CHANGED.wait_while(work, |work| work.inside > 0);
    drop(alone.unwrap_or_else(PoisonError::into_inner));
    let modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    for module in modules.iter().filter_map(Weak::upgrade) {
        module.finalise();
        // Its own end would wait for ever.
        std::mem::forget(module);
    }
    if let Some(last) = LAST.get() {
        last();
    }
    let _ = emulate_default_handler(signal);
    std::process::exit(128 + signal);
}

/// The signals that are ignored, one bit each: who started this process wants it to outlive them.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
