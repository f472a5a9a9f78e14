//! Why a command failed.

use std::path::PathBuf;

use super::way::Way;
use crate::class::Class;
use crate::crypto::Digest;
use crate::crypto::SignatureError;
use crate::crypto::p384::Fingerprint;
use crate::image::{AppNameError, ImageNameError};
use crate::report::rule;
use crate::scheme::annotation::NotEndorsed;
use crate::store::{self, Kind, Part, Place};
use crate::trust::{PolicyError, ReferenceError};
use crate::{ceremony, files, key, scheme};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key is absent or wrong.
    #[error(transparent)]
    Key(#[from] key::Error),
    /// A ceremony stopped.
    #[error(transparent)]
    Ceremony(#[from] ceremony::Error),
    /// A command of cosign's family failed.
    #[error(transparent)]
    Cosign(Box<super::cosign::Error>),
    /// A command on certificates failed.
    #[error(transparent)]
    Cert(Box<super::cert::Error>),
    /// A resource was not fetched or encoded.
    #[error(transparent)]
    Resource(Box<super::resource::Error>),
    /// A policy was not evaluated.
    #[error(transparent)]
    Policy(Box<super::policy::Error>),
    /// A command of notation's family failed.
    #[error(transparent)]
    Notation(Box<super::notation::Error>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A policy is refused whole.
    #[error("policy {}: {source}", .path.display())]
    PolicyText {
        /// The file.
        path: PathBuf,
        /// The place of the error, and the error itself.
        source: PolicyError,
    },
    /// Policies do not know such a name of an image.
    #[error("{image}: {source}")]
    PolicyImage {
        /// The name.
        image: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// A text names no image.
    #[error(transparent)]
    Image(#[from] ImageNameError),
    /// The command does not work on images of that kind.
    #[error("{image}: {reason}")]
    NotHere {
        /// The image's name.
        image: String,
        /// Why not.
        reason: &'static str,
    },
    /// A repository has more tags than the search for the endorsement in use reads.
    #[error(
        "{place}: none of the first {most} images carries an endorsement of this vendor, and there are more"
    )]
    TooManyTags {
        /// The repository.
        place: Place,
        /// How many were read.
        most: usize,
    },
    /// A registry stopped answering.
    #[error(
        "{place}: the last {most} images could not be asked for one after the other, so {left} more were not looked at"
    )]
    Unreached {
        /// The repository.
        place: Place,
        /// After how many failures in succession the run gave up.
        most: usize,
        /// How many tags and images are left.
        left: usize,
    },
    /// The scheme refused to sign.
    #[error(transparent)]
    Scheme(#[from] scheme::Error),
    /// A file was not read or written.
    #[error("{role} {source}")]
    File {
        /// The file's role.
        role: &'static str,
        /// What is wrong.
        source: files::Error,
    },
    /// An output is the same file as another file of the command.
    #[error("{role} {}: is the same file as another one in this command", .path.display())]
    OutputIsInput {
        /// What the output is.
        role: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// An output would overwrite a private key.
    #[error("{role} {}: holds a private key, and none is ever overwritten", .path.display())]
    OutputIsPrivateKey {
        /// What the output is.
        role: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A file of the command lies in the app's folder that the command replaces.
    #[error("{}: lies in {}, which would be replaced with all that is in it", .file.display(), .app.display())]
    InputInApp {
        /// The file.
        file: PathBuf,
        /// The app's folder.
        app: PathBuf,
    },
    /// Something that is not an image layout has the app's name in the registry.
    #[error("{app}: exists and is not an image layout ({reason}), so nothing replaces it")]
    InTheWay {
        /// What is there.
        app: Place,
        /// Why it is not a layout.
        reason: String,
    },
    /// The private key was made, and a later step failed.
    #[error("{source}; the private key exists now: {key}")]
    KeyMade {
        /// The private key.
        key: key::KeyRef,
        /// What failed.
        source: Box<Error>,
    },
    /// The private key of a pair is there, and a later step failed.
    #[error("{source}; the private key was made all the same: {key}")]
    PairMade {
        /// The private key.
        key: key::KeyRef,
        /// What failed.
        source: Box<Error>,
    },
    /// A file does not hold a signature.
    #[error("signature file {}: {source}", .path.display())]
    NotASignature {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SignatureError,
    },
    /// The file is longer than a message for a token that hashes by itself.
    #[error("file {} is larger than {most} bytes, and with CKM_ECDSA_SHA384 the token is given the whole of it", .path.display())]
    LongForToken {
        /// The file.
        path: PathBuf,
        /// The most bytes.
        most: usize,
    },
    /// A signature does not verify.
    #[error("signature file {}: is not a signature of {} by key {key}", .path.display(), .file.display())]
    BadSignature {
        /// The signature's file.
        path: PathBuf,
        /// The key.
        key: Fingerprint,
        /// The file that the signature was checked against.
        file: PathBuf,
    },
    /// The endorsement does not verify.
    #[error("endorsement file {}: {source}", .path.display())]
    NotEndorsed {
        /// The endorsement's file.
        path: PathBuf,
        /// Which CA's key and which vendor's key.
        source: NotEndorsed,
    },
    /// Another valid endorsement of this vendor by this CA is in use already.
    #[error(
        "{found_on} carries another valid endorsement of vendor {vendor} by CA {ca} than {given}"
    )]
    OtherEndorsement {
        /// The image that carries it.
        found_on: String,
        /// The vendor.
        vendor: Fingerprint,
        /// The CA.
        ca: Fingerprint,
        /// The other endorsement.
        given: String,
        /// Whether anybody can derive one of them from the other.
        changed: bool,
        /// The way out for the user.
        way: Way,
    },
    /// The archive's images carry another valid endorsement than the app that they would replace.
    #[error(
        "{found_on} carries another valid endorsement of vendor {vendor} by CA {ca} than the archive, and would \
         be replaced with it"
    )]
    ArchiveEndorsement {
        /// The image that would be replaced.
        found_on: String,
        /// The vendor.
        vendor: Fingerprint,
        /// The CA.
        ca: Fingerprint,
    },
    /// While this run signed, another run added another valid endorsement of this vendor by this CA.
    #[error(
        "{found_on} carries another valid endorsement of vendor {vendor} by CA {ca}, which another run \
         brought meanwhile; nothing was written"
    )]
    Overtaken {
        /// The image that carries it.
        found_on: String,
        /// The vendor.
        vendor: Fingerprint,
        /// The CA.
        ca: Fingerprint,
    },
    /// The search could not find out whether the vendor already has an endorsement.
    #[error("cannot tell whether vendor {vendor} has an endorsement already: {source}")]
    Endorsements {
        /// The vendor.
        vendor: Fingerprint,
        /// What could not be read.
        source: store::Error,
    },
    /// An image in an archive was to be signed.
    #[error("{}: is an archive, and images in archives are not signed", .0.display())]
    InArchive(PathBuf),
    /// The folder of the layout to sign has a name that no app can have.
    #[error("{}: ir-sign signs layouts as apps, and this name cannot be an app's", .0.display())]
    NotAnApp(PathBuf),
    /// The command names one image, and `--all` too.
    #[error("{0}: one image of it is named, and all of them are asked for")]
    NamedAndAll(Place),
    /// There is no image with a tag.
    #[error("{0}: no image in it has a tag")]
    NoTags(Place),
    /// Realms load apps of registry directories.
    #[error("{0}: realms load apps of a registry directory, and this is none")]
    NotForRealms(Place),
    /// Realms load apps of registry directories, and a copy goes elsewhere.
    #[error("{0}: realms load an app from its layout, and this is none")]
    CopyNotForRealms(String),
    /// The command writes one image's endorsement, and names several images.
    #[error("--endorsement writes one endorsement, and the command names {0} images or places")]
    OneEndorsement(usize),
    /// The archive's name is not one for an app.
    #[error("archive {}: its name gives no app name: {source}", .path.display())]
    NoAppName {
        /// The archive.
        path: PathBuf,
        /// The fault of the name.
        source: AppNameError,
    },
    /// The archive comes from standard input, and the command gives the app no name.
    #[error("the archive on standard input has no name, and the app needs one")]
    NoAppNamed,
    /// Two results would go to standard output.
    #[error("{role}: standard output already gets {other}")]
    OutputTaken {
        /// What the output is.
        role: &'static str,
        /// What is there.
        other: &'static str,
    },
    /// None of the images carries an endorsement.
    #[error("{place}: carries no endorsement")]
    NoEndorsement {
        /// The place.
        place: Place,
    },
    /// The images carry several endorsements.
    #[error("{place}: its images carry {found} endorsements; expected one")]
    SeveralEndorsements {
        /// The place.
        place: Place,
        /// How many.
        found: usize,
    },
    /// The image is not fit for signing.
    #[error("{place}: image {image} is not signed: {reason} [{rule}]")]
    Unfit {
        /// Where it is.
        place: Place,
        /// The image.
        image: String,
        /// The rule that failed.
        rule: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// docker's list of images and `index.json` lead to different images.
    #[error(
        "{place}: docker load would run another image than is signed: {reason} [{}]",
        rule::DOCKER_LIST
    )]
    TwoLists {
        /// The layout or archive.
        place: Place,
        /// How they differ.
        reason: String,
    },
    /// An image carries an endorsement by another CA, and the user did not allow replacing it.
    #[error("{image} carries an endorsement that is not by CA {ca}")]
    OtherCa {
        /// The image, and where it is.
        image: String,
        /// The CA's key that is signed with.
        ca: Fingerprint,
    },
    /// Images of such a place are not copied by this build.
    #[error("cannot copy {what} {image}")]
    NotCopied {
        /// The image, as the user named it.
        image: String,
        /// Whether the user wanted to copy from there or to there.
        what: &'static str,
        /// The other image.
        other: String,
    },
    /// The target's name has another digest than the image.
    #[error("{image}: the image has digest {found}, and the target is named by another one")]
    OtherDigest {
        /// The target, as the user named it.
        image: String,
        /// The image's digest.
        found: Digest,
    },
    /// The signed image does not verify.
    #[error("image {image} does not verify after signing: {reason} [{rule}]; nothing was written")]
    SelfCheck {
        /// The image.
        image: String,
        /// The rule that failed.
        rule: &'static str,
        /// Why it failed.
        reason: String,
    },
}

impl From<super::policy::Error> for Error {
    fn from(error: super::policy::Error) -> Self {
        Self::Policy(Box::new(error))
    }
}

impl Error {
    /// The exit status follows this class.
    pub fn class(&self) -> Class {
        match self {
            Self::Key(source) => source.class(),
            Self::Ceremony(source) => source.class(),
            Self::Store(source) | Self::Endorsements { source, .. } => source.class(),
            Self::Scheme(source) => source.class(),
            Self::Cosign(source) => source.class(),
            Self::Cert(source) => source.class(),
            Self::Resource(source) => source.class(),
            Self::Policy(source) => source.class(),
            Self::Notation(source) => source.class(),
            Self::File { source, .. } => source.class(),
            Self::PolicyText { source, .. } => source.class(),
            Self::KeyMade { source, .. } | Self::PairMade { source, .. } => source.class(),
            Self::OutputIsInput { .. }
            | Self::InputInApp { .. }
            | Self::NoAppName { .. }
            | Self::NoAppNamed
            | Self::NotCopied { .. }
            | Self::Image(_)
            | Self::NotHere { .. }
            | Self::PolicyImage { .. }
            | Self::OutputTaken { .. }
            | Self::InArchive(_)
            | Self::NotAnApp(_)
            | Self::NamedAndAll(_)
            | Self::NotForRealms(_)
            | Self::CopyNotForRealms(_)
            | Self::OneEndorsement(_) => Class::Usage,
            Self::Overtaken { .. } | Self::TooManyTags { .. } | Self::Unreached { .. } => {
                Class::Undecided
            }
            Self::OutputIsPrivateKey { .. }
            | Self::NoTags(_)
            | Self::InTheWay { .. }
            | Self::NotASignature { .. }
            | Self::LongForToken { .. }
            | Self::BadSignature { .. }
            | Self::NotEndorsed { .. }
            | Self::OtherEndorsement { .. }
            | Self::OtherCa { .. }
            | Self::ArchiveEndorsement { .. }
            | Self::NoEndorsement { .. }
            | Self::SeveralEndorsements { .. }
            | Self::Unfit { .. }
            | Self::TwoLists { .. }
            | Self::OtherDigest { .. }
            | Self::SelfCheck { .. } => Class::Refused,
        }
    }

    /// An error about a file that has this role.
    pub(super) fn file(role: &'static str) -> impl FnOnce(files::Error) -> Self {
        move |source| Self::File { role, source }
    }
}

/// Whether an error only repeats that an earlier one stopped the run.
pub(super) const fn is_given_up(error: &Error) -> bool {
    matches!(error, Error::Key(key::Error::GivenUp))
}

/// The rule that a broken part of an image breaks, with the reason; `None` where the error is not
/// about a part of an image.
pub(super) fn broken_rule(error: &store::Error) -> Option<(&'static str, String)> {
    let Kind::Part { part, problem } = &error.kind else {
        return None;
    };
    let rule = match part {
        Part::IndexJson | Part::Index(_) | Part::Manifest(_) => rule::MANIFEST_DIGEST,
        Part::Config(_) => rule::CONFIG_DIGEST,
        Part::Layer(..) => rule::LAYER_BLOBS,
        // Only pruning reads blobs of unknown kinds.
        Part::Blob(_) => return None,
    };
    Some((rule, format!("{part} {problem}")))
}
