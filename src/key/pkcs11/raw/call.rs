//! How a call is answered.

use cryptoki::context::Function;
use cryptoki::error::{Rv, RvError};
use cryptoki_sys as sys;

/// A function of the module and what it answered.
pub type Refusal = (Function, RvError);

/// A function that the module leaves out of its list.
pub(super) const fn missing(function: Function) -> Refusal {
    (function, RvError::FunctionNotSupported)
}

pub(super) fn check(function: Function, answer: sys::CK_RV) -> Result<(), Refusal> {
    match Rv::from(answer) {
        Rv::Ok => Ok(()),
        Rv::Error(code) => Err((function, code)),
    }
}

/// Pointer and length of a PIN. An empty PIN has a pointer too: a null pointer means the PIN pad.
pub(super) fn pin(pin: &str) -> (*mut sys::CK_UTF8CHAR, sys::CK_ULONG) {
    let place = if pin.is_empty() { "\0" } else { pin };
    (place.as_ptr().cast_mut(), pin.len() as sys::CK_ULONG)
}
