//! Signing with a key on a token.

use std::sync::Arc;

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::slot::Slot;

use super::attributes::Facts;
use super::error::Error;
use super::login::{self, PinEntry};
use super::object::{self, PrivateKey};
use super::public;
use super::raw::{KeyHandle, SessionHandle};
use super::token::{Again, Token};
use crate::crypto::{Prehash, PublicKey, SignError, Signature, Signer};
use crate::key::uri::TokenUri;

/// What precedes the public key in the message that proves that the private half belongs to it.
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
    pub(super) fn find(token: Arc<Token>, uri: &TokenUri) -> Result<Self, Error> {
        check_mechanism(&token, MechanismType::ECDSA, "CKM_ECDSA for signing")?;
        let key = object::find_private(&token, uri)?;
        Self::new(token, key)
    }

    /// A key whose public half has yet to be found.
    pub(super) fn new(token: Arc<Token>, key: PrivateKey) -> Result<Self, Error> {
        let shown = public::find(&token, &key)?;
        let public = match shown.public {
            Some(public) if !shown.by_certificate => public,
            // A certificate of the id may be another key's: a signature tells of what the user gave.
            from_certificate => match (Self::given(&token, &key)?, from_certificate) {
                (Some(public), _) | (None, Some(public)) => public,
                (None, None) => {
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

    /// The one among the public keys that the user gave that the key's signature verifies with.
    fn given(token: &Arc<Token>, key: &PrivateKey) -> Result<Option<PublicKey>, Error> {
        for public in &token.shared.options.public_keys {
            let candidate = Self {
                token: Arc::clone(token),
                key: key.clone(),
                public: *public,
            };
            match candidate.prove() {
                Ok(()) => return Ok(Some(*public)),
                Err(Error::WrongPublic { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Proves that the public half belongs to the private one: signs a message that nothing else
    /// is ever signed for, and verifies it.
    pub(super) fn prove(&self) -> Result<(), Error> {
        let prehash = Prehash::sha384(&[PROOF, &self.public.to_spki()].concat());
        if self.public.verifies(&prehash, &self.sign_raw(&prehash)?) {
            Ok(())
        } else {
            Err(Error::WrongPublic { key: self.name() })
        }
    }

    /// What the key is called in messages.
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
        self.token.with(Again::Yes, |session, _, generation| {
            let handle = self.key.handle(&self.token, session, generation)?;
            Facts::read(session, handle, &name)
        })
    }

    /// `CKM_ECDSA` over the hash: exactly 96 bytes of r and s have to come back.
    pub(super) fn sign_raw(&self, prehash: &Prehash) -> Result<Signature, Error> {
        let name = self.name();
        let token = &self.token;
        let bytes = token.with(Again::Yes, |session, slot, generation| {
            let handle = self.key.handle(token, session, generation)?;
            if self.key.always_authenticate {
                let place = (session.handle(), handle.handle());
                return self.sign_authenticated(prehash, slot, generation, place);
            }
            let signed = session.sign(&Mechanism::Ecdsa, handle, prehash.as_bytes());
            signed.map_err(Error::call(&name))
        })?;
        let fixed: [u8; 96] = bytes.as_slice().try_into().map_err(|_| Error::Length {
            key: self.name(),
            found: bytes.len(),
        })?;
        Signature::from_raw(&fixed).map_err(|_| Error::Range { key: self.name() })
    }

    /// The same with a login for this one signature. `place` is the session and the key's handle as
    /// the crate knows them.
    fn sign_authenticated(
        &self,
        prehash: &Prehash,
        slot: Slot,
        generation: u64,
        place: (SessionHandle, KeyHandle),
    ) -> Result<Vec<u8>, Error> {
        let (token, name) = (&self.token, self.name());
        let (raw, apart) = token.module.own()?;
        let one_pin = token.one_pin();
        let secret = self.secret(slot)?;
        let sign = || {
            let (session, key) = if apart {
                token
                    .apart
                    .seat(token, raw, generation, &self.key, &secret)?
            } else {
                place
            };
            raw.begin(session, key).map_err(Error::refusal(&name))?;
            raw.authenticate(session, secret.pin())
                .map_err(|(function, code)| {
                    let error = cryptoki::error::Error::Pkcs11(code, function);
                    login::failed(token, &secret, error)
                })?;
            Ok(session)
        };
        let finish = |session| {
            let signed = raw.sign(session, prehash.as_bytes());
            signed.map_err(Error::refusal(&name))
        };
        if apart {
            // There is one session for all threads.
            let signed = sign().and_then(finish);
            if signed.is_err() {
                token.apart.leave(raw, generation);
            }
            return signed;
        }
        let session = sign()?;
        // The PIN ends here: a token may take its time to sign.
        drop((secret, one_pin));
        finish(session)
    }

    /// The PIN for one signature.
    fn secret(&self, slot: Slot) -> Result<PinEntry, Error> {
        let info = self.token.module.token_info(slot, &self.token.name())?;
        let reason = format!("for a signature of {}", self.name());
        login::secret(&self.token, &info, &self.token.way_in(), Some(&reason))
    }
}

/// Refuses a token that does not offer a mechanism; no other is tried.
pub(super) fn check_mechanism(
    token: &Token,
    mechanism: MechanismType,
    wanted: &'static str,
) -> Result<(), Error> {
    token.with(Again::Yes, |_, slot, _| {
        let context = &token.module.context;
        let offered = context.get_mechanism_list(slot);
        let offered = offered.map_err(Error::call(&token.name()))?;
        if offered.contains(&mechanism) {
            let info = context.get_mechanism_info(slot, mechanism);
            let info = info.map_err(Error::call(&token.name()))?;
            let fits = if mechanism == MechanismType::ECDSA {
                info.sign()
            } else {
                info.generate_key_pair()
            };
            if fits {
                return Ok(());
            }
        }
        let mut names: Vec<String> = offered.iter().map(ToString::to_string).collect();
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
    })
}

impl Signer for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, prehash: &Prehash) -> Result<Signature, SignError> {
        self.sign_raw(prehash).map_err(backend)
    }

    /// The token's word for the public half is not enough.
    fn prove_public(&self) -> Result<(), SignError> {
        self.prove().map_err(backend)
    }
}

fn backend(source: Error) -> SignError {
    SignError::Backend {
        source: source.into(),
    }
}
