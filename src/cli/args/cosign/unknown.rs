//! cosign's flags and commands that ir-sign knows but does not follow.

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::cli::args::refused::add;

const NETWORK: &str =
    "ir-sign asks no service over the network: sign with a key in a file or on a token";
const CERTIFICATE: &str =
    "ir-sign trusts keys here, not certificates: name the public key by --key";
const TIMESTAMP: &str = "ir-sign does not verify timestamps";
const LOG: &str = "ir-sign neither reads nor writes transparency logs";
const TOKEN: &str =
    "ir-sign uses security keys by their PKCS#11 modules: name the key as pkcs11:...";
const PASSWORD: &str =
    "passwords come from the files of docker and podman: `docker login`, or --authfile FILE";

/// The flags, each with the reason.
const FLAGS: &[(&str, &str)] = &[
    ("rekor-url", NETWORK),
    ("fulcio-url", NETWORK),
    ("fulcio-auth-flow", NETWORK),
    ("identity-token", NETWORK),
    ("issue-certificate", NETWORK),
    ("oidc-issuer", NETWORK),
    ("oidc-client-id", NETWORK),
    ("oidc-client-secret-file", NETWORK),
    ("oidc-disable-ambient-providers", NETWORK),
    ("oidc-provider", NETWORK),
    ("oidc-redirect-url", NETWORK),
    ("insecure-skip-verify", NETWORK),
    ("timestamp-server-url", NETWORK),
    ("timestamp-server-name", NETWORK),
    ("timestamp-client-cacert", NETWORK),
    ("timestamp-client-cert", NETWORK),
    ("timestamp-client-key", NETWORK),
    ("certificate", CERTIFICATE),
    ("certificate-chain", CERTIFICATE),
    ("certificate-identity", CERTIFICATE),
    ("certificate-identity-regexp", CERTIFICATE),
    ("certificate-oidc-issuer", CERTIFICATE),
    ("certificate-oidc-issuer-regexp", CERTIFICATE),
    ("certificate-github-workflow-name", CERTIFICATE),
    ("certificate-github-workflow-ref", CERTIFICATE),
    ("certificate-github-workflow-repository", CERTIFICATE),
    ("certificate-github-workflow-sha", CERTIFICATE),
    ("certificate-github-workflow-trigger", CERTIFICATE),
    ("ca-roots", CERTIFICATE),
    ("ca-intermediates", CERTIFICATE),
    ("sct", CERTIFICATE),
    ("output-certificate", CERTIFICATE),
    ("timestamp-certificate-chain", TIMESTAMP),
    ("use-signed-timestamps", TIMESTAMP),
    ("rfc3161-timestamp", TIMESTAMP),
    ("rfc3161-timestamp-bundle", TIMESTAMP),
    ("tsr", TIMESTAMP),
    ("rekor-entry-type", LOG),
    ("rekor-response", LOG),
    ("sk", TOKEN),
    ("slot", TOKEN),
    ("registry-username", PASSWORD),
    ("registry-password", PASSWORD),
    ("registry-token", PASSWORD),
    ("k8s-keychain", PASSWORD),
    (
        "registry-server-name",
        "the host of the image is the one whose certificate is checked",
    ),
    (
        "policy",
        "the keys and annotations of the command line decide here, not a policy",
    ),
    ("signing-config", "ir-sign asks no service for a signature"),
    ("signing-algorithm", "the key says how it signs"),
    (
        "attachment",
        "to sign something that is attached to an image, name its digest: HOST/REPO@DIGEST",
    ),
    (
        "record-creation-timestamp",
        "ir-sign puts no time into signatures",
    ),
    (
        "no-upload",
        "ir-sign always puts an attestation beside its image",
    ),
    (
        "statement",
        "ir-sign makes the statement: give its predicate by --predicate",
    ),
    ("b64", "ir-sign writes signatures in base64"),
    ("hash", "ir-sign reads the file itself: name it"),
    ("digest", "ir-sign reads the file itself: name it"),
    ("digestAlg", "ir-sign reads the file itself: name it"),
];

/// The flags, for commands to have.
#[derive(Clone, Debug)]
pub(super) struct Refused;

impl FromArgMatches for Refused {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), clap::Error> {
        Ok(())
    }
}

impl Args for Refused {
    fn augment_args(command: Command) -> Command {
        add(command, FLAGS)
    }

    fn augment_args_for_update(command: Command) -> Command {
        add(command, FLAGS)
    }
}

/// Why ir-sign does not have a command of cosign's, and what to do instead. The words follow `cosign`.
pub fn refused_command(words: &[&str]) -> Option<&'static str> {
    match words {
        ["copy" | "save" | "load", ..] => Some(
            "`ir-sign copy --with-signatures` copies images and their signatures between registries, layouts and archives",
        ),
        ["clean", ..] => Some(
            "ir-sign removes no signatures: the registry's own tools remove the tags that `ir-sign cosign triangulate` and `tree` name",
        ),
        ["attach" | "download" | "upload", "sbom", ..] => {
            Some("attest to an SBOM: `ir-sign cosign attest --type spdxjson` or `--type cyclonedx`")
        }
        ["upload", ..] => Some("ir-sign puts no files into registries"),
        ["login", ..] => Some(PASSWORD),
        ["initialize" | "signing-config" | "trusted-root", ..] => {
            Some("ir-sign asks no log and no trust root, so there is nothing to set up")
        }
        ["bundle", ..] => Some("`ir-sign cosign sign` and `sign-blob --bundle` make bundles"),
        ["piv-tool" | "pkcs11-tool", ..] => {
            Some("`ir-sign token` looks at tokens, and makes keys on them")
        }
        ["policy" | "manifest" | "dockerfile", ..] => Some(
            "`ir-sign cosign verify` takes the images' names, and `ir-sign policy check` a policy",
        ),
        ["env", ..] => Some("docs/cosign.md names the variables"),
        ["version", ..] => Some("`ir-sign --version` prints the version"),
        ["completion", ..] => Some("`ir-sign completions` prints them"),
        _ => None,
    }
}
