//! What can go wrong with a token.

use std::path::PathBuf;

use cryptoki::context::Function;
use cryptoki::error::RvError;

use super::certificate_fault::CertificateFault;
use super::mechanism::LONGEST_MESSAGE;
use super::passport::PassportError;
use super::pin_length::PinLength;
use super::point::PointError;
use super::words::{code_name, count, in_the_way, listed, orphan};
use crate::crypto::Algorithm;
use crate::crypto::p384::Fingerprint;
use crate::files;
use crate::key::pin::PinError;

/// Why a token did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This program is one that cannot load modules.
    #[error("this ir-sign is a static program, and such a program cannot load PKCS#11 modules")]
    Static,
    /// The module was not loaded.
    #[error("PKCS#11 module {}: {reason}", .path.display())]
    Module {
        /// The module.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// The module has not the name that the URI gives.
    #[error("PKCS#11 module {}: the URI asks for the module named {name}", .path.display())]
    ModuleName {
        /// The module that would be loaded.
        path: PathBuf,
        /// The name in the URI.
        name: String,
    },
    /// The module was loaded and does not start.
    #[error("PKCS#11 module {}: {reason}", .path.display())]
    Start {
        /// The module.
        path: PathBuf,
        /// What it answered.
        reason: String,
    },
    /// A call failed.
    #[error("{what}: C_{function:?} gave {}", code_name(.code))]
    Call {
        /// The module, token or key.
        what: String,
        /// The function.
        function: Function,
        /// Its return value.
        code: RvError,
    },
    /// A call's answer makes no sense.
    #[error("{what}: the module's answer makes no sense ({reason})")]
    Nonsense {
        /// The module, token or key.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No token, or several, match the URI.
    #[error("{} for {uri}{}", count("token", .found), listed(.found, .present))]
    Tokens {
        /// What was asked for.
        uri: String,
        /// The tokens that match.
        found: Vec<String>,
        /// The tokens there are.
        present: Vec<String>,
    },
    /// The token that was open is no longer there.
    #[error("{0}: it is gone (no token with its serial number is there any more)")]
    Gone(String),
    /// No private key, or several, match the URI.
    #[error("{token}: {} for {uri}{}{}", count("private key", .found), listed(.found, .present), orphan(.orphans))]
    Keys {
        /// The token.
        token: String,
        /// What was asked for.
        uri: String,
        /// The keys that match.
        found: Vec<String>,
        /// The keys there are.
        present: Vec<String>,
        /// Public keys that match but have no private half.
        orphans: Vec<String>,
    },
    /// Without a login the token shows several public keys of the name.
    #[error("{token}: {} for {uri}{}", count("public key", .found), listed(.found, &[]))]
    PublicObjects {
        /// The token.
        token: String,
        /// What was asked for.
        uri: String,
        /// The public keys that match.
        found: Vec<String>,
    },
    /// The URI names no key.
    #[error("{uri} names no key: it has neither object nor id{}", listed(&[], .present))]
    NoKeyNamed {
        /// The URI.
        uri: String,
        /// The keys there are.
        present: Vec<String>,
    },
    /// A new key needs a label.
    #[error("{uri} gives the new key no label: it has no object")]
    NoLabel {
        /// The URI.
        uri: String,
    },
    /// The URI is for another kind of object.
    #[error("{uri} has a type that is not {wanted}")]
    Kind {
        /// The URI.
        uri: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// The token is not set up.
    #[error("{token}: it is not ready: {reason}")]
    NotReady {
        /// The token.
        token: String,
        /// What is missing.
        reason: &'static str,
    },
    /// The token's flags say that a PIN must not be tried.
    #[error("{token}: no PIN was sent: {reason}")]
    Guarded {
        /// The token.
        token: String,
        /// What its flags say.
        reason: &'static str,
        /// Whether the user may insist.
        final_try: bool,
    },
    /// The PIN was refused.
    #[error("{token}: it refused the PIN from {source_name} ({}); no other attempt is made", code_name(.code))]
    Pin {
        /// The token.
        token: String,
        /// Where the PIN came from.
        source_name: String,
        /// The return value.
        code: RvError,
    },
    /// The login failed for another reason than the PIN.
    #[error("{token}: the login with the PIN from {source_name} failed: C_Login gave {}; no other attempt is made", code_name(.code))]
    Login {
        /// The token.
        token: String,
        /// Where the PIN came from.
        source_name: String,
        /// The return value.
        code: RvError,
    },
    /// A login failed earlier in this run, of this key or another.
    #[error("{first}")]
    PinSpent {
        /// What was wrong then.
        first: String,
        /// What it said of the PIN, if anything.
        code: Option<RvError>,
    },
    /// There is no PIN.
    #[error("{token}: {source}")]
    NoPin {
        /// The token.
        token: String,
        /// Why.
        source: PinError,
    },
    /// The one source of a PIN was for another token.
    #[error(
        "{token}: the PIN source {source_name} was for {first}; one token's PIN is never sent to another"
    )]
    OneSource {
        /// The token that has no source.
        token: String,
        /// The source.
        source_name: String,
        /// The token it was used for.
        first: String,
    },
    /// The key is of another kind than the algorithm's.
    #[error("{0}: it makes no signatures by {1}")]
    Algorithm(String, Algorithm),
    /// The key is of another kind, or on another curve.
    #[error("{key}: it is not {wanted} ({found})")]
    Curve {
        /// The key.
        key: String,
        /// Which keys would do.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// The public half of the key is nowhere to be found.
    #[error(
        "{key}: the token does not show its public half{}{}",
        if *.given { ", and it is none of the public keys that were given" } else { "" },
        in_the_way(.others)
    )]
    NoPublic {
        /// The key.
        key: String,
        /// Whether the user gave public keys.
        given: bool,
        /// Public objects of its id that cannot be it.
        others: Vec<String>,
    },
    /// The public half is not a point.
    #[error("{key}: {source}")]
    Point {
        /// The key.
        key: String,
        /// What is wrong.
        source: PointError,
    },
    /// There are several public halves.
    #[error("{0}: the token shows different public keys for it")]
    Publics(String),
    /// The public half that the token shows does not belong to the private half.
    #[error(
        "{key}: the public key that the token shows does not verify what the private key signs"
    )]
    WrongPublic {
        /// The key.
        key: String,
    },
    /// The token does not offer what is needed.
    #[error("{token}: it does not offer {wanted}; it offers {offered}")]
    Mechanism {
        /// The token.
        token: String,
        /// What is needed.
        wanted: &'static str,
        /// The mechanisms it offers.
        offered: String,
    },
    /// The token is to hash by itself, and the message is longer than what it is given: key and bytes.
    #[error(
        "{0}: with CKM_ECDSA_SHA384 the token hashes the message, of {LONGEST_MESSAGE} bytes at most, and this one has {1}"
    )]
    LongMessage(String, usize),
    /// The token is to hash by itself, and another hash is to be signed.
    #[error(
        "{0}: CKM_ECDSA_SHA384 signs a message by its SHA-384, and here another hash is to be signed"
    )]
    HashAlone(String),
    /// The token gave something that is not a signature.
    #[error(
        "{key}: the token gave a signature of {found} bytes, and {wanted} are right; it was thrown away"
    )]
    Length {
        /// The key.
        key: String,
        /// How many bytes.
        found: usize,
        /// How many a signature of the key has.
        wanted: usize,
    },
    /// r or s are not from 1 to n − 1.
    #[error("{0}: the token gave a signature whose numbers are out of range; it was thrown away")]
    Range(String),
    /// The label or id is in use.
    #[error("{token}: the {what} is in use already: {}", .objects.join("; "))]
    InUse {
        /// The token.
        token: String,
        /// Label or id.
        what: String,
        /// The objects that use it.
        objects: Vec<String>,
        /// Whether they are all public keys without a private half.
        orphans: bool,
    },
    /// Another run makes a key on the token.
    #[error("{token}: no key was made: {reason}")]
    TokenLock {
        /// The token.
        token: String,
        /// Why the lock was not free.
        reason: String,
    },
    /// Another key has the new key's label or id.
    #[error("{token}: another run made a key of the same {what} at the same time: {other}")]
    Twin {
        /// The token.
        token: String,
        /// Label or id.
        what: &'static str,
        /// The other key.
        other: String,
    },
    /// It is not known whether the key was made.
    #[error("{source}; whether the key was made is not known")]
    Unsure {
        /// What went wrong.
        source: Box<Error>,
    },
    /// The new key is not as it was asked for.
    #[error("{source}; the new key was {}", if *.removed { "removed" } else { "not removed" })]
    BadKey {
        /// What is wrong with it.
        source: Box<Error>,
        /// Whether it is gone again.
        removed: bool,
    },
    /// A key's attributes are not those that were asked for.
    #[error("{key}: {}", .differences.join(", "))]
    Attributes {
        /// The key.
        key: String,
        /// Each attribute, requested and got.
        differences: Vec<String>,
    },
    /// The passport is not one, or not this key's.
    #[error("passport {}: {source}", .path.display())]
    Passport {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: PassportError,
    },
    /// The passport is larger than one that is read.
    #[error("{key}: no passport is made: it would have {found} bytes, and {most} are read")]
    PassportSize {
        /// The key.
        key: String,
        /// How large it is.
        found: usize,
        /// How large it may be.
        most: usize,
    },
    /// The passport was not read.
    #[error("passport {0}")]
    PassportFile(files::Error),
    /// The key has attributes that keep it from having a passport.
    #[error("{key}: no passport is made: {}", .reasons.join(", "))]
    Unfit {
        /// The key.
        key: String,
        /// The attributes that are not as they should be.
        reasons: Vec<String>,
    },
    /// A key on a token has none of the passports that were given.
    #[error("{key} (fingerprint {fingerprint}) has none of the passports that are required")]
    NoPassport {
        /// The key.
        key: String,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// The token is initialised already.
    #[error(
        "{token}: it is initialised already, and initialising it again destroys all that is on it"
    )]
    Initialised {
        /// The token.
        token: String,
        /// Its label.
        label: String,
    },
    /// The URI names one token, and another is to be erased.
    #[error(
        "the URI names token \"{token}\" and --erase token \"{erase}\"; nothing was erased and no PIN sent"
    )]
    EraseOther {
        /// The label in the URI.
        token: String,
        /// The label to erase.
        erase: String,
    },
    /// The PIN has not as many bytes as the token wants.
    #[error("the {what} must have {length}")]
    PinLength {
        /// Which PIN.
        what: &'static str,
        /// How many it may have.
        length: PinLength,
    },
    /// There is no PIN for a token that is to be set up.
    #[error("the {what} of token \"{label}\": {source}")]
    NoSetupPin {
        /// Which PIN.
        what: &'static str,
        /// The label that the token gets.
        label: String,
        /// The flag that names its source.
        flag: &'static str,
        /// Why.
        source: PinError,
    },
    /// The PINs of a token that is to be set up would have to be typed on its PIN pad.
    #[error(
        "{0}: its PINs are typed on its own PIN pad, which `token init` cannot use; nothing was sent to it"
    )]
    Pad(String),
    /// Setting a token up stopped half way.
    #[error(
        "{source}; the token is now initialised under the label \"{label}\", all that was on it is gone, and its user PIN is {}",
        if *.pin_is_set { "set" } else { "not set" }
    )]
    HalfSetUp {
        /// Whether the user PIN is set.
        pin_is_set: bool,
        /// The label.
        label: String,
        /// What went wrong.
        source: Box<Error>,
    },
    /// The label of a token is too long.
    #[error("a token's label has 1 to 32 bytes, and \"{label}\" has {}", .label.len())]
    Label {
        /// The label.
        label: String,
    },
    /// The label of a token ends in what does not count.
    #[error(
        "a token's label does not end in blanks, which PKCS#11 fills it up with, and \"{label}\" does"
    )]
    LabelBlanks {
        /// The label.
        label: String,
    },
    /// The certificates of a key are not as they should be.
    #[error("{0}: {1}")]
    Certificate(String, CertificateFault),
    /// The URI has an attribute that says nothing to the command.
    #[error("{uri} has the attribute \"{name}\", {why}")]
    Attribute {
        /// The URI.
        uri: String,
        /// The attribute.
        name: &'static str,
        /// Why it is not taken.
        why: &'static str,
    },
}
