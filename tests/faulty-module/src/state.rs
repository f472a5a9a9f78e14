//! The module's memory between calls, and its steps before and after each one.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use cryptoki_sys::{
    CK_FUNCTION_LIST, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CKR_BUFFER_TOO_SMALL,
    CKR_CRYPTOKI_NOT_INITIALIZED, CKR_DEVICE_REMOVED, CKR_GENERAL_ERROR, CKR_OK,
    CKR_SESSION_HANDLE_INVALID, CKR_TOKEN_NOT_PRESENT,
};

use crate::log::{Attempt, Entry};
use crate::names::{ckr_name, takes_session};
use crate::plan::{Plan, Switch};
use crate::signing;

/// How far a signature with a key that wants its own login each time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// `C_SignInit` came, no login yet.
    Wanted,
    /// The login came right after it.
    Given,
    /// Another call came in between.
    Spoiled,
}

/// A session that is open.
pub(crate) struct Session {
    pub slot: CK_SLOT_ID,
    pub context: Option<Context>,
    /// Found objects that had no room in the caller's list.
    pub found: Vec<CK_OBJECT_HANDLE>,
}

#[derive(Default)]
pub(crate) struct State {
    source: Option<String>,
    pub plan: Plan,
    invalid: Option<String>,
    log: Option<File>,
    calls: u64,
    counts: HashMap<&'static str, u64>,
    pub removed: bool,
    pub sessions: HashMap<CK_SESSION_HANDLE, Session>,
    pub signatures: u64,
    pin_errors: u64,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// The state, with the plan read when it has not been yet.
pub(crate) fn state<T>(use_it: impl FnOnce(&mut State) -> T) -> T {
    let mut guard: MutexGuard<_> = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    use_it(guard.get_or_insert_with(State::load))
}

/// The calls that a login for one signature may stand between.
const SIGNING: [&str; 4] = ["C_SignInit", "C_Sign", "C_SignUpdate", "C_SignFinal"];

/// The calls that end a signature when they fail, as the standard says; then the real one has to end too.
const ENDING: [&str; 3] = ["C_Sign", "C_SignUpdate", "C_SignFinal"];

/// The decision before a call.
struct Entered {
    number: u64,
    instead: Option<CK_RV>,
    afterwards: Option<CK_RV>,
    close: Vec<CK_SLOT_ID>,
    kill: bool,
    kill_after: bool,
    wait: Duration,
    /// A file that the call waits for.
    held: Option<PathBuf>,
}

/// A call that carries a PIN: whose, and whether it is there.
pub(crate) struct Shown {
    pub slot: Option<CK_SLOT_ID>,
    pub user: String,
    pub pin: bool,
}

impl State {
    fn load() -> Self {
        let source = std::env::var_os("FAULTY_MODULE_PLAN")
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (plan, mut invalid) = match Plan::parse(&source) {
            Ok(plan) => (plan, None),
            Err(reason) => (
                Plan::default(),
                Some(format!("FAULTY_MODULE_PLAN: {reason}")),
            ),
        };
        let log = std::env::var_os("FAULTY_MODULE_LOG").filter(|path| !path.is_empty());
        let log = log.and_then(|path| {
            let opened = OpenOptions::new().append(true).create(true).open(path);
            opened
                .map_err(|error| invalid = Some(format!("FAULTY_MODULE_LOG: {error}")))
                .ok()
        });
        Self {
            source: Some(source),
            plan,
            invalid,
            log,
            ..Self::default()
        }
    }

    /// Reads the plan again at `C_Initialize`: another one starts from nothing, the same one goes on counting.
    pub fn reload(&mut self) {
        let new = Self::load();
        if new.source != self.source {
            *self = new;
        }
    }

    /// The fault of the environment, if there is one.
    pub fn invalid(&self) -> Option<String> {
        self.invalid.clone()
    }

    /// The real module has begun anew.
    pub fn begin(&mut self) {
        self.sessions.clear();
        self.removed &= !self.plan.comes_back;
    }

    /// How often a function was called, with the call that is under way.
    pub fn calls_of(&self, function: &str) -> u64 {
        self.counts.get(function).copied().unwrap_or(0)
    }

    fn enter(&mut self, function: &'static str, session: Option<CK_SESSION_HANDLE>) -> Entered {
        self.calls += 1;
        let nth = self.counts.entry(function).or_default();
        *nth += 1;
        let nth = *nth;
        if let Some(known) = session.and_then(|handle| self.sessions.get_mut(&handle))
            && known.context.is_some()
            && function != "C_Login"
            && !SIGNING.contains(&function)
        {
            known.context = Some(Context::Spoiled);
        }
        let at = |place: &crate::plan::Trigger| place.function == function && place.call == nth;
        self.removed |= self.plan.removed.as_ref().is_some_and(at);
        let mut close = Vec::new();
        let mut instead = self.removed.then(|| without_token(function)).flatten();
        if instead.is_none() && self.plan.dead_session.iter().any(at) {
            close = self.sessions.drain().map(|(_, known)| known.slot).collect();
            instead = Some(CKR_SESSION_HANDLE_INVALID);
        }
        let slow = self.plan.slow.iter();
        Entered {
            number: self.calls,
            instead: instead.or_else(|| self.plan.answer(function, nth, false)),
            afterwards: self.plan.answer(function, nth, true),
            close,
            kill: self.plan.kill == Some(self.calls),
            kill_after: self.plan.kill_after == Some(self.calls),
            wait: slow
                .filter(|(name, _)| *name == function)
                .map(|(_, wait)| *wait)
                .sum(),
            held: self
                .plan
                .held
                .as_ref()
                .filter(|(place, _)| at(place))
                .map(|(_, file)| file.clone()),
        }
    }

    fn write(&mut self, number: u64, function: &str, outcome: String, shown: Option<&Shown>) {
        let mut entry = Entry {
            number,
            pid: std::process::id(),
            thread: thread(),
            function: function.to_owned(),
            outcome,
            attempt: None,
        };
        if let Some(shown) = shown {
            self.pin_errors += u64::from(entry.is_pin_error());
            entry.attempt = Some(Attempt {
                slot: shown.slot,
                user: shown.user.clone(),
                pin: shown.pin,
                pin_errors: self.pin_errors,
            });
        }
        if let Some(log) = &mut self.log {
            // One write, so that the lines of two processes do not mix. A log that cannot be written
            // shows in the test that reads it.
            let _ = log.write_all(entry.line().as_bytes());
        }
    }
}

/// A function's answer when the token is gone; `None` for functions that work without one.
fn without_token(function: &str) -> Option<CK_RV> {
    match function {
        "C_Initialize" | "C_Finalize" | "C_GetInfo" | "C_GetFunctionList" | "C_GetSlotList"
        | "C_GetSlotInfo" | "C_WaitForSlotEvent" => None,
        _ if takes_session(function) => Some(CKR_DEVICE_REMOVED),
        _ => Some(CKR_TOKEN_NOT_PRESENT),
    }
}

/// Makes one call by the plan: `body` makes it on the real module.
pub(crate) fn call(
    function: &'static str,
    session: Option<CK_SESSION_HANDLE>,
    body: impl FnOnce(&'static CK_FUNCTION_LIST) -> CK_RV,
) -> CK_RV {
    call_with_pin(function, session, None, body)
}

/// As [`call`], for a function that carries a PIN.
pub(crate) fn call_with_pin(
    function: &'static str,
    session: Option<CK_SESSION_HANDLE>,
    shown: Option<&Shown>,
    body: impl FnOnce(&'static CK_FUNCTION_LIST) -> CK_RV,
) -> CK_RV {
    run(function, session, shown, || match real() {
        Ok(list) => body(list),
        Err(reason) if function == "C_Initialize" => loudly(reason),
        Err(_) => CKR_CRYPTOKI_NOT_INITIALIZED,
    })
}

/// As [`call`], for a function that needs no real module.
pub(crate) fn call_alone(function: &'static str, body: impl FnOnce() -> CK_RV) -> CK_RV {
    run(function, None, None, body)
}

fn run(
    function: &'static str,
    session: Option<CK_SESSION_HANDLE>,
    shown: Option<&Shown>,
    body: impl FnOnce() -> CK_RV,
) -> CK_RV {
    let entered = state(|state| state.enter(function, session));
    let (prints, cannot_lock) = state(|state| {
        (
            state.plan.has(Switch::Prints),
            state.plan.has(Switch::CantLock),
        )
    });
    if prints {
        print(function);
    }
    let _alone = cannot_lock.then(Alone::new);
    if entered.kill {
        die(entered.number, function, shown);
    }
    std::thread::sleep(entered.wait);
    if let Some(file) = &entered.held {
        wait_for(file);
    }
    close_all(&entered.close);
    let body = || {
        let _used = IN_USE.read().unwrap_or_else(PoisonError::into_inner);
        body()
    };
    let answer = match (entered.instead, entered.afterwards) {
        (Some(code), _) => {
            if let Some(session) = session
                && code != CKR_OK
                && code != CKR_BUFFER_TOO_SMALL
                && ENDING.contains(&function)
            {
                signing::abandon(session);
            }
            code
        }
        (None, None) => body(),
        (None, Some(code)) => {
            body();
            code
        }
    };
    if entered.kill_after {
        die(entered.number, function, shown);
    }
    let outcome = ckr_name(answer);
    state(|state| state.write(entered.number, function, outcome, shown));
    answer
}

/// Prints as modules do: at once, by C's buffer that is written when the process ends, and by a program.
fn print(function: &str) {
    unsafe extern "C" {
        fn puts(text: *const std::ffi::c_char) -> i32;
        fn write(descriptor: i32, bytes: *const u8, length: usize) -> isize;
    }
    const LINE: &str = "faulty-module: at once\n";
    // SAFETY: C's functions with their signatures on Unix; the texts live through the calls.
    unsafe {
        puts(c"faulty-module: in the end".as_ptr());
        write(1, LINE.as_ptr(), LINE.len());
    }
    if function == "C_Initialize" {
        let told = std::process::Command::new("echo")
            .arg("faulty-module: another")
            .status();
        assert!(told.is_ok_and(|status| status.success()), "echo runs");
    }
}

/// Whether a call is under way in a module that cannot lock: a second one ends the process.
static CALLED: AtomicBool = AtomicBool::new(false);

struct Alone;

impl Alone {
    fn new() -> Self {
        if CALLED.swap(true, Ordering::SeqCst) {
            eprintln!("faulty-module: two threads call a module that cannot lock");
            std::process::abort();
        }
        Self
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        CALLED.store(false, Ordering::SeqCst);
    }
}

/// Says on standard error what is wrong with the environment.
pub(crate) fn loudly(reason: &str) -> CK_RV {
    eprintln!("faulty-module: {reason}");
    CKR_GENERAL_ERROR
}

/// This thread's number: the first that calls is 1.
fn thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static OWN: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    OWN.with(|own| *own)
}

/// Held by the calls in the real module: some crash when a session is closed that another thread uses.
static IN_USE: RwLock<()> = RwLock::new(());

fn close_all(slots: &[CK_SLOT_ID]) {
    if slots.is_empty() {
        return;
    }
    let _alone = IN_USE.write().unwrap_or_else(PoisonError::into_inner);
    for slot in slots {
        if let Some(close) = real().ok().and_then(|list| list.C_CloseAllSessions) {
            // SAFETY: the function takes a number only and may be called whenever the module is initialised,
            // which it is while sessions are known.
            unsafe { close(*slot) };
        }
    }
}

/// Says by a file beside that the call has come, and waits until somebody makes the file itself.
fn wait_for(file: &Path) {
    let mut waits = file.as_os_str().to_owned();
    waits.push(".waits");
    File::create(waits).expect("the plan names a file in a folder to write in");
    while !file.exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills the process as a power cut would: nothing of it runs any more.
fn die(number: u64, function: &str, shown: Option<&Shown>) -> ! {
    unsafe extern "C" {
        fn kill(pid: i32, signal: i32) -> i32;
    }
    const SIGKILL: i32 = 9;
    state(|state| state.write(number, function, "killed".to_owned(), shown));
    let own = i32::try_from(std::process::id()).expect("a process id is a pid_t");
    // SAFETY: the C library's function with its signature on Unix; both arguments are numbers.
    unsafe { kill(own, SIGKILL) };
    loop {
        std::thread::park();
    }
}

/// The functions of the real module, loaded at the first use and never unloaded.
pub(crate) fn real() -> Result<&'static CK_FUNCTION_LIST, &'static str> {
    static REAL: OnceLock<Result<&'static CK_FUNCTION_LIST, String>> = OnceLock::new();
    REAL.get_or_init(load_real)
        .as_ref()
        .map_or_else(|reason| Err(reason.as_str()), |list| Ok(*list))
}

type Get = unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV;

fn load_real() -> Result<&'static CK_FUNCTION_LIST, String> {
    let path = std::env::var_os("FAULTY_MODULE_REAL").ok_or("FAULTY_MODULE_REAL is not set")?;
    let failed = |error: libloading::Error| format!("FAULTY_MODULE_REAL: {error}");
    // SAFETY: the tests name a PKCS#11 module; what its initialisers do is as when a program loads it.
    let library = unsafe { libloading::Library::new(&path) }.map_err(failed)?;
    let library: &'static libloading::Library = Box::leak(Box::new(library));
    // SAFETY: a PKCS#11 module exports this name with this signature.
    let get = unsafe { library.get::<Get>(b"C_GetFunctionList\0") }.map_err(failed)?;
    let mut list = std::ptr::null_mut();
    // SAFETY: the argument is a place for one pointer, as the function wants.
    let answer = unsafe { get(&raw mut list) };
    if answer != CKR_OK || list.is_null() {
        return Err(format!(
            "C_GetFunctionList of the real module: {}",
            ckr_name(answer)
        ));
    }
    // SAFETY: the module keeps its list for as long as it is loaded, which is for ever.
    Ok(unsafe { &*list })
}
