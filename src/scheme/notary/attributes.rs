//! The signed attributes, which JWS and COSE have in common ("Signature Specification", "Signed Attributes").

use std::collections::BTreeSet;
use std::time::SystemTime;

pub(super) const SCHEME: &str = "io.cncf.notary.signingScheme";
pub(super) const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
pub(super) const AUTHENTIC_TIME: &str = "io.cncf.notary.authenticSigningTime";
pub(super) const EXPIRY: &str = "io.cncf.notary.expiry";
pub(super) const PLUGIN: &str = "io.cncf.notary.verificationPlugin";
pub(super) const PLUGIN_VERSION: &str = "io.cncf.notary.verificationPluginMinVersion";
/// Unsigned attributes.
pub(super) const AGENT: &str = "io.cncf.notary.signingAgent";
pub(super) const TIMESTAMP: &str = "io.cncf.notary.timestampSignature";

/// The attributes that may be marked critical.
const CRITICAL: [&str; 5] = [SCHEME, EXPIRY, AUTHENTIC_TIME, PLUGIN, PLUGIN_VERSION];

/// The one who vouches for the signing time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningScheme {
    /// `notary.x509`: only the signer. Trust stores of the type `ca` count.
    X509,
    /// `notary.x509.signingAuthority`: a service that signs for others. Trust stores of the type `signingAuthority`
    /// count.
    SigningAuthority,
}

impl SigningScheme {
    /// The name in an envelope.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X509 => "notary.x509",
            Self::SigningAuthority => "notary.x509.signingAuthority",
        }
    }
}

/// A plugin that the signer wants to see at verifying. This program runs none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// The oldest version that will do.
    pub min_version: Option<String>,
}

/// The signed attributes of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// The one who vouches for the signing time.
    pub scheme: SigningScheme,
    /// When it was signed, as the signer says.
    pub signing_time: SystemTime,
    /// When it ends to hold.
    pub expiry: Option<SystemTime>,
    /// The plugin that verifying wants.
    pub plugin: Option<Plugin>,
    /// The names of other signed attributes, none of them critical.
    pub others: Vec<String>,
}

/// The protected header of an envelope, before its attributes were checked against one another.
#[derive(Default)]
pub(super) struct Protected {
    pub(super) critical: Vec<String>,
    pub(super) scheme: Option<String>,
    pub(super) signing_time: Option<SystemTime>,
    pub(super) authentic_time: Option<SystemTime>,
    pub(super) expiry: Option<SystemTime>,
    pub(super) plugin: Option<String>,
    pub(super) plugin_version: Option<String>,
    pub(super) others: Vec<String>,
}

impl Attributes {
    /// Checks the attributes against one another, and that the right ones are critical.
    pub(super) fn of(read: Protected) -> Result<Self, String> {
        let scheme = read.scheme.as_deref();
        let scheme = match scheme {
            Some("notary.x509") => SigningScheme::X509,
            Some("notary.x509.signingAuthority") => SigningScheme::SigningAuthority,
            Some(other) => return Err(format!("its signing scheme is {other:?}")),
            None => return Err("it has no signing scheme".into()),
        };
        let present = [
            (SCHEME, true),
            (EXPIRY, read.expiry.is_some()),
            (AUTHENTIC_TIME, read.authentic_time.is_some()),
            (PLUGIN, read.plugin.is_some()),
            (PLUGIN_VERSION, read.plugin_version.is_some()),
        ];
        check_critical(&read.critical, present)?;
        let signing_time = match (scheme, read.signing_time, read.authentic_time) {
            (SigningScheme::X509, Some(time), None)
            | (SigningScheme::SigningAuthority, None, Some(time)) => time,
            (SigningScheme::X509, None, _) => return Err("it has no signing time".into()),
            (SigningScheme::SigningAuthority, _, None) => {
                return Err("it has no authentic signing time".into());
            }
            (SigningScheme::X509, _, Some(_)) => {
                return Err("it has an authentic signing time, which its scheme has not".into());
            }
            (SigningScheme::SigningAuthority, Some(_), _) => {
                return Err("it has a signing time, which its scheme has not".into());
            }
        };
        if read.expiry.is_some_and(|expiry| expiry <= signing_time) {
            return Err("it expires no later than it was signed".into());
        }
        if read.plugin.is_none() && read.plugin_version.is_some() {
            return Err("it names a plugin's version, and no plugin".into());
        }
        Ok(Self {
            scheme,
            signing_time,
            expiry: read.expiry,
            plugin: read.plugin.map(|name| Plugin {
                name,
                min_version: read.plugin_version,
            }),
            others: read.others,
        })
    }
}

/// Critical are exactly those of the known attributes that are there.
fn check_critical(critical: &[String], present: [(&'static str, bool); 5]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in critical {
        if !seen.insert(&**name) {
            return Err(format!("it marks {name:?} as critical twice"));
        }
        if !CRITICAL.contains(&&**name) {
            return Err(format!(
                "it marks {name:?} as critical, which this program does not know"
            ));
        }
    }
    for (name, is_there) in present {
        match (is_there, seen.contains(name)) {
            (true, false) => return Err(format!("it does not mark {name:?} as critical")),
            (false, true) => {
                return Err(format!("it marks {name:?} as critical, which it has not"));
            }
            (true, true) | (false, false) => {}
        }
    }
    Ok(())
}
