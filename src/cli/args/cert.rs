//! The commands on certificates, requests and revocation lists, and their flags.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::paths;
use super::settings::{Common, Settings, SettingsOf};
use super::time::{Days, Time};
use super::token::{PassportArgs, TokenArgs};
use crate::key::KeyRef;
use crate::key::pin::PinSource;
use crate::x509::{CrlUrl, DistinguishedName, DnError, Reason, Serial, dn};

/// Make, show and verify X.509 certificates, with keys in files or on tokens
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum CertCommand {
    /// Make a root CA's certificate, which its own key signs
    Root(Box<MakeRoot>),
    /// Make a request for a certificate, to be sent to a CA
    Request(Box<MakeRequest>),
    /// Issue a certificate for a request, as a CA
    ///
    /// Nothing of a request but its key and its name gets into the certificate: the profile decides on extensions.
    Issue(Box<Issue>),
    /// Make a revocation list, as a CA
    Crl(Box<MakeCrl>),
    /// Show certificates, a request or a revocation list, trusting nothing
    Show(Show),
    /// Verify a certificate, without a network
    Verify(VerifyCert),
}

impl SettingsOf for CertCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::Root(args) => args.common.into(),
            Self::Request(args) => args.common.into(),
            Self::Issue(args) => args.common.into(),
            Self::Crl(args) => args.common.into(),
            Self::Show(args) => args.common.into(),
            Self::Verify(args) => args.common.into(),
        }
    }
}

// Where the passphrase of an encrypted key file comes from.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Encrypted key files")]
pub struct PassphraseOfFile {
    /// Where the passphrase comes from [default: a prompt]
    #[arg(long, value_name = "file:PATH|env:NAME|fd:NUMBER")]
    pub passphrase_source: Option<PinSource>,
}

// How the command's private key is opened, and what a key on a token has to be.
#[derive(Clone, Debug, Args)]
pub struct OpenedBy {
    #[command(flatten)]
    pub passphrase: PassphraseOfFile,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub passports: PassportArgs,
}

// How long something holds.
#[derive(Clone, Copy, Debug, Args)]
pub struct LifeArgs {
    /// It holds for this many days of 24 hours
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        required_unless_present = "not_after",
        conflicts_with = "not_after"
    )]
    pub days: Option<Days>,
    /// It holds until this time, as 2030-01-31T12:00:00Z or with an offset
    #[arg(long, value_name = "TIME")]
    pub not_after: Option<Time>,
    /// It holds from this time on [default: now]
    #[arg(long, value_name = "TIME")]
    pub not_before: Option<Time>,
}

// Where the result goes.
#[derive(Clone, Debug, Args)]
pub struct OutputArgs {
    /// Write it to this file [default: standard output]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output: Option<PathBuf>,
    /// Write DER instead of PEM
    #[arg(long)]
    pub der: bool,
    /// Replace other output files that are there already
    #[arg(long)]
    pub force: bool,
}

// `cert root`
#[derive(Debug, Args)]
pub struct MakeRoot {
    /// The root CA's private key: SEC1, PKCS#8 or PKCS#1 in PEM or DER, or a `pkcs11:` URI
    #[arg(short, long, value_name = "KEY", value_parser = paths::any_private_key(), value_hint = ValueHint::FilePath)]
    pub key: KeyRef,
    /// The CA's name, as `C=PT, O=Example, CN=Example Root`
    #[arg(long, value_name = "DN", value_parser = name)]
    pub subject: DistinguishedName,
    #[command(flatten)]
    pub life: LifeArgs,
    /// How many CAs may stand between it and a signer [default: any number]
    #[arg(long, value_name = "N")]
    pub path_len: Option<u8>,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub opened: OpenedBy,
    #[command(flatten)]
    pub common: Common,
}

// `cert request`
#[derive(Debug, Args)]
pub struct MakeRequest {
    /// The private key that is to be certified: SEC1, PKCS#8 or PKCS#1 in PEM or DER, or a `pkcs11:` URI
    #[arg(short, long, value_name = "KEY", value_parser = paths::any_private_key(), value_hint = ValueHint::FilePath)]
    pub key: KeyRef,
    /// The name that is asked for, as `C=PT, ST=Lisboa, O=Example, CN=release`
    #[arg(long, value_name = "DN", value_parser = name)]
    pub subject: DistinguishedName,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub opened: OpenedBy,
    #[command(flatten)]
    pub common: Common,
}

/// The purpose of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileName {
    /// A CA below this one.
    #[value(help = "A CA below this one")]
    Ca,
    /// A signer of images and other code.
    #[value(help = "A signer of images and other code")]
    Signer,
}

// The CA that signs.
#[derive(Debug, Args)]
pub struct CaArgs {
    /// The CA's certificate; a file may hold its whole chain
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub ca_cert: PathBuf,
    /// The CA's private key
    #[arg(short = 'x', long, value_name = "KEY", value_parser = paths::any_private_key(), value_hint = ValueHint::FilePath)]
    pub ca_prv: KeyRef,
}

// `cert issue`
#[derive(Debug, Args)]
pub struct Issue {
    /// The request, in PEM or DER
    #[arg(long, value_name = "CSR", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub request: PathBuf,
    /// The purpose of the certificate
    #[arg(long, value_enum)]
    pub profile: ProfileName,
    #[command(flatten)]
    pub ca: CaArgs,
    /// How many CAs may stand between a new CA and a signer [default: 0]
    #[arg(long, value_name = "N")]
    pub path_len: Option<u8>,
    /// The subject's name, instead of the request's
    #[arg(long, value_name = "DN", value_parser = name)]
    pub subject: Option<DistinguishedName>,
    #[command(flatten)]
    pub life: LifeArgs,
    /// The address at which the CA publishes its revocation list
    #[arg(long, value_name = "URL", value_parser = CrlUrl::parse)]
    pub crl_url: Option<CrlUrl>,
    /// Write the certificate and those of --ca-cert to this file too, in PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub chain: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub opened: OpenedBy,
    #[command(flatten)]
    pub common: Common,
}

/// A certificate that is to be revoked, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeArg {
    /// The certificate.
    pub what: Revoked,
    /// Why.
    pub reason: Option<Reason>,
}

/// How a certificate is named that is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// By its serial number.
    Serial(Serial),
    /// By its file.
    File(PathBuf),
}

impl FromStr for RevokeArg {
    type Err = String;

    /// Hexadecimal digits, with or without colons, are a serial number, and the rest are files.
    fn from_str(text: &str) -> Result<Self, String> {
        let (what, reason) = match text.rsplit_once('=') {
            None => (text, None),
            Some((what, name)) => {
                let reason = Reason::named(name).ok_or_else(|| {
                    let all: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
                    format!(
                        "{name:?} is not a reason; the reasons are {}",
                        all.join(", ")
                    )
                })?;
                (what, Some(reason))
            }
        };
        let is_number = |c: char| c.is_ascii_hexdigit() || c == ':';
        let what = match what {
            "" => return Err("expected a certificate's file or a serial number".into()),
            "-" => return Err("name a certificate's file, or its serial number".into()),
            number if number.chars().all(is_number) => {
                let serial = Serial::from_hex(number);
                Revoked::Serial(
                    serial
                        .map_err(|error| format!("{error} (a file of that name is ./{number})"))?,
                )
            }
            file => Revoked::File(file.into()),
        };
        Ok(Self { what, reason })
    }
}

// `cert crl`
#[derive(Debug, Args)]
pub struct MakeCrl {
    #[command(flatten)]
    pub ca: CaArgs,
    /// The list before this one: the new one has its entries, and the next number
    #[arg(long, value_name = "CRL", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub previous: Option<PathBuf>,
    /// Revoke this certificate, named by its file or its serial number in hexadecimal (several allowed); reasons are
    /// keyCompromise, superseded, cessationOfOperation, certificateHold and the others of RFC 5280
    #[arg(long, value_name = "CERT|SERIAL[=REASON]")]
    pub revoke: Vec<RevokeArg>,
    #[command(flatten)]
    pub life: LifeArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub opened: OpenedBy,
    #[command(flatten)]
    pub common: Common,
}

// `cert show`
#[derive(Debug, Args)]
pub struct Show {
    /// The file, in PEM or DER
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub file: PathBuf,
    #[command(flatten)]
    pub common: Common,
}

/// The purpose that a certificate must serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PurposeName {
    /// Signatures of Notary Project.
    #[value(help = "Signatures of Notary Project")]
    Notation,
    /// Anything: the certificate may also be a CA's.
    #[value(help = "Anything: the certificate may also be a CA's")]
    Any,
}

// `cert verify`
#[derive(Debug, Args)]
pub struct VerifyCert {
    /// The certificate; a file may hold its whole chain, the certificate first
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub file: PathBuf,
    /// A file of certificates that are trusted (several allowed)
    #[arg(long, value_name = "FILE", required = true, value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub ca: Vec<PathBuf>,
    /// A file of certificates that may stand between (several allowed)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub untrusted: Vec<PathBuf>,
    /// A revocation list of an issuer (several allowed); with one the issuer of the certificate needs one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub crl: Vec<PathBuf>,
    /// Verify as of this time [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<Time>,
    /// The purpose that the certificate must serve
    #[arg(long = "for", value_name = "USE", value_enum, default_value_t = PurposeName::Notation)]
    pub purpose: PurposeName,
    #[command(flatten)]
    pub common: Common,
}

/// Reads a name.
fn name(text: &str) -> Result<DistinguishedName, DnError> {
    dn::parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_to_revoke_is_named_by_file_or_number() {
        let parsed = |text: &str| text.parse::<RevokeArg>();
        let number = |hex| Revoked::Serial(Serial::from_hex(hex).expect("a number"));
        for (text, what, reason) in [
            ("0a1b", number("0a1b"), None),
            ("0A:1B=superseded", number("0a1b"), Some(Reason::Superseded)),
            ("leaf.crt", Revoked::File("leaf.crt".into()), None),
            ("./cafe", Revoked::File("./cafe".into()), None),
            (
                "a=b.crt=keycompromise",
                Revoked::File("a=b.crt".into()),
                Some(Reason::KeyCompromise),
            ),
        ] {
            assert_eq!(parsed(text), Ok(RevokeArg { what, reason }), "{text}");
        }
        for (text, reason) in [
            ("", "expected a certificate"),
            ("-", "name a certificate's file"),
            ("=superseded", "expected a certificate"),
            ("0a1b=", "\"\" is not a reason"),
            (
                "0a1b=removeFromCRL",
                "is not a reason; the reasons are unspecified, key",
            ),
            ("00", "not a serial number"),
            ("0a1:b", "not a serial number"),
            (&"7f".repeat(21), "not a serial number"),
        ] {
            let error = parsed(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
