//! cosign's flags and commands that are known and not followed.

use std::ffi::OsString;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::cli::args::refused::add;

const NETWORK: &str =
    "nothing is asked over the network here: sign with a key in a file or on a token";
const CERTIFICATE: &str =
    "certificates are not trusted here, keys are: name the public key by --key";
const TIMESTAMP: &str = "timestamps are not verified here";
const LOG: &str = "no transparency log is read or written here";
const TOKEN: &str = "security keys are used by their PKCS#11 modules: name the key as pkcs11:...";
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
    ("local-image", "a layout is named as one: oci:DIR[:TAG]"),
    (
        "policy",
        "policies are not read here: the keys and annotations of the command line decide",
    ),
    ("signing-config", "no service is asked for a signature here"),
    ("signing-algorithm", "the key says how it signs"),
    (
        "attachment",
        "what hangs on an image is signed by its digest: name HOST/REPO@DIGEST",
    ),
    (
        "record-creation-timestamp",
        "the time is no part of a signature here",
    ),
    ("no-upload", "an attestation is always put beside its image"),
    (
        "statement",
        "the statement is made here: give its predicate by --predicate",
    ),
    ("b64", "signatures are written in base64"),
    ("hash", "the file itself is read: name it"),
    ("digest", "the file itself is read: name it"),
    ("digestAlg", "the file itself is read: name it"),
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

/// Why a command of cosign's is none here, and what to do instead.
pub fn refused_command(words: &[OsString]) -> Option<&'static str> {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let words: Vec<&str> = words.iter().skip(1).map(AsRef::as_ref).collect();
    let ["cosign", words @ ..] = words.as_slice() else {
        return None;
    };
    match words {
        ["copy" | "save" | "load", ..] => Some(
            "images are copied, with their signatures, between registries, layouts and archives by `ir-sign copy --with-signatures`",
        ),
        ["clean", ..] => Some(
            "signatures are not removed here: the registry's own tools remove the tags that `ir-sign cosign triangulate` and `tree` name",
        ),
        ["attach" | "download" | "upload", "sbom", ..] => Some(
            "an SBOM is attested to: `ir-sign cosign attest --type spdxjson` or `--type cyclonedx`",
        ),
        ["upload", ..] => Some("files are not put into registries here"),
        ["login", ..] => Some(PASSWORD),
        ["initialize" | "signing-config" | "trusted-root", ..] => {
            Some("no log and no trust root is asked here, so there is nothing to set up")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_are_known_and_not_followed_say_why() {
        let refused = |text: &str| {
            let words: Vec<_> = text.split(' ').map(OsString::from).collect();
            refused_command(&words)
        };
        for command in [
            "copy a b",
            "save",
            "load",
            "clean x",
            "attach sbom",
            "login",
        ] {
            assert!(refused(&format!("ir-sign cosign {command}")).is_some());
        }
        assert_eq!(refused("ir-sign cosign sign copy"), None);
        assert_eq!(refused("ir-sign copy"), None);
        assert_eq!(refused("ir-sign"), None);
    }
}
