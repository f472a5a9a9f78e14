//! Finds what keeps a token from signing, before anybody has to sign.

use std::sync::Arc;

use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki_sys as sys;

use super::attributes;
use super::choose::{self, Among};
use super::error::Error;
use super::flags::Trouble;
use super::generate::BORN;
use super::manage::TokenListing;
use super::mechanism::SignMechanism;
use super::object::{self, PrivateKey};
use super::offered::{check_mechanism, instead_of};
use super::raw::TokenInfo;
use super::signer::TokenKey;
use super::token::{Retry, Token};
use super::tokens::{Tokens, check_kind};
use crate::key::signer::Signer;
use crate::key::uri::{ObjectType, TokenUri};
use crate::report::Check;

/// The rules of `token doctor`. A check that warns or fails states its reason; one that passes names its object.
pub mod rule {
    /// The module is loaded.
    pub const MODULE: &str = "token.module";
    /// The module has slots.
    pub const SLOTS: &str = "token.slots";
    /// Every slot with a token can be read.
    pub const SLOT: &str = "token.slot";
    /// The token is there.
    pub const TOKEN: &str = "token.token";
    /// The token is set up, its user PIN is not locked and not to be changed.
    pub const STATE: &str = "token.state";
    /// No wrong PIN was tried since the last login.
    pub const COUNT_LOW: &str = "token.pin-count-low";
    /// One more wrong PIN does not lock it.
    pub const FINAL_TRY: &str = "token.pin-final-try";
    /// It makes keys.
    pub const WRITES: &str = "token.writes";
    /// It asks for a login.
    pub const ASKS_LOGIN: &str = "token.asks-login";
    /// It offers the mechanism that signs; no other is tried.
    pub const MECHANISM: &str = "token.mechanism";
    /// It offers the mechanism that signs; the hint names the one that hashes.
    pub const MECHANISM_HASHES: &str = "token.mechanism-hashes";
    /// It offers the mechanism that signs; the hint names the default one.
    pub const MECHANISM_PLAIN: &str = "token.mechanism-plain";
    /// It makes keys by the mechanism for that.
    pub const KEY_MECHANISM: &str = "token.key-mechanism";
    /// Its public keys hold their points as DER.
    pub const RAW_POINT: &str = "token.raw-point";
    /// A login is allowed.
    pub const LOGIN: &str = "token.login";
    /// A login is allowed, but for the last try.
    pub const LOGIN_FINAL_TRY: &str = "token.login-final-try";
    /// A login is allowed: the PIN is not locked.
    pub const LOGIN_LOCKED: &str = "token.login-locked";
    /// A login is allowed: there is a PIN.
    pub const LOGIN_READY: &str = "token.login-ready";
    /// The PIN is the token's.
    pub const LOGIN_PIN: &str = "token.login-pin";
    /// There is a private key.
    pub const KEYS: &str = "token.keys";
    /// There is a private key that the URI names.
    pub const KEY_NAMED: &str = "token.key-named";
    /// Each key has an id of its own.
    pub const KEY_ID: &str = "token.key-id";
    /// The key can be looked at.
    pub const KEY: &str = "token.key";
    /// The key is of a kind that signs.
    pub const KEY_CURVE: &str = "token.key-curve";
    /// The token shows the key's public half.
    pub const KEY_PUBLIC: &str = "token.key-public";
    /// The token shows one public half, and that is a point.
    pub const KEY_POINT: &str = "token.key-point";
    /// The key signs.
    pub const KEY_SIGNS: &str = "token.key-signs";
    /// The key is asked for a signature.
    pub const KEY_ASKED: &str = "token.key-asked";
    /// What the key signs verifies.
    pub const KEY_VERIFIES: &str = "token.key-verifies";
    /// The key was made on the token.
    pub const KEY_BORN: &str = "token.key-born";
    /// The key cannot leave the token.
    pub const KEY_STAYS: &str = "token.key-stays";
    /// The key does not ask for the PIN at each signature.
    pub const KEY_ONE_LOGIN: &str = "token.key-one-login";
}

/// The checks so far.
#[derive(Default)]
struct Findings(Vec<Check>);

impl Findings {
    fn fine(&mut self, rule: &'static str, what: impl Into<String>) {
        self.0.push(Check::passed(rule).about(what));
    }

    fn odd(&mut self, rule: &'static str, what: impl Into<String>) {
        self.0.push(Check::warned(rule, what));
    }

    fn bad(&mut self, rule: &'static str, what: impl Into<String>) {
        self.0.push(Check::failed(rule, what));
    }
}

impl Tokens {
    /// Tries each step of signing: without a login all but the private keys; with a login, a signature by each
    /// key that the URI names.
    pub fn examine(&self, uri: &TokenUri, login: bool) -> Result<Vec<Check>, Error> {
        check_kind(uri, ObjectType::Private)?;
        let mut findings = Findings::default();
        let module = self.list_all(uri)?;
        let slots = module.slots.len();
        let path = module.path.display();
        let what = format!("module {path} ({}) with {slots} slots", module.library);
        findings.fine(rule::MODULE, what);
        if module.slots.is_empty() {
            findings.bad(rule::SLOTS, "there is no slot to find a token in");
            return Ok(findings.0);
        }
        for slot in &module.slots {
            if let Some(Err(error)) = &slot.token {
                let what = format!("slot {} cannot be read, and is ignored: {error}", slot.id);
                findings.odd(rule::SLOT, what);
            }
        }
        let token = match self.token(uri) {
            Ok(token) => token,
            Err(error @ Error::Tokens { .. }) => {
                // One that is not initialised is reached by its slot, and is none that signs.
                let module = self.modules.load(&self.shared.options, uri)?;
                let found = choose::find(&module, uri, Among::All).map_err(|_| error)?;
                let name = format!("token in slot {}", found.slot.id());
                examine_token(&name, &found.info, &mut findings);
                return Ok(findings.0);
            }
            Err(error) => return Err(error),
        };
        examine_token(&token.name(), &token.info()?, &mut findings);
        examine_mechanisms(&token, &mut findings)?;
        examine_public(&token, &mut findings)?;
        if !login {
            let what = "no PIN was sent; --login looks at the private keys, with one attempt";
            findings.fine(rule::LOGIN, what);
            return Ok(findings.0);
        }
        let token = match self.logged_in(uri) {
            Ok(token) => token,
            Err(error) => {
                let Some(rule) = refused_login(&error) else {
                    return Err(error);
                };
                let what = format!("the private keys were not checked: {error}");
                findings.bad(rule, what);
                return Ok(findings.0);
            }
        };
        let all = object::all_private(&token)?;
        if all.is_empty() {
            findings.odd(rule::KEYS, "there is no private key");
        } else if !all.iter().any(|key| key.is_named_by(uri)) {
            let what = format!("there is no private key for {uri}");
            findings.bad(rule::KEY_NAMED, what);
        }
        for (n, key) in all.iter().enumerate() {
            if !key.is_named_by(uri) {
                continue;
            }
            let twin = |other: &PrivateKey| !key.id.is_empty() && other.id == key.id;
            if all[..n].iter().any(twin) {
                let what = format!("{}: another key has the same id", key.name(&token));
                findings.bad(rule::KEY_ID, what);
            }
            match examine_key(&token, key.clone(), &mut findings) {
                Ok(()) => {}
                Err(error) if error.is_dead_session() => return Err(error),
                Err(error) => findings.bad(rule::KEY, error.to_string()),
            }
        }
        Ok(findings.0)
    }
}

/// What a token says of itself.
fn examine_token(name: &str, info: &TokenInfo, findings: &mut Findings) {
    let listing = TokenListing::new(info);
    findings.fine(rule::TOKEN, format!("{name} ({})", listing.description()));
    let troubles = Trouble::of_user(info);
    for (trouble, problem) in troubles.into_iter().zip(&listing.problems) {
        match trouble {
            Trouble::CountLow => findings.odd(rule::COUNT_LOW, *problem),
            Trouble::FinalTry => findings.bad(rule::FINAL_TRY, *problem),
            _ => findings.bad(rule::STATE, *problem),
        }
    }
    if Trouble::NotInitialised.shows(info) {
        return;
    }
    if info.has(sys::CKF_WRITE_PROTECTED) {
        let what = "it is write-protected: it signs, and makes no keys";
        findings.odd(rule::WRITES, what);
    }
    if !info.has(sys::CKF_LOGIN_REQUIRED) {
        findings.odd(rule::ASKS_LOGIN, "it asks for no login");
    }
}

/// The rule that a login broke which the token, or what it says of its PIN, refused.
const fn refused_login(error: &Error) -> Option<&'static str> {
    match error {
        Error::Guarded {
            final_try: true, ..
        } => Some(rule::LOGIN_FINAL_TRY),
        Error::Guarded { .. } => Some(rule::LOGIN_LOCKED),
        Error::NotReady { .. } => Some(rule::LOGIN_READY),
        Error::Pin { .. } => Some(rule::LOGIN_PIN),
        Error::Login { .. } => Some(rule::LOGIN),
        _ => None,
    }
}

fn examine_mechanisms(token: &Token, findings: &mut Findings) -> Result<(), Error> {
    let used = token.shared.options.mechanism;
    let other = match used {
        SignMechanism::Ecdsa => SignMechanism::EcdsaSha384,
        SignMechanism::EcdsaSha384 => SignMechanism::Ecdsa,
    };
    let offers_other = instead_of(token, other.kind())?.is_none();
    let signs = match (other, offers_other) {
        (SignMechanism::EcdsaSha384, true) => rule::MECHANISM_HASHES,
        (SignMechanism::Ecdsa, true) => rule::MECHANISM_PLAIN,
        (_, false) => rule::MECHANISM,
    };
    let mut look = |rule, mechanism, wanted| {
        match check_mechanism(token, mechanism, wanted) {
            Ok(()) => findings.fine(rule, format!("it offers {wanted}")),
            Err(error @ Error::Mechanism { .. }) if rule == rule::KEY_MECHANISM => {
                findings.odd(rule, error.to_string());
            }
            Err(error @ Error::Mechanism { .. }) => findings.bad(rule, error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    };
    look(signs, used.kind(), used.wanted())?;
    look(
        rule::KEY_MECHANISM,
        MechanismType::ECC_KEY_PAIR_GEN,
        "CKM_EC_KEY_PAIR_GEN for making keys",
    )
}

/// Looks at the public keys that can be seen without a login.
fn examine_public(token: &Token, findings: &mut Findings) -> Result<(), Error> {
    let raw = token.with(Retry::Yes, |session, _, _| {
        let name = token.name();
        let found = session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY)]);
        let mut raw = 0;
        for handle in found.map_err(Error::refusal(&name))? {
            let wanted = [AttributeType::EcPoint];
            for attribute in attributes::read(session, handle, &wanted, &name)? {
                if let Attribute::EcPoint(point) = attribute
                    && point.len() == 97
                {
                    raw += 1;
                }
            }
        }
        Ok(raw)
    })?;
    if raw > 0 {
        let what =
            format!("{raw} public keys hold a raw point where DER is right; it is understood");
        findings.odd(rule::RAW_POINT, what);
    }
    Ok(())
}

fn examine_key(token: &Arc<Token>, key: PrivateKey, findings: &mut Findings) -> Result<(), Error> {
    let name = key.name(token);
    let key = match object::checked(token, key) {
        Ok(key) => key,
        Err(error @ Error::Curve { .. }) => {
            findings.odd(rule::KEY_CURVE, error.to_string());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let key = match TokenKey::new(Arc::clone(token), key) {
        Ok(key) => key,
        Err(error @ Error::NoPublic { .. }) => {
            findings.bad(rule::KEY_PUBLIC, error.to_string());
            return Ok(());
        }
        Err(error @ (Error::Point { .. } | Error::Publics(_))) => {
            findings.bad(rule::KEY_POINT, error.to_string());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    match key.prove() {
        Ok(()) => {
            let public = key.public_key();
            let (kind, fingerprint) = (public.kind(), public.fingerprint());
            let what = format!("{name} signs; fingerprint {fingerprint}, {kind}");
            findings.fine(rule::KEY_SIGNS, what);
        }
        Err(error) if error.is_dead_session() => return Err(error),
        Err(error) => {
            let rule = match error {
                Error::Call { .. } => rule::KEY_SIGNS,
                Error::WrongPublic { .. } | Error::Length { .. } | Error::Range(_) => {
                    rule::KEY_VERIFIES
                }
                _ => rule::KEY_ASKED,
            };
            findings.bad(rule, error.to_string());
        }
    }
    let facts = key.facts()?;
    for difference in facts.differences(&BORN) {
        findings.odd(rule::KEY_BORN, format!("{name}: {difference}"));
    }
    if facts.get(AttributeType::Extractable) != Some(false) {
        let what = format!("{name}: it may be extractable");
        findings.odd(rule::KEY_STAYS, what);
    }
    if key.key.always_authenticate {
        let what = format!("{name}: it asks for the PIN at each signature");
        findings.odd(rule::KEY_ONE_LOGIN, what);
    }
    Ok(())
}
