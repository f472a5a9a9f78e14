//! Advice on the commands of notation's family.

use crate::ops::notation::Error;
use crate::ops::notation::signing_keys::SigningKeysError;

pub(super) fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::NoHome { .. } | Error::RelativeHome { .. } => {
            Some("set NOTATION_CONFIG to the folder of the configuration")
        }
        Error::SigningKeys { source, .. } => match source {
            SigningKeysError::NoKey(_) => Some("`ir-sign notation key list` shows the keys"),
            SigningKeysError::NothingNamed => Some(
                "name a key with --key, or make one the default: ir-sign notation key update NAME --default",
            ),
            SigningKeysError::Taken(_) => Some(
                "give it another name, or delete the other first: ir-sign notation key delete NAME",
            ),
            SigningKeysError::SameName(_) => {
                Some("edit the file, and give one of them another name")
            }
            SigningKeysError::Json(_)
            | SigningKeysError::Alike { .. }
            | SigningKeysError::EmptyName
            | SigningKeysError::NoDefault(_)
            | SigningKeysError::NoPlace(_) => None,
        },
        Error::NotTrusted { .. } => {
            Some("a store of the type ca holds the root of the signer's chain")
        }
        Error::NobodyAnswers { .. } => Some("say --yes"),
        Error::OtherPlugin { .. } => Some("notation itself signs with it"),
        Error::NoPolicy { .. } => {
            Some("ir-sign notation policy import FILE, or policy init, brings one")
        }
        Error::InArchive(_) => Some("`ir-sign copy` brings it into a layout: oci:DIR:TAG"),
        Error::Overtaken { .. } => Some("run it again"),
        Error::NoAddress { .. } => {
            Some("give the certificates that name it with --certificate, or the address with --url")
        }
        Error::NoCertificates { .. } => {
            Some("name their file: --plugin-config certificate_chain=FILE")
        }
        Error::OtherKey { .. } | Error::Chain(_) => Some(
            "the file holds the key's own certificate first, then each issuer's, down to the root",
        ),
        Error::OtherPolicy { .. } => Some("--force replaces the trust policy"),
        Error::TrustPolicy { .. }
        | Error::NewPolicy { .. }
        | Error::Flags(_)
        | Error::TrustStore(_)
        | Error::Folder { .. }
        | Error::NoStatement { .. }
        | Error::ScopeOfRegistry { .. }
        | Error::List { .. }
        | Error::Reserved(_)
        | Error::MetadataTwice { .. }
        | Error::Draft(_)
        | Error::File { .. }
        | Error::Certificate { .. }
        | Error::Store { .. }
        | Error::Name { .. }
        | Error::PluginConfig { .. } => None,
    }
}
