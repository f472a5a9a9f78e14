//! The statements about slots, tokens and mechanisms.

use cryptoki_sys::{
    CK_BBOOL, CK_FALSE, CK_FUNCTION_LIST, CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_RV, CK_SLOT_ID,
    CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG, CKF_CLOCK_ON_TOKEN, CKF_PROTECTED_AUTHENTICATION_PATH,
    CKF_TOKEN_PRESENT, CKR_ARGUMENTS_BAD, CKR_BUFFER_TOO_SMALL, CKR_MECHANISM_INVALID, CKR_OK,
};

use crate::plan::Switch;
use crate::sessions::real;
use crate::state::state;

pub(crate) unsafe fn slots(
    list: &CK_FUNCTION_LIST,
    present: CK_BBOOL,
    slots: *mut CK_SLOT_ID,
    count: *mut CK_ULONG,
) -> CK_RV {
    let (none, too_small) = state(|state| {
        let gone = state.removed && present != CK_FALSE;
        let none = gone || state.plan.has(Switch::ZeroSlots);
        (none, state.plan.has(Switch::SlotsBufferTooSmall))
    });
    if count.is_null() || !(none || too_small) {
        return real!(list.C_GetSlotList(present, slots, count));
    }
    if none {
        // SAFETY: a pointer that is not null is to the caller's number.
        unsafe { *count = 0 };
        return CKR_OK;
    }
    let answer = real!(list.C_GetSlotList(present, std::ptr::null_mut(), count));
    refuse_buffer(answer, slots.is_null())
}

fn refuse_buffer(answer: CK_RV, asked_for_count: bool) -> CK_RV {
    if answer == CKR_OK && !asked_for_count {
        CKR_BUFFER_TOO_SMALL
    } else {
        answer
    }
}

pub(crate) unsafe fn slot_info(
    list: &CK_FUNCTION_LIST,
    slot: CK_SLOT_ID,
    info: *mut CK_SLOT_INFO,
) -> CK_RV {
    let answer = real!(list.C_GetSlotInfo(slot, info));
    if answer == CKR_OK && state(|state| state.removed) {
        // SAFETY: the real module has just written there.
        unsafe { (*info).flags &= !CKF_TOKEN_PRESENT };
    }
    answer
}

pub(crate) unsafe fn info(
    list: &CK_FUNCTION_LIST,
    slot: CK_SLOT_ID,
    info: *mut CK_TOKEN_INFO,
) -> CK_RV {
    let answer = real!(list.C_GetTokenInfo(slot, info));
    if answer == CKR_OK {
        // SAFETY: the real module has just written there, and only the caller knows the place.
        change(unsafe { &mut *info });
    }
    answer
}

fn change(info: &mut CK_TOKEN_INFO) {
    state(|state| {
        let call = state.calls_of("C_GetTokenInfo");
        let plan = &state.plan;
        if let Some((from, label)) = &plan.label
            && call >= *from
        {
            fill(&mut info.label, label);
        }
        if let Some((from, serial)) = &plan.serial
            && call >= *from
        {
            fill(&mut info.serialNumber, serial);
        }
        if plan.has(Switch::BadClock) {
            info.flags |= CKF_CLOCK_ON_TOKEN;
            info.utcTime = *b"99:99 yesterday\xff";
        }
        if plan.has(Switch::PinPad) {
            info.flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
        }
        info.flags = (info.flags | plan.flags_set) & !plan.flags_cleared;
        let fields: [&mut [u8]; 4] = [
            &mut info.label,
            &mut info.manufacturerID,
            &mut info.model,
            &mut info.serialNumber,
        ];
        for field in fields {
            if plan.has(Switch::NulPadded) {
                padding(field).fill(0);
            }
            if plan.has(Switch::Unpadded) {
                let stale = padding(field);
                stale.fill(b'#');
                if let Some(end) = stale.first_mut() {
                    *end = 0;
                }
            }
        }
    });
}

/// The blanks behind a field's text.
fn padding(field: &mut [u8]) -> &mut [u8] {
    let text = field
        .iter()
        .rposition(|byte| *byte != b' ')
        .map_or(0, |last| last + 1);
    &mut field[text..]
}

fn fill(field: &mut [u8], text: &str) {
    field.fill(b' ');
    field[..text.len()].copy_from_slice(text.as_bytes());
}

pub(crate) unsafe fn mechanisms(
    list: &CK_FUNCTION_LIST,
    slot: CK_SLOT_ID,
    mechanisms: *mut CK_MECHANISM_TYPE,
    count: *mut CK_ULONG,
) -> CK_RV {
    let (instead, too_small) = state(|state| {
        let too_small = state.plan.has(Switch::MechanismsBufferTooSmall);
        (state.plan.mechanisms.clone(), too_small)
    });
    let buffer = if too_small {
        std::ptr::null_mut()
    } else {
        mechanisms
    };
    let Some(instead) = instead else {
        let answer = real!(list.C_GetMechanismList(slot, buffer, count));
        return if too_small {
            refuse_buffer(answer, mechanisms.is_null())
        } else {
            answer
        };
    };
    if count.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    // SAFETY: a pointer that is not null is to the caller's number.
    let room = unsafe { std::ptr::replace(count, instead.len() as CK_ULONG) };
    if mechanisms.is_null() {
        return CKR_OK;
    }
    if too_small || room < instead.len() as CK_ULONG {
        return CKR_BUFFER_TOO_SMALL;
    }
    // SAFETY: the caller has room for `room` entries, which are enough.
    unsafe { std::ptr::copy_nonoverlapping(instead.as_ptr(), mechanisms, instead.len()) };
    CKR_OK
}

/// Whether the plan takes a mechanism away.
pub(crate) fn is_withheld(mechanism: CK_MECHANISM_TYPE) -> bool {
    state(|state| {
        let listed = state.plan.mechanisms.as_ref();
        listed.is_some_and(|listed| !listed.contains(&mechanism))
    })
}

pub(crate) unsafe fn mechanism_info(
    list: &CK_FUNCTION_LIST,
    slot: CK_SLOT_ID,
    mechanism: CK_MECHANISM_TYPE,
    info: *mut CK_MECHANISM_INFO,
) -> CK_RV {
    if is_withheld(mechanism) {
        return CKR_MECHANISM_INVALID;
    }
    real!(list.C_GetMechanismInfo(slot, mechanism, info))
}
