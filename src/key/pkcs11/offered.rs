//! The mechanisms that a token offers.

use cryptoki::mechanism::MechanismType;
use cryptoki_sys as sys;

use super::error::Error;
use super::token::{Retry, Token};

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
            let use_of_it = if makes_keys(mechanism) {
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

fn makes_keys(mechanism: MechanismType) -> bool {
    mechanism == MechanismType::ECC_KEY_PAIR_GEN
        || mechanism == MechanismType::RSA_PKCS_KEY_PAIR_GEN
}
