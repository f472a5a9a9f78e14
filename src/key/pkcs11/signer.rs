//! Signing with a key on a token.

use std::sync::Arc;

use cryptoki::mechanism::MechanismType;
use cryptoki::object::ObjectHandle;
use cryptoki::slot::Slot;
use cryptoki_sys as sys;

use super::attributes::Facts;
use super::error::Error;
use super::login::{self, PinEntry};
use super::mechanism::{LONGEST_MESSAGE, SignMechanism};
use super::object::{self, PrivateKey, Wanted};
use super::public;
use super::raw::{Session, User};
use super::token::{Retry, Token};
use crate::crypto::{
    Algorithm, Curve, HashAlgorithm, KeyKind, P384Key, PublicKey, Signature, Signed,
};
use crate::key::error::Error as KeyError;
use crate::key::signer::Signer;
use crate::key::uri::TokenUri;

/// The prefix of the message, before the public key, that proves that the private half belongs to it.
const PROOF: &[u8] = b"ir-sign proof of possession v1\0";

/// A private key on a token, with the public half that the token shows for it. Signatures tell
/// whether the two belong together.
pub struct TokenKey {
    pub(super) token: Arc<Token>,
    pub(super) key: PrivateKey,
    public: PublicKey,
}

impl TokenKey {
    /// Finds the key, and its public half.
    pub(super) fn find(token: Arc<Token>, uri: &TokenUri, wanted: Wanted) -> Result<Self, Error> {
        check_signing(&token)?;
        let key = object::find_private(&token, uri, wanted)?;
        Self::new(token, key)
    }

    /// A key whose public half has yet to be found.
    pub(super) fn new(token: Arc<Token>, key: PrivateKey) -> Result<Self, Error> {
        let shown = public::find(&token, &key)?;
        let public = match shown.public {
            // Another object than the unreadable one may show another key.
            Some(public) if !shown.by_certificate && shown.unread.is_none() => public,
            // A certificate of the id may be another key's: a signature tells of what the user gave.
            from_certificate => match (Self::given(&token, &key)?, from_certificate) {
                (Some(public), _) | (None, Some(public)) => public,
                (None, None) => {
                    if let Some(source) = shown.unread
                        && token.shared.options.public_keys.is_empty()
                    {
                        return Err(Error::Point {
                            key: key.name(&token),
                            source,
                        });
                    }
                    return Err(Error::NoPublic {
                        key: key.name(&token),
                        given: !token.shared.options.public_keys.is_empty(),
                        others: shown.others,
                    });
                }
            },
        };
        Ok(Self { token, key, public })
    }

    /// Finds the public key, among those that the user gave, that verifies the key's signature.
    fn given(token: &Arc<Token>, key: &PrivateKey) -> Result<Option<PublicKey>, Error> {
        let given = token.shared.options.public_keys.iter();
        for public in given.filter(|public| key.wanted.takes(public.kind())) {
            let candidate = Self {
                token: Arc::clone(token),
                key: key.clone(),
                public: public.clone(),
            };
            match candidate.prove() {
                Ok(()) => return Ok(Some(candidate.public)),
                Err(Error::WrongPublic { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Proves that the public half belongs to the private one: signs a message of a form that ir-sign uses for
    /// nothing else, and verifies it.
    pub(super) fn prove(&self) -> Result<(), Error> {
        let message = [PROOF, self.public.spki()].concat();
        let (by, what) = (self.own_algorithm(), Signed::Bytes(&message));
        let signature = self.sign_raw(by, what)?;
        let verified = self.public.verify(by, what, &signature.to_bytes());
        verified.map_err(|_| Error::WrongPublic { key: self.name() })
    }

    /// The algorithm with the hash that is as strong as the curve.
    fn own_algorithm(&self) -> Algorithm {
        let curve = self.curve();
        Algorithm::Ecdsa(curve, curve.hash())
    }

    /// The public half, of a key that was found as one on P-384.
    pub(super) fn p384(&self) -> P384Key {
        P384Key::of(&self.public).expect("the key was found as one on P-384")
    }

    fn curve(&self) -> Curve {
        match self.public.kind() {
            KeyKind::Ec(curve) => curve,
            KeyKind::Rsa { .. } | KeyKind::Ed25519 => unreachable!("only EC keys are found"),
        }
    }

    /// The key's name in messages.
    pub fn name(&self) -> String {
        self.key.name(&self.token)
    }

    /// The URI that names the key and no other, without a PIN source or a module.
    pub fn uri(&self) -> TokenUri {
        self.key.uri(&self.token)
    }

    /// The key's attributes as the token gives them now.
    pub fn facts(&self) -> Result<Facts, Error> {
        let name = self.name();
        self.token.with(Retry::Yes, |session, _, generation| {
            let handle = self.key.handle(&self.token, session, generation)?;
            Facts::read(session, handle, &name)
        })
    }

    /// Signs by the mechanism that the user chose: exactly the bytes of r and s have to come back.
    pub(super) fn sign_raw(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, Error> {
        let hash = by.hash().filter(|_| by.fits(self.public.kind()));
        let hash = hash.ok_or_else(|| Error::Algorithm(self.name(), by))?;
        match (self.mechanism(), what) {
            (SignMechanism::Ecdsa, what) => self.call(what.prehash(hash).as_bytes()),
            (SignMechanism::EcdsaSha384, Signed::Bytes(message))
                if hash == HashAlgorithm::Sha384 =>
            {
                if message.len() > LONGEST_MESSAGE {
                    return Err(Error::LongMessage(self.name(), message.len()));
                }
                self.call(message)
            }
            (SignMechanism::EcdsaSha384, _) => Err(Error::HashAlone(self.name())),
        }
    }

    fn mechanism(&self) -> SignMechanism {
        self.token.shared.options.mechanism
    }

    /// Gives the token all bytes in one call.
    fn call(&self, data: &[u8]) -> Result<Signature, Error> {
        let name = self.name();
        let token = &self.token;
        let bytes = token.with(Retry::Yes, |session, slot, generation| {
            let handle = self.key.handle(token, session, generation)?;
            if self.key.always_authenticate {
                self.authenticate(session, slot, handle)?;
            } else {
                let begun = session.begin_signature(self.mechanism().kind(), handle);
                begun.map_err(Error::refusal(&name))?;
            }
            let signed = session.sign(data);
            signed.map_err(Error::refusal(&name))
        })?;
        let curve = self.curve();
        let wanted = 2 * curve.coordinate_len();
        if bytes.len() != wanted {
            return Err(Error::Length {
                key: self.name(),
                found: bytes.len(),
                wanted,
            });
        }
        Signature::from_raw(curve, &bytes).map_err(|_| Error::Range(self.name()))
    }

    /// Begins a signature, with the context-specific login that the key may ask for.
    fn authenticate(
        &self,
        session: &Session,
        slot: Slot,
        handle: ObjectHandle,
    ) -> Result<(), Error> {
        let token = &self.token;
        let _one_pin = token.one_pin();
        let secret = self.secret(slot)?;
        let begun = session.begin_signature(self.mechanism().kind(), handle);
        begun.map_err(Error::refusal(&self.name()))?;
        let login = session.log_in(User::ForSignature, secret.pin());
        // Wiped now: a token may take long to sign.
        login.map_err(|(_, code)| login::failed(token, &secret, code))
    }

    /// The PIN for one signature.
    fn secret(&self, slot: Slot) -> Result<PinEntry, Error> {
        let info = self.token.module.token_info(slot, &self.token.name())?;
        let reason = format!("for a signature of {}", self.name());
        login::secret(&self.token, &info, &self.token.way_in(), Some(&reason))
    }
}

/// Refuses a token that does not offer the mechanism that the user wants signatures made by.
pub(super) fn check_signing(token: &Token) -> Result<(), Error> {
    let mechanism = token.shared.options.mechanism;
    check_mechanism(token, mechanism.kind(), mechanism.wanted())
}

/// Refuses a token that does not offer a mechanism; no other is tried.
pub(super) fn check_mechanism(
    token: &Token,
    mechanism: MechanismType,
    wanted: &'static str,
) -> Result<(), Error> {
    let Some(mut names) = instead_of(token, mechanism)? else {
        return Ok(());
    };
    names.sort();
    names.dedup();
    Err(Error::Mechanism {
        token: token.name(),
        wanted,
        offered: if names.is_empty() {
            "nothing".into()
        } else {
            names.join(", ")
        },
    })
}

/// The mechanisms of a token that lacks this one; none where it offers it.
pub(super) fn instead_of(
    token: &Token,
    mechanism: MechanismType,
) -> Result<Option<Vec<String>>, Error> {
    token.with(Retry::Yes, |_, slot, _| {
        let library = &token.module.library;
        let offered = library.mechanisms(slot);
        let offered = offered.map_err(Error::refusal(&token.name()))?;
        if offered.contains(&mechanism) {
            let use_of_it = if mechanism == MechanismType::ECC_KEY_PAIR_GEN {
                sys::CKF_GENERATE_KEY_PAIR
            } else {
                sys::CKF_SIGN
            };
            match library.mechanism_flags(slot, mechanism) {
                Ok(flags) if flags & use_of_it != 0 => return Ok(None),
                Ok(_) => {}
                Err(refusal) => {
                    let error = Error::refusal(&token.name())(refusal);
                    // The list is enough: the call that uses the mechanism shows the rest.
                    return if error.is_dead_session() {
                        Err(error)
                    } else {
                        Ok(None)
                    };
                }
            }
        }
        Ok(Some(offered.iter().map(ToString::to_string).collect()))
    })
}

impl Signer for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, KeyError> {
        Ok(self.sign_raw(by, what)?)
    }

    /// Asserts that a signature, and not the token's word, decides on the public half.
    fn prove_public(&self) -> Result<(), KeyError> {
        Ok(self.prove()?)
    }
}
