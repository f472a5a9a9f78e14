//! The names of functions, answers, attributes, flags and mechanisms, and the numbers behind them.

use cryptoki_sys::CK_RV;

/// A name and its number.
pub type Named = (&'static str, cryptoki_sys::CK_ULONG);

macro_rules! named {
    ($($name:ident)*) => { &[$((stringify!($name), cryptoki_sys::$name)),*] };
}

/// All functions of PKCS#11 v2.40, in the order of the function list.
pub const FUNCTIONS: &[&str] = &[
    "C_Initialize",
    "C_Finalize",
    "C_GetInfo",
    "C_GetFunctionList",
    "C_GetSlotList",
    "C_GetSlotInfo",
    "C_GetTokenInfo",
    "C_GetMechanismList",
    "C_GetMechanismInfo",
    "C_InitToken",
    "C_InitPIN",
    "C_SetPIN",
    "C_OpenSession",
    "C_CloseSession",
    "C_CloseAllSessions",
    "C_GetSessionInfo",
    "C_GetOperationState",
    "C_SetOperationState",
    "C_Login",
    "C_Logout",
    "C_CreateObject",
    "C_CopyObject",
    "C_DestroyObject",
    "C_GetObjectSize",
    "C_GetAttributeValue",
    "C_SetAttributeValue",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_EncryptInit",
    "C_Encrypt",
    "C_EncryptUpdate",
    "C_EncryptFinal",
    "C_DecryptInit",
    "C_Decrypt",
    "C_DecryptUpdate",
    "C_DecryptFinal",
    "C_DigestInit",
    "C_Digest",
    "C_DigestUpdate",
    "C_DigestKey",
    "C_DigestFinal",
    "C_SignInit",
    "C_Sign",
    "C_SignUpdate",
    "C_SignFinal",
    "C_SignRecoverInit",
    "C_SignRecover",
    "C_VerifyInit",
    "C_Verify",
    "C_VerifyUpdate",
    "C_VerifyFinal",
    "C_VerifyRecoverInit",
    "C_VerifyRecover",
    "C_DigestEncryptUpdate",
    "C_DecryptDigestUpdate",
    "C_SignEncryptUpdate",
    "C_DecryptVerifyUpdate",
    "C_GenerateKey",
    "C_GenerateKeyPair",
    "C_WrapKey",
    "C_UnwrapKey",
    "C_DeriveKey",
    "C_SeedRandom",
    "C_GenerateRandom",
    "C_GetFunctionStatus",
    "C_CancelFunction",
    "C_WaitForSlotEvent",
];

/// The functions that take no session.
const WITHOUT_SESSION: &[&str] = &[
    "C_Initialize",
    "C_Finalize",
    "C_GetInfo",
    "C_GetFunctionList",
    "C_GetSlotList",
    "C_GetSlotInfo",
    "C_GetTokenInfo",
    "C_GetMechanismList",
    "C_GetMechanismInfo",
    "C_InitToken",
    "C_OpenSession",
    "C_CloseAllSessions",
    "C_WaitForSlotEvent",
];

/// The function's name as it stands in [`FUNCTIONS`].
pub fn function(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|known| **known == name).copied()
}

/// Whether a function's first argument is a session.
pub fn takes_session(function: &str) -> bool {
    !WITHOUT_SESSION.contains(&function)
}

/// The number of a name in a table, or the number that is written in hexadecimal.
pub fn number(table: &[Named], text: &str) -> Option<cryptoki_sys::CK_ULONG> {
    if let Some(digits) = text.strip_prefix("0x") {
        return cryptoki_sys::CK_ULONG::from_str_radix(digits, 16).ok();
    }
    let named = table.iter().find(|(name, _)| *name == text);
    named.map(|(_, number)| *number)
}

/// How an answer is written: its name, or its number in hexadecimal.
pub fn ckr_name(code: CK_RV) -> String {
    let named = CKR.iter().find(|(_, number)| *number == code);
    named.map_or_else(|| format!("{code:#x}"), |(name, _)| (*name).to_owned())
}

/// All `CKR_` of PKCS#11 v2.40 and their codes.
pub fn ckr_names() -> &'static [(&'static str, CK_RV)] {
    CKR
}

#[rustfmt::skip]
const CKR: &[Named] = named! {
    CKR_OK
    CKR_CANCEL
    CKR_HOST_MEMORY
    CKR_SLOT_ID_INVALID
    CKR_GENERAL_ERROR
    CKR_FUNCTION_FAILED
    CKR_ARGUMENTS_BAD
    CKR_NO_EVENT
    CKR_NEED_TO_CREATE_THREADS
    CKR_CANT_LOCK
    CKR_ATTRIBUTE_READ_ONLY
    CKR_ATTRIBUTE_SENSITIVE
    CKR_ATTRIBUTE_TYPE_INVALID
    CKR_ATTRIBUTE_VALUE_INVALID
    CKR_ACTION_PROHIBITED
    CKR_DATA_INVALID
    CKR_DATA_LEN_RANGE
    CKR_DEVICE_ERROR
    CKR_DEVICE_MEMORY
    CKR_DEVICE_REMOVED
    CKR_ENCRYPTED_DATA_INVALID
    CKR_ENCRYPTED_DATA_LEN_RANGE
    CKR_FUNCTION_CANCELED
    CKR_FUNCTION_NOT_PARALLEL
    CKR_FUNCTION_NOT_SUPPORTED
    CKR_KEY_HANDLE_INVALID
    CKR_KEY_SIZE_RANGE
    CKR_KEY_TYPE_INCONSISTENT
    CKR_KEY_NOT_NEEDED
    CKR_KEY_CHANGED
    CKR_KEY_NEEDED
    CKR_KEY_INDIGESTIBLE
    CKR_KEY_FUNCTION_NOT_PERMITTED
    CKR_KEY_NOT_WRAPPABLE
    CKR_KEY_UNEXTRACTABLE
    CKR_MECHANISM_INVALID
    CKR_MECHANISM_PARAM_INVALID
    CKR_OBJECT_HANDLE_INVALID
    CKR_OPERATION_ACTIVE
    CKR_OPERATION_NOT_INITIALIZED
    CKR_PIN_INCORRECT
    CKR_PIN_INVALID
    CKR_PIN_LEN_RANGE
    CKR_PIN_EXPIRED
    CKR_PIN_LOCKED
    CKR_SESSION_CLOSED
    CKR_SESSION_COUNT
    CKR_SESSION_HANDLE_INVALID
    CKR_SESSION_PARALLEL_NOT_SUPPORTED
    CKR_SESSION_READ_ONLY
    CKR_SESSION_EXISTS
    CKR_SESSION_READ_ONLY_EXISTS
    CKR_SESSION_READ_WRITE_SO_EXISTS
    CKR_SIGNATURE_INVALID
    CKR_SIGNATURE_LEN_RANGE
    CKR_TEMPLATE_INCOMPLETE
    CKR_TEMPLATE_INCONSISTENT
    CKR_TOKEN_NOT_PRESENT
    CKR_TOKEN_NOT_RECOGNIZED
    CKR_TOKEN_WRITE_PROTECTED
    CKR_UNWRAPPING_KEY_HANDLE_INVALID
    CKR_UNWRAPPING_KEY_SIZE_RANGE
    CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT
    CKR_USER_ALREADY_LOGGED_IN
    CKR_USER_NOT_LOGGED_IN
    CKR_USER_PIN_NOT_INITIALIZED
    CKR_USER_TYPE_INVALID
    CKR_USER_ANOTHER_ALREADY_LOGGED_IN
    CKR_USER_TOO_MANY_TYPES
    CKR_WRAPPED_KEY_INVALID
    CKR_WRAPPED_KEY_LEN_RANGE
    CKR_WRAPPING_KEY_HANDLE_INVALID
    CKR_WRAPPING_KEY_SIZE_RANGE
    CKR_WRAPPING_KEY_TYPE_INCONSISTENT
    CKR_RANDOM_SEED_NOT_SUPPORTED
    CKR_RANDOM_NO_RNG
    CKR_DOMAIN_PARAMS_INVALID
    CKR_CURVE_NOT_SUPPORTED
    CKR_BUFFER_TOO_SMALL
    CKR_SAVED_STATE_INVALID
    CKR_INFORMATION_SENSITIVE
    CKR_STATE_UNSAVEABLE
    CKR_CRYPTOKI_NOT_INITIALIZED
    CKR_CRYPTOKI_ALREADY_INITIALIZED
    CKR_MUTEX_BAD
    CKR_MUTEX_NOT_LOCKED
    CKR_NEW_PIN_MODE
    CKR_NEXT_OTP
    CKR_EXCEEDED_MAX_ITERATIONS
    CKR_FIPS_SELF_TEST_FAILED
    CKR_LIBRARY_LOAD_FAILED
    CKR_PIN_TOO_WEAK
    CKR_PUBLIC_KEY_INVALID
    CKR_FUNCTION_REJECTED
    CKR_VENDOR_DEFINED
};

/// Attributes of keys, certificates and data.
#[rustfmt::skip]
pub(crate) const CKA: &[Named] = named! {
    CKA_CLASS
    CKA_TOKEN
    CKA_PRIVATE
    CKA_LABEL
    CKA_UNIQUE_ID
    CKA_APPLICATION
    CKA_VALUE
    CKA_OBJECT_ID
    CKA_CERTIFICATE_TYPE
    CKA_ISSUER
    CKA_SERIAL_NUMBER
    CKA_AC_ISSUER
    CKA_OWNER
    CKA_ATTR_TYPES
    CKA_TRUSTED
    CKA_CERTIFICATE_CATEGORY
    CKA_JAVA_MIDP_SECURITY_DOMAIN
    CKA_URL
    CKA_HASH_OF_SUBJECT_PUBLIC_KEY
    CKA_HASH_OF_ISSUER_PUBLIC_KEY
    CKA_NAME_HASH_ALGORITHM
    CKA_CHECK_VALUE
    CKA_KEY_TYPE
    CKA_SUBJECT
    CKA_ID
    CKA_SENSITIVE
    CKA_ENCRYPT
    CKA_DECRYPT
    CKA_WRAP
    CKA_UNWRAP
    CKA_SIGN
    CKA_SIGN_RECOVER
    CKA_VERIFY
    CKA_VERIFY_RECOVER
    CKA_DERIVE
    CKA_START_DATE
    CKA_END_DATE
    CKA_MODULUS
    CKA_MODULUS_BITS
    CKA_PUBLIC_EXPONENT
    CKA_PRIVATE_EXPONENT
    CKA_PRIME_1
    CKA_PRIME_2
    CKA_EXPONENT_1
    CKA_EXPONENT_2
    CKA_COEFFICIENT
    CKA_PUBLIC_KEY_INFO
    CKA_PRIME
    CKA_SUBPRIME
    CKA_BASE
    CKA_PRIME_BITS
    CKA_SUBPRIME_BITS
    CKA_VALUE_BITS
    CKA_VALUE_LEN
    CKA_EXTRACTABLE
    CKA_LOCAL
    CKA_NEVER_EXTRACTABLE
    CKA_ALWAYS_SENSITIVE
    CKA_KEY_GEN_MECHANISM
    CKA_MODIFIABLE
    CKA_COPYABLE
    CKA_DESTROYABLE
    CKA_EC_PARAMS
    CKA_EC_POINT
    CKA_ALWAYS_AUTHENTICATE
    CKA_WRAP_WITH_TRUSTED
    CKA_MECHANISM_TYPE
    CKA_WRAP_TEMPLATE
    CKA_UNWRAP_TEMPLATE
    CKA_DERIVE_TEMPLATE
    CKA_ALLOWED_MECHANISMS
    CKA_SECONDARY_AUTH
    CKA_AUTH_PIN_FLAGS
};

/// Flags of a token.
#[rustfmt::skip]
pub(crate) const CKF: &[Named] = named! {
    CKF_RNG
    CKF_WRITE_PROTECTED
    CKF_LOGIN_REQUIRED
    CKF_USER_PIN_INITIALIZED
    CKF_RESTORE_KEY_NOT_NEEDED
    CKF_CLOCK_ON_TOKEN
    CKF_PROTECTED_AUTHENTICATION_PATH
    CKF_DUAL_CRYPTO_OPERATIONS
    CKF_TOKEN_INITIALIZED
    CKF_SECONDARY_AUTHENTICATION
    CKF_USER_PIN_COUNT_LOW
    CKF_USER_PIN_FINAL_TRY
    CKF_USER_PIN_LOCKED
    CKF_USER_PIN_TO_BE_CHANGED
    CKF_SO_PIN_COUNT_LOW
    CKF_SO_PIN_FINAL_TRY
    CKF_SO_PIN_LOCKED
    CKF_SO_PIN_TO_BE_CHANGED
    CKF_ERROR_STATE
};

/// Mechanisms that a test of signatures may name.
#[rustfmt::skip]
pub(crate) const CKM: &[Named] = named! {
    CKM_RSA_PKCS_KEY_PAIR_GEN
    CKM_RSA_PKCS
    CKM_RSA_X_509
    CKM_SHA256_RSA_PKCS
    CKM_RSA_PKCS_OAEP
    CKM_RSA_PKCS_PSS
    CKM_EC_KEY_PAIR_GEN
    CKM_ECDSA
    CKM_ECDSA_SHA1
    CKM_ECDSA_SHA224
    CKM_ECDSA_SHA256
    CKM_ECDSA_SHA384
    CKM_ECDSA_SHA512
    CKM_ECDH1_DERIVE
    CKM_EC_EDWARDS_KEY_PAIR_GEN
    CKM_EDDSA
    CKM_SHA_1
    CKM_SHA256
    CKM_SHA384
    CKM_SHA512
    CKM_SHA384_HMAC
    CKM_AES_KEY_GEN
    CKM_AES_ECB
    CKM_AES_CBC
    CKM_AES_CBC_PAD
    CKM_AES_GCM
    CKM_GENERIC_SECRET_KEY_GEN
};

#[cfg(test)]
mod tests {
    use super::{CKA, CKR, FUNCTIONS, ckr_name, function, number, takes_session};

    #[test]
    fn names_and_numbers() {
        assert_eq!(FUNCTIONS.len(), 68);
        assert_eq!(number(CKR, "CKR_PIN_INCORRECT"), Some(0xa0));
        assert_eq!(number(CKR, "0xa0"), Some(0xa0));
        assert_eq!(number(CKR, "a0"), None);
        assert_eq!(number(CKA, "CKA_EC_POINT"), Some(0x181));
        assert_eq!(ckr_name(0xa4), "CKR_PIN_LOCKED");
        assert_eq!(ckr_name(0xdead), "0xdead");
        assert_eq!(function("C_Sign"), Some("C_Sign"));
        assert_eq!(function("C_Nothing"), None);
        assert!(takes_session("C_Sign") && !takes_session("C_GetSlotList"));
    }

    #[test]
    fn codes_are_distinct() {
        for (at, (_, code)) in CKR.iter().enumerate() {
            assert!(CKR[..at].iter().all(|(_, other)| other != code));
        }
    }
}
