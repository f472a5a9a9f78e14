//! The fuzz targets: the readers of a stranger's bytes, and the properties of everything that they accept.
//!
//! Each target is a function of bytes that panics where something is wrong. libFuzzer calls it from
//! `fuzz_targets`, and `tests/robust/fuzz_smoke.rs` of the main crate calls it with the seeds and some
//! changes of them, in each run of the tests and without libFuzzer.

mod annotation;
mod archive;
#[cfg(feature = "registry")]
mod auth_file;
mod certificate;
#[cfg(feature = "registry")]
mod challenge;
mod config;
mod cosign_bundle;
mod cosign_envelope;
mod cosign_key;
mod cosign_payload;
mod cosign_statement;
mod crl;
mod docker_archive;
mod image_name;
mod index;
mod json;
mod layer;
mod layout;
#[cfg(feature = "registry")]
mod link;
mod manifest;
mod notary_cose;
mod notary_jws;
mod notary_trust_policy;
mod ocicrypt;
mod openpgp;
mod passport;
mod pin_source;
mod plan;
mod point;
mod policy_containers;
mod policy_image_rs;
mod realm_layers;
mod recipe;
mod reference;
mod registries_d;
mod request;
mod resources;
mod scene;
mod sec1;
mod signature;
mod signing_keys;
mod spki;
#[cfg(feature = "registry")]
mod tag_list;
mod transcript;
mod uri;

/// A target: its name, which is that of its folder of seeds too, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("annotation", annotation::run),
    ("archive", archive::run),
    #[cfg(feature = "registry")]
    ("auth_file", auth_file::run),
    ("certificate", certificate::run),
    #[cfg(feature = "registry")]
    ("challenge", challenge::run),
    ("config", config::run),
    ("cosign_bundle", cosign_bundle::run),
    ("cosign_envelope", cosign_envelope::run),
    ("cosign_key", cosign_key::run),
    ("cosign_payload", cosign_payload::run),
    ("cosign_statement", cosign_statement::run),
    ("crl", crl::run),
    ("docker_archive", docker_archive::run),
    ("image_name", image_name::run),
    ("index", index::run),
    ("layer", layer::run),
    ("layout", layout::run),
    #[cfg(feature = "registry")]
    ("link", link::run),
    ("manifest", manifest::run),
    ("notary_cose", notary_cose::run),
    ("notary_jws", notary_jws::run),
    ("notary_trust_policy", notary_trust_policy::run),
    ("ocicrypt", ocicrypt::run),
    ("openpgp", openpgp::run),
    ("passport", passport::run),
    ("pin_source", pin_source::run),
    ("plan", plan::run),
    ("point", point::run),
    ("policy_containers", policy_containers::run),
    ("policy_image_rs", policy_image_rs::run),
    ("realm_layers", realm_layers::run),
    ("reference", reference::run),
    ("registries_d", registries_d::run),
    ("request", request::run),
    ("resources", resources::run),
    ("sec1", sec1::run),
    ("signature", signature::run),
    ("signing_keys", signing_keys::run),
    ("spki", spki::run),
    #[cfg(feature = "registry")]
    ("tag_list", tag_list::run),
    ("transcript", transcript::run),
    ("uri", uri::run),
];

/// Runs a target.
///
/// # Panics
///
/// Where there is no such target, and where the bytes show that something is wrong.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, run) = target.expect("a target of this name");
    run(bytes);
}

/// The text that bytes start with.
fn text(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default(),
    }
}
