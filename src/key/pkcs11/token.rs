//! A token that is kept open: its sessions, and the login to it.

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

/// A token that was chosen. Its sessions are the module's.
pub struct Token {
    chosen: Chosen,
    /// The only slot that it may be in, where it has a double.
    pub(super) only_slot: Option<Slot>,
    place: Mutex<Place>,
    login: Mutex<Option<Login>>,
    /// Held from when a PIN is asked for until the token has answered.
    pin: Mutex<()>,
    /// Whether all sessions are opened so that they may write: a token may have one session in all.
    writes: AtomicBool,
    /// As many as may use a session at once.
    gate: Gate,
}

/// Where the token is, as of one start of the module.
struct Place {
    generation: u64,
    slot: Slot,
    login: LoginState,
}

/// What the login to a token has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LoginState {
    /// Nothing was done about it yet.
    Open,
    /// The token wants none.
    Needless,
    /// All sessions are the user's.
    User,
}

impl Deref for Token {
    type Target = Chosen;

    fn deref(&self) -> &Chosen {
        &self.chosen
    }
}

/// Whether something may be done a second time after the session died.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Doing it twice is as good as once.
    Yes,
    /// It may have been done.
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

    /// Whether a token that was found, as of this generation of the same module, is this very one.
    pub(super) fn is(&self, found: &Found, generation: u64) -> bool {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = place.generation != generation && self.only_slot.is_none() && !found.has_double;
        self.identity == Identity::from(&found.info) && (moved || place.slot == found.slot)
    }

    /// What the token says of itself now.
    pub(super) fn info(&self) -> Result<TokenInfo, Error> {
        self.with(Again::Yes, |_, slot, _| {
            self.module.token_info(slot, &self.name())
        })
    }

    /// Logs in, once: later calls, and other keys on the token, find it done.
    pub(super) fn log_in(&self, login: Login) -> Result<(), Error> {
        {
            let mut known = self.login.lock().unwrap_or_else(PoisonError::into_inner);
            if known.is_some() {
                return Ok(());
            }
            *known = Some(login);
        }
        self.with(Again::Yes, |_, _, _| Ok(()))
    }

    /// Whether somebody has asked for a login already, be it that the token wants none.
    pub(super) fn has_way_in(&self) -> bool {
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        login.is_some()
    }

    /// Has the user logged in where the token wanted no login and did not show a key; whether that may help.
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

    /// Opens all sessions from now on so that they may write: for who will write. Those that are open stay.
    pub(super) fn will_write(&self) {
        self.writes.store(true, Ordering::Relaxed);
    }

    /// Lets one PIN at a time be on its way to the token: the next is sent, or not, knowing the answer.
    pub(super) fn one_pin(&self) -> MutexGuard<'_, ()> {
        ending::outside(|| self.pin.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    /// The way in that was used, for keys that want another login.
    pub(super) fn way_in(&self) -> Login {
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        login.clone().unwrap_or_default()
    }

    /// Does something in a session of the token's. If the session turns out to be dead, the module
    /// is started again, the same token is found and logged in to, and it is done once more, where
    /// that is allowed.
    ///
    /// `work` is told the slot and the generation, which changes when handles of objects die.
    pub(super) fn with<T>(
        &self,
        again: Again,
        work: impl Fn(&Session, Slot, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.with_session(again, false, work)
    }

    /// The same in a session that may write.
    pub(super) fn with_writing<T>(
        &self,
        again: Again,
        work: impl Fn(&Session, Slot, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.with_session(again, true, work)
    }

    fn with_session<T>(
        &self,
        again: Again,
        writing: bool,
        work: impl Fn(&Session, Slot, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _inside = ending::enter();
        let mut again = again == Again::Yes;
        loop {
            match self.attempt(writing, &work) {
                Ok(done) => return Ok(done),
                // Another's session died: nothing was done yet.
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

    /// Does it once. The error comes with the generation; without one where the sessions of the
    /// generation are known to be dead, and it was not tried.
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
            // Before anyone else comes in, to whom it would look like a logout.
            if error.is_dead_session() {
                live.bury();
            }
            (Some(error), generation)
        };
        let (slot, login) = self.settle(&live).map_err(tell)?;
        let work = |session: &Session| {
            let done = work(session, slot, generation);
            if let Err(error) = &done
                && login == LoginState::User
                && error.can_be_of_a_logout()
                // That is what it says, and nothing is begun again after it.
                && error.of_pin().is_none()
                && has_lost_login(session)
            {
                live.bury();
            }
            done
        };
        let mut borrowed = None;
        if writing {
            borrowed = live.borrow_writing(slot);
        }
        if writing && borrowed.is_none() {
            // Those that are idle may only read: they were opened before anybody was going to write.
            match self.open(slot, true) {
                Ok(session) => return work(&session).map_err(tell),
                Err(error) if error.is_no_session_left() && live.close_idle(slot) => {
                    // The one session that there is has to be one that writes, and logged in anew.
                    self.will_write();
                    let place = ending::outside(|| self.place.lock());
                    place.unwrap_or_else(PoisonError::into_inner).login = LoginState::Open;
                    self.settle(&live).map_err(tell)?;
                }
                Err(error) => return Err(tell(error)),
            }
        }
        let open = || self.open(slot, false);
        let borrowed = match borrowed {
            Some(borrowed) => borrowed,
            None => live.borrow(slot, open).map_err(tell)?,
        };
        let done = work(borrowed.session());
        match &done {
            Ok(_) => borrowed.give_back(),
            Err(error) if error.is_dead_session() => {}
            // An operation may still be going on in the session: the next work gets a fresh one,
            // which is opened first, for a token without a session is logged out.
            Err(_) => match self.open(slot, false) {
                Ok(fresh) => live.put(slot, fresh),
                Err(error) if error.is_no_session_left() => borrowed.give_back(),
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

    /// Sees to it that the token is where it is thought to be and logged in to, as far as that is
    /// wanted.
    fn settle(&self, live: &Live) -> Result<(Slot, LoginState), Error> {
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
            let session = live.borrow(place.slot, || self.open(place.slot, false))?;
            let wanted = login::log_in(self, place.slot, session.session(), login)?;
            session.give_back();
            place.login = if wanted {
                LoginState::User
            } else {
                LoginState::Needless
            };
        }
        Ok((place.slot, place.login))
    }

    /// The slot where the very same token is now. Where it has, or had, a double that is the slot where
    /// it was: nothing else tells which of the two is there.
    fn find_again(&self) -> Result<Slot, Error> {
        let tokens = choose::all(&self.module)?.tokens.into_iter();
        let mut same = tokens.filter(|(found, _)| {
            Identity::from(&found.info) == self.identity
                && self.only_slot.is_none_or(|slot| slot == found.slot)
        });
        match (same.next(), same.next()) {
            (Some((found, _)), None) => Ok(found.slot),
            _ => Err(Error::Gone { token: self.name() }),
        }
    }
}

/// Whether the session is no user's any more: one that was opened after all others died, and before
/// anybody noticed, is not logged in, and finds no key where there is one.
fn has_lost_login(session: &Session) -> bool {
    match session.is_public() {
        Ok(is_public) => is_public,
        Err(refusal) => Error::refusal("")(refusal).is_dead_session(),
    }
}
