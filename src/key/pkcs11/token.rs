//! Choosing a token and keeping it open.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cryptoki::session::Session;
use cryptoki::slot::{Slot, SlotInfo};

use super::Shared;
use super::apart::Apart;
use super::ending;
use super::error::Error;
use super::login::{self, Login};
use super::module::{Live, Module};
use super::raw::TokenInfo;
use crate::key::uri::TokenUri;
use crate::parallel::Gate;

/// A token in a slot.
#[derive(Clone, Debug)]
pub struct Found {
    pub(super) slot: Slot,
    pub(super) info: TokenInfo,
    /// Whether another token of the module says the same of itself: the slot alone tells them apart.
    pub(super) has_double: bool,
}

/// What tells one token from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub(super) label: String,
    pub(super) manufacturer: String,
    pub(super) model: String,
    pub(super) serial: String,
}

impl From<&TokenInfo> for Identity {
    fn from(info: &TokenInfo) -> Self {
        Self {
            label: info.label.clone(),
            manufacturer: info.manufacturer.clone(),
            model: info.model.clone(),
            serial: info.serial.clone(),
        }
    }
}

impl Identity {
    /// A URI that names the token.
    pub(super) fn uri(&self) -> TokenUri {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        TokenUri {
            token: some(&self.label),
            manufacturer: some(&self.manufacturer),
            model: some(&self.model),
            serial: some(&self.serial),
            ..TokenUri::default()
        }
    }

    /// The same, where the slot tells the token from its double.
    pub(super) fn uri_in(&self, only_slot: Option<Slot>) -> TokenUri {
        TokenUri {
            slot_id: only_slot.map(|slot| slot.id()),
            ..self.uri()
        }
    }
}

/// A token that was chosen. Its sessions are the module's.
pub struct Token {
    /// Tells it from every other token that this run has opened.
    pub(super) number: usize,
    pub(super) module: Arc<Module>,
    pub(super) identity: Identity,
    pub(super) shared: Arc<Shared>,
    /// The only slot that it may be in, where it has a double.
    pub(super) only_slot: Option<Slot>,
    place: Mutex<Place>,
    login: Mutex<Option<Login>>,
    /// Held from when a PIN is asked for until the token has answered.
    pin: Mutex<()>,
    /// As many as may use a session at once.
    gate: Gate,
    pub(super) apart: Apart,
}

/// Where the token is, as of one start of the module.
struct Place {
    generation: u64,
    slot: Slot,
    logged_in: bool,
}

/// Whether something may be done a second time after the session died.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Doing it twice is as good as once.
    Yes,
    /// It may have been done.
    No,
}

/// The tokens of a module.
#[derive(Default)]
pub struct All {
    /// Those that can be read, and their slots.
    pub(super) tokens: Vec<(Found, SlotInfo)>,
    /// The slots that cannot, and why.
    pub(super) unreadable: Vec<String>,
}

/// All tokens of a module.
pub fn all(module: &Module) -> Result<All, Error> {
    let _inside = ending::enter();
    let name = module.name();
    let read = |slot| {
        let info = module.token_info(slot, &name)?;
        let slot_info = module.context.get_slot_info(slot);
        let found = Found {
            slot,
            info,
            has_double: false,
        };
        Ok::<_, Error>((found, slot_info.map_err(Error::call(&name))?))
    };
    let mut all = All::default();
    for slot in module.slots(true)? {
        match read(slot) {
            Ok(found) => all.tokens.push(found),
            Err(error) => all
                .unreadable
                .push(format!("slot {} that cannot be read: {error}", slot.id())),
        }
    }
    let identities: Vec<Identity> = all
        .tokens
        .iter()
        .map(|(found, _)| Identity::from(&found.info))
        .collect();
    for ((found, _), own) in all.tokens.iter_mut().zip(&identities) {
        found.has_double = identities.iter().filter(|other| *other == own).count() > 1;
    }
    Ok(all)
}

/// Which tokens a URI can name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Those that can have keys.
    Initialised,
    /// All, for one that is to be set up.
    All,
}

/// Finds the one token that a URI names. Slots that cannot be read are passed over.
pub fn find(module: &Module, uri: &TokenUri, among: Among) -> Result<Found, Error> {
    let _inside = ending::enter();
    let all = all(module)?;
    let mut present: Vec<String> = all
        .tokens
        .iter()
        .map(|(token, _)| describe(token))
        .collect();
    present.extend(all.unreadable.iter().cloned());
    let mut found = among_all(module, uri, all)?;
    found
        .retain(|token| among == Among::All || token.info.has(cryptoki_sys::CKF_TOKEN_INITIALIZED));
    if found.len() == 1 {
        return Ok(found.remove(0));
    }
    Err(Error::Tokens {
        uri: uri.to_string(),
        found: found.iter().map(describe).collect(),
        present,
    })
}

/// The tokens that a URI names.
pub fn matching(module: &Module, uri: &TokenUri) -> Result<Vec<Found>, Error> {
    let _inside = ending::enter();
    among_all(module, uri, all(module)?)
}

fn among_all(module: &Module, uri: &TokenUri, all: All) -> Result<Vec<Found>, Error> {
    let library = module
        .context
        .get_library_info()
        .map_err(Error::call(&module.name()))?;
    let version = library.library_version();
    let of_library = is_same(uri.library_manufacturer.as_ref(), library.manufacturer_id())
        && is_same(
            uri.library_description.as_ref(),
            library.library_description(),
        )
        && uri
            .library_version
            .is_none_or(|wanted| wanted == (version.major(), version.minor()));
    let tokens = all.tokens.into_iter();
    Ok(tokens
        .filter(|(token, slot)| of_library && matches(uri, token, slot))
        .map(|(token, _)| token)
        .collect())
}

fn describe(found: &Found) -> String {
    let uri = Identity::from(&found.info).uri_in(found.has_double.then_some(found.slot));
    if found.info.has(cryptoki_sys::CKF_TOKEN_INITIALIZED) {
        uri.to_string()
    } else {
        format!("{uri} (not initialised)")
    }
}

/// Text fields are padded with spaces (PKCS #11 v2.40, section 3.1), some with zero bytes.
fn is_same(wanted: Option<&String>, found: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == found.trim_end_matches([' ', '\0']))
}

fn matches(uri: &TokenUri, token: &Found, slot: &SlotInfo) -> bool {
    let info = &token.info;
    is_same(uri.token.as_ref(), &info.label)
        && is_same(uri.manufacturer.as_ref(), &info.manufacturer)
        && is_same(uri.serial.as_ref(), &info.serial)
        && is_same(uri.model.as_ref(), &info.model)
        && is_same(uri.slot_description.as_ref(), slot.slot_description())
        && is_same(uri.slot_manufacturer.as_ref(), slot.manufacturer_id())
        && uri.slot_id.is_none_or(|id| id == token.slot.id())
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
            number,
            module,
            identity: Identity::from(&found.info),
            shared,
            only_slot: found.has_double.then_some(found.slot),
            place: Mutex::new(Place {
                generation,
                slot: found.slot,
                logged_in: false,
            }),
            login: Mutex::default(),
            pin: Mutex::default(),
            gate,
            apart: Apart::default(),
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

    /// What the token is called in messages.
    pub(super) fn name(&self) -> String {
        if self.identity.label.is_empty() {
            format!("token with serial number {}", self.identity.serial)
        } else {
            format!("token \"{}\"", self.identity.label)
        }
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
        let slot = self.settle(&live).map_err(tell)?;
        if writing {
            let session = self.open(slot, true).map_err(tell)?;
            return work(&session, slot, generation).map_err(tell);
        }
        let session = match live.take(slot) {
            Some(session) => session,
            None => self.open(slot, false).map_err(tell)?,
        };
        let done = work(&session, slot, generation);
        match &done {
            Ok(_) => live.put(slot, session),
            Err(error) if error.is_dead_session() => {}
            // An operation may still be going on in the session: the next work gets a fresh one,
            // which is opened first, for a token without a session is logged out.
            Err(_) => {
                if let Ok(fresh) = self.open(slot, false) {
                    live.put(slot, fresh);
                }
            }
        }
        done.map_err(tell)
    }

    fn open(&self, slot: Slot, writing: bool) -> Result<Session, Error> {
        let context = &self.module.context;
        let session = if writing {
            context.open_rw_session(slot)
        } else {
            context.open_ro_session(slot)
        };
        session.map_err(Error::call(&self.name()))
    }

    /// Sees to it that the token is where it is thought to be and logged in to, as far as that is
    /// wanted.
    fn settle(&self, live: &Live) -> Result<Slot, Error> {
        let place = ending::outside(|| self.place.lock());
        let mut place = place.unwrap_or_else(PoisonError::into_inner);
        if place.generation != live.generation {
            place.slot = self.find_again()?;
            place.generation = live.generation;
            place.logged_in = false;
        }
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(login) = login.as_ref()
            && !place.logged_in
        {
            let session = self.open(place.slot, false)?;
            login::log_in(self, place.slot, &session, login)?;
            live.put(place.slot, session);
            place.logged_in = true;
        }
        Ok(place.slot)
    }

    /// The slot where the very same token is now. Where it has, or had, a double that is the slot where
    /// it was: nothing else tells which of the two is there.
    fn find_again(&self) -> Result<Slot, Error> {
        let tokens = all(&self.module)?.tokens.into_iter();
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
