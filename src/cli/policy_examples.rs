//! The examples of the commands about policies.

use super::example::{Entry, one};

pub(super) const POLICY: &[Entry] = &[
    Entry {
        command: "policy",
        examples: &[one(
            "See in words what a policy asks, and which part of it counts for an image:",
            &[
                "ir-sign policy show policy.json",
                "ir-sign policy show policy.json --for docker://registry.example.com/team/app:1.0",
            ],
        )],
        see_also: &["verify-image", "containers-policy.json(5)"],
    },
    Entry {
        command: "policy check",
        examples: &[
            one(
                "Ask the policy that skopeo and podman use about an image:",
                &["ir-sign policy check docker://registry.example.com/app:1.0"],
            ),
            one(
                "Ask another policy, with another configuration of signature storage:",
                &[
                    "ir-sign policy check --policy policy.json --registries.d registries.d \\\n  docker://registry.example.com/app:1.0",
                ],
            ),
            one(
                "Ask the policy of a realm, which a key broker has, as the keys that it names:",
                &[
                    "ir-sign policy check --policy kbs:///default/security-policy/test \\\n  --kbs aa-offline_fs_kbc-resources.json --dialect image-rs docker://registry.example.com/app:1.0",
                ],
            ),
            one(
                "Ask about an image with encrypted layers, and look into them:",
                &[
                    "ir-sign policy check --policy policy.json --decryption-key image.key \\\n  docker://registry.example.com/sealed:1.0",
                ],
            ),
        ],
        see_also: &[
            "policy-show",
            "cosign-verify",
            "verify-image",
            "containers-policy.json(5)",
        ],
    },
    Entry {
        command: "policy show",
        examples: &[
            one(
                "See what a policy of skopeo, podman or CRI-O asks of images:",
                &["ir-sign policy show policy.json"],
            ),
            one(
                "See what a policy of image-rs asks of one image, and why:",
                &[
                    "ir-sign policy show policy.json --dialect image-rs \\\n  --for docker://registry.example.com/team/app:1.0",
                ],
            ),
        ],
        see_also: &["policy-export", "containers-policy.json(5)"],
    },
    Entry {
        command: "policy export",
        examples: &[
            one(
                "Write the part of a policy that skopeo understands; the rest lets nothing in:",
                &["ir-sign policy export policy.json -o skopeo-policy.json"],
            ),
            one(
                "Write a policy of image-rs for podman:",
                &["ir-sign policy export policy.json --dialect image-rs"],
            ),
        ],
        see_also: &["policy-show", "skopeo(1)"],
    },
];
