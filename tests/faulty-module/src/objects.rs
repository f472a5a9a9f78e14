//! Finding objects: some never appear, some appear twice.

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_FUNCTION_LIST, CK_OBJECT_CLASS, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE,
    CK_ULONG, CKA_CLASS, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKR_ARGUMENTS_BAD, CKR_OK,
};

use crate::plan::Switch;
use crate::sessions::real;
use crate::state::state;

/// Set in a twin's handle, and in no handle or length of a real module.
const TWIN: CK_OBJECT_HANDLE = 1 << (CK_OBJECT_HANDLE::BITS - 2);

/// The object's own handle.
pub(crate) fn original(handle: CK_OBJECT_HANDLE) -> CK_OBJECT_HANDLE {
    if handle & !TWIN < TWIN {
        handle & !TWIN
    } else {
        handle
    }
}

pub(crate) unsafe fn begin(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    state(|state| {
        if let Some(known) = state.sessions.get_mut(&session) {
            known.found.clear();
        }
    });
    real!(list.C_FindObjectsInit(session, template, count))
}

pub(crate) unsafe fn find(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    objects: *mut CK_OBJECT_HANDLE,
    most: CK_ULONG,
    count: *mut CK_ULONG,
) -> CK_RV {
    let (no_public, no_private, twins) = state(|state| {
        let has = |switch| state.plan.has(switch);
        (
            has(Switch::NoPublicObject),
            has(Switch::NoPrivateObject),
            has(Switch::Twins),
        )
    });
    if !(no_public || no_private || twins) {
        return real!(list.C_FindObjects(session, objects, most, count));
    }
    if objects.is_null() || count.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    let room = usize::try_from(most).unwrap_or(usize::MAX);
    let mut found = take_left_over(session);
    while found.len() < room {
        let mut handle = 0;
        let mut got = 0;
        let answer = real!(list.C_FindObjects(session, &raw mut handle, 1, &raw mut got));
        if answer != CKR_OK {
            return answer;
        }
        if got == 0 {
            break;
        }
        let class = class(list, session, handle);
        if no_public && class == Some(CKO_PUBLIC_KEY)
            || no_private && class == Some(CKO_PRIVATE_KEY)
        {
            continue;
        }
        found.push(handle);
        if twins && class == Some(CKO_PRIVATE_KEY) {
            found.push(handle | TWIN);
        }
    }
    let left_over = found.split_off(found.len().min(room));
    state(|state| {
        if let Some(known) = state.sessions.get_mut(&session) {
            known.found = left_over;
        }
    });
    // SAFETY: the caller has room for `most` handles and one number, and `found` is no longer than that.
    unsafe {
        std::ptr::copy_nonoverlapping(found.as_ptr(), objects, found.len());
        *count = found.len() as CK_ULONG;
    }
    CKR_OK
}

fn take_left_over(session: CK_SESSION_HANDLE) -> Vec<CK_OBJECT_HANDLE> {
    state(|state| {
        let known = state.sessions.get_mut(&session);
        known.map_or_else(Vec::new, |known| std::mem::take(&mut known.found))
    })
}

/// An object's class, if it says one.
pub(crate) fn class(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
) -> Option<CK_OBJECT_CLASS> {
    let mut class: CK_OBJECT_CLASS = 0;
    let mut wanted = CK_ATTRIBUTE {
        type_: CKA_CLASS,
        pValue: (&raw mut class).cast(),
        ulValueLen: size_of::<CK_OBJECT_CLASS>() as CK_ULONG,
    };
    let answer = real!(list.C_GetAttributeValue(session, object, &raw mut wanted, 1));
    (answer == CKR_OK).then_some(class)
}

#[cfg(test)]
mod tests {
    use super::{TWIN, original};

    #[test]
    fn only_a_twin_has_another_handle() {
        for handle in [0, 5, 0x8000_0001, TWIN - 1] {
            assert_eq!(original(handle | TWIN), handle);
            assert_eq!(original(handle), handle);
        }
        assert_eq!(original(u64::MAX as _), u64::MAX as _);
    }
}
