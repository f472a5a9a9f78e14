//! The statements of a certificate about its own keys: whether they may sign, until when, and whether they are revoked.
//! The rules are gpg's (g10/getkey.c, `merge_selfsigs`).

use super::key::Key;
use super::ring::{Certificate, Placed};
use super::signature::{
    self, CERTIFICATION_REVOCATION, CERTIFICATIONS, DIRECT_KEY, KEY_REVOCATION, NotSigned,
    PRIMARY_KEY_BINDING, SUBKEY_BINDING, SUBKEY_REVOCATION, Signature,
};

/// No key has more user IDs times signatures of its own: each of the latter may be about each of the former.
const MOST: usize = 10_000;

/// A key as its certificate has it.
#[derive(Debug)]
pub(super) struct Standing {
    /// When it expires, for a subkey also through its primary key.
    pub(super) ends: Option<u64>,
    pub(super) is_revoked: bool,
    pub(super) may_sign: bool,
}

impl Certificate {
    /// The standing of the primary key; an error says what is missing.
    pub(super) fn of_primary(&self, now: u64) -> Result<Standing, &'static str> {
        let about = self.primary.hashed();
        let read = |at: &Placed<Vec<u8>>| {
            Signature::read(&at.part).is_some_and(|read| read.may_be_by(&self.primary))
        };
        let own = self.signatures.iter().filter(|at| read(at)).count();
        if self.users.len().saturating_mul(own) > MOST {
            return Err("it has too many user IDs and signatures of its own");
        }
        let direct = self.newest(|kind| kind == DIRECT_KEY, &about, now, None);
        let users = self.users.iter();
        let users = users.filter_map(|user| {
            let about = [&about[..], &user.part].concat();
            let is_kind = |kind| CERTIFICATIONS.contains(&kind);
            let newest = self.newest(is_kind, &about, now, Some(user.copy))?;
            let revoked = self.revoked(CERTIFICATION_REVOCATION, &about);
            revoked
                .is_none_or(|when| when < newest.created)
                .then_some(newest)
        });
        let users: Vec<_> = users.collect();
        if users.is_empty() {
            return Err("it vouches for no user ID of its own with a hash that counts");
        }
        // The key's direct statements about itself go before those with a user ID, and the newest before the rest.
        let first = |says: &dyn Fn(&Signature<'_>) -> bool| {
            let direct = direct.as_ref().filter(|direct| says(direct));
            direct.or_else(|| {
                users
                    .iter()
                    .filter(|user| says(user))
                    .max_by_key(|user| user.created)
            })
        };
        let lasts = first(&|said| said.key_lasts.is_some_and(|seconds| seconds != 0));
        let flags = first(&|said| said.lets_sign().is_some());
        Ok(Standing {
            ends: lasts.and_then(|said| signature::end(self.primary.created, said.key_lasts)),
            is_revoked: self.revoked(KEY_REVOCATION, &about).is_some(),
            may_sign: flags.and_then(Signature::lets_sign).unwrap_or(true),
        })
    }

    /// The standing of a subkey.
    pub(super) fn of_subkey(&self, subkey: &Key, now: u64) -> Result<Standing, &'static str> {
        let primary = self.of_primary(now)?;
        let about = [self.primary.hashed(), subkey.hashed()].concat();
        let mut copies = self.subkeys.iter().filter(|at| at.part.body == subkey.body);
        let binding = copies.find_map(|at| {
            let is_kind = |kind| kind == SUBKEY_BINDING;
            self.newest(is_kind, &about, now, Some(at.copy))
        });
        let binding =
            binding.ok_or("its primary key does not vouch for it with a hash that counts")?;
        // Else a key could be bound that another owner uses.
        let vouches_back = binding.embedded.iter().any(|body| {
            let back = Signature::read(body);
            back.is_some_and(|back| {
                back.kind == PRIMARY_KEY_BINDING && back.verify(subkey, &about).is_ok()
            })
        });
        if !vouches_back {
            return Err("it does not vouch for its primary key in turn with a hash that counts");
        }
        let ends = signature::end(subkey.created, binding.key_lasts);
        let revoked = self.revoked(SUBKEY_REVOCATION, &about);
        Ok(Standing {
            ends: ends.into_iter().chain(primary.ends).min(),
            is_revoked: primary.is_revoked || revoked.is_some(),
            may_sign: binding.lets_sign() == Some(true),
        })
    }

    /// The newest signature of a kind that the primary key made, and that has not expired. If the caller names a copy
    /// of the key, that copy must have one too: gpg drops the parts of each copy that have none.
    fn newest(
        &self,
        is_kind: impl Fn(u8) -> bool,
        about: &[u8],
        now: u64,
        copy: Option<usize>,
    ) -> Option<Signature<'_>> {
        let all = self.signatures.iter();
        let read = all.filter_map(|at| Some((at.copy, Signature::read(&at.part)?)));
        let own = read.filter(|(_, signature)| {
            is_kind(signature.kind)
                && signature.names_issuer()
                && signature.may_be_by(&self.primary)
                && signature.created >= self.primary.created
                && signature.end().is_none_or(|end| end > now)
                && signature.verify(&self.primary, about).is_ok()
        });
        let own: Vec<_> = own.collect();
        if copy.is_some_and(|copy| own.iter().all(|(of, _)| *of != copy)) {
            return None;
        }
        let own = own.into_iter().map(|(_, signature)| signature);
        own.max_by_key(|signature| signature.created)
    }

    /// When the last revocation was made. One that cannot be checked counts, and for ever: it may be right.
    fn revoked(&self, kind: u8, about: &[u8]) -> Option<u32> {
        let all = self.signatures.iter().map(|at| &at.part);
        let revocations = all.filter(|body| signature::kind_of(body) == Some(kind));
        let counts = revocations.filter_map(|body| {
            let Some(revocation) = Signature::read(body) else {
                return signature::may_be_old(body, self.primary.id()).then_some(u32::MAX);
            };
            if !revocation.might_be_by(&self.primary) {
                return self.names_revoker().then_some(u32::MAX);
            }
            match revocation.verify(&self.primary, about) {
                Ok(()) => Some(revocation.created),
                Err(NotSigned::Wrong) => None,
                Err(NotSigned::Hash(_) | NotSigned::Key | NotSigned::Critical) => Some(u32::MAX),
            }
        });
        counts.max()
    }

    /// Whether the key lets another revoke it (RFC 9580, section 5.2.3.23).
    fn names_revoker(&self) -> bool {
        let mut signatures = self.signatures.iter();
        signatures.any(|at| Signature::read(&at.part).is_some_and(|read| read.names_revoker))
    }
}
