//! The problems that a token's flags show, of its PINs and of itself, and the words for them.

use cryptoki_sys as sys;

use super::raw::TokenInfo;

/// The flags of a token, by name (PKCS #11 v2.40, section 3.2).
pub const FLAGS: [(u64, &str); 17] = [
    (sys::CKF_RNG, "rng"),
    (sys::CKF_WRITE_PROTECTED, "write-protected"),
    (sys::CKF_LOGIN_REQUIRED, "login-required"),
    (sys::CKF_USER_PIN_INITIALIZED, "user-pin-initialized"),
    (
        sys::CKF_PROTECTED_AUTHENTICATION_PATH,
        "protected-authentication-path",
    ),
    (sys::CKF_TOKEN_INITIALIZED, "token-initialized"),
    (sys::CKF_USER_PIN_COUNT_LOW, "user-pin-count-low"),
    (sys::CKF_USER_PIN_FINAL_TRY, "user-pin-final-try"),
    (sys::CKF_USER_PIN_LOCKED, "user-pin-locked"),
    (sys::CKF_USER_PIN_TO_BE_CHANGED, "user-pin-to-be-changed"),
    (sys::CKF_SO_PIN_COUNT_LOW, "so-pin-count-low"),
    (sys::CKF_SO_PIN_FINAL_TRY, "so-pin-final-try"),
    (sys::CKF_SO_PIN_LOCKED, "so-pin-locked"),
    (sys::CKF_SO_PIN_TO_BE_CHANGED, "so-pin-to-be-changed"),
    (sys::CKF_ERROR_STATE, "error-state"),
    (sys::CKF_CLOCK_ON_TOKEN, "clock-on-token"),
    (sys::CKF_DUAL_CRYPTO_OPERATIONS, "dual-crypto-operations"),
];

/// A problem, shown by a token's flags, that prevents its use or may soon (PKCS #11 v2.40, section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was never set up.
    NotInitialised,
    /// No login is possible any more.
    Locked,
    /// One more wrong PIN locks it.
    FinalTry,
    /// A wrong PIN was tried.
    CountLow,
    /// The PIN has to be changed before anything else.
    ToBeChanged,
    /// It does not work.
    ErrorState,
    /// It has no user PIN.
    NoUserPin,
    /// The security officer's PIN is locked.
    SoLocked,
    /// One more wrong PIN of the security officer locks it.
    SoFinalTry,
}

impl Trouble {
    /// Those that concern the user of the keys, in the order of the report.
    const OF_USER: [Self; 6] = [
        Self::Locked,
        Self::FinalTry,
        Self::CountLow,
        Self::ToBeChanged,
        Self::ErrorState,
        Self::NoUserPin,
    ];

    /// The problems that keep the user of the keys from a token, or may soon.
    pub fn of_user(info: &TokenInfo) -> Vec<Self> {
        if Self::NotInitialised.shows(info) {
            return vec![Self::NotInitialised];
        }
        let all = Self::OF_USER.into_iter();
        // A token without a PIN that asks for no login is as intended.
        all.filter(|trouble| trouble.shows(info))
            .filter(|trouble| *trouble != Self::NoUserPin || info.has(sys::CKF_LOGIN_REQUIRED))
            .collect()
    }

    /// Whether a token's flags say so.
    pub const fn shows(self, info: &TokenInfo) -> bool {
        match self {
            Self::NotInitialised => !info.has(sys::CKF_TOKEN_INITIALIZED),
            Self::Locked => info.has(sys::CKF_USER_PIN_LOCKED),
            Self::FinalTry => info.has(sys::CKF_USER_PIN_FINAL_TRY),
            Self::CountLow => info.has(sys::CKF_USER_PIN_COUNT_LOW),
            Self::ToBeChanged => info.has(sys::CKF_USER_PIN_TO_BE_CHANGED),
            Self::ErrorState => info.has(sys::CKF_ERROR_STATE),
            Self::NoUserPin => !info.has(sys::CKF_USER_PIN_INITIALIZED),
            Self::SoLocked => info.has(sys::CKF_SO_PIN_LOCKED),
            Self::SoFinalTry => info.has(sys::CKF_SO_PIN_FINAL_TRY),
        }
    }

    /// The words for it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotInitialised => "it is not initialised",
            Self::Locked => "the user PIN is locked",
            Self::FinalTry => "one more wrong PIN locks it for good",
            Self::CountLow => "a wrong PIN was tried since the last login",
            Self::ToBeChanged => "the user PIN has expired or has to be changed first",
            Self::ErrorState => "it is in an error state",
            Self::NoUserPin => "its user PIN is not set",
            Self::SoLocked => "the SO PIN is locked",
            Self::SoFinalTry => "one more wrong SO PIN locks it for good",
        }
    }
}
