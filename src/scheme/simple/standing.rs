//! What a certificate says of its own keys: whether they may sign, until when, and whether they are revoked. The rules
//! are gpg's (g10/getkey.c, `merge_selfsigs`).

use super::key::Key;
use super::ring::Certificate;
use super::signature::{
    self, CERTIFICATION_REVOCATION, CERTIFICATIONS, DIRECT_KEY, KEY_REVOCATION, NotSigned,
    PRIMARY_KEY_BINDING, SUBKEY_BINDING, SUBKEY_REVOCATION, Signature,
};

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
        let direct = self.newest(&self.signatures, |kind| kind == DIRECT_KEY, &about, now);
        let users = self.users.iter();
        let users = users.filter_map(|(user, signatures)| {
            let about = [&about[..], user].concat();
            let newest = self.newest(
                signatures,
                |kind| CERTIFICATIONS.contains(&kind),
                &about,
                now,
            )?;
            let revoked = self.revoked(signatures.iter(), CERTIFICATION_REVOCATION, &about);
            revoked
                .is_none_or(|when| when < newest.created)
                .then_some(newest)
        });
        let users: Vec<_> = users.collect();
        if users.is_empty() {
            return Err("it vouches for no user ID of its own with a hash that counts");
        }
        // What the key says of itself directly goes before what it says with a user ID, and the newest before the rest.
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
            is_revoked: self.revoked(self.all(), KEY_REVOCATION, &about).is_some(),
            may_sign: flags.and_then(Signature::lets_sign).unwrap_or(true),
        })
    }

    /// The standing of a subkey.
    pub(super) fn of_subkey(&self, subkey: &Key, now: u64) -> Result<Standing, &'static str> {
        let primary = self.of_primary(now)?;
        let about = [self.primary.hashed(), subkey.hashed()].concat();
        let own = self.subkeys.iter().find(|(key, _)| key.body == subkey.body);
        let own = own
            .map(|(_, signatures)| &signatures[..])
            .unwrap_or_default();
        let binding = self.newest(own, |kind| kind == SUBKEY_BINDING, &about, now);
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
        let revoked = self.revoked(self.all(), SUBKEY_REVOCATION, &about);
        Ok(Standing {
            ends: ends.into_iter().chain(primary.ends).min(),
            is_revoked: primary.is_revoked || revoked.is_some(),
            may_sign: binding.lets_sign() == Some(true),
        })
    }

    /// Every signature of the certificate: gpg counts revocations in wrong places too, for it brings them to the right one.
    fn all(&self) -> impl Iterator<Item = &Vec<u8>> {
        let users = self.users.iter().flat_map(|(_, signatures)| signatures);
        let subkeys = self.subkeys.iter().flat_map(|(_, signatures)| signatures);
        self.signatures.iter().chain(users).chain(subkeys)
    }

    /// The newest signature of a kind that the primary key made, and that has not expired.
    fn newest<'a>(
        &self,
        signatures: &'a [Vec<u8>],
        is_kind: impl Fn(u8) -> bool,
        about: &[u8],
        now: u64,
    ) -> Option<Signature<'a>> {
        let read = signatures.iter().filter_map(|body| Signature::read(body));
        let own = read.filter(|signature| {
            is_kind(signature.kind)
                && signature.may_be_by(&self.primary)
                && signature.created >= self.primary.created
                && signature.end().is_none_or(|end| end > now)
                && signature.verify(&self.primary, about).is_ok()
        });
        own.max_by_key(|signature| signature.created)
    }

    /// When the last revocation was made. One that cannot be checked counts, and for ever: it may be right.
    fn revoked<'a>(
        &self,
        signatures: impl Iterator<Item = &'a Vec<u8>>,
        kind: u8,
        about: &[u8],
    ) -> Option<u32> {
        let revocations = signatures.filter(|body| signature::kind_of(body) == Some(kind));
        let counts = revocations.filter_map(|body| {
            let Some(revocation) = Signature::read(body) else {
                return signature::may_be_old(body, self.primary.id()).then_some(u32::MAX);
            };
            if !revocation.may_be_by(&self.primary) {
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
        let signatures = self.all().filter_map(|body| Signature::read(body));
        signatures
            .into_iter()
            .any(|signature| signature.names_revoker)
    }
}
