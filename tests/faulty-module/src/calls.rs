//! The functions of the module: each makes its call by the plan, most of them unchanged.
#![allow(non_snake_case)]

use std::ffi::c_void;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_C_INITIALIZE_ARGS, CK_FLAGS, CK_FUNCTION_LIST, CK_INFO,
    CK_MECHANISM, CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_NOTIFY, CK_OBJECT_HANDLE, CK_RV,
    CK_SESSION_HANDLE, CK_SESSION_INFO, CK_SLOT_ID, CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG,
    CK_VERSION, CKR_ARGUMENTS_BAD, CKR_CANT_LOCK, CKR_FUNCTION_NOT_SUPPORTED, CKR_OK,
};

use crate::plan::Switch;
use crate::sessions::real;
use crate::state::{State, call, call_alone, loudly, state};
use crate::{attributes, objects, pins, sessions, signing, token};

/// An argument as the real module knows it: a twin's handle is that of the object itself.
trait Known {
    fn known(self) -> Self;
}

impl Known for CK_ULONG {
    fn known(self) -> Self {
        objects::original(self)
    }
}

impl<T> Known for *mut T {
    fn known(self) -> Self {
        self
    }
}

/// The real function, or the hook that stands in front of it.
macro_rules! forward {
    ($list:ident, $name:ident, $args:tt) => {
        match $list.$name {
            // SAFETY: the caller's arguments, which the caller promises are what the standard says.
            Some(function) => unsafe { forward!(@call function $args) },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        }
    };
    ($list:ident, $name:ident, ($($arg:expr),*), $hook:path) => {
        // SAFETY: as above.
        unsafe { $hook($list, $($arg),*) }
    };
    (@call $function:ident ($($arg:expr),*)) => { $function($($arg),*) };
}

macro_rules! calls {
    ($($name:ident($($arg:ident: $type:ty),*) $(by $hook:path)?;)*) => {$(
        unsafe extern "C" fn $name($($arg: $type),*) -> CK_RV {
            call(stringify!($name), None, |list| forward!(list, $name, ($($arg),*) $(, $hook)?))
        }
    )*};
}

macro_rules! session_calls {
    ($($name:ident($($arg:ident: $type:ty),*) $(by $hook:path)?;)*) => {$(
        unsafe extern "C" fn $name(session: CK_SESSION_HANDLE $(, $arg: $type)*) -> CK_RV {
            call(stringify!($name), Some(session), |list| {
                $(let $arg = $arg.known();)*
                forward!(list, $name, (session $(, $arg)*) $(, $hook)?)
            })
        }
    )*};
}

#[rustfmt::skip]
calls! {
    C_Finalize(a: *mut c_void) by sessions::finalize;
    C_GetInfo(a: *mut CK_INFO);
    C_GetSlotList(a: CK_BBOOL, b: *mut CK_SLOT_ID, c: *mut CK_ULONG) by token::slots;
    C_GetSlotInfo(a: CK_SLOT_ID, b: *mut CK_SLOT_INFO) by token::slot_info;
    C_GetTokenInfo(a: CK_SLOT_ID, b: *mut CK_TOKEN_INFO) by token::info;
    C_GetMechanismList(a: CK_SLOT_ID, b: *mut CK_MECHANISM_TYPE, c: *mut CK_ULONG) by token::mechanisms;
    C_GetMechanismInfo(a: CK_SLOT_ID, b: CK_MECHANISM_TYPE, c: *mut CK_MECHANISM_INFO) by token::mechanism_info;
    C_OpenSession(a: CK_SLOT_ID, b: CK_FLAGS, c: *mut c_void, d: CK_NOTIFY, e: *mut CK_SESSION_HANDLE) by sessions::open;
    C_CloseAllSessions(a: CK_SLOT_ID) by sessions::close_all;
    C_WaitForSlotEvent(a: CK_FLAGS, b: *mut CK_SLOT_ID, c: *mut c_void);
}

#[rustfmt::skip]
session_calls! {
    C_CloseSession() by sessions::close;
    C_GetSessionInfo(a: *mut CK_SESSION_INFO);
    C_GetOperationState(a: *mut CK_BYTE, b: *mut CK_ULONG);
    C_SetOperationState(a: *mut CK_BYTE, b: CK_ULONG, c: CK_OBJECT_HANDLE, d: CK_OBJECT_HANDLE);
    C_Logout();
    C_CreateObject(a: *mut CK_ATTRIBUTE, b: CK_ULONG, c: *mut CK_OBJECT_HANDLE);
    C_CopyObject(a: CK_OBJECT_HANDLE, b: *mut CK_ATTRIBUTE, c: CK_ULONG, d: *mut CK_OBJECT_HANDLE);
    C_DestroyObject(a: CK_OBJECT_HANDLE);
    C_GetObjectSize(a: CK_OBJECT_HANDLE, b: *mut CK_ULONG);
    C_GetAttributeValue(a: CK_OBJECT_HANDLE, b: *mut CK_ATTRIBUTE, c: CK_ULONG) by attributes::get;
    C_SetAttributeValue(a: CK_OBJECT_HANDLE, b: *mut CK_ATTRIBUTE, c: CK_ULONG);
    C_FindObjectsInit(a: *mut CK_ATTRIBUTE, b: CK_ULONG) by objects::begin;
    C_FindObjects(a: *mut CK_OBJECT_HANDLE, b: CK_ULONG, c: *mut CK_ULONG) by objects::find;
    C_FindObjectsFinal();
    C_EncryptInit(a: *mut CK_MECHANISM, b: CK_OBJECT_HANDLE);
    C_Encrypt(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_EncryptUpdate(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_EncryptFinal(a: *mut CK_BYTE, b: *mut CK_ULONG);
    C_DecryptInit(a: *mut CK_MECHANISM, b: CK_OBJECT_HANDLE);
    C_Decrypt(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_DecryptUpdate(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_DecryptFinal(a: *mut CK_BYTE, b: *mut CK_ULONG);
    C_DigestInit(a: *mut CK_MECHANISM);
    C_Digest(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_DigestUpdate(a: *mut CK_BYTE, b: CK_ULONG);
    C_DigestKey(a: CK_OBJECT_HANDLE);
    C_DigestFinal(a: *mut CK_BYTE, b: *mut CK_ULONG);
    C_SignInit(a: *mut CK_MECHANISM, b: CK_OBJECT_HANDLE) by signing::init;
    C_Sign(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG) by signing::sign;
    C_SignUpdate(a: *mut CK_BYTE, b: CK_ULONG) by signing::update;
    C_SignFinal(a: *mut CK_BYTE, b: *mut CK_ULONG) by signing::finish;
    C_SignRecoverInit(a: *mut CK_MECHANISM, b: CK_OBJECT_HANDLE);
    C_SignRecover(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_VerifyInit(a: *mut CK_MECHANISM, b: CK_OBJECT_HANDLE);
    C_Verify(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: CK_ULONG);
    C_VerifyUpdate(a: *mut CK_BYTE, b: CK_ULONG);
    C_VerifyFinal(a: *mut CK_BYTE, b: CK_ULONG);
    C_VerifyRecoverInit(a: *mut CK_MECHANISM, b: CK_OBJECT_HANDLE);
    C_VerifyRecover(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_DigestEncryptUpdate(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_DecryptDigestUpdate(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_SignEncryptUpdate(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_DecryptVerifyUpdate(a: *mut CK_BYTE, b: CK_ULONG, c: *mut CK_BYTE, d: *mut CK_ULONG);
    C_GenerateKey(a: *mut CK_MECHANISM, b: *mut CK_ATTRIBUTE, c: CK_ULONG, d: *mut CK_OBJECT_HANDLE);
    C_GenerateKeyPair(a: *mut CK_MECHANISM, b: *mut CK_ATTRIBUTE, c: CK_ULONG, d: *mut CK_ATTRIBUTE, e: CK_ULONG, f: *mut CK_OBJECT_HANDLE, g: *mut CK_OBJECT_HANDLE) by signing::generate;
    C_WrapKey(a: *mut CK_MECHANISM, b: CK_OBJECT_HANDLE, c: CK_OBJECT_HANDLE, d: *mut CK_BYTE, e: *mut CK_ULONG);
    C_UnwrapKey(a: *mut CK_MECHANISM, b: CK_OBJECT_HANDLE, c: *mut CK_BYTE, d: CK_ULONG, e: *mut CK_ATTRIBUTE, f: CK_ULONG, g: *mut CK_OBJECT_HANDLE);
    C_DeriveKey(a: *mut CK_MECHANISM, b: CK_OBJECT_HANDLE, c: *mut CK_ATTRIBUTE, d: CK_ULONG, e: *mut CK_OBJECT_HANDLE);
    C_SeedRandom(a: *mut CK_BYTE, b: CK_ULONG);
    C_GenerateRandom(a: *mut CK_BYTE, b: CK_ULONG);
    C_GetFunctionStatus();
    C_CancelFunction();
}

/// NSS reads one field behind the standard ones.
#[repr(C)]
#[derive(Default)]
struct WithReserved {
    standard: CK_C_INITIALIZE_ARGS,
    behind: usize,
}

unsafe extern "C" fn C_Initialize(args: *mut c_void) -> CK_RV {
    state(State::reload);
    call("C_Initialize", None, |list| {
        if let Some(reason) = state(|state| state.invalid()) {
            return loudly(&reason);
        }
        if !args.is_null() && state(|state| state.plan.has(Switch::CantLock)) {
            return CKR_CANT_LOCK;
        }
        // SAFETY: the caller's arguments, which the caller promises are what the standard says.
        let answer = unsafe { initialize(list, args) };
        if answer == CKR_OK {
            state(State::begin);
        }
        answer
    })
}

/// The real `C_Initialize`, with the reserved argument that the environment may have for it.
unsafe fn initialize(list: &CK_FUNCTION_LIST, args: *mut c_void) -> CK_RV {
    let Some(reserved) = std::env::var_os("FAULTY_MODULE_RESERVED") else {
        return real!(list.C_Initialize(args));
    };
    let mut reserved = reserved.into_encoded_bytes();
    reserved.push(0);
    let mut with = WithReserved::default();
    if !args.is_null() {
        // SAFETY: a pointer that is not null is to these arguments, by the standard.
        with.standard = unsafe { *args.cast::<CK_C_INITIALIZE_ARGS>() };
    }
    with.standard.pReserved = reserved.as_mut_ptr().cast();
    real!(list.C_Initialize((&raw mut with).cast()))
}

unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    // A program gets its list even when there is no real module: C_Initialize then says so.
    call_alone("C_GetFunctionList", || {
        if list.is_null() {
            return CKR_ARGUMENTS_BAD;
        }
        // SAFETY: the caller promises a place for one pointer. Nobody writes through it: the list is
        // constant by the standard.
        unsafe { *list = (&raw const LIST).cast_mut() };
        CKR_OK
    })
}

static LIST: CK_FUNCTION_LIST = CK_FUNCTION_LIST {
    version: CK_VERSION {
        major: 2,
        minor: 40,
    },
    C_Initialize: Some(C_Initialize),
    C_Finalize: Some(C_Finalize),
    C_GetInfo: Some(C_GetInfo),
    C_GetFunctionList: Some(C_GetFunctionList),
    C_GetSlotList: Some(C_GetSlotList),
    C_GetSlotInfo: Some(C_GetSlotInfo),
    C_GetTokenInfo: Some(C_GetTokenInfo),
    C_GetMechanismList: Some(C_GetMechanismList),
    C_GetMechanismInfo: Some(C_GetMechanismInfo),
    C_InitToken: Some(pins::C_InitToken),
    C_InitPIN: Some(pins::C_InitPIN),
    C_SetPIN: Some(pins::C_SetPIN),
    C_OpenSession: Some(C_OpenSession),
    C_CloseSession: Some(C_CloseSession),
    C_CloseAllSessions: Some(C_CloseAllSessions),
    C_GetSessionInfo: Some(C_GetSessionInfo),
    C_GetOperationState: Some(C_GetOperationState),
    C_SetOperationState: Some(C_SetOperationState),
    C_Login: Some(pins::C_Login),
    C_Logout: Some(C_Logout),
    C_CreateObject: Some(C_CreateObject),
    C_CopyObject: Some(C_CopyObject),
    C_DestroyObject: Some(C_DestroyObject),
    C_GetObjectSize: Some(C_GetObjectSize),
    C_GetAttributeValue: Some(C_GetAttributeValue),
    C_SetAttributeValue: Some(C_SetAttributeValue),
    C_FindObjectsInit: Some(C_FindObjectsInit),
    C_FindObjects: Some(C_FindObjects),
    C_FindObjectsFinal: Some(C_FindObjectsFinal),
    C_EncryptInit: Some(C_EncryptInit),
    C_Encrypt: Some(C_Encrypt),
    C_EncryptUpdate: Some(C_EncryptUpdate),
    C_EncryptFinal: Some(C_EncryptFinal),
    C_DecryptInit: Some(C_DecryptInit),
    C_Decrypt: Some(C_Decrypt),
    C_DecryptUpdate: Some(C_DecryptUpdate),
    C_DecryptFinal: Some(C_DecryptFinal),
    C_DigestInit: Some(C_DigestInit),
    C_Digest: Some(C_Digest),
    C_DigestUpdate: Some(C_DigestUpdate),
    C_DigestKey: Some(C_DigestKey),
    C_DigestFinal: Some(C_DigestFinal),
    C_SignInit: Some(C_SignInit),
    C_Sign: Some(C_Sign),
    C_SignUpdate: Some(C_SignUpdate),
    C_SignFinal: Some(C_SignFinal),
    C_SignRecoverInit: Some(C_SignRecoverInit),
    C_SignRecover: Some(C_SignRecover),
    C_VerifyInit: Some(C_VerifyInit),
    C_Verify: Some(C_Verify),
    C_VerifyUpdate: Some(C_VerifyUpdate),
    C_VerifyFinal: Some(C_VerifyFinal),
    C_VerifyRecoverInit: Some(C_VerifyRecoverInit),
    C_VerifyRecover: Some(C_VerifyRecover),
    C_DigestEncryptUpdate: Some(C_DigestEncryptUpdate),
    C_DecryptDigestUpdate: Some(C_DecryptDigestUpdate),
    C_SignEncryptUpdate: Some(C_SignEncryptUpdate),
    C_DecryptVerifyUpdate: Some(C_DecryptVerifyUpdate),
    C_GenerateKey: Some(C_GenerateKey),
    C_GenerateKeyPair: Some(C_GenerateKeyPair),
    C_WrapKey: Some(C_WrapKey),
    C_UnwrapKey: Some(C_UnwrapKey),
    C_DeriveKey: Some(C_DeriveKey),
    C_SeedRandom: Some(C_SeedRandom),
    C_GenerateRandom: Some(C_GenerateRandom),
    C_GetFunctionStatus: Some(C_GetFunctionStatus),
    C_CancelFunction: Some(C_CancelFunction),
    C_WaitForSlotEvent: Some(C_WaitForSlotEvent),
};

/// The entry of version 3.0, which is there and does nothing, as that of some modules: a program has to go
/// on with `C_GetFunctionList`.
#[unsafe(export_name = "C_GetInterface")]
extern "C" fn C_GetInterface(
    _: *const u8,
    _: *const CK_VERSION,
    _: *mut *mut c_void,
    _: CK_FLAGS,
) -> CK_RV {
    CKR_FUNCTION_NOT_SUPPORTED
}

/// The module's entry.
///
/// # Safety
/// `list` is null or a place for one pointer.
#[unsafe(export_name = "C_GetFunctionList")]
pub unsafe extern "C" fn entry(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    // SAFETY: the caller's promise.
    unsafe { C_GetFunctionList(list) }
}
