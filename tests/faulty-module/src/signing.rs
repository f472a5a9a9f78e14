//! Signatures: wrong ones, and keys that want a login for each.

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BYTE, CK_FUNCTION_LIST, CK_MECHANISM, CK_OBJECT_HANDLE, CK_RV,
    CK_SESSION_HANDLE, CK_ULONG, CKR_ARGUMENTS_BAD, CKR_BUFFER_TOO_SMALL, CKR_MECHANISM_INVALID,
    CKR_OK, CKR_USER_NOT_LOGGED_IN,
};

use crate::plan::{Sign, Switch};
use crate::sessions::real;
use crate::state::{self, Context, state};
use crate::token::is_withheld;

/// Longer than the signatures of all keys that a test has.
const LONGEST: usize = 1024;

/// The length that `lie` claims to have written.
const CLAIMED: CK_ULONG = 4096;

/// Whether the caller's mechanism is one that the plan takes away.
///
/// # Safety
/// The pointer is null or to a mechanism.
unsafe fn withheld(mechanism: *const CK_MECHANISM) -> bool {
    // SAFETY: the caller's promise.
    !mechanism.is_null() && is_withheld(unsafe { (*mechanism).mechanism })
}

pub(crate) unsafe fn init(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    // SAFETY: the standard says that it is a mechanism.
    if unsafe { withheld(mechanism) } {
        return CKR_MECHANISM_INVALID;
    }
    let answer = real!(list.C_SignInit(session, mechanism, key));
    if answer == CKR_OK {
        set_context(session, Some(Context::Wanted));
    }
    answer
}

pub(crate) unsafe fn generate(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    public: *mut CK_ATTRIBUTE,
    public_count: CK_ULONG,
    private: *mut CK_ATTRIBUTE,
    private_count: CK_ULONG,
    public_key: *mut CK_OBJECT_HANDLE,
    private_key: *mut CK_OBJECT_HANDLE,
) -> CK_RV {
    // SAFETY: the standard says that it is a mechanism.
    if unsafe { withheld(mechanism) } {
        return CKR_MECHANISM_INVALID;
    }
    real!(list.C_GenerateKeyPair(
        session,
        mechanism,
        public,
        public_count,
        private,
        private_count,
        public_key,
        private_key,
    ))
}

fn set_context(session: CK_SESSION_HANDLE, context: Option<Context>) {
    state(|state| {
        if let Some(known) = state.sessions.get_mut(&session) {
            known.context = context;
        }
    });
}

/// Whether a signature has begun whose own login did not come.
fn lacks_login(session: CK_SESSION_HANDLE) -> bool {
    state(|state| {
        let context = state.sessions.get(&session).and_then(|known| known.context);
        state.plan.has(Switch::AlwaysAuthenticate)
            && context.is_some_and(|context| context != Context::Given)
    })
}

/// Ends the real operation, which the standard wants when one fails.
fn give_up(
    session: CK_SESSION_HANDLE,
    sign: impl FnOnce(*mut CK_BYTE, *mut CK_ULONG) -> CK_RV,
) -> CK_RV {
    let mut scratch = [0; LONGEST];
    let mut length = LONGEST as CK_ULONG;
    sign(scratch.as_mut_ptr(), &raw mut length);
    set_context(session, None);
    CKR_USER_NOT_LOGGED_IN
}

/// Ends a signature that the program was told has failed.
pub(crate) fn abandon(session: CK_SESSION_HANDLE) {
    let Ok(list) = state::real() else {
        return;
    };
    let mut digest = [0; 48];
    let mut scratch = [0; LONGEST];
    let mut room = LONGEST as CK_ULONG;
    let data = digest.as_mut_ptr();
    let answer = real!(list.C_Sign(session, data, 48, scratch.as_mut_ptr(), &raw mut room));
    if answer != CKR_OK {
        room = LONGEST as CK_ULONG;
        real!(list.C_SignFinal(session, scratch.as_mut_ptr(), &raw mut room));
    }
    set_context(session, None);
}

/// A copy of the data with one bit flipped.
///
/// # Safety
/// The pointer is null or to as many bytes as are said.
unsafe fn other_data(data: *const CK_BYTE, length: CK_ULONG) -> Vec<u8> {
    if data.is_null() {
        return Vec::new();
    }
    let length = usize::try_from(length).unwrap_or(0);
    // SAFETY: the caller's promise.
    let mut data = unsafe { std::slice::from_raw_parts(data, length) }.to_vec();
    if let Some(first) = data.first_mut() {
        *first ^= 1;
    }
    data
}

/// The replacement of the next signature.
fn planned() -> Option<Sign> {
    state(|state| state.plan.signature(state.signatures + 1))
}

pub(crate) unsafe fn sign(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    data: *mut CK_BYTE,
    length: CK_ULONG,
    signature: *mut CK_BYTE,
    room: *mut CK_ULONG,
) -> CK_RV {
    let planned = planned();
    // SAFETY: the standard says how many bytes there are.
    let mut other = (planned == Some(Sign::Other)).then(|| unsafe { other_data(data, length) });
    let data = other.as_mut().map_or(data, Vec::as_mut_ptr);
    let real = |signature, room| real!(list.C_Sign(session, data, length, signature, room));
    // SAFETY: the caller's pointers.
    unsafe { make(session, planned, signature, room, real) }
}

pub(crate) unsafe fn update(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    part: *mut CK_BYTE,
    length: CK_ULONG,
) -> CK_RV {
    if lacks_login(session) {
        return give_up(session, |signature, room| {
            real!(list.C_SignFinal(session, signature, room))
        });
    }
    if planned() != Some(Sign::Other) {
        return real!(list.C_SignUpdate(session, part, length));
    }
    // SAFETY: the standard says how many bytes there are.
    let mut other = unsafe { other_data(part, length) };
    real!(list.C_SignUpdate(session, other.as_mut_ptr(), length))
}

pub(crate) unsafe fn finish(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    signature: *mut CK_BYTE,
    room: *mut CK_ULONG,
) -> CK_RV {
    let real = |signature, room| real!(list.C_SignFinal(session, signature, room));
    // SAFETY: the caller's pointers.
    unsafe { make(session, planned(), signature, room, real) }
}

/// Makes a signature by `real`, and gives the caller what the plan says.
///
/// # Safety
/// `room` is null or to a number; `signature` is null or to as many bytes.
unsafe fn make(
    session: CK_SESSION_HANDLE,
    planned: Option<Sign>,
    signature: *mut CK_BYTE,
    room: *mut CK_ULONG,
    real: impl Fn(*mut CK_BYTE, *mut CK_ULONG) -> CK_RV,
) -> CK_RV {
    if lacks_login(session) {
        return give_up(session, real);
    }
    let asks_for_length = signature.is_null();
    let refuses = asks_for_length && state(|state| state.plan.has(Switch::NoLengthQuery));
    if room.is_null() || refuses {
        return CKR_ARGUMENTS_BAD;
    }
    if matches!(planned, None | Some(Sign::Other)) {
        let answer = real(signature, room);
        return ended(session, answer, signature.is_null());
    }
    let mut length = 0;
    let answer = real(std::ptr::null_mut(), &raw mut length);
    if answer != CKR_OK {
        return ended(session, answer, true);
    }
    let needed = needed(planned, length);
    // SAFETY: checked above, and the caller's promise.
    let had = unsafe { std::ptr::replace(room, needed) };
    if signature.is_null() {
        return CKR_OK;
    }
    if had < needed {
        return CKR_BUFFER_TOO_SMALL;
    }
    let mut made = vec![0; LONGEST.max(usize::try_from(length).unwrap_or(0))];
    let mut length = made.len() as CK_ULONG;
    let answer = real(made.as_mut_ptr(), &raw mut length);
    if ended(session, answer, false) != CKR_OK {
        return answer;
    }
    made.truncate(usize::try_from(length).unwrap_or(0));
    let given = instead(planned, made);
    let fits = given.len().min(usize::try_from(had).unwrap_or(0));
    // SAFETY: the caller has room for `had` bytes, and `fits` is no more; `room` was used before.
    unsafe {
        std::ptr::copy_nonoverlapping(given.as_ptr(), signature, fits);
        *room = if planned == Some(Sign::Lie) {
            CLAIMED
        } else {
            fits as CK_ULONG
        };
    }
    CKR_OK
}

/// Notes that a signature was made, or that none will be; asking for a length ends nothing.
fn ended(session: CK_SESSION_HANDLE, answer: CK_RV, asked_for_length: bool) -> CK_RV {
    match answer {
        CKR_BUFFER_TOO_SMALL => return answer,
        CKR_OK if asked_for_length => return answer,
        CKR_OK => state(|state| state.signatures += 1),
        _ => {}
    }
    set_context(session, None);
    answer
}

/// How much room the caller needs.
fn needed(planned: Option<Sign>, real: CK_ULONG) -> CK_ULONG {
    match planned {
        Some(Sign::Short) => real.saturating_sub(1),
        Some(Sign::Long) => real + 1,
        Some(Sign::Empty) => 0,
        // A sequence of two numbers, each with a byte for its sign.
        Some(Sign::Der) => real + 9,
        _ => real,
    }
}

/// The replacement of a signature.
fn instead(planned: Option<Sign>, mut signature: Vec<u8>) -> Vec<u8> {
    match planned {
        None | Some(Sign::Other | Sign::Lie) => {}
        Some(Sign::Flip) => {
            if let Some(last) = signature.last_mut() {
                *last ^= 1;
            }
        }
        Some(Sign::Short) => {
            signature.pop();
        }
        Some(Sign::Long) => signature.push(0),
        Some(Sign::Empty) => signature.clear(),
        Some(Sign::Der) => signature = der(&signature),
        Some(Sign::Zero) => signature.fill(0),
        Some(Sign::Max) => signature.fill(0xff),
    }
    signature
}

/// `SEQUENCE { r INTEGER, s INTEGER }`, of less than 128 bytes.
fn der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let content = [integer(r), integer(s)].concat();
    tagged(0x30, &content)
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut number = bytes[zeros.min(bytes.len().saturating_sub(1))..].to_vec();
    if number.first().is_some_and(|first| first & 0x80 != 0) {
        number.insert(0, 0);
    }
    tagged(2, &number)
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut all = vec![tag];
    match u8::try_from(content.len()).expect("signatures are short") {
        length @ 0..0x80 => all.push(length),
        length => all.extend([0x81, length]),
    }
    all.extend(content);
    all
}

#[cfg(test)]
mod tests {
    use super::der;

    #[test]
    fn der_is_minimal() {
        assert_eq!(der(&[0, 1, 0x80, 0]), [0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 0]);
        assert_eq!(der(&[0, 0]), [0x30, 6, 2, 1, 0, 2, 1, 0]);
        assert_eq!(der(&[0xff; 96]).len(), 104);
    }
}
