//! What requirements ask, in words.

use super::identity::Identity;
use super::requirement::{
    EndorsedBy, Keys, NotarySigned, Requirement, SignedBy, Signers, SigstoreSigned, Vendor,
};

impl Requirement {
    /// The requirement in words.
    ///
    /// ```
    /// use ir_sign::trust::Requirement;
    ///
    /// assert_eq!(Requirement::Reject.words(), "it lets no image in");
    /// ```
    pub fn words(&self) -> String {
        match self {
            Self::Reject => "it lets no image in".into(),
            Self::InsecureAcceptAnything => "it lets every image in, signed or not".into(),
            Self::SignedBy(signed) => signed_by(signed),
            Self::SigstoreSigned(signed) => sigstore_signed(signed),
            Self::SignedBaseLayer(_) => {
                "a signed base layer, which no program verifies yet: it lets no image in".into()
            }
            Self::EndorsedBy(endorsed) => endorsed_by(endorsed),
            Self::NotarySigned(signed) => notary_signed(signed),
            Self::Added(added) => added.scheme.words(),
        }
    }
}

fn signed_by(signed: &SignedBy) -> String {
    if signed.key_type != "GPGKeys" {
        let kind = &signed.key_type;
        return format!("a signature by keys of type {kind:?}, which nothing can meet");
    }
    let keys = keys(&signed.keys);
    let name = signed.identity.words();
    format!("an OpenPGP signature by {keys}; {name}")
}

fn sigstore_signed(signed: &SigstoreSigned) -> String {
    let by = match &signed.signers {
        Signers::Keys(of) => keys(of),
        Signers::Fulcio(fulcio) => format!(
            "{:?}, whom {:?} knows, with a certificate of Fulcio (which ir-sign does not verify)",
            fulcio.subject_email, fulcio.oidc_issuer
        ),
        Signers::Pki(pki) => {
            let names = [&pki.subject_email, &pki.subject_hostname];
            let names = names.into_iter().filter(|name| !name.is_empty());
            let names: Vec<_> = names.map(|name| format!("{name:?}")).collect();
            let names = names.join(" and ");
            format!("the owner of a certificate for {names} (which ir-sign does not verify)")
        }
    };
    let log = match &signed.rekor {
        None => "",
        Some(_) => ", logged by a transparency log (which ir-sign does not verify)",
    };
    let name = match &signed.identity {
        None => "with any name in it".into(),
        Some(identity) => identity.words(),
    };
    format!("a signature as cosign makes it, by {by}{log}; {name}")
}

fn endorsed_by(endorsed: &EndorsedBy) -> String {
    let ca = &endorsed.ca_key_path;
    let vendor = match endorsed.vendors.as_slice() {
        [] => "any vendor".to_owned(),
        vendors => {
            let vendors: Vec<_> = vendors.iter().map(vendor).collect();
            format!("the vendor of {}", vendors.join(" or "))
        }
    };
    format!(
        "the annotations of ir-sign: {vendor}, whom the root CA of {ca} endorsed, signed the image"
    )
}

fn vendor(vendor: &Vendor) -> String {
    match vendor {
        Vendor::Path(path) => path.clone(),
        Vendor::Sha384(hex) => format!("the key with SHA-384 {hex}"),
    }
}

fn notary_signed(signed: &NotarySigned) -> String {
    let NotarySigned {
        trust_policy,
        trust_store,
        scope,
    } = signed;
    let scope = match scope {
        None => "the image's repository".to_owned(),
        Some(scope) => format!("{scope:?}"),
    };
    format!(
        "a signature of Notary Project that the trust policy {trust_policy} lets in for {scope}, with certificates \
         under {trust_store}"
    )
}

fn keys(keys: &Keys) -> String {
    match keys {
        Keys::Path(path) => format!("the key of {path}"),
        Keys::Paths(paths) => format!("one of the keys of {}", paths.join(", ")),
        Keys::Data(_) => "the key in the policy".into(),
        Keys::Datas(keys) => format!("one of the {} keys in the policy", keys.len()),
        Keys::Unusable(reason) => format!("nobody, as {reason}"),
    }
}

impl Identity {
    /// Which name a signature must bear, in words.
    pub fn words(&self) -> String {
        match self {
            Self::MatchExact => "it must be for the exact name that the user asks for, with tag or digest".into(),
            Self::MatchRepoDigestOrExact => {
                "it must be for the same name and tag, or, if the user asks for the image by digest, for the same \
                 repository with any tag"
                    .into()
            }
            Self::MatchRepository => "it must be for the same repository, with any tag or none".into(),
            Self::ExactReference(name) => format!("it must be for {name}"),
            Self::ExactRepository(name) => format!("it must be for the repository {name}"),
            Self::RemapIdentity {
                prefix,
                signed_prefix,
            } => format!(
                "it must be for the same name and tag with {signed_prefix} in the place of {prefix}, or, if the user \
                 asks for the image by digest, for that repository with any tag"
            ),
        }
    }
}
