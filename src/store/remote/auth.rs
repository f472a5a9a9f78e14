//! The credentials that a client sends: none at first, then those that the registry's challenge asks for, and later
//! those that worked (R3, R15, R16, R20).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ureq::http::header::{HeaderValue, WWW_AUTHENTICATE};
use zeroize::Zeroizing;

use super::basic::basic;
use super::challenge::{Challenge, challenge};
use super::credential::Credentials;
use super::credentials::find;
use super::error::Problem;
use super::helper::Helpers;
use super::scope::Scope;
use super::token::{self, Token};
use super::url::Origin;
use super::wire::{Answer, Wire};
use crate::encoding::base64::base64;
use crate::image::{Host, Repository};
use crate::secret::Secret;

/// Bytes of the shortest secret that the client looks for in texts: shorter ones occur in every text.
const SHORTEST: usize = 4;
/// The most tokens and secrets that a client keeps.
const MOST: usize = 1000;

/// The credentials of a client.
pub(super) struct Auth {
    host: Host,
    helpers: Helpers,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    credentials: HashMap<Repository, Option<Arc<Credentials>>>,
    /// The header that worked, for a registry that wants passwords.
    basic: HashMap<Repository, HeaderValue>,
    tokens: HashMap<Scope, Token>,
    /// The secrets that no message may contain.
    secrets: Vec<Secret>,
}

impl Auth {
    pub(super) fn new(host: &Host) -> Self {
        Self {
            host: host.clone(),
            helpers: Helpers::default(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The header that worked, or a header with a token that is still valid.
    pub(super) fn header(&self, scope: &Scope) -> Option<HeaderValue> {
        let state = self.state();
        if let Some(basic) = state.basic.get(scope.repository()) {
            return Some(basic.clone());
        }
        let token = state.tokens.get(scope)?;
        (token.until > Instant::now()).then(|| token.header.clone())
    }

    /// Meets the challenge in a 401 answer: returns the header for the next try.
    pub(super) fn meet(
        &self,
        wire: &Wire,
        registry: &Origin,
        answer: &Answer,
        scope: &Scope,
        words: &str,
    ) -> Result<HeaderValue, Problem> {
        let headers = answer.headers.get_all(WWW_AUTHENTICATE);
        let challenge = challenge(headers.iter().map(HeaderValue::as_bytes))?;
        let credentials = self.credentials(wire, scope.repository())?;
        let credentials = credentials.as_deref();
        let anonymous = || Problem::Anonymous {
            words: words.to_owned(),
        };
        match (challenge, credentials) {
            (Challenge::Basic, Some(Credentials::Basic { user, password })) => {
                let header = self.basic(user, password);
                let mut state = self.state();
                if state.basic.len() >= MOST {
                    state.basic.clear();
                }
                state
                    .basic
                    .insert(scope.repository().clone(), header.clone());
                Ok(header)
            }
            (Challenge::Basic, _) => Err(anonymous()),
            (Challenge::Bearer { .. }, Some(Credentials::Bearer(token))) => {
                self.hide(token);
                token::bearer(token)
            }
            (Challenge::Bearer { realm, service }, credentials) => {
                if let Some(Credentials::Basic { user, password }) = credentials {
                    self.basic(user, password);
                }
                if let Some(Credentials::Identity { token, .. }) = credentials {
                    self.hide(token);
                }
                let service = token::Service {
                    realm: token::realm(registry, &realm)?,
                    service,
                };
                let is_secret = |text: &[u8]| self.is_secret(text);
                let token = token::ask(wire, &service, scope, credentials, &is_secret)?;
                self.hide(&token.secret);
                let header = token.header.clone();
                let mut state = self.state();
                if state.tokens.len() >= MOST {
                    state.tokens.clear();
                }
                state.tokens.insert(scope.clone(), token);
                Ok(header)
            }
        }
    }

    /// Forgets a header that the registry no longer accepts.
    pub(super) fn forget(&self, scope: &Scope) {
        let mut state = self.state();
        state.tokens.remove(scope);
        state.basic.remove(scope.repository());
    }

    fn credentials(
        &self,
        wire: &Wire,
        repository: &Repository,
    ) -> Result<Option<Arc<Credentials>>, Problem> {
        if let Some(known) = self.state().credentials.get(repository) {
            return Ok(known.clone());
        }
        let found = find(&wire.options, &self.helpers, &self.host, repository)?;
        let mut state = self.state();
        if state.credentials.len() >= MOST {
            state.credentials.clear();
        }
        state.credentials.insert(repository.clone(), found.clone());
        Ok(found)
    }

    /// The header with a name and a password (RFC 7617); from now on the client looks for both in texts.
    fn basic(&self, user: &str, password: &Secret) -> HeaderValue {
        let header = basic(user, password);
        let both = Zeroizing::new(base64(&[user.as_bytes(), b":", password].concat()));
        self.hide(both.as_bytes());
        self.hide(password);
        header
    }

    fn hide(&self, secret: &[u8]) {
        let mut state = self.state();
        let is_known = state.secrets.iter().any(|known| **known == *secret);
        if secret.len() < SHORTEST || is_known {
            return;
        }
        if state.secrets.len() >= MOST {
            state.secrets.remove(0);
        }
        state.secrets.push(Secret::of(secret));
    }

    /// Whether a text holds a secret that the client sent.
    pub(super) fn is_secret(&self, text: &[u8]) -> bool {
        let state = self.state();
        let holds = |secret: &Secret| {
            let mut parts = text.windows(secret.len());
            parts.any(|part| part.eq_ignore_ascii_case(secret))
        };
        state.secrets.iter().any(holds)
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Auth({})", self.host)
    }
}
