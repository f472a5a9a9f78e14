//! What keeps a token from signing, found out before it matters.

use std::sync::Arc;

use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki_sys as sys;

use super::attributes;
use super::choose::{self, Among};
use super::error::Error;
use super::generate::BORN;
use super::manage::{COUNT_LOW, FINAL_TRY, TokenListing};
use super::mechanism::SignMechanism;
use super::object::{self, PrivateKey};
use super::raw::TokenInfo;
use super::signer::{TokenKey, check_mechanism, instead_of};
use super::token::{Again, Token};
use super::tokens::{Tokens, check_kind};
use crate::key::signer::Signer;
use crate::key::uri::{ObjectType, TokenUri};

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Fine,
    /// Works, but should be known.
    Odd,
    /// Keeps the token or key from signing.
    Bad,
}

/// One thing that was tried.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How it is to be taken.
    pub level: Level,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub advice: Option<&'static str>,
}

/// The findings so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, level: Level, what: impl Into<String>, advice: Option<&'static str>) {
        self.0.push(Finding {
            level,
            what: what.into(),
            advice,
        });
    }

    fn fine(&mut self, what: impl Into<String>) {
        self.add(Level::Fine, what, None);
    }
}

impl Tokens {
    /// Tries what signing needs: without a login all but the private keys; with one, a signature of
    /// each P-384 key that the URI names.
    pub fn examine(&self, uri: &TokenUri, login: bool) -> Result<Vec<Finding>, Error> {
        check_kind(uri, ObjectType::Private)?;
        let mut findings = Findings::default();
        let module = self.list_all(uri)?;
        findings.fine(format!(
            "module {} ({}) with {} slots",
            module.path.display(),
            module.library,
            module.slots.len()
        ));
        if module.slots.is_empty() {
            let advice = "is the token plugged in, and the module the right one?";
            findings.add(
                Level::Bad,
                "there is no slot to find a token in",
                Some(advice),
            );
            return Ok(findings.0);
        }
        for slot in &module.slots {
            if let Some(Err(error)) = &slot.token {
                let what = format!(
                    "slot {} cannot be read and is passed over: {error}",
                    slot.id
                );
                findings.add(Level::Odd, what, None);
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
            findings.fine("no PIN was sent; --login looks at the private keys, with one attempt");
            return Ok(findings.0);
        }
        let token = match self.logged_in(uri) {
            Ok(token) => token,
            Err(error) => {
                let Some(advice) = refused_login(&error) else {
                    return Err(error);
                };
                let what = format!("the private keys were not looked at: {error}");
                findings.add(Level::Bad, what, Some(advice));
                return Ok(findings.0);
            }
        };
        let all = object::all_private(&token)?;
        if all.is_empty() {
            let advice = "make one: ir-sign gen-key --pkcs11-uri 'pkcs11:…;object=LABEL'";
            findings.add(Level::Odd, "there is no private key", Some(advice));
        } else if !all.iter().any(|key| key.is_named_by(uri)) {
            let what = format!("there is no private key for {uri}");
            findings.add(Level::Bad, what, Some("see `ir-sign token keys`"));
        }
        for (n, key) in all.iter().enumerate() {
            if !key.is_named_by(uri) {
                continue;
            }
            let twin = |other: &PrivateKey| !key.id.is_empty() && other.id == key.id;
            if all[..n].iter().any(twin) {
                let what = format!("{}: another key has the same id", key.name(&token));
                let advice = "give each key an id of its own: the public half is found by id";
                findings.add(Level::Bad, what, Some(advice));
            }
            match examine_key(&token, key, &mut findings) {
                Ok(()) => {}
                Err(error) if error.is_dead_session() => return Err(error),
                Err(error) => {
                    let advice = "the other keys were looked at all the same";
                    findings.add(Level::Bad, error.to_string(), Some(advice));
                }
            }
        }
        Ok(findings.0)
    }
}

/// What a token says of itself.
fn examine_token(name: &str, info: &TokenInfo, findings: &mut Findings) {
    let listing = TokenListing::new(info);
    findings.fine(format!("{name} ({})", listing.description()));
    for problem in &listing.problems {
        let (level, advice) = match *problem {
            COUNT_LOW => (
                Level::Odd,
                "make sure of the PIN: the next login with the right one settles it, a few more wrong ones lock it",
            ),
            FINAL_TRY => (
                Level::Bad,
                "make sure of the PIN, and then say --allow-final-try: a login with the right one settles it",
            ),
            _ => (
                Level::Bad,
                "set the token up, or unlock it with its own tools, before it is used",
            ),
        };
        findings.add(level, *problem, Some(advice));
    }
    if !info.has(sys::CKF_TOKEN_INITIALIZED) {
        return;
    }
    if info.has(sys::CKF_WRITE_PROTECTED) {
        findings.add(
            Level::Odd,
            "it is write-protected: it signs, and makes no keys",
            None,
        );
    }
    if !info.has(sys::CKF_LOGIN_REQUIRED) {
        let advice = "set a PIN, if keys on it are to be protected by one";
        findings.add(Level::Odd, "it asks for no login", Some(advice));
    }
}

/// What to do where the token, or what it says of its PIN, refused a login.
fn refused_login(error: &Error) -> Option<&'static str> {
    match error {
        Error::Guarded {
            final_try: true, ..
        } => Some("if you are sure of the PIN, say --allow-final-try"),
        Error::Guarded { .. } => Some("unlock or change the PIN with the token's own tools"),
        Error::NotReady { .. } => Some("set the token up: ir-sign token init, or its own tools"),
        Error::Pin { .. } => {
            Some("check the PIN before another run: a token locks itself after a few wrong ones")
        }
        Error::Login { .. } => Some("the token takes no login; see its own messages"),
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
    let advice = match (other, offers_other) {
        (SignMechanism::EcdsaSha384, true) => {
            "it signs with --mechanism CKM_ECDSA_SHA384, which hands it what is to be signed"
        }
        (SignMechanism::Ecdsa, true) => "it signs without --mechanism CKM_ECDSA_SHA384",
        (_, false) => "see the token's own settings: no other mechanism is ever tried",
    };
    for (mechanism, wanted, level) in [
        (used.kind(), used.wanted(), Level::Bad),
        (
            MechanismType::ECC_KEY_PAIR_GEN,
            "CKM_EC_KEY_PAIR_GEN for making keys",
            Level::Odd,
        ),
    ] {
        match check_mechanism(token, mechanism, wanted) {
            Ok(()) => findings.fine(format!("it offers {wanted}")),
            Err(error @ Error::Mechanism { .. }) => {
                let advice = match level {
                    Level::Bad => advice,
                    _ => "see the token's own settings: no other mechanism is ever tried",
                };
                findings.add(level, error.to_string(), Some(advice));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Looks at the public keys that can be seen without a login.
fn examine_public(token: &Token, findings: &mut Findings) -> Result<(), Error> {
    let raw = token.with(Again::Yes, |session, _, _| {
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
        findings.add(Level::Odd, what, None);
    }
    Ok(())
}

fn examine_key(token: &Arc<Token>, key: &PrivateKey, findings: &mut Findings) -> Result<(), Error> {
    let name = key.name(token);
    match object::check_private(token, key) {
        Ok(()) => {}
        Err(error @ Error::Curve { .. }) => {
            findings.add(Level::Odd, error.to_string(), Some("it is of no use here"));
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    let key = match TokenKey::new(Arc::clone(token), key.clone()) {
        Ok(key) => key,
        Err(error @ Error::NoPublic { .. }) => {
            let advice = "give its public key with --public-key FILE";
            findings.add(Level::Bad, error.to_string(), Some(advice));
            return Ok(());
        }
        Err(error @ (Error::Point { .. } | Error::Publics { .. })) => {
            let advice = "remove or repair the public object with the token's own tools";
            findings.add(Level::Bad, error.to_string(), Some(advice));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    match key.prove() {
        Ok(()) => findings.fine(format!(
            "{name} signs; fingerprint {}",
            key.public_key().fingerprint()
        )),
        Err(error) if error.is_dead_session() => return Err(error),
        Err(error) => {
            let advice = match error {
                Error::Call { .. } => {
                    Some("the token does not sign with this key; see its own messages")
                }
                Error::WrongPublic { .. } | Error::Length { .. } | Error::Range { .. } => {
                    Some("do not use this key: what it signs does not verify")
                }
                _ => None,
            };
            findings.add(Level::Bad, error.to_string(), advice);
        }
    }
    let facts = key.facts()?;
    for difference in facts.differences(&BORN) {
        let advice = "the token does not vouch that the key was made on it and never left it";
        findings.add(Level::Odd, format!("{name}: {difference}"), Some(advice));
    }
    if facts.get(AttributeType::Extractable) != Some(false) {
        let advice = "whoever is logged in may be able to take the key away";
        findings.add(
            Level::Odd,
            format!("{name}: it may be extractable"),
            Some(advice),
        );
    }
    if key.key.always_authenticate {
        let advice = "use a PIN source, or --keep-pin";
        let what = format!("{name}: it asks for the PIN at each signature");
        findings.add(Level::Odd, what, Some(advice));
    }
    Ok(())
}
