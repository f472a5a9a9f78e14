//! The exit status of a token's errors.

use super::error::Error;
use crate::class::Class;

impl Error {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::NoKeyNamed { .. }
            | Self::NoLabel { .. }
            | Self::Kind { .. }
            | Self::Label { .. }
            | Self::LabelBlanks { .. }
            | Self::Attribute { .. }
            | Self::PinLength { .. }
            | Self::EraseOther { .. }
            | Self::OneSource { .. } => Class::Usage,
            Self::PassportFile(source) => source.class(),
            Self::Curve { .. }
            | Self::Algorithm(..)
            | Self::Certificate(..)
            | Self::Point { .. }
            | Self::Publics(_)
            | Self::WrongPublic { .. }
            | Self::Length { .. }
            | Self::LongMessage(..)
            | Self::HashAlone(..)
            | Self::Range(_)
            | Self::InUse { .. }
            | Self::Twin { .. }
            | Self::Attributes { .. }
            | Self::Passport { .. }
            | Self::Unfit { .. }
            | Self::NoPassport { .. }
            | Self::Initialised { .. } => Class::Refused,
            Self::BadKey { source, .. } | Self::HalfSetUp { source, .. } => source.class(),
            Self::Static
            | Self::Module { .. }
            | Self::ModuleName { .. }
            | Self::Start { .. }
            | Self::Call { .. }
            | Self::Nonsense { .. }
            | Self::Tokens { .. }
            | Self::Gone(_)
            | Self::Keys { .. }
            | Self::PublicObjects { .. }
            | Self::NotReady { .. }
            | Self::Guarded { .. }
            | Self::Pin { .. }
            | Self::Login { .. }
            | Self::PinSpent { .. }
            | Self::NoPin { .. }
            | Self::NoPublic { .. }
            | Self::Mechanism { .. }
            | Self::TokenLock { .. }
            | Self::Unsure { .. }
            | Self::PassportSize { .. }
            | Self::NoSetupPin { .. }
            | Self::Pad(_) => Class::Undecided,
        }
    }
}
