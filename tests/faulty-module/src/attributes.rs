//! Attributes: missing ones, other values, and points in other forms.

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_FUNCTION_LIST, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE,
    CK_TRUE, CK_ULONG, CK_UNAVAILABLE_INFORMATION, CKA_ALWAYS_AUTHENTICATE, CKA_EC_POINT,
    CKO_PRIVATE_KEY, CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL, CKR_OK,
};

use crate::objects::class;
use crate::plan::{Point, Switch};
use crate::sessions::real;
use crate::state::state;

/// The coordinates of the generator of P-384.
const GENERATOR: [u8; 96] = [
    0xaa, 0x87, 0xca, 0x22, 0xbe, 0x8b, 0x05, 0x37, 0x8e, 0xb1, 0xc7, 0x1e, 0xf3, 0x20, 0xad, 0x74,
    0x6e, 0x1d, 0x3b, 0x62, 0x8b, 0xa7, 0x9b, 0x98, 0x59, 0xf7, 0x41, 0xe0, 0x82, 0x54, 0x2a, 0x38,
    0x55, 0x02, 0xf2, 0x5d, 0xbf, 0x55, 0x29, 0x6c, 0x3a, 0x54, 0x5e, 0x38, 0x72, 0x76, 0x0a, 0xb7,
    0x36, 0x17, 0xde, 0x4a, 0x96, 0x26, 0x2c, 0x6f, 0x5d, 0x9e, 0x98, 0xbf, 0x92, 0x92, 0xdc, 0x29,
    0xf8, 0xf4, 0x1d, 0xbd, 0x28, 0x9a, 0x14, 0x7c, 0xe9, 0xda, 0x31, 0x13, 0xb5, 0xf0, 0xb8, 0xc0,
    0x0a, 0x60, 0xb1, 0xce, 0x1d, 0x7e, 0x81, 0x9d, 0x7a, 0x43, 0x1d, 0x7c, 0x90, 0xea, 0x0e, 0x5f,
];

/// The replacement of an attribute.
enum Instead {
    Missing,
    Value(Vec<u8>),
}

pub(crate) unsafe fn get(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    let length = usize::try_from(count).unwrap_or(0);
    if template.is_null() || length == 0 {
        return real!(list.C_GetAttributeValue(session, object, template, count));
    }
    // SAFETY: the standard says how many attributes there are, and only the caller knows the place.
    let wanted = unsafe { std::slice::from_raw_parts_mut(template, length) };
    let instead: Vec<_> = wanted
        .iter()
        .map(|attribute| instead(list, session, object, attribute.type_))
        .collect();

    // Attributes that the plan does not change go to the real module in one call, as they came.
    let kept = |at: &usize| instead[*at].is_none();
    let mut rest: Vec<_> = (0..length).filter(kept).map(|at| wanted[at]).collect();
    let mut answer = CKR_OK;
    if !rest.is_empty() {
        let count = rest.len() as CK_ULONG;
        answer = real!(list.C_GetAttributeValue(session, object, rest.as_mut_ptr(), count));
    }
    for (at, read) in (0..length).filter(kept).zip(rest) {
        wanted[at].ulValueLen = read.ulValueLen;
    }
    for (attribute, instead) in wanted.iter_mut().zip(instead) {
        let own = match instead {
            None => continue,
            Some(Instead::Missing) => {
                attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
                CKR_ATTRIBUTE_TYPE_INVALID
            }
            // SAFETY: the attribute is of the caller's template.
            Some(Instead::Value(value)) => unsafe { give(attribute, &value) },
        };
        if answer == CKR_OK {
            answer = own;
        }
    }
    answer
}

/// Gives a value as the standard says: its length, or its bytes when there is room.
///
/// # Safety
/// The attribute's pointer is null or has room for as many bytes as it says.
unsafe fn give(attribute: &mut CK_ATTRIBUTE, value: &[u8]) -> CK_RV {
    let length = value.len() as CK_ULONG;
    if !attribute.pValue.is_null() {
        if attribute.ulValueLen < length {
            attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
            return CKR_BUFFER_TOO_SMALL;
        }
        // SAFETY: there is room, by the check and the caller's promise.
        unsafe {
            std::ptr::copy_nonoverlapping(value.as_ptr(), attribute.pValue.cast(), value.len());
        }
    }
    attribute.ulValueLen = length;
    CKR_OK
}

fn instead(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    wanted: CK_ATTRIBUTE_TYPE,
) -> Option<Instead> {
    let (planned, point, login) = state(|state| {
        let plan = &state.plan;
        let planned = if plan.missing.contains(&wanted) {
            Some(Instead::Missing)
        } else {
            plan.attributes.get(&wanted).cloned().map(Instead::Value)
        };
        (planned, plan.point, plan.has(Switch::AlwaysAuthenticate))
    });
    if planned.is_some() {
        return planned;
    }
    if wanted == CKA_ALWAYS_AUTHENTICATE && login {
        let private = class(list, session, object) == Some(CKO_PRIVATE_KEY);
        return private.then(|| Instead::Value(vec![CK_TRUE]));
    }
    let form = point.filter(|_| wanted == CKA_EC_POINT)?;
    let read = read(list, session, object, CKA_EC_POINT).ok()?;
    Some(Instead::Value(in_form(form, &read)))
}

/// Reads an attribute of the real module.
fn read(
    list: &CK_FUNCTION_LIST,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    wanted: CK_ATTRIBUTE_TYPE,
) -> Result<Vec<u8>, CK_RV> {
    let mut attribute = CK_ATTRIBUTE {
        type_: wanted,
        pValue: std::ptr::null_mut(),
        ulValueLen: 0,
    };
    let mut value = Vec::new();
    for _ in 0..2 {
        let answer = real!(list.C_GetAttributeValue(session, object, &raw mut attribute, 1));
        if answer != CKR_OK {
            return Err(answer);
        }
        let length = usize::try_from(attribute.ulValueLen).map_err(|_| CKR_ARGUMENTS_BAD)?;
        value.resize(length, 0);
        attribute.pValue = value.as_mut_ptr().cast();
    }
    Ok(value)
}

/// A point in DER, as `04 61 04 X Y`, or the same without the header, in another form.
fn in_form(form: Point, read: &[u8]) -> Vec<u8> {
    let raw = match read {
        [4, 0x61, point @ ..] if point.len() == 0x61 => point,
        _ => read,
    };
    let octets = |content: &[u8]| {
        let length = u8::try_from(content.len()).expect("points are short");
        [&[4, length], content].concat()
    };
    match form {
        Point::Raw => raw.to_vec(),
        Point::Bare => raw.get(1..).unwrap_or_default().to_vec(),
        Point::BitString => [&[3, 98, 0], raw].concat(),
        Point::LongForm => [&[4, 0x81, 97], raw].concat(),
        Point::Compressed => {
            let sign = 2 | raw.last().map_or(0, |last| last & 1);
            let x = raw.get(1..=raw.len() / 2).unwrap_or_default();
            octets(&[&[sign], x].concat())
        }
        Point::Garbage => vec![0xa5; read.len()],
        Point::OffCurve => {
            let mut off = raw.to_vec();
            if let Some(last) = off.last_mut() {
                *last ^= 1;
            }
            octets(&off)
        }
        Point::Other => octets(&[&[4], &GENERATOR[..]].concat()),
        Point::Infinity => octets(&[0]),
        Point::Empty => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{GENERATOR, in_form};
    use crate::plan::Point;

    #[test]
    fn points() {
        let der = [&[4, 0x61, 4], &GENERATOR[..]].concat();
        assert_eq!(in_form(Point::Raw, &der), der[2..]);
        assert_eq!(in_form(Point::Raw, &der[2..]), der[2..]);
        assert_eq!(in_form(Point::Other, &der), der);
        let compressed = in_form(Point::Compressed, &der);
        assert_eq!(compressed[..3], [4, 49, 3]);
        assert_eq!(compressed[3..], GENERATOR[..48]);
        let off = in_form(Point::OffCurve, &der);
        assert_eq!(off[..98], der[..98]);
        assert_ne!(off[98], der[98]);
        assert_eq!(in_form(Point::Garbage, &der).len(), 99);
        assert_eq!(in_form(Point::Infinity, &der), [4, 1, 0]);
    }
}
