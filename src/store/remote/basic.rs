//! A name and a password in a header (RFC 7617).

use ureq::http::header::HeaderValue;
use zeroize::Zeroizing;

use crate::encoding::base64::base64;
use crate::secret::Secret;

/// The header with a name and a password.
pub(super) fn basic(user: &str, password: &Secret) -> HeaderValue {
    let both = Zeroizing::new([user.as_bytes(), b":", password].concat());
    let text = Zeroizing::new(format!("Basic {}", base64(&both)));
    let mut header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}
