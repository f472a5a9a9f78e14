//! Errors of requests to a registry, and their meaning (R63).

use std::time::Duration;

use super::challenge::ChallengeError;
use super::credential::CredentialsError;
use super::tls::TlsError;
use crate::class::Class;
use crate::image::Mismatch;

/// What went wrong, and with what.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct Error {
    /// The image, manifest, blob or address that it is about.
    pub what: String,
    /// What went wrong.
    pub problem: Problem,
}

impl Error {
    pub(super) fn new(what: impl Into<String>, problem: impl Into<Problem>) -> Self {
        Self {
            what: what.into(),
            problem: problem.into(),
        }
    }

    /// What it means.
    pub const fn class(&self) -> Class {
        self.problem.class()
    }
}

/// What went wrong. Any text of a registry in here was first made safe to show.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nobody answers.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// Nobody knows the host.
    #[error("there is no host \"{host}\": its name has no address")]
    NoHost {
        /// Its name.
        host: String,
    },
    /// The connection ended too early.
    #[error("the connection ended too early")]
    Cut,
    /// The other side was too slow.
    #[error("no data came or went for {} while {during}", seconds(*.limit))]
    Slow {
        /// What was under way.
        during: &'static str,
        /// How long it may take.
        limit: Duration,
    },
    /// The answer is not HTTP as it should be.
    #[error("the answer is not valid: {0}")]
    Malformed(&'static str),
    /// The other side does not speak TLS.
    #[error("the other side does not speak TLS")]
    NoTls,
    /// TLS failed.
    #[error("TLS: {0}")]
    Tls(String),
    /// The program could not read keys and certificates for TLS.
    #[error(transparent)]
    TlsFiles(#[from] TlsError),
    /// A variable names a proxy in a form that the program does not understand.
    #[error("{variable} names a proxy in a form that ir-sign does not understand")]
    ProxyName {
        /// The variable.
        variable: &'static str,
    },
    /// The proxy refuses.
    #[error("the proxy {proxy} refuses to connect")]
    Proxy {
        /// Its host and port.
        proxy: String,
    },
    /// The proxy wants other credentials.
    #[error("the proxy {proxy} wants credentials, or does not accept these")]
    ProxyCredentials {
        /// Its host and port.
        proxy: String,
    },
    /// The text is not a valid address.
    #[error("has an address to which ir-sign cannot send a request")]
    Address,
    /// The body is compressed.
    #[error("is packed (Content-Encoding), but ir-sign did not ask for that")]
    Packed,
    /// A status that means an error.
    #[error("the registry answers {status}{}", said(.words))]
    Status {
        /// The status.
        status: u16,
        /// What the registry says about it, made safe to show.
        words: String,
    },
    /// The registry refuses a manifest that has parts which some registries refuse.
    #[error("the registry answers {status}{}; the manifest has {}, which some registries refuse", said(.words), .unusual.join(" and "))]
    NotTaken {
        /// The status.
        status: u16,
        /// What the registry says about it, made safe to show.
        words: String,
        /// The parts of the manifest that some registries refuse.
        unusual: Vec<&'static str>,
    },
    /// The registry refuses a manifest because it lacks something that the manifest leads to.
    #[error("the registry answers {status}{}", said(.words))]
    Lacking {
        /// The status.
        status: u16,
        /// What the registry says about it, made safe to show.
        words: String,
    },
    /// There is no such thing.
    #[error("is not in the registry")]
    Absent,
    /// The registry asks for a longer wait than the program allows.
    #[error("the registry asks ir-sign to wait {seconds} seconds, which is too long")]
    Later {
        /// How long the registry asks to wait.
        seconds: u64,
    },
    /// The registry wants credentials, and there are none.
    #[error("the registry wants credentials, and ir-sign has none for it{}", said(.words))]
    Anonymous {
        /// What the registry says about it, made safe to show.
        words: String,
    },
    /// The registry rejects the credentials.
    #[error("the registry does not accept the credentials{}", said(.words))]
    Credentials {
        /// What the registry says about it, made safe to show.
        words: String,
    },
    /// The client cannot meet the registry's challenge.
    #[error("the registry {0}")]
    Challenge(#[from] ChallengeError),
    /// The client may not send a password or a request to this token service.
    #[error("the registry names a token service that ir-sign does not ask: {0}")]
    Realm(&'static str),
    /// The token service's answer is not a token.
    #[error("the token service's answer is not valid: {0}")]
    Token(&'static str),
    /// The program could not read credentials.
    #[error(transparent)]
    Files(#[from] CredentialsError),
    /// A redirect that the client does not follow.
    #[error("is redirected {0}")]
    Redirect(&'static str),
    /// An upload address that the client does not accept.
    #[error("the registry names a place to upload to {0}")]
    Location(&'static str),
    /// The answer repeats a secret.
    #[error("ir-sign hides the registry's answer, because it repeats a secret that ir-sign sent")]
    Repeats {
        /// What it meant.
        class: Class,
    },
    /// The content has another digest or size than the one requested.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The registry states another digest.
    #[error("has digest {found}, but the registry says {stated}")]
    Stated {
        /// What it has.
        found: String,
        /// The digest that the registry states, made safe to show.
        stated: String,
    },
    /// The content is not the kind of document that it should be.
    #[error("is not valid: {0}")]
    Document(String),
    /// The content has more bytes than the program reads.
    #[error("has more than {limit} bytes, the limit")]
    TooLarge {
        /// The most that the program reads.
        limit: u64,
    },
    /// A list does not end.
    #[error("has more than {limit} {of}, the limit")]
    TooMany {
        /// The most that the program reads.
        limit: usize,
        /// The name of the things counted.
        of: &'static str,
    },
    /// A list leads to itself or elsewhere.
    #[error("goes on {0}")]
    List(&'static str),
    /// The registry does not list the tags.
    #[error("cannot be listed: the registry answers {status}")]
    Unlisted {
        /// The status.
        status: u16,
    },
    /// Somebody else moved the tag at every try.
    #[error("somebody else moved the tag each time; it leads to {found}")]
    Moved {
        /// Where it leads to now.
        found: String,
    },
    /// A tag did not move.
    #[error("the registry says that it moved the tag, but the tag leads to {found}")]
    Unmoved {
        /// Where it leads to.
        found: String,
    },
    /// A fallback tag does not lead to a list of referrers.
    #[error("is not a list of referrers (an OCI index), so ir-sign does not replace it")]
    Fallback,
    /// The program could not read the content to send.
    #[error("cannot be read while it is sent: {0}")]
    Source(String),
    /// The file's own bytes are wrong.
    #[error("was sent, but the registry took it for {found}")]
    Taken {
        /// The digest that the registry states, made safe to show.
        found: String,
    },
}

impl Problem {
    /// What it means.
    pub const fn class(&self) -> Class {
        match self {
            Self::Mismatch(_)
            | Self::Stated { .. }
            | Self::Document(_)
            | Self::TooLarge { .. }
            | Self::Taken { .. } => Class::Refused,
            Self::Repeats { class } => *class,
            Self::Connect(_)
            | Self::NoHost { .. }
            | Self::Cut
            | Self::Slow { .. }
            | Self::Malformed(_)
            | Self::NoTls
            | Self::Tls(_)
            | Self::TlsFiles(_)
            | Self::ProxyName { .. }
            | Self::Proxy { .. }
            | Self::ProxyCredentials { .. }
            | Self::Address
            | Self::Packed
            | Self::Status { .. }
            | Self::NotTaken { .. }
            | Self::Lacking { .. }
            | Self::Absent
            | Self::Later { .. }
            | Self::Anonymous { .. }
            | Self::Credentials { .. }
            | Self::Challenge(_)
            | Self::Realm(_)
            | Self::Token(_)
            | Self::Files(_)
            | Self::Redirect(_)
            | Self::Location(_)
            | Self::TooMany { .. }
            | Self::List(_)
            | Self::Unlisted { .. }
            | Self::Moved { .. }
            | Self::Unmoved { .. }
            | Self::Fallback
            | Self::Source(_) => Class::Undecided,
        }
    }

    /// Whether another try may help (R60): there was no answer, or it was cut off or is not HTTP.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Connect(_)
                | Self::Cut
                | Self::Slow { .. }
                | Self::Malformed(_)
                | Self::Proxy { .. }
        )
    }
}

fn seconds(limit: Duration) -> String {
    if limit.subsec_millis() == 0 {
        format!("{} s", limit.as_secs())
    } else {
        format!("{} ms", limit.as_millis())
    }
}

fn said(words: &str) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!(" ({words})")
    }
}
