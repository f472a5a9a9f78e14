//! The examples of the commands on certificates.

use super::example::{Entry, one};

pub(super) const CERT: &[Entry] = &[
    Entry {
        command: "cert",
        examples: &[one(
            "Make a root CA, and a signer below it:",
            &[
                "ir-sign gen-key -o root.key",
                "ir-sign cert root -k root.key --subject 'C=PT, O=Example, CN=Example Root' --days 3650 -o root.crt",
                "ir-sign gen-key -o release.key",
                "ir-sign cert request -k release.key --subject 'C=PT, ST=Lisboa, O=Example, CN=release' -o release.csr",
                "ir-sign cert issue --request release.csr --profile signer --ca-cert root.crt -x root.key \\\n  --days 365 -o release.crt",
                "ir-sign cert verify release.crt --ca root.crt",
            ],
        )],
        see_also: &["gen-key", "token"],
    },
    Entry {
        command: "cert root",
        examples: &[
            one(
                "Make the certificate of a root CA whose key is a file:",
                &[
                    "ir-sign cert root -k root.key --subject 'C=PT, O=Example, CN=Example Root' \\\n  --days 3650 -o root.crt",
                ],
            ),
            one(
                "Make that of a root CA whose key is on a token:",
                &[
                    "ir-sign cert root -k 'pkcs11:token=ROOT;object=root' --subject 'C=PT, O=Example, CN=Example Root' \\\n  --not-after 2036-01-01T00:00:00Z -o root.crt",
                ],
            ),
        ],
        see_also: &["cert-issue", "cert-crl"],
    },
    Entry {
        command: "cert request",
        examples: &[one(
            "Ask a CA for the certificate of a signer:",
            &[
                "ir-sign cert request -k release.key --subject 'C=PT, ST=Lisboa, O=Example, CN=release' -o release.csr",
            ],
        )],
        see_also: &["cert-issue", "openssl-req(1ssl)"],
    },
    Entry {
        command: "cert issue",
        examples: &[
            one(
                "Issue the certificate of an intermediate CA, as a root CA:",
                &[
                    "ir-sign cert issue --request ca.csr --profile ca --ca-cert root.crt -x root.key \\\n  --days 1825 -o ca.crt --chain ca-chain.crt",
                ],
            ),
            one(
                "Issue a signer's certificate, with its chain for verifiers:",
                &[
                    "ir-sign cert issue --request release.csr --profile signer --ca-cert ca-chain.crt -x ca.key \\\n  --days 365 --crl-url http://crl.example/ca.crl -o release.crt --chain release-chain.crt",
                ],
            ),
        ],
        see_also: &["cert-request", "cert-verify"],
    },
    Entry {
        command: "cert crl",
        examples: &[
            one(
                "Make a CA's first revocation list, which holds for a month:",
                &["ir-sign cert crl --ca-cert ca.crt -x ca.key --days 30 -o ca.crl"],
            ),
            one(
                "Revoke a certificate, and keep what the list before revoked:",
                &[
                    "ir-sign cert crl --ca-cert ca.crt -x ca.key --previous ca.crl \\\n  --revoke release.crt=keyCompromise --days 30 -o ca-2.crl",
                ],
            ),
        ],
        see_also: &["cert-show", "cert-verify"],
    },
    Entry {
        command: "cert show",
        examples: &[one(
            "Look at a certificate, a request or a revocation list:",
            &["ir-sign cert show release-chain.crt"],
        )],
        see_also: &["fingerprint", "openssl-x509(1ssl)"],
    },
    Entry {
        command: "cert verify",
        examples: &[
            one(
                "Verify a signer's chain against a root that is trusted:",
                &["ir-sign cert verify release-chain.crt --ca root.crt"],
            ),
            one(
                "Verify that its issuer has not revoked it, as of some day:",
                &[
                    "ir-sign cert verify release.crt --ca root.crt --untrusted ca.crt --crl ca.crl \\\n  --at 2026-06-30T12:00:00Z",
                ],
            ),
        ],
        see_also: &["cert-issue", "openssl-verify(1ssl)"],
    },
];
