//! The examples of help and manual pages. Tests parse each, and run those that need no token.

use super::example::{Entry, one};

pub(super) const EXAMPLES: &[Entry] = &[
    Entry {
        command: "",
        examples: &[
            one(
                "Make the keys of a CA and a vendor, and let the CA vouch for the vendor:",
                &[
                    "ir-sign gen-key -o root-ca.prv --public root-ca.pub",
                    "ir-sign gen-key -o vendor.prv --public vendor.pub",
                    "ir-sign endorse -k root-ca.prv -f vendor.pub -s vendor.pub.sig",
                ],
            ),
            one(
                "Sign an image straight from docker, and verify it with only the CA's public key:",
                &[
                    "docker save hello:latest | ir-sign extract-sign-image -f - -r registry -a hello \\\n  -v vendor.prv -s vendor.pub.sig -c root-ca.pub",
                    "ir-sign verify-image -r registry -a hello -c root-ca.pub",
                ],
            ),
        ],
        see_also: &[],
    },
    Entry {
        command: "gen-key",
        examples: &[
            one(
                "Make a key in a file, with its public key beside it:",
                &["ir-sign gen-key -o vendor.prv --public vendor.pub"],
            ),
            one(
                "Make an RSA key for notation and certificates:",
                &["ir-sign gen-key --type rsa4096 -o signer.key --public signer.pub"],
            ),
            one(
                "Make a key on a token, which it never leaves:",
                &[
                    "ir-sign gen-key --pkcs11-uri 'pkcs11:token=VENDOR;object=vendor' --public vendor.pub",
                ],
            ),
        ],
        see_also: &["extract-public", "token-import", "openssl-genpkey(1ssl)"],
    },
    Entry {
        command: "extract-public",
        examples: &[
            one(
                "Write the public key of a file's key:",
                &["ir-sign extract-public -i vendor.prv -o vendor.pub"],
            ),
            one(
                "Write the public key of a token's key:",
                &["ir-sign extract-public -i 'pkcs11:token=VENDOR;object=vendor' -o vendor.pub"],
            ),
        ],
        see_also: &["gen-key", "fingerprint", "openssl-pkey(1ssl)"],
    },
    Entry {
        command: "sign",
        examples: &[
            one(
                "Sign a file:",
                &["ir-sign sign -k vendor.prv -f letter.txt -s letter.sig"],
            ),
            one(
                "Sign it with a key on a token, with the PIN from a file:",
                &[
                    "ir-sign sign -k 'pkcs11:token=VENDOR;object=vendor?pin-source=file:pin' \\\n  -f letter.txt -s letter.sig",
                ],
            ),
        ],
        see_also: &["verify", "openssl-dgst(1ssl)"],
    },
    Entry {
        command: "verify",
        examples: &[one(
            "Verify a file's signature:",
            &["ir-sign verify -k vendor.pub -f letter.txt -s letter.sig"],
        )],
        see_also: &["sign", "openssl-dgst(1ssl)"],
    },
    Entry {
        command: "endorse",
        examples: &[one(
            "Endorse a vendor as its CA:",
            &["ir-sign endorse -k root-ca.prv -f vendor.pub -s vendor.pub.sig"],
        )],
        see_also: &["sign-image", "ceremony"],
    },
    Entry {
        command: "sign-image",
        examples: &[
            one(
                "Sign an app's only image with the CA's endorsement of the vendor:",
                &[
                    "ir-sign sign-image -r registry -a hello -v vendor.prv -s vendor.pub.sig -c root-ca.pub",
                ],
            ),
            one(
                "Sign a tag with both keys, and mend the app so that realms get it:",
                &[
                    "ir-sign sign-image -r registry -a hello -d latest -v vendor.prv -x root-ca.prv --for-realms",
                ],
            ),
            one(
                "Sign the image of one platform:",
                &[
                    "ir-sign sign-image -r registry -a multi -d latest --platform linux/arm64 \\\n  -v vendor.prv -x root-ca.prv",
                ],
            ),
        ],
        see_also: &["extract-sign-image", "verify-image", "endorse"],
    },
    Entry {
        command: "extract-sign-image",
        examples: &[
            one(
                "Sign an image out of an archive:",
                &[
                    "ir-sign extract-sign-image -f world.tar -r registry -v vendor.prv -s vendor.pub.sig \\\n  -c root-ca.pub",
                ],
            ),
            one(
                "Sign an image straight from docker, without a file:",
                &[
                    "docker save hello:latest | ir-sign extract-sign-image -f - -r registry -a hello \\\n  -v vendor.prv -x root-ca.prv",
                ],
            ),
        ],
        see_also: &["sign-image", "verify-image"],
    },
    Entry {
        command: "verify-image",
        examples: &[
            one(
                "Verify an app's only image:",
                &["ir-sign verify-image -r registry -a signed -c root-ca.pub"],
            ),
            one(
                "Trust one vendor only, and refuse an image that realms cannot get:",
                &[
                    "ir-sign verify-image -r registry -a signed -c root-ca.pub --vendor vendor.pub --for-realms",
                ],
            ),
            one(
                "Verify two images by name, one of them in an archive:",
                &["ir-sign verify-image -c root-ca.pub oci:registry/signed oci-archive:signed.tar"],
            ),
            one(
                "Verify all images of an app, for a program to read:",
                &["ir-sign verify-image --all --json -r registry -a signed -c root-ca.pub"],
            ),
            one(
                "Verify the third of four parts of all images, one line of JSON an image (docker://HOST/REPO: all tags):",
                &[
                    "ir-sign verify-image --all --json-lines --shard 2/4 -r registry -a signed -c root-ca.pub",
                ],
            ),
        ],
        see_also: &["sign-image", "inspect-image"],
    },
    Entry {
        command: "inspect-image",
        examples: &[
            one(
                "Show the content of an app and who claims to have signed it:",
                &["ir-sign inspect-image -r registry -a signed"],
            ),
            one(
                "Write an image's endorsement as DER:",
                &["ir-sign inspect-image -r registry -a signed --endorsement vendor.pub.sig"],
            ),
        ],
        see_also: &["verify-image"],
    },
    Entry {
        command: "prune",
        examples: &[one(
            "See what it would remove, and then remove it:",
            &[
                "ir-sign prune -r registry -a signed --dry-run",
                "ir-sign prune oci:registry/signed",
            ],
        )],
        see_also: &["sign-image"],
    },
    Entry {
        command: "copy",
        examples: &[
            one(
                "Copy an image of one app into another layout:",
                &["ir-sign copy oci:registry/hello:latest oci:stick/hello:latest"],
            ),
            one(
                "Copy it so that realms get it, without attestations and by a tag that names the image itself:",
                &["ir-sign copy oci:registry/hello:latest oci:realms/hello:latest --for-realms"],
            ),
            one(
                "Make an archive of one platform of it, with its signatures:",
                &[
                    "ir-sign copy oci:registry/multi:latest oci-archive:multi.tar:latest --platform linux/arm64 \\\n  --with-signatures",
                ],
            ),
        ],
        see_also: &[
            "sign-image",
            "verify-image",
            "skopeo-copy(1)",
            "containers-transports(5)",
        ],
    },
    Entry {
        command: "fingerprint",
        examples: &[one(
            "Compare keys with the fingerprints that their owners read out over the telephone:",
            &["ir-sign fingerprint root-ca.pub vendor.pub"],
        )],
        see_also: &["extract-public", "token-passport"],
    },
    Entry {
        command: "token",
        examples: &[one(
            "See which tokens a module has:",
            &["ir-sign token list"],
        )],
        see_also: &["gen-key"],
    },
    Entry {
        command: "token list",
        examples: &[
            one(
                "List the tokens of p11-kit's modules:",
                &["ir-sign token list"],
            ),
            one(
                "List those of one module:",
                &["ir-sign token list --pkcs11-module /usr/lib/softhsm/libsofthsm2.so"],
            ),
        ],
        see_also: &["token-doctor", "p11tool(1)", "pkcs11-tool(1)"],
    },
    Entry {
        command: "token keys",
        examples: &[one(
            "List the private keys of a token:",
            &["ir-sign token keys pkcs11:token=VENDOR"],
        )],
        see_also: &["token-list", "token-doctor"],
    },
    Entry {
        command: "token init",
        examples: &[one(
            "Set up the only token that is not initialised; it prompts for the PINs:",
            &["ir-sign token init --label VENDOR"],
        )],
        see_also: &["gen-key", "token-list"],
    },
    Entry {
        command: "token import",
        examples: &[one(
            "Import the key of a file into a token:",
            &[
                "ir-sign token import -k vendor.prv --pkcs11-uri 'pkcs11:token=VENDOR;object=vendor'",
            ],
        )],
        see_also: &["gen-key", "token-keys"],
    },
    Entry {
        command: "token import-certificate",
        examples: &[one(
            "Keep a key's chain of certificates beside it:",
            &["ir-sign token import-certificate 'pkcs11:token=VENDOR;object=vendor' chain.pem"],
        )],
        see_also: &["token-keys", "gen-key"],
    },
    Entry {
        command: "token doctor",
        examples: &[one(
            "Try each step of signing, with one login:",
            &["ir-sign token doctor pkcs11:token=VENDOR --login"],
        )],
        see_also: &["token-list", "token-keys"],
    },
    Entry {
        command: "token passport",
        examples: &[one(
            "Write a key's passport, and require it when signing:",
            &[
                "ir-sign token passport 'pkcs11:token=ROOT;object=root-ca' -o root-ca.passport",
                "ir-sign endorse -k 'pkcs11:token=ROOT;object=root-ca' \\\n  --require-passport root-ca.passport -f vendor.pub -s vendor.pub.sig",
            ],
        )],
        see_also: &["ceremony", "fingerprint"],
    },
    Entry {
        command: "ceremony",
        examples: &[one(
            "Check a plan, hold the ceremony, and verify its transcript:",
            &[
                "ir-sign ceremony check root.toml",
                "ir-sign ceremony run root.toml",
                "ir-sign ceremony verify root.transcript",
            ],
        )],
        see_also: &["endorse", "token-passport"],
    },
    Entry {
        command: "ceremony check",
        examples: &[
            one(
                "Check a plan and the files it names, without the token:",
                &["ir-sign ceremony check root.toml --files"],
            ),
            one(
                "Check the token too:",
                &["ir-sign ceremony check root.toml"],
            ),
            one(
                "See the image, the name and the annotations of each payload that a plan has signed:",
                &["ir-sign ceremony check payloads.toml --files"],
            ),
        ],
        see_also: &["ceremony-run", "ceremony-rehearsal"],
    },
    Entry {
        command: "ceremony rehearsal",
        examples: &[one(
            "Make the plan of a rehearsal on another token:",
            &["ir-sign ceremony rehearsal root.toml rehearsal/root.toml --serial 1234"],
        )],
        see_also: &["ceremony-run", "ceremony-diff"],
    },
    Entry {
        command: "ceremony run",
        examples: &[one(
            "Hold a ceremony, or resume one that was interrupted:",
            &["ir-sign ceremony run root.toml"],
        )],
        see_also: &["ceremony-check", "ceremony-verify"],
    },
    Entry {
        command: "ceremony verify",
        examples: &[one(
            "Verify a transcript against the root's public key as you know it:",
            &["ir-sign ceremony verify root.transcript -c root-ca.pub"],
        )],
        see_also: &["ceremony-report", "ceremony-diff"],
    },
    Entry {
        command: "ceremony report",
        examples: &[one(
            "Write the page that people sign:",
            &["ir-sign ceremony report root.transcript"],
        )],
        see_also: &["ceremony-verify"],
    },
    Entry {
        command: "ceremony diff",
        examples: &[one(
            "Compare a ceremony with its rehearsal:",
            &["ir-sign ceremony diff rehearsal/root.transcript root.transcript"],
        )],
        see_also: &["ceremony-verify"],
    },
    Entry {
        command: "completions",
        examples: &[one(
            "Let bash complete commands and flags:",
            &["ir-sign completions bash > ir-sign.bash; . ./ir-sign.bash"],
        )],
        see_also: &["man"],
    },
    Entry {
        command: "man",
        examples: &[one(
            "Write the manual pages, and read one:",
            &["ir-sign man man1", "man ./man1/ir-sign-sign-image.1"],
        )],
        see_also: &["completions"],
    },
];
