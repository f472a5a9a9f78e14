//! Members of requirements as Go's `encoding/json` reads them into strings, `[]string` and `[]byte`: `null` leaves a
//! member empty, and bytes are base64 or a list of numbers.

use std::borrow::Cow;

use super::error::Fault;
use super::members::{Members, wrong};
use crate::encoding::base64::unbase64_of_go;
use crate::encoding::located::{Data, Value};

/// A member that can be absent, or `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given<T> {
    /// It is not there.
    Absent,
    /// It is there, and `null`.
    Null,
    /// It is there.
    As(T),
}

impl<T> Given<T> {
    /// The value, where there is one.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Absent | Self::Null => None,
            Self::As(value) => Some(value),
        }
    }
}

/// A text; `""` for `null`, and where the member is absent.
pub(super) fn text<'t>(members: &mut Members<'t>, name: &str) -> Result<Cow<'t, str>, Fault> {
    match members.take(name)? {
        None => Ok(Cow::Borrowed("")),
        Some(value) => text_of(value).map_err(|fault| fault.within(name)),
    }
}

/// A text in a member that must be there.
pub(super) fn needed_text(members: &mut Members<'_>, name: &str) -> Result<String, Fault> {
    let text = text_of(members.need(name)?).map_err(|fault| fault.within(name))?;
    Ok(text.into_owned())
}

pub(super) fn text_of(value: Value<'_>) -> Result<Cow<'_, str>, Fault> {
    match value.data {
        Data::Null => Ok(Cow::Borrowed("")),
        Data::Text(text) => Ok(text),
        other => Err(wrong(value.at, &other, "a text")),
    }
}

/// A list of texts.
pub(super) fn texts(members: &mut Members<'_>, name: &str) -> Result<Given<Vec<String>>, Fault> {
    list(members, name, |value| Ok(text_of(value)?.into_owned()))
}

/// Bytes.
pub(super) fn bytes(members: &mut Members<'_>, name: &str) -> Result<Given<Vec<u8>>, Fault> {
    let value = members.take(name)?;
    let bytes = value.map(|value| bytes_of(value).map_err(|fault| fault.within(name)));
    Ok(match bytes.transpose()? {
        None => Given::Absent,
        Some(None) => Given::Null,
        Some(Some(bytes)) => Given::As(bytes),
    })
}

/// A list of bytes.
pub(super) fn bytes_list(
    members: &mut Members<'_>,
    name: &str,
) -> Result<Given<Vec<Vec<u8>>>, Fault> {
    list(members, name, |value| {
        Ok(bytes_of(value)?.unwrap_or_default())
    })
}

fn list<T>(
    members: &mut Members<'_>,
    name: &str,
    mut item: impl FnMut(Value<'_>) -> Result<T, Fault>,
) -> Result<Given<Vec<T>>, Fault> {
    let Some(value) = members.take(name)? else {
        return Ok(Given::Absent);
    };
    let items = match value.data {
        Data::Null => return Ok(Given::Null),
        Data::List(items) => items,
        other => return Err(wrong(value.at, &other, "a list").within(name)),
    };
    let item = |(n, value)| item(value).map_err(|fault: Fault| fault.at_item(n).within(name));
    let items = items.into_iter().enumerate().map(item);
    items.collect::<Result<_, _>>().map(Given::As)
}

fn bytes_of(value: Value<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let at = value.at;
    match value.data {
        Data::Null => Ok(None),
        Data::Text(text) => {
            let bytes = unbase64_of_go(&text);
            bytes
                .map(Some)
                .ok_or_else(|| Fault::new(at, "the text is not base64"))
        }
        Data::List(items) => {
            let byte = |(n, item): (usize, Value<'_>)| match item.data {
                Data::Null => Ok(0),
                Data::Number(text) if text.bytes().all(|b| b.is_ascii_digit()) => text
                    .parse()
                    .map_err(|_| Fault::new(item.at, "a byte is at most 255").at_item(n)),
                other => Err(wrong(item.at, &other, "a whole number").at_item(n)),
            };
            let bytes = items.into_iter().enumerate().map(byte);
            bytes.collect::<Result<_, _>>().map(Some)
        }
        other => Err(wrong(at, &other, "base64")),
    }
}
