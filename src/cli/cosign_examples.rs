//! The examples of cosign's commands.

use super::example::{Entry, one};

pub(super) const COSIGN: &[Entry] = &[
    Entry {
        command: "cosign",
        examples: &[one(
            "Make a key pair as cosign does, and look at its public key:",
            &[
                "ir-sign cosign generate-key-pair",
                "ir-sign cosign public-key --key cosign.key",
            ],
        )],
        see_also: &["copy", "token"],
    },
    Entry {
        command: "cosign generate-key-pair",
        examples: &[
            one(
                "Make cosign.key and cosign.pub; the passphrase is asked for:",
                &["ir-sign cosign generate-key-pair"],
            ),
            one(
                "Make a pair on P-384, with the passphrase from a file:",
                &[
                    "ir-sign cosign generate-key-pair --curve p384 --output-key-prefix release \\\n  --passphrase-source file:passphrase",
                ],
            ),
            one(
                "Make a pair on a token, and write vendor.pub:",
                &[
                    "ir-sign cosign generate-key-pair --key 'pkcs11:token=VENDOR;object=vendor' \\\n  --output-key-prefix vendor",
                ],
            ),
        ],
        see_also: &["cosign-import-key-pair", "cosign-public-key", "token-init"],
    },
    Entry {
        command: "cosign import-key-pair",
        examples: &[
            one(
                "Take over a key of openssl's:",
                &["ir-sign cosign import-key-pair -k ec.pem"],
            ),
            one(
                "Give a key file of cosign's another passphrase:",
                &["ir-sign cosign import-key-pair -k cosign.key --output-key-prefix new"],
            ),
        ],
        see_also: &["cosign-generate-key-pair", "openssl-genpkey(1ssl)"],
    },
    Entry {
        command: "cosign public-key",
        examples: &[
            one(
                "Print the public key of a key file:",
                &["ir-sign cosign public-key --key cosign.key"],
            ),
            one(
                "Write that of a key on a token:",
                &[
                    "ir-sign cosign public-key --key 'pkcs11:token=VENDOR;object=vendor' --outfile vendor.pub",
                ],
            ),
        ],
        see_also: &["extract-public", "fingerprint"],
    },
    Entry {
        command: "cosign sign",
        examples: &[
            one(
                "Sign an image with a key file of cosign's, and with a key on a token:",
                &[
                    "ir-sign cosign sign --key cosign.key registry.example.com/team/app:1.0",
                    "ir-sign cosign sign --key 'pkcs11:token=VENDOR;object=vendor' registry.example.com/team/app:1.0",
                ],
            ),
            one(
                "Sign an index and all that it leads to:",
                &[
                    "ir-sign cosign sign --key cosign.key --recursive registry.example.com/team/app:1.0",
                ],
            ),
        ],
        see_also: &["cosign-verify", "cosign-generate"],
    },
    Entry {
        command: "cosign verify",
        examples: &[
            one(
                "Verify an image with a public key:",
                &["ir-sign cosign verify --key cosign.pub registry.example.com/team/app:1.0"],
            ),
            one(
                "Want an annotation too:",
                &[
                    "ir-sign cosign verify --key cosign.pub -a stage=release registry.example.com/team/app:1.0",
                ],
            ),
        ],
        see_also: &["cosign-sign", "verify-image"],
    },
    Entry {
        command: "cosign attest",
        examples: &[one(
            "Attest to a software bill of materials:",
            &[
                "ir-sign cosign attest --key cosign.key --type cyclonedx --predicate sbom.json registry.example.com/team/app:1.0",
            ],
        )],
        see_also: &["cosign-verify-attestation"],
    },
    Entry {
        command: "cosign verify-attestation",
        examples: &[one(
            "Print the statement of an attestation that holds:",
            &[
                "ir-sign cosign verify-attestation --key cosign.pub --type cyclonedx registry.example.com/team/app:1.0 \\\n  | jq -r .payload | base64 -d",
            ],
        )],
        see_also: &["cosign-attest"],
    },
    Entry {
        command: "cosign sign-blob",
        examples: &[one(
            "Sign a file into a bundle:",
            &["ir-sign cosign sign-blob --key cosign.key --bundle app.bundle app.tar"],
        )],
        see_also: &["cosign-verify-blob"],
    },
    Entry {
        command: "cosign verify-blob",
        examples: &[one(
            "Verify a file with its bundle:",
            &["ir-sign cosign verify-blob --key cosign.pub --bundle app.bundle app.tar"],
        )],
        see_also: &["cosign-sign-blob"],
    },
    Entry {
        command: "cosign attest-blob",
        examples: &[one(
            "Attest to how a file was made:",
            &[
                "ir-sign cosign attest-blob --key cosign.key --type slsaprovenance1 --predicate provenance.json \\\n  --bundle app.bundle app.tar",
            ],
        )],
        see_also: &["cosign-verify-blob-attestation"],
    },
    Entry {
        command: "cosign verify-blob-attestation",
        examples: &[one(
            "Verify an attestation to a file:",
            &[
                "ir-sign cosign verify-blob-attestation --key cosign.pub --type slsaprovenance1 --bundle app.bundle app.tar",
            ],
        )],
        see_also: &["cosign-attest-blob"],
    },
    Entry {
        command: "cosign generate",
        examples: &[one(
            "Carry what is to be signed to an offline machine, and the signatures back:",
            &[
                "ir-sign cosign generate --output-file payload.json registry.example.com/team/app:1.0",
                "ir-sign cosign sign --key cosign.key --payload payload.json --output-signature signatures",
                "ir-sign cosign attach signature --payload payload.json --signature signatures --key cosign.pub \\\n  registry.example.com/team/app:1.0",
            ],
        )],
        see_also: &["cosign-sign", "cosign-attach-signature", "ceremony"],
    },
    Entry {
        command: "cosign attach signature",
        examples: &[one(
            "Attach signatures that an offline machine made, verified first:",
            &[
                "ir-sign cosign attach signature --payload payload.json --signature signatures --key cosign.pub \\\n  registry.example.com/team/app:1.0",
            ],
        )],
        see_also: &["cosign-generate"],
    },
    Entry {
        command: "cosign attach attestation",
        examples: &[one(
            "Attach an attestation that was made elsewhere:",
            &[
                "ir-sign cosign attach attestation --attestation envelope.json --key cosign.pub registry.example.com/team/app:1.0",
            ],
        )],
        see_also: &["cosign-attest"],
    },
    Entry {
        command: "cosign download signature",
        examples: &[one(
            "See what is signed:",
            &[
                "ir-sign cosign download signature registry.example.com/team/app:1.0 | jq -r .Payload | base64 -d",
            ],
        )],
        see_also: &["cosign-tree"],
    },
    Entry {
        command: "cosign download attestation",
        examples: &[one(
            "Read the statements:",
            &[
                "ir-sign cosign download attestation registry.example.com/team/app:1.0 | jq -r .payload | base64 -d",
            ],
        )],
        see_also: &["cosign-tree"],
    },
    Entry {
        command: "cosign triangulate",
        examples: &[one(
            "Print the name by which signatures are found:",
            &["ir-sign cosign triangulate registry.example.com/team/app:1.0"],
        )],
        see_also: &["cosign-tree"],
    },
    Entry {
        command: "cosign tree",
        examples: &[one(
            "Show all that hangs on an image:",
            &["ir-sign cosign tree registry.example.com/team/app:1.0"],
        )],
        see_also: &["cosign-download-signature"],
    },
    Entry {
        command: "cosign attach",
        examples: &[one(
            "Attach signatures that an offline machine made:",
            &[
                "ir-sign cosign attach signature --payload payload.json --signature signatures --key cosign.pub \\\n  registry.example.com/team/app:1.0",
            ],
        )],
        see_also: &["cosign-generate", "cosign-sign"],
    },
    Entry {
        command: "cosign download",
        examples: &[one(
            "See who attests to an image:",
            &["ir-sign cosign download attestation registry.example.com/team/app:1.0"],
        )],
        see_also: &["cosign-tree"],
    },
];
