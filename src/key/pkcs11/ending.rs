//! Ending by a signal: the process waits for the call in progress and calls `C_Finalize`, and then dies by the
//! signal. A token whose module does not get that call keeps the run's sessions: a bare TPM then refuses every
//! login.
//!
//! From the first such signal on no thread begins or ends work on a token. A second signal ends the process at
//! once. Without a module signals do what they always do.

use std::cell::Cell;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, OnceLock, PoisonError, Weak};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// A module, as far as a signal needs it.
pub trait Finalise: Send + Sync {
    /// Calls `C_Finalize`, while no thread works on a token and the process ends.
    fn finalise(&self);
}

/// The threads that work on tokens.
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
    /// How many nested pieces of work on tokens this thread has begun.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A guard for work on a token: dropping it ends the work.
pub struct Inside(());

/// Begins work on a token, or continues it.
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

/// Waits, in the midst of work, for a person or another thread and not for the token.
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

/// The last steps before the process dies.
pub fn last(hook: fn()) {
    LAST.get_or_init(|| hook);
}

/// Registers a module for `C_Finalize`, should a signal end the process.
pub fn remember(module: Weak<dyn Finalise>) {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    modules.push(module);
}

/// Waits for signals from now on, but for those that are ignored (nohup(1)).
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
            // No thread waits for them: they take their default action at once.
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

/// The signals that are ignored, one bit each: the caller wants this process to outlive them.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
