//! The two formats of an envelope, and the two forms of the manifest that holds it.

/// The most bytes of an envelope that are read.
pub const MOST_ENVELOPE: u64 = 32 << 20;
/// The most bytes of a signature's manifest that are read.
pub const MOST_MANIFEST: u64 = 4 << 20;
/// The type of a signature's manifest, whichever form it has.
pub const SIGNATURE_TYPE: &str = "application/vnd.cncf.notary.signature";

/// The format of an envelope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// JWS in flattened JSON serialisation (RFC 7515, section 7.2.2).
    #[default]
    Jws,
    /// `COSE_Sign1`, tagged (RFC 9052, section 4.2).
    Cose,
}

impl Format {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Jws, Self::Cose];

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jws => "application/jose+json",
            Self::Cose => "application/cose",
        }
    }

    /// The format with this media type.
    pub fn of(media_type: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|format| format.media_type() == media_type)
    }

    /// The name that users say.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jws => "jws",
            Self::Cose => "cose",
        }
    }
}

/// How a signature's manifest says that it is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// By the media type of its config: notation 1.3.2 writes this form, and finds no other in a layout.
    #[default]
    Legacy,
    /// By its `artifactType`, with the empty config.
    ArtifactType,
}
