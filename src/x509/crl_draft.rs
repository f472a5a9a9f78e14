//! Revocation lists drafted (RFC 5280, section 5): version 2, with a number that grows and the issuer's own key
//! identifier. A revoked certificate stays revoked, with its date.

use std::time::SystemTime;

use der::asn1::{AnyRef, OctetString, UintRef};
use der::{Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;
use x509_cert::time::Time;

use super::certificate::Certificate;
use super::crl::{CRL_NUMBER, CrlFault, REASON_CODE, RevocationList};
use super::draft::{Draft, Signing};
use super::issue::{IssueError, Issuer, check_ca};
use super::profile;
use super::revocation::{Entry, Reason};
use super::serial::{Serial, shown};
use super::validity::{Validity, ValidityError, of_entry};

/// The most bytes of a list's number (RFC 5280, section 5.2.3).
const MOST: usize = 20;

/// A certificate that is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its serial number.
    pub serial: Serial,
    /// Why. [`Reason::Unspecified`] says no more than no reason does, so the list omits it.
    pub reason: Option<Reason>,
}

/// Why no list is drafted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// The issuer.
    #[error(transparent)]
    Issuer(#[from] IssueError),
    /// The certificate was issued by somebody else.
    #[error("certificate \"{subject}\" was not issued by \"{issuer}\"")]
    Foreign {
        /// The certificate's subject.
        subject: String,
        /// The issuer of the list.
        issuer: String,
    },
    /// The certificate has a serial number that no list can have.
    #[error("the certificate's serial number {0} is negative, zero or too long")]
    Serial(String),
    /// The previous list.
    #[error("the previous list: {0}")]
    Previous(#[from] CrlFault),
    /// The previous list is newer than the new one would be.
    #[error("the previous list was made later, at {0}")]
    Newer(String),
    /// A number is on the list already, or given twice.
    #[error("serial number {0} is revoked already, or given twice")]
    Twice(String),
    /// The number cannot grow.
    #[error("the number of the previous list has {MOST} bytes already and cannot grow")]
    Number,
    /// A date.
    #[error(transparent)]
    Date(#[from] ValidityError),
}

/// `TBSCertList` (RFC 5280, section 5.1).
#[derive(Sequence)]
struct Tbs<'a> {
    version: u8,
    signature: AlgorithmIdentifierOwned,
    issuer: AnyRef<'a>,
    this_update: Time,
    next_update: Time,
    #[asn1(optional = "true")]
    revoked: Option<Vec<Revoked<'a>>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Revoked<'a> {
    serial: AnyRef<'a>,
    date: Time,
    #[asn1(optional = "true")]
    extensions: Option<Vec<Extension>>,
}

impl Revocation {
    /// Revokes a certificate, if this CA issued it.
    pub fn of(
        certificate: &Certificate,
        ca: &Certificate,
        reason: Option<Reason>,
    ) -> Result<Self, RevokeError> {
        let foreign = || RevokeError::Foreign {
            subject: certificate.subject().to_string(),
            issuer: ca.subject().to_string(),
        };
        let issued = certificate.issuer() == ca.subject()
            && certificate.is_signed_by(ca.public_key())
            && certificate != ca;
        if !issued {
            return Err(foreign());
        }
        let serial = Serial::from_bytes(certificate.serial()).ok();
        // A negative number has no positive one in its place.
        let serial = serial.filter(|serial| serial.content() == certificate.serial());
        let serial = serial.ok_or_else(|| RevokeError::Serial(shown(certificate.serial())))?;
        Ok(Self { serial, reason })
    }
}

/// Drafts a list that is made at the first second of its validity, with the next one due at the last. It has the entries
/// of the previous one, and then the new ones, whose date is the first second. `at` is the time now.
pub fn revocations(
    issuer: Issuer<'_>,
    previous: Option<&RevocationList>,
    new: &[Revocation],
    validity: Validity,
    at: SystemTime,
) -> Result<Draft, RevokeError> {
    let ca = issuer.certificate;
    check_ca(issuer, at)?;
    super::chain::check_ca(ca, 0).map_err(IssueError::from)?;
    if ca
        .extensions()
        .key_usage
        .is_none_or(|u| !u.usages.crl_sign())
    {
        let name = ca.subject().to_string();
        return Err(IssueError::NoCrlSign(name).into());
    }
    let mut entries = Vec::new();
    let mut number = vec![1];
    if let Some(previous) = previous {
        previous.check_issuer(ca)?;
        if previous.this_update() > validity.not_before() {
            let made = humantime::format_rfc3339_seconds(previous.this_update());
            return Err(RevokeError::Newer(made.to_string()));
        }
        entries = previous.entries().to_vec();
        if let Some(last) = previous.number() {
            number = next(last).ok_or(RevokeError::Number)?;
        }
    }
    let kept = entries.len();
    for revocation in new {
        add(&mut entries, kept, revocation, validity.not_before())?;
    }
    let signing = Signing::of(issuer.key.kind()).map_err(IssueError::from)?;
    let revoked = entries.iter().map(encoded).collect::<Result<Vec<_>, _>>()?;
    let (this_update, next_update) = validity.times();
    let encode = || {
        let number = UintRef::new(&number)?.to_der()?;
        let number = Extension {
            extn_id: CRL_NUMBER,
            critical: false,
            extn_value: OctetString::new(number)?,
        };
        Tbs {
            version: 1,
            signature: signing.identifier.clone(),
            issuer: AnyRef::try_from(ca.subject().der())?,
            this_update,
            next_update,
            revoked: (!revoked.is_empty()).then_some(revoked),
            extensions: vec![profile::authority_key(&profile::key_id_of(ca))?, number],
        }
        .to_der()
    };
    let message: der::Result<_> = encode();
    let message = message.expect("names, numbers and short extensions are encoded");
    Ok(Draft::new(message, signing, issuer.key))
}

/// Adds an entry after the kept ones. The issuer can revoke a certificate that was on hold for good; it keeps its date.
fn add(
    entries: &mut Vec<Entry>,
    kept: usize,
    new: &Revocation,
    since: SystemTime,
) -> Result<(), RevokeError> {
    let reason = new.reason.filter(|reason| *reason != Reason::Unspecified);
    let serial = new.serial.content();
    let Some(at) = entries.iter().position(|entry| entry.serial == serial) else {
        entries.push(Entry {
            serial: serial.to_vec(),
            since,
            reason,
        });
        return Ok(());
    };
    let was_held = at < kept && entries[at].reason == Some(Reason::CertificateHold);
    if was_held && reason != Some(Reason::CertificateHold) {
        entries[at].reason = reason;
        return Ok(());
    }
    Err(RevokeError::Twice(shown(serial)))
}

fn encoded(entry: &Entry) -> Result<Revoked<'_>, ValidityError> {
    let serial = AnyRef::new(der::Tag::Integer, &entry.serial);
    let extensions = entry.reason.map(|reason| {
        let code = reason.code().to_der().expect("a number is encoded");
        vec![Extension {
            extn_id: REASON_CODE,
            critical: false,
            extn_value: OctetString::new(code).expect("a number is short"),
        }]
    });
    Ok(Revoked {
        serial: serial.expect("a serial number was encoded before"),
        date: of_entry(entry.since)?,
        extensions,
    })
}

/// The number after this one, big-endian, if it is not too long.
fn next(number: &[u8]) -> Option<Vec<u8>> {
    let mut next = number.to_vec();
    let mut at = next.len();
    loop {
        let Some(before) = at.checked_sub(1) else {
            next.insert(0, 1);
            break;
        };
        at = before;
        next[at] = next[at].wrapping_add(1);
        if next[at] != 0 {
            break;
        }
    }
    let sign = usize::from(next.first().is_some_and(|first| *first >= 0x80));
    (next.len() + sign <= MOST).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_grows_by_one() {
        for (number, after) in [
            (&[0][..], &[1][..]),
            (&[1], &[2]),
            (&[0xff], &[1, 0]),
            (&[1, 0xff, 0xff], &[2, 0, 0]),
        ] {
            assert_eq!(next(number).as_deref(), Some(after));
        }
        let mut longest = [0xff; 20];
        longest[0] = 0x7f;
        assert_eq!(next(&longest), None);
        longest[19] = 0xfe;
        assert!(next(&longest).is_some());
    }
}
