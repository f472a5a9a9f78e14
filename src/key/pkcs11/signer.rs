//! Signing with a key on a token.

use std::sync::Arc;

use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::slot::Slot;

use super::attributes::Facts;
use super::error::Error;
use super::login::{self, PinEntry};
use super::mechanism::{self, LONGEST_MESSAGE, SignMechanism};
use super::object::{self, PrivateKey, Wanted};
use super::offered::{check_mechanism, check_signing};
use super::public;
use super::raw::{Session, User};
use super::token::{Retry, Token};
use crate::crypto::{Algorithm, HashAlgorithm, KeyKind, P384Key, PublicKey, Signature, Signed};
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
        // Each key of such a command signs by ECDSA: without that no key is looked for.
        if wanted == Wanted::P384 {
            check_signing(&token)?;
        }
        let key = object::find_private(&token, uri, wanted)?;
        let key = Self::new(token, key)?;
        if let (Wanted::Any, KeyKind::Ec(_)) = (wanted, key.public.kind()) {
            check_signing(&key.token)?;
        }
        Ok(key)
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

    /// The algorithm with the hash that is as strong as the key.
    fn own_algorithm(&self) -> Algorithm {
        match self.public.kind() {
            KeyKind::Ec(curve) => Algorithm::Ecdsa(curve, curve.hash()),
            KeyKind::Rsa { bits } => Algorithm::RsaPss(rsa_hash(bits)),
            KeyKind::Ed25519 => Algorithm::Ed25519,
        }
    }

    /// The public half, of a key that was found as one on P-384.
    pub(super) fn p384(&self) -> P384Key {
        P384Key::of(&self.public).expect("the key was found as one on P-384")
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

    /// Signs by the mechanism of the algorithm; for ECDSA, by that which the user chose. Exactly as many bytes as a
    /// signature has must come back.
    pub(super) fn sign_raw(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, Error> {
        let hash = by.hash().filter(|_| by.fits(self.public.kind()));
        let hash = hash.ok_or_else(|| Error::Algorithm(self.name(), by))?;
        let own = self.token.shared.options.mechanism;
        match (by, own, what) {
            (Algorithm::Ecdsa(..), SignMechanism::Ecdsa, what) => {
                self.call(by, &Mechanism::Ecdsa, what.prehash(hash).as_bytes())
            }
            (Algorithm::Ecdsa(..), SignMechanism::EcdsaSha384, Signed::Bytes(message))
                if hash == HashAlgorithm::Sha384 =>
            {
                if message.len() > LONGEST_MESSAGE {
                    return Err(Error::LongMessage(self.name(), message.len()));
                }
                self.call(by, &Mechanism::EcdsaSha384, message)
            }
            (Algorithm::Ecdsa(..), SignMechanism::EcdsaSha384, _) => {
                Err(Error::HashAlone(self.name()))
            }
            (Algorithm::RsaPss(_), _, what) => {
                self.call(by, &mechanism::pss(hash), what.prehash(hash).as_bytes())
            }
            (Algorithm::RsaPkcs1(_), _, what) => {
                let info = mechanism::digest_info(&what.prehash(hash));
                self.call(by, &Mechanism::RsaPkcs, &info)
            }
            (Algorithm::Ed25519, _, _) => Err(Error::Algorithm(self.name(), by)),
        }
    }

    /// Gives the token all bytes in one call.
    fn call(
        &self,
        by: Algorithm,
        mechanism: &Mechanism<'_>,
        data: &[u8],
    ) -> Result<Signature, Error> {
        let name = self.name();
        let token = &self.token;
        let signed = token.with(Retry::Yes, |session, slot, generation| {
            let handle = self.key.handle(token, session, generation)?;
            if self.key.always_authenticate {
                self.authenticate(session, slot, handle, mechanism)?;
            } else {
                let begun = session.begin_signature(mechanism, handle);
                begun.map_err(Error::refusal(&name))?;
            }
            let signed = session.sign(data);
            signed.map_err(Error::refusal(&name))
        });
        let bytes = signed.map_err(|error| self.because_of(mechanism, error))?;
        let wanted = match self.public.kind() {
            KeyKind::Ec(curve) => 2 * curve.coordinate_len(),
            KeyKind::Rsa { bits } => usize::from(bits).div_ceil(8),
            KeyKind::Ed25519 => return Err(Error::Algorithm(name, by)),
        };
        if bytes.len() != wanted {
            return Err(Error::Length {
                key: self.name(),
                found: bytes.len(),
                wanted,
            });
        }
        Signature::of_raw(by, &bytes).map_err(|_| Error::Range(self.name()))
    }

    /// Names the mechanism that the token lacks, if that is why it made no signature.
    fn because_of(&self, mechanism: &Mechanism<'_>, error: Error) -> Error {
        let code = match &error {
            Error::Call { code, .. } => *code,
            _ => return error,
        };
        let wanted = mechanism::wanted(mechanism);
        match (code, wanted) {
            (RvError::MechanismInvalid, Some(wanted)) => {
                let missing = check_mechanism(&self.token, mechanism.mechanism_type(), wanted);
                missing.err().unwrap_or(error)
            }
            _ => error,
        }
    }

    /// Begins a signature, with the context-specific login that the key may ask for.
    fn authenticate(
        &self,
        session: &Session,
        slot: Slot,
        handle: ObjectHandle,
        mechanism: &Mechanism<'_>,
    ) -> Result<(), Error> {
        let token = &self.token;
        let _one_pin = token.one_pin();
        let secret = self.secret(slot)?;
        let begun = session.begin_signature(mechanism, handle);
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

/// The hash that is as strong as an RSA key: SHA-256 up to 2048 bits, SHA-384 up to 3072 and SHA-512 above, as Notary
/// Project pairs them (signature specification, section "Signature Algorithm Requirements").
const fn rsa_hash(bits: u16) -> HashAlgorithm {
    match bits {
        ..3072 => HashAlgorithm::Sha256,
        3072..4096 => HashAlgorithm::Sha384,
        4096.. => HashAlgorithm::Sha512,
    }
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
