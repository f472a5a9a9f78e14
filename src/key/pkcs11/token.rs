//! An open token: its sessions, and its login.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cryptoki::slot::Slot;

use super::choose::{self, Found};
use super::chosen::Chosen;
use super::ending;
use super::error::Error;
use super::identity::Identity;
use super::login::{self, Login};
use super::module::{Live, Module};
use super::options::Shared;
use super::raw::{Session, TokenInfo};
use crate::key::uri::TokenUri;
use crate::parallel::Gate;

/// A selected token. The module owns its sessions.
pub struct Token {
    chosen: Chosen,
    /// The slot that it has to be in, where it has a double.
    pub(super) only_slot: Option<Slot>,
    place: Mutex<Place>,
    login: Mutex<Option<Login>>,
    /// Held from the PIN prompt until the token has answered.
    pin: Mutex<()>,
    /// Whether all sessions are read-write: a token may allow one session in all.
    writes: AtomicBool,
    /// Limits how many threads use a session at once.
    gate: Gate,
}

/// Where the token is, in one generation of the module.
struct Place {
    generation: u64,
    slot: Slot,
    login: LoginState,
}

/// The state of the login to a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LoginState {
    /// Nobody has tried yet.
    Open,
    /// The token wants no login.
    Needless,
    /// The user is logged in, in all sessions.
    User,
}

impl Deref for Token {
    type Target = Chosen;

    fn deref(&self) -> &Chosen {
        &self.chosen
    }
}

/// Whether to try an operation again after the session died.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Twice has the same effect as once.
    Yes,
    /// The token may have done it already.
    No,
}

impl Token {
    pub(super) fn new(
        number: usize,
        module: Arc<Module>,
        found: &Found,
        shared: Arc<Shared>,
    ) -> Self {
        let generation = module.live().generation;
        let gate = Gate::new(shared.options.sessions.get());
        Self {
            chosen: Chosen {
                number,
                module,
                identity: Identity::from(&found.info),
                shared,
            },
            only_slot: found.has_double.then_some(found.slot),
            place: Mutex::new(Place {
                generation,
                slot: found.slot,
                login: LoginState::Open,
            }),
            login: Mutex::default(),
            pin: Mutex::default(),
            writes: AtomicBool::new(false),
            gate,
        }
    }

    /// A URI that names the token and no other.
    pub(super) fn uri(&self) -> TokenUri {
        self.identity.uri_in(self.only_slot)
    }

    /// Whether a token that was found in this generation of the same module is this one.
    pub(super) fn is(&self, found: &Found, generation: u64) -> bool {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = place.generation != generation && self.only_slot.is_none() && !found.has_double;
        self.identity == Identity::from(&found.info) && (moved || place.slot == found.slot)
    }

    /// `CK_TOKEN_INFO` of the token now.
    pub(super) fn info(&self) -> Result<TokenInfo, Error> {
        self.with(Retry::Yes, |_, slot, _| {
            self.module.token_info(slot, &self.name())
        })
    }

    /// Logs in once: later calls, and other keys on the token, use that login.
    pub(super) fn log_in(&self, login: Login) -> Result<(), Error> {
        {
            let mut known = self.login.lock().unwrap_or_else(PoisonError::into_inner);
            if known.is_some() {
                return Ok(());
            }
            *known = Some(login);
        }
        self.with(Retry::Yes, |_, _, _| Ok(()))
    }

    /// Whether a caller has asked for a login already, even where the token wants none.
    pub(super) fn has_way_in(&self) -> bool {
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        login.is_some()
    }

    /// Logs the user in where the token wanted no login and showed no key; returns whether that may help.
    pub(super) fn insist(&self) -> bool {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        match login.as_mut() {
            Some(login) if place.login == LoginState::Needless && login.is_named(self) => {
                login.insists = true;
                place.login = LoginState::Open;
                true
            }
            _ => false,
        }
    }

    /// Opens all sessions read-write from now on. Open ones stay as they are.
    pub(super) fn will_write(&self) {
        self.writes.store(true, Ordering::Relaxed);
    }

    /// Sends one PIN at a time to the token: its answer decides on the next.
    pub(super) fn one_pin(&self) -> MutexGuard<'_, ()> {
        ending::outside(|| self.pin.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    /// The login that was used, for keys that want a context-specific one.
    pub(super) fn way_in(&self) -> Login {
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        login.clone().unwrap_or_default()
    }

    /// Runs `work` in a session of the token. If the session is dead, this starts the module again, finds the same
    /// token, logs in, and runs `work` once more where `retry` allows that.
    ///
    /// `work` gets the slot and the generation, which changes when handles of objects become void.
    pub(super) fn with<T>(
        &self,
        again: Retry,
        work: impl Fn(&Session, Slot, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.with_session(again, false, work)
    }

    /// The same in a read-write session.
    pub(super) fn with_writing<T>(
        &self,
        again: Retry,
        work: impl Fn(&Session, Slot, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.with_session(again, true, work)
    }

    fn with_session<T>(
        &self,
        again: Retry,
        writing: bool,
        work: impl Fn(&Session, Slot, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _inside = ending::enter();
        let mut again = again == Retry::Yes;
        loop {
            match self.attempt(writing, &work) {
                Ok(done) => return Ok(done),
                // Another thread's session died: this one has not begun.
                Err((None, generation)) => self.module.restart(generation)?,
                Err((Some(error), generation)) => {
                    let dead = error.is_dead_session()
                        || error.can_be_of_a_logout() && self.module.is_dead(generation);
                    if !dead || !again {
                        return Err(error);
                    }
                    again = false;
                    self.module.restart(generation)?;
                }
            }
        }
    }

    /// Runs `work` once. The error comes with the generation; without it where the sessions of the generation are
    /// known to be dead and `work` did not run.
    fn attempt<T>(
        &self,
        writing: bool,
        work: &impl Fn(&Session, Slot, u64) -> Result<T, Error>,
    ) -> Result<T, (Option<Error>, u64)> {
        let _pass = ending::outside(|| self.gate.enter());
        let live = self.module.live();
        let generation = live.generation;
        if live.is_dead() {
            return Err((None, generation));
        }
        let tell = |error: Error| {
            login::note(self, &error);
            // Before another thread takes the session, for which this would look like a logout.
            if error.is_dead_session() {
                live.mark_dead();
            }
            (Some(error), generation)
        };
        let (slot, login) = self.locate_and_log_in(&live).map_err(tell)?;
        let work = |session: &Session| {
            let done = work(session, slot, generation);
            if let Err(error) = &done
                && login == LoginState::User
                && error.can_be_of_a_logout()
                // Its message says so, and no retry follows it.
                && error.of_pin().is_none()
                && has_lost_login(session)
            {
                live.mark_dead();
            }
            done
        };
        let mut pooled = None;
        if writing {
            pooled = live.acquire_writing(slot);
        }
        if writing && pooled.is_none() {
            // Idle sessions are read-only: they were opened before a caller asked to write.
            match self.open(slot, true) {
                Ok(session) => return work(&session).map_err(tell),
                Err(error) if error.is_no_session_left() && live.close_idle(slot) => {
                    // The only session has to be read-write, and logged in anew.
                    self.will_write();
                    let place = ending::outside(|| self.place.lock());
                    place.unwrap_or_else(PoisonError::into_inner).login = LoginState::Open;
                    self.locate_and_log_in(&live).map_err(tell)?;
                }
                Err(error) => return Err(tell(error)),
            }
        }
        let open = || self.open(slot, false);
        let pooled = match pooled {
            Some(pooled) => pooled,
            None => live.acquire(slot, open).map_err(tell)?,
        };
        let done = work(pooled.session());
        match &done {
            Ok(_) => pooled.release(),
            Err(error) if error.is_dead_session() => {}
            // An operation may still be active in the session, so the next caller gets a fresh one. That is opened
            // first: a token without any session is logged out.
            Err(_) => match self.open(slot, false) {
                Ok(fresh) => live.put(slot, fresh),
                Err(error) if error.is_no_session_left() => pooled.release(),
                Err(_) => {}
            },
        }
        done.map_err(tell)
    }

    fn open(&self, slot: Slot, writing: bool) -> Result<Session, Error> {
        let writing = writing || self.writes.load(Ordering::Relaxed);
        let session = Session::open(&self.module.library, slot, writing);
        session.map_err(Error::refusal(&self.name()))
    }

    /// Finds the token in this generation, and logs in where a caller asked for that.
    fn locate_and_log_in(&self, live: &Live) -> Result<(Slot, LoginState), Error> {
        let place = ending::outside(|| self.place.lock());
        let mut place = place.unwrap_or_else(PoisonError::into_inner);
        if place.generation != live.generation {
            place.slot = self.find_again()?;
            place.generation = live.generation;
            place.login = LoginState::Open;
        }
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(login) = login.as_ref()
            && place.login == LoginState::Open
        {
            let session = live.acquire(place.slot, || self.open(place.slot, false))?;
            let wanted = login::log_in(self, place.slot, session.session(), login)?;
            session.release();
            place.login = if wanted {
                LoginState::User
            } else {
                LoginState::Needless
            };
        }
        Ok((place.slot, place.login))
    }

    /// The slot of the same token now. Where it has, or had, a double, it has to be in its old slot: nothing else
    /// distinguishes the two.
    fn find_again(&self) -> Result<Slot, Error> {
        let tokens = choose::all(&self.module)?.tokens.into_iter();
        let mut same = tokens.filter(|(found, _)| {
            Identity::from(&found.info) == self.identity
                && self.only_slot.is_none_or(|slot| slot == found.slot)
        });
        match (same.next(), same.next()) {
            (Some((found, _)), None) => Ok(found.slot),
            _ => Err(Error::Gone(self.name())),
        }
    }
}

/// Whether the session has lost its login. A session that was opened after all others died, and before anybody
/// noticed, is not logged in and finds no private keys.
fn has_lost_login(session: &Session) -> bool {
    match session.is_public() {
        Ok(is_public) => is_public,
        Err(refusal) => Error::refusal("")(refusal).is_dead_session(),
    }
}
