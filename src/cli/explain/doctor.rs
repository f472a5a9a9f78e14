//! Advice on the findings of `token doctor`.

use crate::key::pkcs11::rule;
use crate::report::{Check, Outcome};

/// Advice on a check that does not pass, if there is any.
pub fn advice(check: &Check) -> Option<&'static str> {
    if check.outcome == Outcome::Passed {
        return None;
    }
    Some(match check.rule {
        rule::SLOTS => "is the token plugged in, and is this the right module?",
        rule::COUNT_LOW => {
            "make sure of the PIN: a login with the right one resets the token's count, a few more wrong ones lock it"
        }
        rule::FINAL_TRY => {
            "make sure of the PIN, and then give --allow-final-try: a login with the right one resets the token's count"
        }
        rule::STATE => "set the token up, or unlock it with its own tools, before you use it",
        rule::ASKS_LOGIN => "set a PIN if you want one to protect its keys",
        rule::MECHANISM_HASHES => {
            "it signs with --mechanism CKM_ECDSA_SHA384: then the token makes the hash"
        }
        rule::MECHANISM_PLAIN => "it signs without --mechanism CKM_ECDSA_SHA384",
        rule::MECHANISM | rule::KEY_MECHANISM => {
            "see the token's own settings: ir-sign tries no other mechanism"
        }
        rule::LOGIN_FINAL_TRY => "if you are sure of the PIN, give --allow-final-try",
        rule::LOGIN_LOCKED => "unlock or change the PIN with the token's own tools",
        rule::LOGIN_READY => "set the token up: ir-sign token init, or its own tools",
        rule::LOGIN_PIN => {
            "check the PIN before another run: a token locks itself after a few wrong ones"
        }
        rule::LOGIN => "the token refuses the login; see its own messages",
        rule::KEYS => "make one: ir-sign gen-key --pkcs11-uri 'pkcs11:…;object=LABEL'",
        rule::KEY_NAMED => "see `ir-sign token keys`",
        rule::KEY_ID => "give each key an id of its own: the public half is found by id",
        rule::KEY => "ir-sign checked the other keys too",
        rule::KEY_CURVE => "ir-sign cannot use it",
        rule::KEY_PUBLIC => "give its public key with --public-key FILE",
        rule::KEY_POINT => "remove or repair the public object with the token's own tools",
        rule::KEY_SIGNS => "the token does not sign with this key; see its own messages",
        rule::KEY_VERIFIES => "do not use this key: what it signs does not verify",
        rule::KEY_BORN => {
            "the token does not confirm that the key was made on it and never left it"
        }
        rule::KEY_STAYS => "anybody who logs in may be able to export the key",
        rule::KEY_ONE_LOGIN => "use a PIN source, or --keep-pin",
        _ => return None,
    })
}
