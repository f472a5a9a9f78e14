//! The modules of a run: ir-sign loads each shared library once, calls `C_Initialize` once, and `C_Finalize` at the
//! end. When the sessions die it can call both again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use cryptoki::slot::Slot;

use super::ending::{self, Finalise};
use super::error::Error;
use super::options::Options;
use super::raw::{Library, Refusal, Session, TokenInfo};
use super::words::code_name;
use crate::key::uri::TokenUri;

/// p11-kit's proxy, which offers the modules that the system is set up with.
const SYSTEM_MODULE: &str = "p11-kit-proxy.so";
/// The environment variable that names a module.
const MODULE_VARIABLE: &str = "PKCS11_MODULE_PATH";

/// A loaded and initialised module.
pub struct Module {
    pub(super) path: PathBuf,
    pub(super) library: Arc<Library>,
    live: RwLock<Live>,
}

/// The state between one `C_Initialize` and the next. Threads use sessions under the read lock, so that none is in
/// use while the module starts again.
pub struct Live {
    /// How often the module was started again.
    pub(super) generation: u64,
    /// Whether a session died since. Then logins and handles are void, even where other sessions still answer.
    dead: AtomicBool,
    /// Whether this process called `C_Initialize`, and so must call `C_Finalize`.
    ours: bool,
    /// Open sessions that no thread uses, by slot. A token stays logged in as long as it has a session.
    pool: Mutex<HashMap<Slot, Pool>>,
    /// Signalled when a thread releases a session.
    back: Condvar,
}

/// The sessions of a slot.
#[derive(Default)]
struct Pool {
    idle: Vec<Session>,
    /// How many are in use.
    busy: usize,
}

/// The modules of a run.
#[derive(Default)]
pub struct Modules(Mutex<Vec<Arc<Module>>>);

impl Modules {
    /// Loads the module for a URI: the one from the command line, else the URI's own, else the command's usual one,
    /// else the environment's, else the system's. There is no second choice if that one does not load.
    pub fn load(&self, options: &Options, uri: &TokenUri) -> Result<Arc<Module>, Error> {
        // Such a program has no loader.
        if cfg!(target_feature = "crt-static") {
            return Err(Error::Static);
        }
        let path = options
            .module
            .clone()
            .or_else(|| uri.module_path.clone())
            .or_else(|| options.usual_module.clone())
            .or_else(of_environment)
            .unwrap_or_else(|| SYSTEM_MODULE.into());
        // The loader looks up a bare name; a path is one module however it is spelt.
        let path = if path.components().count() > 1 {
            path.canonicalize().map_err(|e| Error::Module {
                path: path.clone(),
                reason: e.to_string(),
            })?
        } else {
            path
        };
        if let Some(name) = &uri.module_name
            && !is_named(&path, name)
        {
            let name = name.clone();
            return Err(Error::ModuleName { path, name });
        }
        let _inside = ending::enter();
        let mut modules = locked(&self.0);
        if let Some(known) = modules.iter().find(|module| module.path == path) {
            return Ok(Arc::clone(known));
        }
        ending::watch();
        let module = Arc::new(Module::load(&path)?);
        let weak = Arc::downgrade(&module);
        ending::remember(weak);
        modules.push(Arc::clone(&module));
        Ok(module)
    }
}

/// The module that the environment names. A variable that is empty names none.
pub fn of_environment() -> Option<PathBuf> {
    let path = std::env::var_os(MODULE_VARIABLE).filter(|path| !path.is_empty());
    path.map(PathBuf::from)
}

/// Whether a file has this module's name, in any case: with or without `lib` before and an ending
/// behind (RFC 7512, section 2.3, `module-name`).
fn is_named(path: &Path, name: &str) -> bool {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.split('.').next().unwrap_or_default();
    let is = |stem: &str| stem.eq_ignore_ascii_case(name);
    let without = stem.split_at_checked(3);
    is(stem) || without.is_some_and(|(lib, rest)| lib.eq_ignore_ascii_case("lib") && is(rest))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Module {
    fn load(path: &Path) -> Result<Self, Error> {
        let failed = |reason: String| Error::Module {
            path: path.to_owned(),
            reason,
        };
        let library = Arc::new(Library::load(path).map_err(failed)?);
        let ours = library.start().map_err(not_started(path))?;
        Ok(Self {
            path: path.to_owned(),
            library,
            live: RwLock::new(Live {
                generation: 0,
                dead: AtomicBool::new(false),
                ours,
                pool: Mutex::default(),
                back: Condvar::new(),
            }),
        })
    }

    /// The slots that have a token, or all.
    pub(super) fn slots(&self, with_token: bool) -> Result<Vec<Slot>, Error> {
        let slots = self.library.slots(with_token);
        slots.map_err(Error::refusal(&self.name()))
    }

    /// `CK_TOKEN_INFO` of the token in a slot.
    pub(super) fn token_info(&self, slot: Slot, name: &str) -> Result<TokenInfo, Error> {
        self.library.token_info(slot).map_err(Error::refusal(name))
    }

    /// The module's name in messages.
    pub(super) fn name(&self) -> String {
        format!("PKCS#11 module {}", self.path.display())
    }

    pub(super) fn live(&self) -> RwLockReadGuard<'_, Live> {
        ending::outside(|| self.live.read()).unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a session of this generation died.
    pub(super) fn is_dead(&self, generation: u64) -> bool {
        let live = self.live();
        live.generation != generation || live.is_dead()
    }

    /// Drops all sessions and starts the module again, unless somebody did since `seen`.
    pub(super) fn restart(&self, seen: u64) -> Result<(), Error> {
        let live = ending::outside(|| self.live.write());
        let mut live = live.unwrap_or_else(PoisonError::into_inner);
        if live.generation != seen {
            return Ok(());
        }
        // Before the module ends: a session closed later could be another one by then.
        locked(&live.pool).clear();
        if live.ours {
            // The module may have ended already: that is the reason for this call.
            self.library.end();
            live.ours = self.library.start().map_err(not_started(&self.path))?;
        }
        live.generation += 1;
        live.dead = AtomicBool::new(false);
        Ok(())
    }
}

impl Finalise for Module {
    fn finalise(&self) {
        let live = self.live.try_read();
        if let Ok(live) = &live {
            locked(&live.pool).clear();
        }
        if live.is_ok_and(|live| !live.ours) {
            return;
        }
        self.library.end();
    }
}

fn not_started(path: &Path) -> impl FnOnce(Refusal) -> Error + '_ {
    move |(function, code)| Error::Start {
        path: path.to_owned(),
        reason: format!("C_{function:?} gave {}", code_name(&code)),
    }
}

impl Live {
    /// Notes that a session died.
    pub(super) fn mark_dead(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Takes a session of a slot out of the pool, or opens a new one. Where the token allows no more sessions, this
    /// waits until another thread releases one.
    pub(super) fn acquire(
        &self,
        slot: Slot,
        open: impl Fn() -> Result<Session, Error>,
    ) -> Result<PooledSession<'_>, Error> {
        loop {
            let mut pool = locked(&self.pool);
            let of_slot = pool.entry(slot).or_default();
            of_slot.busy += 1;
            let mut pooled = PooledSession {
                live: self,
                slot,
                session: of_slot.idle.pop(),
            };
            drop(pool);
            if pooled.session.is_some() {
                return Ok(pooled);
            }
            match open() {
                Ok(session) => {
                    pooled.session = Some(session);
                    return Ok(pooled);
                }
                Err(error) if error.is_no_session_left() => {
                    drop(pooled);
                    if !self.wait(slot) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes an idle read-write session of a slot out of the pool, if there is one.
    pub(super) fn acquire_writing(&self, slot: Slot) -> Option<PooledSession<'_>> {
        let mut pool = locked(&self.pool);
        let of_slot = pool.get_mut(&slot)?;
        let at = of_slot.idle.iter().position(Session::may_write)?;
        let session = Some(of_slot.idle.swap_remove(at));
        of_slot.busy += 1;
        drop(pool);
        Some(PooledSession {
            live: self,
            slot,
            session,
        })
    }

    /// Waits until a session of the slot is idle; false where no thread holds one.
    fn wait(&self, slot: Slot) -> bool {
        ending::outside(|| {
            let mut pool = locked(&self.pool);
            loop {
                match pool.get(&slot) {
                    Some(of_slot) if !of_slot.idle.is_empty() => return true,
                    Some(of_slot) if of_slot.busy > 0 => {}
                    _ => return false,
                }
                pool = self.back.wait(pool).unwrap_or_else(PoisonError::into_inner);
            }
        })
    }

    /// Puts a session back into the pool.
    pub(super) fn put(&self, slot: Slot, session: Session) {
        locked(&self.pool)
            .entry(slot)
            .or_default()
            .idle
            .push(session);
        self.back.notify_all();
    }

    /// Closes the idle sessions of a slot; returns whether there were any.
    pub(super) fn close_idle(&self, slot: Slot) -> bool {
        let idle = locked(&self.pool)
            .get_mut(&slot)
            .map(|of_slot| std::mem::take(&mut of_slot.idle));
        idle.is_some_and(|idle| !idle.is_empty())
    }
}

/// A session that one thread has taken out of the pool. Dropping it closes the session; [`Self::release`] puts it back.
pub struct PooledSession<'a> {
    live: &'a Live,
    slot: Slot,
    session: Option<Session>,
}

impl PooledSession<'_> {
    pub(super) fn session(&self) -> &Session {
        self.session
            .as_ref()
            .expect("it is there until it is released")
    }

    /// Puts it back into the pool.
    pub(super) fn release(mut self) {
        if let Some(session) = self.session.take() {
            self.live.put(self.slot, session);
        }
    }
}

impl Drop for PooledSession<'_> {
    fn drop(&mut self) {
        // Closed before the next is opened.
        drop(self.session.take());
        if let Some(of_slot) = locked(&self.live.pool).get_mut(&self.slot) {
            of_slot.busy = of_slot.busy.saturating_sub(1);
        }
        self.live.back.notify_all();
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let _inside = ending::enter();
        let live = self.live.get_mut().unwrap_or_else(PoisonError::into_inner);
        locked(&live.pool).clear();
        if live.ours {
            // Some tokens leak objects without this call. The run is over: a failure changes nothing.
            self.library.end();
        }
    }
}
