//! The calls that carry a PIN: PIN pads, and keys that want a login for each signature.
#![allow(non_snake_case)]

use std::ffi::OsString;

use cryptoki_sys::{
    CK_FUNCTION_LIST, CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR,
    CKR_ARGUMENTS_BAD, CKR_OK, CKR_OPERATION_NOT_INITIALIZED, CKR_PIN_INCORRECT,
    CKU_CONTEXT_SPECIFIC, CKU_SO, CKU_USER,
};

use crate::plan::Switch;
use crate::sessions::real;
use crate::state::{Context, Shown, call_with_pin, loudly, state};

fn user_name(user: CK_USER_TYPE) -> String {
    match user {
        CKU_SO => "CKU_SO".to_owned(),
        CKU_USER => "CKU_USER".to_owned(),
        CKU_CONTEXT_SPECIFIC => "CKU_CONTEXT_SPECIFIC".to_owned(),
        other => format!("{other:#x}"),
    }
}

fn shown(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR) -> Shown {
    Shown {
        slot: state(|state| state.sessions.get(&session).map(|known| known.slot)),
        user: user_name(user),
        pin: !pin.is_null(),
    }
}

fn planned(switch: Switch) -> bool {
    state(|state| state.plan.has(switch))
}

/// The PIN in the file that the environment names for a user; `Err` has said what is wrong.
fn own_pin(user: CK_USER_TYPE) -> Result<Vec<u8>, CK_RV> {
    let variable = if user == CKU_SO {
        "FAULTY_MODULE_SO_PIN_FILE"
    } else {
        "FAULTY_MODULE_PIN_FILE"
    };
    let path: Option<OsString> = std::env::var_os(variable);
    let path = path.ok_or_else(|| loudly(&format!("{variable} is not set")))?;
    let mut pin = std::fs::read(path).map_err(|error| loudly(&format!("{variable}: {error}")))?;
    if pin.last() == Some(&b'\n') {
        pin.pop();
    }
    Ok(pin)
}

/// The PIN of a call, or the PIN pad's when there is one.
struct Pin {
    own: Option<Vec<u8>>,
    given: *mut CK_UTF8CHAR,
    length: CK_ULONG,
}

impl Pin {
    fn new(user: CK_USER_TYPE, given: *mut CK_UTF8CHAR, length: CK_ULONG) -> Result<Self, CK_RV> {
        let own = match (planned(Switch::PinPad), given.is_null()) {
            (false, _) => None,
            (true, true) => Some(own_pin(user)?),
            (true, false) => return Err(CKR_ARGUMENTS_BAD),
        };
        Ok(Self { own, given, length })
    }

    fn text(&mut self) -> *mut CK_UTF8CHAR {
        self.own.as_mut().map_or(self.given, Vec::as_mut_ptr)
    }

    fn length(&self) -> CK_ULONG {
        self.own
            .as_ref()
            .map_or(self.length, |own| own.len() as CK_ULONG)
    }

    /// The PIN's bytes; none when the caller gave none.
    ///
    /// # Safety
    /// A pointer that was given and is not null is to as many bytes as were said.
    unsafe fn bytes(&self) -> &[u8] {
        match &self.own {
            Some(own) => own,
            None if self.given.is_null() => &[],
            None => {
                let length = usize::try_from(self.length).unwrap_or(0);
                // SAFETY: the caller's promise.
                unsafe { std::slice::from_raw_parts(self.given, length) }
            }
        }
    }
}

/// Runs the body with the PIN, or answers what is wrong with it.
fn with_pin(pin: Result<Pin, CK_RV>, body: impl FnOnce(Pin) -> CK_RV) -> CK_RV {
    pin.map_or_else(|code| code, body)
}

pub(crate) unsafe extern "C" fn C_Login(
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: *mut CK_UTF8CHAR,
    length: CK_ULONG,
) -> CK_RV {
    let shown = shown(session, user, pin);
    call_with_pin("C_Login", Some(session), Some(&shown), |list| {
        with_pin(Pin::new(user, pin, length), |mut pin| {
            if user == CKU_CONTEXT_SPECIFIC && planned(Switch::AlwaysAuthenticate) {
                // SAFETY: the standard says how many bytes there are.
                return for_one_signature(session, unsafe { pin.bytes() });
            }
            state(|state| {
                let known = state.sessions.get_mut(&session);
                if let Some(context) = known.and_then(|known| known.context.as_mut()) {
                    *context = Context::Spoiled;
                }
            });
            real!(list.C_Login(session, user, pin.text(), pin.length()))
        })
    })
}

fn for_one_signature(session: CK_SESSION_HANDLE, pin: &[u8]) -> CK_RV {
    let right = match own_pin(CKU_USER) {
        Ok(right) => right == pin,
        Err(code) => return code,
    };
    state(|state| {
        let known = state.sessions.get_mut(&session);
        match known.and_then(|known| known.context.as_mut()) {
            None => CKR_OPERATION_NOT_INITIALIZED,
            Some(_) if !right => CKR_PIN_INCORRECT,
            Some(context) => {
                if *context == Context::Wanted {
                    *context = Context::Given;
                }
                CKR_OK
            }
        }
    })
}

pub(crate) unsafe extern "C" fn C_InitToken(
    slot: CK_SLOT_ID,
    pin: *mut CK_UTF8CHAR,
    length: CK_ULONG,
    label: *mut CK_UTF8CHAR,
) -> CK_RV {
    let shown = Shown {
        slot: Some(slot),
        user: user_name(CKU_SO),
        pin: !pin.is_null(),
    };
    call_with_pin("C_InitToken", None, Some(&shown), |list| {
        with_pin(Pin::new(CKU_SO, pin, length), |mut pin| {
            real!(list.C_InitToken(slot, pin.text(), pin.length(), label))
        })
    })
}

pub(crate) unsafe extern "C" fn C_InitPIN(
    session: CK_SESSION_HANDLE,
    pin: *mut CK_UTF8CHAR,
    length: CK_ULONG,
) -> CK_RV {
    // A new PIN is not an attempt at one.
    call_with_pin(
        "C_InitPIN",
        Some(session),
        None,
        |list: &CK_FUNCTION_LIST| {
            with_pin(Pin::new(CKU_USER, pin, length), |mut pin| {
                real!(list.C_InitPIN(session, pin.text(), pin.length()))
            })
        },
    )
}

pub(crate) unsafe extern "C" fn C_SetPIN(
    session: CK_SESSION_HANDLE,
    old: *mut CK_UTF8CHAR,
    old_length: CK_ULONG,
    new: *mut CK_UTF8CHAR,
    new_length: CK_ULONG,
) -> CK_RV {
    let shown = shown(session, CKU_USER, old);
    call_with_pin("C_SetPIN", Some(session), Some(&shown), |list| {
        with_pin(Pin::new(CKU_USER, old, old_length), |mut old| {
            with_pin(Pin::new(CKU_USER, new, new_length), |mut new| {
                real!(list.C_SetPIN(session, old.text(), old.length(), new.text(), new.length()))
            })
        })
    })
}
