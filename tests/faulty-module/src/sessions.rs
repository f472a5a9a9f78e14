//! Which sessions are open, and on which slot.

use std::ffi::c_void;

use cryptoki_sys::{
    CK_FLAGS, CK_FUNCTION_LIST, CK_NOTIFY, CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CKR_OK,
    CKR_SESSION_COUNT,
};

use crate::plan::Switch;
use crate::state::{Session, state};

/// Calls a function of the real module, if it has that one.
macro_rules! real {
    ($list:ident.$name:ident($($arg:expr),* $(,)?)) => {
        match $list.$name {
            // SAFETY: the arguments are the caller's, or of this module with the lifetime of the call.
            Some(function) => unsafe { function($($arg),*) },
            None => cryptoki_sys::CKR_FUNCTION_NOT_SUPPORTED,
        }
    };
}
pub(crate) use real;

pub(crate) unsafe fn open(
    list: &CK_FUNCTION_LIST,
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    application: *mut c_void,
    notify: CK_NOTIFY,
    session: *mut CK_SESSION_HANDLE,
) -> CK_RV {
    let is_taken = state(|state| {
        let taken = state.sessions.values().any(|known| known.slot == slot);
        taken && state.plan.has(Switch::OneSession)
    });
    if is_taken {
        return CKR_SESSION_COUNT;
    }
    let answer = real!(list.C_OpenSession(slot, flags, application, notify, session));
    if answer == CKR_OK && !session.is_null() {
        // SAFETY: the real module has just written a handle there.
        let handle = unsafe { *session };
        let known = Session {
            slot,
            context: None,
            found: Vec::new(),
        };
        state(|state| state.sessions.insert(handle, known));
    }
    answer
}

pub(crate) unsafe fn close(list: &CK_FUNCTION_LIST, session: CK_SESSION_HANDLE) -> CK_RV {
    let answer = real!(list.C_CloseSession(session));
    if answer == CKR_OK {
        state(|state| state.sessions.remove(&session));
    }
    answer
}

pub(crate) unsafe fn close_all(list: &CK_FUNCTION_LIST, slot: CK_SLOT_ID) -> CK_RV {
    let answer = real!(list.C_CloseAllSessions(slot));
    if answer == CKR_OK {
        state(|state| state.sessions.retain(|_, known| known.slot != slot));
    }
    answer
}

pub(crate) unsafe fn finalize(list: &CK_FUNCTION_LIST, reserved: *mut c_void) -> CK_RV {
    let answer = real!(list.C_Finalize(reserved));
    if answer == CKR_OK {
        state(|state| state.sessions.clear());
    }
    answer
}
