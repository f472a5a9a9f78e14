//! Roots, requests, certificates and revocation lists, made.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::args::cert::{
    Issue, LifeArgs, MakeCrl, MakeRequest as RequestArgs, MakeRoot as RootArgs, OpenedBy,
    OutputArgs, ProfileName, RevokeArg, Revoked,
};
use crate::cli::console::{Console, Failure, Outcome, print};
use crate::cli::context::{any_ring, passphrases_by_flag, warn_if_open};
use crate::cli::run::written::{not_beside_json, written};
use crate::cli::show::certificates::{certificate_json, list_json, request_json};
use crate::cli::status::Status;
use crate::files;
use crate::key::KeyRef;
use crate::ops::Error;
use crate::ops::cert::issue::{IssueCertificate, MakeRequest, MakeRoot};
use crate::ops::cert::list::{MakeList, Named, ToRevoke};
use crate::ops::cert::{Error as CertError, Keys, Life, Made, Output, Until};
use crate::text::plain;
use crate::x509::name::Attribute;
use crate::x509::{Certificate, Profile, shown_serial};

/// The key of a command, opened by what its flags say.
fn with_keys<T>(
    key: &KeyRef,
    by: &OpenedBy,
    console: &Console,
    work: impl FnOnce(Keys<'_>) -> Result<T, Error>,
) -> Result<T, Failure> {
    let ring = any_ring(&by.tokens, &by.passports, [key.pin_source()], console)?;
    warn_if_open(key, console);
    let source = by.passphrase.passphrase_source.as_ref();
    let passphrases = passphrases_by_flag("--passphrase-source", source, console);
    let keys = Keys {
        ring: &ring,
        passphrases: &passphrases,
        key,
    };
    Ok(work(keys)?)
}

fn output(args: OutputArgs, role: &'static str, console: &Console) -> Result<Output, Failure> {
    if let Some(path) = &args.output {
        not_beside_json(role, path, console)?;
    }
    Ok(Output {
        path: args.output,
        der: args.der,
        force: args.force,
    })
}

fn life(args: LifeArgs) -> Life {
    let until = match (args.days, args.not_after) {
        (Some(days), _) => Until::Days(days.0),
        (None, Some(time)) => Until::Time(time.0),
        (None, None) => unreachable!("the argument parser asks for one or the other"),
    };
    Life {
        from: args.not_before.map(|time| time.0),
        until,
    }
}

pub(super) fn root(args: RootArgs, console: &Console) -> Outcome {
    let request = MakeRoot {
        subject: args.subject,
        life: life(args.life),
        path_len: args.path_len,
        output: output(args.output, "certificate", console)?,
    };
    let work = |keys: Keys<'_>| request.run(keys);
    let made = with_keys(&args.key, &args.opened, console, work)?;
    certificate(&made, &request.output, console)
}

pub(super) fn issue(args: Issue, console: &Console) -> Outcome {
    let profile = match (args.profile, args.path_len) {
        (ProfileName::Ca, path_len) => Profile::Ca {
            path_len: path_len.unwrap_or(0),
        },
        (ProfileName::Signer, None) => Profile::Signer,
        (ProfileName::Signer, Some(_)) => return Err(Error::from(CertError::PathLen).into()),
    };
    let request = IssueCertificate {
        request: args.request,
        profile,
        ca_certificate: args.ca.ca_cert,
        subject: args.subject,
        life: life(args.life),
        crl_url: args.crl_url,
        chain: args.chain,
        output: output(args.output, "certificate", console)?,
    };
    let work = |keys: Keys<'_>| request.run(keys);
    let key = &args.ca.ca_prv;
    let made = with_keys(key, &args.opened, console, work)?;
    if let Some(reason) = unnamed(&made.value).filter(|_| profile == Profile::Signer) {
        console.warn(&format!(
            "no Notary Project trust policy can name this signer: {reason}"
        ));
    }
    certificate(&made, &request.output, console)
}

/// Why no trust policy names a certificate's subject (Notary Project, "Trusted Identities").
fn unnamed(certificate: &Certificate) -> Option<String> {
    let subject = certificate.subject();
    let attributes = || subject.rdns().iter().flatten();
    let count = |kind: &str| attributes().filter(|a| a.known() == Some(kind)).count();
    for kind in ["C", "ST", "O"] {
        if count(kind) == 0 {
            return Some(format!("its subject has no {kind}"));
        }
    }
    let twice = attributes().filter_map(Attribute::known);
    let mut twice = twice.filter(|kind| count(kind) > 1);
    twice
        .next()
        .map(|kind| format!("its subject has {kind} twice"))
}

pub(super) fn request(args: RequestArgs, console: &Console) -> Outcome {
    let request = MakeRequest {
        subject: args.subject,
        output: output(args.output, "request", console)?,
    };
    let work = |keys: Keys<'_>| request.run(keys);
    let made = with_keys(&args.key, &args.opened, console, work)?;
    let value = &made.value;
    tell_written(&made, console);
    let key = value.public_key();
    console.note(&format!(
        "request of \"{}\" for the key {}",
        plain(&value.subject().to_string()),
        key.fingerprint()
    ));
    result(value.der(), &value.pem(), &request.output, console)?;
    console.json(|| with_file(request_json(value), &value.pem(), &request.output))?;
    Ok(Status::Done)
}

pub(super) fn list(args: MakeCrl, console: &Console) -> Outcome {
    let request = MakeList {
        ca_certificate: args.ca.ca_cert,
        previous: args.previous,
        revoke: args.revoke.into_iter().map(to_revoke).collect(),
        life: life(args.life),
        output: output(args.output, "revocation list", console)?,
    };
    let work = |keys: Keys<'_>| request.run(keys);
    let key = &args.ca.ca_prv;
    let made = with_keys(key, &args.opened, console, work)?;
    let value = &made.value;
    tell_written(&made, console);
    let number = value.number().map(shown_serial).unwrap_or_default();
    console.note(&format!(
        "revocation list {number} of \"{}\", {}; the next one is due at {}",
        plain(&value.issuer().to_string()),
        match value.entries().len() {
            1 => "1 certificate revoked".to_owned(),
            all => format!("{all} certificates revoked"),
        },
        humantime::format_rfc3339_seconds(value.next_update())
    ));
    result(value.der(), &value.pem(), &request.output, console)?;
    console.json(|| with_file(list_json(value), &value.pem(), &request.output))?;
    Ok(Status::Done)
}

fn to_revoke(arg: RevokeArg) -> ToRevoke {
    ToRevoke {
        what: match arg.what {
            Revoked::Serial(serial) => Named::Serial(serial),
            Revoked::File(path) => Named::File(path),
        },
        reason: arg.reason,
    }
}

/// Tells of a certificate that was made.
fn certificate(made: &Made<Certificate>, output: &Output, console: &Console) -> Outcome {
    let value = &made.value;
    tell_written(made, console);
    console.note(&format!(
        "certificate {} of \"{}\", issued by \"{}\", valid from {} to {}",
        shown_serial(value.serial()),
        plain(&value.subject().to_string()),
        plain(&value.issuer().to_string()),
        humantime::format_rfc3339_seconds(value.not_before()),
        humantime::format_rfc3339_seconds(value.not_after())
    ));
    console.note(&format!("fingerprint {}", value.fingerprint()));
    result(value.der(), &value.pem(), output, console)?;
    console.json(|| with_file(certificate_json(value), &value.pem(), output))?;
    Ok(Status::Done)
}

fn tell_written<T>(made: &Made<T>, console: &Console) {
    for (path, how) in &made.written {
        console.note(&written(path, *how));
    }
}

/// Prints a result that goes to no file.
fn result(der: &[u8], pem: &str, output: &Output, console: &Console) -> Result<(), Failure> {
    if output.path.is_some() || console.settings.json {
        return Ok(());
    }
    if output.der {
        // Refuses to write to a terminal.
        let to = Path::new("-");
        let existing = files::Existing::Replace;
        let done = files::write(to, der, 0o644, existing);
        done.map_err(|source| Error::File {
            role: "result",
            source,
        })?;
        return Ok(());
    }
    print(pem.as_bytes())
}

fn with_file(mut value: Value, pem: &str, output: &Output) -> Value {
    let file = output.path.as_deref();
    value["file"] = json!(file.map(|path| path.display().to_string()));
    value["pem"] = json!(pem);
    value
}
