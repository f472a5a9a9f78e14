//! The examples of notation's commands.

use super::example::{Entry, one};

pub(super) const NOTATION: &[Entry] = &[
    Entry {
        command: "notation",
        examples: &[one(
            "Trust a root, and look at the trust stores:",
            &[
                "ir-sign notation certificate add --type ca --store release root.crt",
                "ir-sign notation certificate list",
            ],
        )],
        see_also: &["cosign", "copy", "token"],
    },
    Entry {
        command: "notation sign",
        examples: &[
            one(
                "Sign with the default key of the key list:",
                &["ir-sign notation sign registry.example.com/team/app:1.0"],
            ),
            one(
                "Sign an image in a layout, and all images of its index, for a day:",
                &[
                    "ir-sign notation sign --key release --all-platforms --expiry 24h oci:apps/app:1.0",
                ],
            ),
            one(
                "Sign with a key on a token that is in no list, as COSE:",
                &[
                    "ir-sign notation sign --plugin ir-sign --id 'pkcs11:token=RELEASE;object=signer' \\\n  --plugin-config certificate_chain=chain.crt --signature-format cose registry.example.com/team/app:1.0",
                ],
            ),
        ],
        see_also: &["notation-verify", "notation-key-add"],
    },
    Entry {
        command: "notation verify",
        examples: &[
            one(
                "Verify an image in a registry by the trust policy:",
                &["ir-sign notation verify registry.example.com/team/app:1.0"],
            ),
            one(
                "Verify one in a layout by the statement for a repository, with a revocation list:",
                &[
                    "ir-sign notation verify --scope registry.example.com/team/app --crl ca.crl oci:apps/app:1.0",
                ],
            ),
        ],
        see_also: &["notation-policy-import", "notation-certificate-add"],
    },
    Entry {
        command: "notation list",
        examples: &[one(
            "List the signatures of an image:",
            &["ir-sign notation list registry.example.com/team/app:1.0"],
        )],
        see_also: &["notation-inspect"],
    },
    Entry {
        command: "notation inspect",
        examples: &[one(
            "Show what the signatures of an image say:",
            &["ir-sign notation inspect -o json registry.example.com/team/app:1.0"],
        )],
        see_also: &["notation-list"],
    },
    Entry {
        command: "notation policy",
        examples: &[one(
            "Show whom to trust:",
            &["ir-sign notation policy show"],
        )],
        see_also: &["notation-certificate", "notation-verify"],
    },
    Entry {
        command: "notation policy show",
        examples: &[one(
            "Save the trust policy:",
            &["ir-sign notation policy show > policy.json"],
        )],
        see_also: &["notation-policy-import"],
    },
    Entry {
        command: "notation policy import",
        examples: &[one(
            "Put another policy in the place of the one that is there:",
            &["ir-sign notation policy import --force policy.json"],
        )],
        see_also: &["notation-policy-show", "notation-verify"],
    },
    Entry {
        command: "notation policy init",
        examples: &[one(
            "Trust one organisation for all images:",
            &[
                "ir-sign notation policy init --name release --trust-store ca:acme --trusted-identity '*'",
            ],
        )],
        see_also: &["notation-policy-show", "notation-certificate-add"],
    },
    Entry {
        command: "notation crl",
        examples: &[one(
            "Let notation use a list without a network:",
            &["ir-sign notation crl add ca.crl"],
        )],
        see_also: &["notation-verify"],
    },
    Entry {
        command: "notation crl add",
        examples: &[one(
            "Put a list under the address that a certificate names:",
            &["ir-sign notation crl add --certificate chain.crt ca.crl"],
        )],
        see_also: &["notation-verify"],
    },
    Entry {
        command: "notation key",
        examples: &[one(
            "Show the signing keys:",
            &["ir-sign notation key list"],
        )],
        see_also: &["notation-certificate", "token-list"],
    },
    Entry {
        command: "notation key list",
        examples: &[
            one(
                "Show the signing keys; a star marks the default:",
                &["ir-sign notation key ls"],
            ),
            one(
                "The same for a program:",
                &["ir-sign notation key list --json"],
            ),
        ],
        see_also: &["notation-key-add"],
    },
    Entry {
        command: "notation key add",
        examples: &[
            one(
                "Sign with a key on a token, and with notation too:",
                &[
                    "ir-sign notation key add release --plugin ir-sign --id 'pkcs11:token=RELEASE;object=signer' \\\n  --plugin-config certificate_chain=chain.crt --default",
                    "ir-sign notation plugin install",
                ],
            ),
            one(
                "With the PIN from a file:",
                &[
                    "ir-sign notation key add release --plugin ir-sign --id 'pkcs11:token=RELEASE;object=signer' \\\n  --plugin-config certificate_chain=chain.crt --plugin-config pin_source=file:pin",
                ],
            ),
        ],
        see_also: &["notation-plugin-install", "token-list"],
    },
    Entry {
        command: "notation key update",
        examples: &[one(
            "Make a key the default:",
            &["ir-sign notation key update release --default"],
        )],
        see_also: &["notation-key-list"],
    },
    Entry {
        command: "notation key delete",
        examples: &[one(
            "Take two keys off the list:",
            &["ir-sign notation key delete old older"],
        )],
        see_also: &["notation-key-list"],
    },
    Entry {
        command: "notation certificate",
        examples: &[one(
            "Trust a root:",
            &["ir-sign notation certificate add --type ca --store release root.crt"],
        )],
        see_also: &["notation-key", "openssl-x509(1ssl)"],
    },
    Entry {
        command: "notation certificate list",
        examples: &[
            one(
                "Show what is trusted:",
                &["ir-sign notation certificate list"],
            ),
            one(
                "Only one store:",
                &["ir-sign notation certificate list --type ca --store release"],
            ),
        ],
        see_also: &["notation-certificate-show"],
    },
    Entry {
        command: "notation certificate add",
        examples: &[one(
            "Trust two roots:",
            &["ir-sign notation certificate add --type ca --store release root.crt old-root.crt"],
        )],
        see_also: &["notation-certificate-list", "notation-certificate-delete"],
    },
    Entry {
        command: "notation certificate show",
        examples: &[one(
            "Compare a fingerprint:",
            &["ir-sign notation certificate show --type ca --store release root.crt"],
        )],
        see_also: &["notation-certificate-list", "fingerprint"],
    },
    Entry {
        command: "notation certificate delete",
        examples: &[
            one(
                "No longer trust a root:",
                &["ir-sign notation certificate delete --type ca --store release old-root.crt"],
            ),
            one(
                "No longer trust any of a store, and do not ask:",
                &["ir-sign notation certificate delete --type ca --store release --all --yes"],
            ),
        ],
        see_also: &["notation-certificate-list"],
    },
    Entry {
        command: "notation plugin",
        examples: &[one(
            "Let notation sign with keys on tokens:",
            &["ir-sign notation plugin install"],
        )],
        see_also: &["notation-key-add"],
    },
    Entry {
        command: "notation plugin install",
        examples: &[one(
            "Replace an older version of the plugin:",
            &["ir-sign notation plugin install --force"],
        )],
        see_also: &["notation-key-add"],
    },
];
