//! The examples of the commands on key brokers.

use super::example::{Entry, one};

pub(super) const BROKER: &[Entry] = &[
    Entry {
        command: "resource",
        examples: &[one(
            "Make an offline key broker's file with a policy and a key, and read the key from it:",
            &[
                "ir-sign resource encode default/security-policy/test=policy.json default/cosign-public-key/test=cosign.pub -o resources.json",
                "ir-sign resource get kbs:///default/cosign-public-key/test --kbs resources.json",
            ],
        )],
        see_also: &[],
    },
    Entry {
        command: "resource get",
        examples: &[
            one(
                "Read a key from an offline file:",
                &[
                    "ir-sign resource get kbs:///default/cosign-public-key/test --kbs resources.json -o got.pub",
                ],
            ),
            one(
                "Ask the agent of a confidential-computing platform on this machine:",
                &[
                    "ir-sign resource get kbs:///default/security-policy/test --kbs grpc://127.0.0.1:50000 --timeout 3",
                ],
            ),
        ],
        see_also: &["resource-encode"],
    },
    Entry {
        command: "resource encode",
        examples: &[
            one(
                "Give realms a policy and the public key for it:",
                &[
                    "ir-sign resource encode default/security-policy/test=policy.json default/cosign-public-key/test=cosign.pub -o resources.json",
                ],
            ),
            one(
                "The same for an agent up to v0.4, which knows other names:",
                &[
                    "ir-sign resource encode 'Policy=policy.json' -o aa-offline_fs_kbc-resources.json",
                ],
            ),
        ],
        see_also: &["resource-get", "base64(1)"],
    },
];
