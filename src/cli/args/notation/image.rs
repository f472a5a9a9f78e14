//! `notation sign`, `verify`, `list`, `inspect`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::{ArgAction, Args, ValueHint};

use super::key::pair;
use crate::cli::args::fleet::ManyArgs;
use crate::cli::args::paths;
use crate::cli::args::refused::refused;
#[cfg(feature = "registry")]
use crate::cli::args::registry::RemoteArgs;
use crate::cli::args::settings::Common;
use crate::cli::args::token::{PassportArgs, TokenArgs};
use crate::image::{ImageName, ImageNameError, Reference};
use crate::key::pin::PinSource;
#[cfg(not(feature = "registry"))]
use crate::ops::location::RegistryOptions;
use crate::scheme::notary::{Form, Format};
#[cfg(feature = "registry")]
use crate::store::remote::Options;

// Images, and what every command on them has.
#[derive(Debug, Args)]
pub struct FamilyArgs {
    /// The names are DIR[:TAG] or DIR@DIGEST, of layouts
    #[arg(long)]
    oci_layout: bool,
    #[cfg(feature = "registry")]
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    refused: Refused,
    #[command(flatten)]
    pub common: Common,
}

// Flags of notation's that are known and not followed, or change nothing here.
#[derive(Clone, Debug, Args)]
struct Refused {
    #[arg(short, long, hide = true, num_args = 0..=1, default_missing_value = "", value_parser = refused(PASSWORD))]
    username: Option<()>,
    #[arg(short, long, hide = true, num_args = 0..=1, default_missing_value = "", value_parser = refused(PASSWORD))]
    password: Option<()>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", value_parser = refused(TIMESTAMP))]
    timestamp_url: Option<()>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", value_parser = refused(TIMESTAMP))]
    timestamp_root_cert: Option<()>,
    /// As -v
    #[arg(short, long, hide = true, action = ArgAction::Count)]
    debug: u8,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    allow_referrers_api: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    force_referrers_tag: Option<bool>,
}

const PASSWORD: &str = "passwords come from the files of docker and podman: `docker login`, `podman login`, or --authfile FILE";
const TIMESTAMP: &str = "signatures have no timestamps here, so each ends with its certificates";

impl FamilyArgs {
    /// The names of the images.
    pub fn names(&self, names: &[String]) -> Result<Vec<ImageName>, ImageNameError> {
        let read = |name: &String| {
            if self.oci_layout {
                layout(name)
            } else {
                name.parse()
            }
        };
        names.iter().map(read).collect()
    }

    /// How registries are talked to.
    #[cfg(feature = "registry")]
    pub fn options(&self) -> Options {
        self.remote.options()
    }

    /// How registries are talked to: not at all.
    #[cfg(not(feature = "registry"))]
    #[allow(clippy::unused_self)]
    pub fn options(&self) -> RegistryOptions {
        RegistryOptions::default()
    }
}

/// Reads a name of an image in a layout as notation reads it: the path ends at the last colon, or at the `@` of a digest.
fn layout(name: &str) -> Result<ImageName, ImageNameError> {
    let at = name.rfind('@').filter(|at| name[at + 1..].contains(':'));
    let (path, reference) = match (at, name.rfind(':')) {
        (Some(at), _) => (
            &name[..at],
            Some(Reference::Digest(name[at + 1..].parse()?)),
        ),
        (None, Some(at)) if !name[at + 1..].contains('/') => {
            (&name[..at], Some(name[at + 1..].parse()?))
        }
        (None, _) => (name, None),
    };
    if path.is_empty() {
        return Err(ImageNameError::Empty(name.to_owned()));
    }
    Ok(ImageName::Layout {
        path: PathBuf::from(path),
        reference,
    })
}

/// The longest time that a signature may say it holds.
const LONGEST: Duration = Duration::from_hours(36_525 * 24);

/// Reads how long a signature holds: hours, minutes and seconds, as `24h` or `3h20m`.
fn lifetime(text: &str) -> Result<Duration, &'static str> {
    match humantime::parse_duration(text) {
        Ok(time) if time.subsec_nanos() == 0 && !time.is_zero() && time <= LONGEST => Ok(time),
        _ => Err("write it as 24h or 3h20m: whole seconds, up to a century"),
    }
}

fn count(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("a number of signatures is 1 or more"),
    }
}

fn format() -> impl TypedValueParser<Value = Format> {
    clap::builder::PossibleValuesParser::new(Format::ALL.map(Format::name)).map(|name| {
        let mut all = Format::ALL.into_iter();
        all.find(|format| format.name() == name)
            .expect("one of them")
    })
}

fn form() -> impl TypedValueParser<Value = Form> {
    clap::builder::PossibleValuesParser::new(["legacy", "artifact-type"]).map(|name| {
        if name == "legacy" {
            Form::Legacy
        } else {
            Form::ArtifactType
        }
    })
}

// The signing key.
#[derive(Debug, Args)]
pub struct SigningKeyArgs {
    /// The key's name in the key list [default: the list's default]
    #[arg(short, long, value_name = "NAME", conflicts_with_all = ["plugin", "id"])]
    pub key: Option<String>,
    /// The plugin of a key that is in no list: ir-sign
    #[arg(long, value_name = "NAME", requires = "id")]
    pub plugin: Option<String>,
    /// The plugin's name of that key: with ir-sign its `pkcs11:` URI
    #[arg(long, value_name = "ID", requires = "plugin")]
    pub id: Option<String>,
    /// Another setting for the plugin (several allowed): `certificate_chain=FILE`, `pin_source=SPEC`, `pkcs11_module=PATH`
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub plugin_config: Vec<(String, String)>,
    /// Where the passphrase of an encrypted key file comes from [default: a prompt]
    #[arg(long, value_name = "file:PATH|env:NAME|fd:NUMBER")]
    pub passphrase_source: Option<PinSource>,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub passports: PassportArgs,
}

// `notation sign`
#[derive(Debug, Args)]
pub struct Sign {
    /// The image (several allowed): HOST/REPO[:TAG][@DIGEST], docker://…, or oci:DIR[:TAG]; an index is signed as one
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<String>,
    #[command(flatten)]
    pub key: SigningKeyArgs,
    /// The format of the signature's envelope
    #[arg(long, value_name = "FORMAT", value_parser = format(), default_value = "jws")]
    pub signature_format: Format,
    /// An entry of the signature's metadata (several allowed)
    #[arg(short = 'm', long, value_name = "KEY=VALUE", value_parser = pair)]
    pub user_metadata: Vec<(String, String)>,
    /// How long the signature holds, as 24h or 3h20m [default: as long as its certificates]
    #[arg(short, long, value_name = "TIME", value_parser = lifetime)]
    pub expiry: Option<Duration>,
    /// The form of the signature's manifest: notation 1.3 finds only the legacy form in a layout
    #[arg(long, value_name = "FORM", value_parser = form(), default_value = "legacy")]
    pub signature_manifest: Form,
    /// Sign all images of an index, too
    #[arg(long)]
    pub all_platforms: bool,
    #[command(flatten)]
    pub family: FamilyArgs,
}

// `notation verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// The image (several allowed): HOST/REPO[:TAG][@DIGEST], docker://…, oci:DIR[:TAG], or an archive; all have to hold
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<String>,
    /// The scope of the trust policy for images in layouts and archives [default: `*`]
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
    /// Metadata that a signature must have (several allowed)
    #[arg(short = 'm', long, value_name = "KEY=VALUE", value_parser = pair)]
    pub user_metadata: Vec<(String, String)>,
    /// How many signatures of an image are looked at
    #[arg(long, value_name = "NUMBER", value_parser = count, default_value = "100")]
    pub max_signatures: usize,
    /// A revocation list of an issuer in the chain, PEM or DER (several allowed)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub crl: Vec<PathBuf>,
    #[command(flatten)]
    pub many: ManyArgs,
    #[command(flatten)]
    pub family: FamilyArgs,
}

// `notation list`
#[derive(Debug, Args)]
pub struct List {
    /// The image: HOST/REPO[:TAG][@DIGEST], docker://…, oci:DIR[:TAG], or an archive
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// How many signatures are shown
    #[arg(long, value_name = "NUMBER", value_parser = count, default_value = "100")]
    pub max_signatures: usize,
    #[command(flatten)]
    pub family: FamilyArgs,
}

// `notation inspect`
#[derive(Debug, Args)]
pub struct Inspect {
    /// The image: HOST/REPO[:TAG][@DIGEST], docker://…, oci:DIR[:TAG], or an archive
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// How many signatures are shown
    #[arg(long, value_name = "NUMBER", value_parser = count, default_value = "100")]
    pub max_signatures: usize,
    /// As a tree, or as JSON
    #[arg(short, long, value_name = "tree|json", default_value = "tree", value_parser = ["tree", "json", "text"], hide_possible_values = true)]
    pub output: String,
    #[command(flatten)]
    pub family: FamilyArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layouts_path_ends_at_the_last_colon() {
        for (text, path, reference) in [
            ("dir", "dir", None),
            ("dir:1", "dir", Some("1")),
            ("a:b/dir", "a:b/dir", None),
            ("a:b/dir:1", "a:b/dir", Some("1")),
            ("a@b:1", "a@b", Some("1")),
        ] {
            let name = layout(text);
            if text == "a@b:1" {
                assert!(name.is_err(), "what stands behind the @ is not a digest");
                continue;
            }
            let wanted = ImageName::Layout {
                path: path.into(),
                reference: reference.map(|tag| tag.parse().expect("a tag")),
            };
            assert_eq!(name.expect(text), wanted);
        }
        let digest = format!("dir@sha256:{}", "a".repeat(64));
        assert!(matches!(
            layout(&digest),
            Ok(ImageName::Layout {
                reference: Some(Reference::Digest(_)),
                ..
            })
        ));
        assert!(layout(":1").is_err());
    }
}
