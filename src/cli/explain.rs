//! The exit status of each error, and advice on it.

mod any_keys;
mod archives;
mod broker;
mod ceremony;
mod cert;
mod cosign;
pub mod doctor;
mod images;
mod keys;
#[cfg(feature = "registry")]
mod mirrors;
mod nearest;
mod notation;
mod policy;
pub mod realms;
#[cfg(feature = "registry")]
mod registries;
mod shell;

use super::status::Status;
use crate::ceremony::Error as CeremonyError;
use crate::class::Class;
use crate::key::KeyRef;
use crate::key::passphrase::PassphraseError;
use crate::key::pin::PinError;
use crate::key::pkcs11::{self, CertificateFault, PinFault};
use crate::ops::Error;
use crate::{files, key, store};
use shell::{quoted, word};

/// The exit status for an error.
pub fn status(error: &Error) -> Status {
    match error.class() {
        Class::Refused => Status::Refused,
        Class::Usage => Status::Usage,
        Class::Undecided => Status::Undecided,
    }
}

/// The signal by which a person ended the program at a prompt, if the error is that.
pub fn interrupt(error: &Error) -> Option<i32> {
    match error {
        Error::Key(key::Error::Token(source))
        | Error::Ceremony(CeremonyError::Key(key::Error::Token(source))) => match source.no_pin() {
            Some(PinError::Interrupted(signal)) => Some(*signal),
            _ => None,
        },
        Error::Key(key::Error::Passphrase {
            source: PassphraseError::Interrupted(signal),
            ..
        }) => Some(*signal),
        Error::KeyMade { source, .. } | Error::PairMade { source, .. } => interrupt(source),
        _ => None,
    }
}

/// Whether the error is that the reader of standard output has gone.
pub fn is_reader_gone(error: &Error) -> bool {
    match error {
        Error::File { source, .. }
        | Error::Key(key::Error::File(source))
        | Error::Ceremony(
            CeremonyError::File { source, .. } | CeremonyError::Key(key::Error::File(source)),
        ) => files::is_reader_gone(source),
        Error::KeyMade { source, .. } | Error::PairMade { source, .. } => is_reader_gone(source),
        _ => false,
    }
}

/// Advice on an error, if there is any.
pub fn hint(error: &Error) -> Option<String> {
    match error {
        Error::Key(error) | Error::Ceremony(CeremonyError::Key(error)) => of_key(error),
        Error::Ceremony(error) => ceremony::hint(error).map(str::to_owned),
        Error::File { role, source } => of_output(role, source),
        Error::Cert(error) => cert::hint(error).map(str::to_owned),
        Error::Cosign(error) => cosign::hint(error).map(str::to_owned),
        Error::Resource(error) => broker::hint(error).map(str::to_owned),
        Error::Policy(error) => policy::hint(error).map(str::to_owned),
        Error::Notation(error) => notation::hint(error).map(str::to_owned),
        Error::Store(error) => images::of_layout(error),
        Error::Unfit { rule, .. } if rule.starts_with("realm.") => {
            realms::hint([*rule]).map(str::to_owned)
        }
        Error::Unfit { reason, .. } if reason.ends_with(store::SEALED) => Some(
            "--decryption-key KEY looks into it; --allow-encrypted signs it all the same".into(),
        ),
        Error::KeyMade { key, .. } => Some(format!("write its public key: {}", extract(key))),
        Error::PairMade { key, .. } => Some(any_keys::of_made(key)),
        Error::NoAppName { .. } | Error::NoAppNamed => Some("name the app with -a".into()),
        Error::InArchive(path) => Some(format!(
            "unpack it as an app and sign it in one step: ir-sign extract-sign-image -r DIR -f {}",
            quoted(path)
        )),
        Error::NotAnApp(_) => Some(
            "give the folder a name of letters, digits and . _ - + @ that starts with none of these but _".into(),
        ),
        Error::NamedAndAll(_) => Some("leave the tag or digest out, or --all".into()),
        Error::NotForRealms(_) => Some("leave --for-realms out, or unpack it: ir-sign extract-sign-image".into()),
        Error::CopyNotForRealms(_) => Some("leave --for-realms out, or copy into a layout: oci:DIR/NAME:TAG".into()),
        Error::NotCopied { image, what, other } => {
            let (from, to) = if *what == "to" { (other, image) } else { (image, other) };
            Some(format!("skopeo does: skopeo copy {} {}", word(from.clone()), word(to.clone())))
        }
        Error::OneEndorsement(_) => Some("name one image".into()),
        Error::OutputTaken { .. } => {
            Some("name a file for it".into())
        }
        Error::OutputIsInput { .. } | Error::OutputIsPrivateKey { .. } => {
            Some("name another output".into())
        }
        Error::InTheWay { .. } => Some(images::MOVE.into()),
        Error::TwoLists { place, .. } => Some(archives::two_lists(place.path()?)),
        Error::InputInApp { .. } => Some("move the file out of the registry first".into()),
        Error::TooManyTags { .. } => Some(
            "give the endorsement in use with -s and -c: then ir-sign searches for none (ir-sign inspect-image --endorsement FILE copies it out of an image)"
                .into(),
        ),
        Error::LongForToken { .. } => Some(TAKES_HASHES.into()),
        Error::NotASignature { .. } => Some(
            "signatures are DER, as `openssl dgst -sha384 -sign` writes them; ir-sign does not read hex, base64 or raw r||s"
                .into(),
        ),
        Error::NotEndorsed { .. } => Some(
            "the CA has to sign the vendor's public key: ir-sign endorse -k CA -f vendor.pub -s vendor.pub.sig"
                .into(),
        ),
        Error::OtherCa { .. } => Some(
            "a realm that was started with it loses its data with another: see that the CA is the right one; \
             --replace-endorsement replaces it"
                .into(),
        ),
        Error::OtherEndorsement { changed: true, .. } => Some(
            "they differ only in s and n - s, and that change takes no key: somebody changed one of them. Compare both with what \
             the CA gave (`ir-sign inspect-image --json` prints an image's), and remove the changed one from the registry"
                .into(),
        ),
        Error::OtherEndorsement { way, .. } => images::of_endorsements(way),
        Error::SeveralEndorsements { .. } => Some("name one image with -d".into()),
        Error::NoEndorsement { .. } => Some("see who signed what: ir-sign inspect-image".into()),
        Error::ArchiveEndorsement { .. } => Some(
            "a realm that started with the one in use loses its data with the archive's: unpack it under another name with -a".into(),
        ),
        Error::Overtaken { .. } => Some(
            "run it again: -x uses the endorsement that is there now; with -s it has to be that one".into(),
        ),
        Error::Endorsements { .. } => Some(
            "give the endorsement with -s and -c, or repair or move away the part that ir-sign cannot read".into(),
        ),
        _ => None,
    }
}

fn of_key(error: &key::Error) -> Option<String> {
    match error {
        key::Error::Private { path, source } => keys::of_private(path, source),
        key::Error::Public { path, source } => keys::of_public(path, source),
        key::Error::PrivateFile { path, source } => any_keys::of_private(path, source),
        key::Error::PublicFile { path, source } => any_keys::of_public(path, source),
        key::Error::Passphrase { source, .. } => any_keys::of_passphrase(source),
        key::Error::Unrecognised { path, source } => keys::of_any(path, source),
        key::Error::File(files::Error::Exists { .. }) => Some(
            "a private key is never overwritten: name another file, or move this one away; \
             `ir-sign extract-public` writes its public key"
                .into(),
        ),
        key::Error::PairFile(files::Error::Exists { .. }) => Some(any_keys::NEVER_REPLACED.into()),
        key::Error::File(error) | key::Error::PairFile(error) => of_output("file", error),
        key::Error::Token(error) => on_token(error),
        key::Error::GivenUp
        | key::Error::Algorithm { .. }
        | key::Error::Certificates { .. }
        | key::Error::CertificateFile(_)
        | key::Error::Faulty { .. } => None,
    }
}

/// Advice on a refused PIN.
const fn on_pin(fault: PinFault) -> &'static str {
    match fault {
        PinFault::Locked => "unlock it with the token's own tools",
        PinFault::Expired => "change it with the token's own tools",
        PinFault::Wrong => {
            "check the PIN before another run: a token locks itself after a few wrong ones"
        }
    }
}

fn on_token(error: &pkcs11::Error) -> Option<String> {
    use pkcs11::Error as E;
    if let Some(fault) = error.pin_fault() {
        return Some(on_pin(fault).into());
    }
    let text = match error {
        E::Static => {
            "keys on tokens need the dynamically linked ir-sign; this one verifies, and signs with keys in files"
        }
        E::Module { .. } => {
            "name the token's module with --pkcs11-module or PKCS11_MODULE_PATH, as in /usr/lib/softhsm/libsofthsm2.so"
        }
        E::Start { .. } => {
            "the module is there; see that what it needs is too: its settings, as those that SOFTHSM2_CONF names, its service, its device"
        }
        E::ModuleName { .. } => {
            "module-name only says what the module has to be called; name the file with --pkcs11-module PATH, PKCS11_MODULE_PATH, or module-path=PATH in the URI"
        }
        E::Tokens { found, .. } if found.is_empty() => {
            "see `ir-sign token list`; is the token plugged in, and is this the right module?"
        }
        E::Tokens { .. } => {
            "name one by its serial, its label, or anything else that no other has; by its slot-id if nothing differs"
        }
        E::Keys { found, .. } if found.is_empty() => "see `ir-sign token keys`",
        E::Keys { .. } => "name one by label and id",
        E::PublicObjects { .. } => {
            "name one by label and id, or name the PIN's source, and the private key decides: --pin-source file:PATH"
        }
        E::NoKeyNamed { .. } => "name a key: pkcs11:token=…;object=LABEL",
        E::NoLabel { .. } => "name the new key: pkcs11:token=…;object=LABEL",
        E::Certificate(_, CertificateFault::There(_)) => {
            "remove that one first: pkcs11-tool --delete-object --type cert --id HEX"
        }
        E::Certificate(_, CertificateFault::None(_)) => {
            "put it there: ir-sign token import-certificate URI FILE"
        }
        E::Certificate(..) => return None,
        E::NotReady { reason, .. } if *reason == pkcs11::NO_USER_PIN => {
            "if it has one after all, name its source, and ir-sign tries it once: --pin-source file:PATH, or pin-source=file:PATH in the URI; else set it up: ir-sign token init"
        }
        E::NotReady { .. } => "set it up: ir-sign token init, or the token's own tools",
        E::Guarded {
            final_try: true, ..
        } => "if you are sure of the PIN, give --allow-final-try",
        E::Guarded { .. } => "unlock or change the PIN with the token's own tools",
        E::NoPin {
            source: PinError::Nobody,
            ..
        } => "--pin-source file:PATH, env:NAME or fd:NUMBER, or pin-source=file:PATH in the URI",
        E::NoPin {
            source: PinError::Empty(from),
            ..
        } if from.starts_with("fd:") => {
            "a pipe gives its PIN once: --keep-pin keeps it for this run"
        }
        E::OneSource { .. } => "give each token its own: pkcs11:…?pin-source=file:PATH",
        E::Call { .. } if error.is_out_of_sessions() => {
            "the token has no session left: end other programs that use it; each of --jobs takes one, --jobs 1 the fewest"
        }
        E::Point { .. } => {
            "ir-sign does not know the form of the token's public object: give its public key with --public-key FILE"
        }
        E::NoPublic { given: true, .. } => "give the public key of this very key",
        E::NoPublic { .. } => "give its public key with --public-key FILE",
        E::Mechanism {
            wanted, offered, ..
        } => keys::of_mechanism(wanted, offered),
        E::LongMessage(..) => TAKES_HASHES,
        E::HashAlone(_) => "leave --mechanism out: only CKM_ECDSA signs that",
        E::InUse {
            what,
            orphans: true,
            ..
        } if what == "id" => {
            "it has no private half, as after an interrupted gen-key: remove it (pkcs11-tool --delete-object --type pubkey --id HEX), or take another id, or leave it out: ir-sign makes one up"
        }
        E::InUse { orphans: true, .. } => {
            "it has no private half, as after an interrupted gen-key: remove it (pkcs11-tool --delete-object --type pubkey --label LABEL) or take another label"
        }
        E::InUse { what, .. } if what == "id" => {
            "take another id, or leave it out: ir-sign makes one up"
        }
        E::InUse { .. } => {
            "take another label; if gen-key was interrupted, the key may be the one you want: ir-sign extract-public --pkcs11-uri URI -o FILE"
        }
        E::TokenLock { .. } => "let the other run end, and run this again",
        E::Unsure { .. } => "look before you run it again: ir-sign token keys",
        E::BadKey { removed: false, .. } => {
            "do not use it, and remove it with the token's own tools"
        }
        E::BadKey { source, .. } if matches!(**source, E::Twin { .. }) => {
            "see `ir-sign token keys` for what is there now, and take another label for another key"
        }
        E::Unfit { .. } => {
            "a passport vouches for a key that was made on its token and never left it; --accept CKA_NAME records a difference"
        }
        E::NoPassport { .. } => "give its passport too, with --require-passport FILE",
        other => return on_setup(other),
    };
    Some(text.into())
}

/// The same for setting up a token.
fn on_setup(error: &pkcs11::Error) -> Option<String> {
    use pkcs11::Error as E;
    let text = match error {
        E::NoSetupPin {
            flag,
            source: PinError::Nobody,
            ..
        } => return Some(format!("{flag} file:PATH, env:NAME or fd:NUMBER")),
        E::NoSetupPin {
            source: PinError::Empty(from),
            ..
        } if from.starts_with("fd:") => {
            "ir-sign reads a descriptor to its end for one PIN: give each PIN its own"
        }
        E::Pad { .. } => {
            "set it up with its maker's program, or, where its module takes PINs all the same, give both: --so-pin-source and --new-pin-source"
        }
        E::HalfSetUp {
            pin_is_set: true, ..
        } => "see `ir-sign token list` and `ir-sign token doctor`",
        E::HalfSetUp { label, .. } => {
            return Some(format!(
                "set it up again: ir-sign token init --erase={0} --label={0}",
                word(label)
            ));
        }
        E::EraseOther { .. } => {
            "give --erase the label of the token that the URI names, or name the token by serial or slot-id"
        }
        E::Initialised { label, .. } => {
            return Some(format!(
                "if you can lose all that is on it, give --erase={}",
                word(label)
            ));
        }
        _ => return None,
    };
    Some(text.into())
}

fn of_output(role: &str, error: &files::Error) -> Option<String> {
    match error {
        files::Error::Exists { .. } | files::Error::Differs { .. } => {
            Some(format!("--force replaces the {role}"))
        }
        files::Error::Taken => Some("give one of them as a file".into()),
        files::Error::Terminal => {
            Some("send it to a file or a program: > FILE, or | PROGRAM".into())
        }
        _ => None,
    }
}

/// The command that writes the public key of a private key.
pub fn extract(key: &KeyRef) -> String {
    let key = match key {
        KeyRef::File(path) => quoted(path),
        KeyRef::Token(uri) => word(uri.to_string()),
    };
    format!("ir-sign extract-public -i {key} -o FILE")
}

/// The advice for a message of any length.
const TAKES_HASHES: &str =
    "use a key whose token offers CKM_ECDSA, or sign a file that holds a hash of this one";
