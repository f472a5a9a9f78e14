//! `ir-sign cert`, held against openssl.

use harness::{Run, Sandbox, Snapshot, same, snapshot};

/// A root, a CA and a signer: keys, requests and certificates.
fn pki() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["root", "ca", "leaf"] {
        sandbox.run(&format!("gen-key -q -o {name}.key")).exits(0);
    }
    for line in [
        "cert root -k root.key --subject C=PT,O=IR,CN=Root --days 3650 -o root.crt",
        "cert request -k ca.key --subject C=PT,O=IR,CN=CA -o ca.csr",
        "cert issue --request ca.csr --profile ca --ca-cert root.crt -x root.key --days 1825 -o ca.crt --chain chain.crt",
        "cert request -k leaf.key --subject C=PT,ST=Lisboa,O=IR,CN=Leaf -o leaf.csr",
        "cert issue --request leaf.csr --profile signer --ca-cert chain.crt -x ca.key --days 365 -o leaf.crt --chain leaf-chain.crt",
        "cert crl --ca-cert ca.crt -x ca.key --days 30 -o ca.crl",
    ] {
        sandbox.run(line).exits(0);
    }
    sandbox
}

fn text(sandbox: &Sandbox, line: &str) -> String {
    String::from_utf8(sandbox.openssl(line)).expect("text")
}

/// Runs a command that is refused and leaves the folder as it is.
#[track_caller]
fn refused(sandbox: &Sandbox, line: &str, status: i32, reason: &str) -> Run {
    let before: Snapshot = snapshot(sandbox.root());
    let run = sandbox.run(line).exits(status).says(reason);
    same(&before, &snapshot(sandbox.root()));
    run
}

#[test]
fn a_pki_is_made_in_six_commands_that_openssl_verifies() {
    let sandbox = pki();
    let line = "verify -x509_strict -crl_check -CRLfile ca.crl -CAfile root.crt -untrusted ca.crt leaf.crt";
    assert_eq!(text(&sandbox, line), "leaf.crt: OK\n");
    let chain = [
        sandbox.read("leaf.crt"),
        sandbox.read("ca.crt"),
        sandbox.read("root.crt"),
    ];
    assert_eq!(sandbox.read("leaf-chain.crt"), chain.concat());
    let verify = "cert verify leaf-chain.crt --ca root.crt --crl ca.crl";
    let run = sandbox.run(verify).exits(0);
    for rule in [
        "path",
        "signatures",
        "profile",
        "validity",
        "trusted",
        "revocation",
    ] {
        assert!(
            run.stderr.contains(&format!("passed      cert.{rule}\n")),
            "{}",
            run.stderr
        );
    }
    // openssl makes a request that is issued for, and the other way round.
    sandbox.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out o.key");
    sandbox
        .openssl("req -new -key o.key -subj /C=PT/ST=Lisboa/O=IR/CN=Other -outform DER -out o.csr");
    let line = "cert issue --request o.csr --profile signer --ca-cert ca.crt -x ca.key --days 30 --der -o o.crt";
    sandbox.run(line).exits(0);
    sandbox.openssl("x509 -inform DER -in o.crt -out o.pem");
    let line = "verify -x509_strict -CAfile root.crt -untrusted ca.crt o.pem";
    assert_eq!(text(&sandbox, line), "o.pem: OK\n");
    sandbox.write("x.cnf", "keyUsage=critical,digitalSignature\n");
    let line = "x509 -req -in leaf.csr -CA ca.crt -CAkey ca.pem -days 3 -extfile x.cnf -out by-openssl.crt";
    sandbox.openssl("ec -inform DER -in ca.key -out ca.pem");
    sandbox.openssl(line);
    sandbox
        .run("cert verify by-openssl.crt --ca root.crt --untrusted ca.crt")
        .exits(0);
}

#[test]
fn a_certificate_on_a_list_is_refused_from_then_on() {
    let sandbox = pki();
    let next = "cert crl --ca-cert ca.crt -x ca.key --previous ca.crl --days 30";
    sandbox
        .run(&format!("{next} --revoke leaf.crt=keyCompromise -o 2.crl"))
        .exits(0);
    assert!(text(&sandbox, "crl -in 2.crl -noout -text").contains("Key Compromise"));
    let verify = "cert verify leaf-chain.crt --ca root.crt --crl";
    let run = sandbox.run(&format!("{verify} 2.crl")).exits(1);
    let run = run.says("FAILED      cert.revocation: certificate \"C=PT, ST=Lisboa, O=IR, CN=Leaf\" is revoked since ");
    run.says("(keyCompromise)\nNOT trusted");
    let serial = sandbox.run("cert show leaf.crt --json").json();
    let serial = serial["certificates"][0]["serial"]
        .as_str()
        .expect("a number")
        .to_owned();
    sandbox
        .run(&format!(
            "{next} --revoke {serial}=certificateHold -o held.crl"
        ))
        .exits(0);
    sandbox
        .run(&format!("{verify} held.crl"))
        .exits(1)
        .says("is on hold since");
    // A revoked certificate stays revoked, and is listed once.
    let line = "cert crl --ca-cert ca.crt -x ca.key --previous 2.crl --days 30";
    sandbox.run(&format!("{line} -o 3.crl")).exits(0);
    sandbox
        .run(&format!("{verify} 3.crl"))
        .exits(1)
        .says("is revoked since");
    let run = refused(
        &sandbox,
        &format!("{line} --revoke leaf.crt -o 4.crl"),
        1,
        "is revoked already",
    );
    run.says("hint: see what is revoked: ir-sign cert show CRL");
    // A list that does not speak for the certificate does not clear it.
    sandbox
        .run("cert crl --ca-cert root.crt -x root.key --days 30 -o root.crl")
        .exits(0);
    sandbox
        .run(&format!("{verify} root.crl"))
        .exits(1)
        .says("no list of \"C=PT, O=IR, CN=CA\", which issued the certificate, was given");
    sandbox
        .run(&format!("{verify} root.crl --crl ca.crl"))
        .exits(0);
    sandbox
        .run(&format!("{verify} ca.crl --at 2100-01-01T00:00:00Z"))
        .exits(1)
        .says("FAILED      cert.validity");
    let line = "cert crl --ca-cert ca.crt -x ca.key --not-before 2020-01-01T00:00:00Z --not-after 2020-02-01T00:00:00Z -o old.crl";
    sandbox.run(line).exits(0);
    sandbox
        .run(&format!("{verify} old.crl"))
        .exits(1)
        .says("it is stale");
    let other = pki();
    sandbox.write("foreign.crl", other.read("ca.crl"));
    sandbox
        .run(&format!("{verify} foreign.crl"))
        .exits(1)
        .says("it names another key");
    sandbox.write("other.crt", other.read("leaf.crt"));
    let run = refused(
        &sandbox,
        &format!("{line} --force --revoke other.crt"),
        1,
        "was not issued by",
    );
    run.says("hint: its own issuer revokes it");
}

#[test]
fn a_certificate_is_verified_against_what_is_trusted() {
    let sandbox = pki();
    let other = pki();
    sandbox.write("stranger.crt", other.read("root.crt"));
    for (line, failed, reason) in [
        (
            "leaf.crt --ca root.crt",
            "path",
            "which issued it, is missing",
        ),
        (
            "leaf-chain.crt --ca stranger.crt",
            "trusted",
            "none of its chain is among",
        ),
        (
            "ca.crt --ca root.crt",
            "profile",
            "is a CA's, and no signer's",
        ),
        (
            "leaf-chain.crt --ca root.crt --at 2020-01-01T00:00:00Z",
            "validity",
            "is not valid before",
        ),
        (
            "leaf-chain.crt --ca root.crt --at 2035-01-01T00:00:00+05:00",
            "validity",
            "expired at",
        ),
    ] {
        let run = sandbox.run(&format!("cert verify {line}")).exits(1);
        run.says(&*format!("FAILED      cert.{failed}: "))
            .says(reason)
            .says("NOT trusted");
    }
    // A root with the right name and another key.
    let run = sandbox
        .run("cert verify leaf.crt --untrusted ca.crt --ca stranger.crt")
        .exits(1);
    run.says("FAILED      cert.signatures: ")
        .says("is not signed by the key of");
    for line in [
        "leaf.crt --ca root.crt --untrusted ca.crt",
        "leaf.crt --ca stranger.crt --ca root.crt --untrusted ca.crt",
        "leaf-chain.crt --ca ca.crt",
        "leaf-chain.crt --ca root.crt --for notation",
        "ca.crt --ca root.crt --for any",
        "root.crt --ca root.crt --for any",
    ] {
        let run = sandbox.run(&format!("cert verify {line}")).exits(0);
        run.says("trusted, except for what was not checked");
    }
    let json = sandbox
        .run("cert verify leaf-chain.crt --ca root.crt --json")
        .json();
    assert_eq!(json["trusted"], true);
    let fingerprint = text(&sandbox, "x509 -in leaf.crt -noout -fingerprint -sha256");
    let fingerprint = fingerprint
        .trim()
        .rsplit('=')
        .next()
        .expect("hex")
        .replace(':', "");
    assert_eq!(
        json["digest"],
        format!("sha256:{}", fingerprint.to_lowercase())
    );
    assert_eq!(json["signatories"][0]["role"], "ca");
    // Critical extensions that are unknown: passed over as Notary Project has it, and refused where anything goes.
    sandbox.write(
        "x.cnf",
        "keyUsage=critical,digitalSignature\n1.2.3.4=critical,DER:0500\n",
    );
    sandbox.openssl("ec -inform DER -in root.key -out root.pem");
    sandbox.openssl("x509 -req -in leaf.csr -CA root.crt -CAkey root.pem -days 3 -extfile x.cnf -out critical.crt");
    sandbox
        .run("cert verify critical.crt --ca root.crt")
        .exits(0);
    let run = sandbox
        .run("cert verify critical.crt --ca root.crt --for any")
        .exits(1);
    run.says("has the critical extension 1.2.3.4, which is unknown here");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one case a line")]
fn a_certificate_that_is_not_issued_leaves_nothing() {
    let sandbox = pki();
    sandbox.openssl("genpkey -algorithm ED25519 -out ed.key");
    sandbox.openssl("req -new -key ed.key -subj /CN=x -out ed.csr");
    let mut damaged = sandbox.read("leaf.csr");
    damaged[60] ^= 1;
    sandbox.write("damaged.csr", damaged);
    let issue = "cert issue --ca-cert ca.crt -x ca.key --days 3 -o new.crt --chain new-chain.crt";
    for (line, status, reason) in [
        (
            "--request leaf.csr --profile ca",
            1,
            "allows 0 CAs below it, and 1 follow",
        ),
        (
            "--request ed.csr --profile signer",
            1,
            "request ed.csr: its key is of the kind Ed25519",
        ),
        (
            "--request leaf.crt --profile signer",
            1,
            "it holds a block \"CERTIFICATE\"",
        ),
        (
            "--request damaged.csr --profile signer",
            1,
            "request damaged.csr: it",
        ),
        (
            "--request ca.csr --profile signer",
            1,
            "is the issuer itself",
        ),
        ("--request none.csr --profile signer", 3, "none.csr"),
        (
            "--request leaf.csr --profile signer --path-len 0",
            2,
            "has no path length",
        ),
        (
            "--request leaf.csr --profile server",
            2,
            "invalid value 'server'",
        ),
        (
            "--request leaf.csr --profile signer --subject CN=",
            2,
            "attribute CN has no value",
        ),
        (
            "--request leaf.csr --profile signer --crl-url ftp://x",
            2,
            "is not the address",
        ),
        (
            "--request leaf.csr --profile signer --not-before 2020-01-01T00:00:00Z",
            1,
            "lives from",
        ),
    ] {
        refused(&sandbox, &format!("{issue} {line}"), status, reason);
    }
    let with = |ca: &str, key: &str, life: &str| {
        format!(
            "cert issue --request leaf.csr --profile signer --ca-cert {ca} -x {key} {life} -o new.crt"
        )
    };
    refused(
        &sandbox,
        &with("ca.crt", "root.key", "--days 3"),
        1,
        "the key is not that of the CA certificate",
    );
    refused(
        &sandbox,
        &with("leaf.crt", "leaf.key", "--days 3"),
        1,
        "no certificate is issued: the CA certificate",
    );
    let run = refused(
        &sandbox,
        &with("ca.crt", "ca.key", "--days 9999"),
        1,
        "lives from",
    );
    run.says("hint: give a shorter life: --not-after, or fewer --days");
    for life in [
        "--days 0",
        "--days -1",
        "--days 999999",
        "--days x",
        "--not-after 2030",
        "--days 3 --not-after 2030-01-01T00:00:00Z",
        "",
    ] {
        refused(&sandbox, &with("ca.crt", "ca.key", life), 2, "");
    }
    let run = refused(
        &sandbox,
        &with("ca.crt", "ca.key", "--not-after 2020-01-01T00:00:00Z"),
        2,
        "it would end before it begins",
    );
    run.says("hint: give a later --not-after, or --days");
    // What stands behind the CA's certificate is its chain, or nothing.
    sandbox.write(
        "stray.crt",
        [sandbox.read("ca.crt"), sandbox.read("leaf.crt")].concat(),
    );
    refused(
        &sandbox,
        &with("stray.crt", "ca.key", "--days 3"),
        1,
        "the chain of the CA: certificate \"C=PT, O=IR, CN=CA\" was issued by",
    );
    // A CA that has expired.
    let line = "cert root -k root.key --subject CN=Old --not-before 2020-01-01T00:00:00Z --days 30 -o old.crt";
    sandbox.run(line).exits(0);
    refused(
        &sandbox,
        &with("old.crt", "root.key", "--days 3"),
        1,
        "expired at 2020-01-31T00:00:00Z",
    );
    for subject in ["", "C=Portugal", "CN", "X=1", "CN=a+O=b"] {
        let arguments = [
            "cert",
            "root",
            "-k",
            "root.key",
            "--subject",
            subject,
            "--days",
            "3",
            "-o",
            "new.crt",
        ];
        sandbox.run_with(arguments).exits(2);
        assert!(!sandbox.has("new.crt"), "{subject}");
    }
}

#[test]
fn an_output_is_a_new_file() {
    let sandbox = pki();
    let root = "cert root -k root.key --subject CN=Root --days 3";
    refused(&sandbox, &format!("{root} -o root.crt"), 1, "root.crt");
    refused(
        &sandbox,
        &format!("{root} -o root.key"),
        2,
        "is the same file as another",
    );
    refused(
        &sandbox,
        &format!("{root} -o root.key --force"),
        2,
        "is the same file as another",
    );
    refused(
        &sandbox,
        &format!("{root} -o leaf.key --force"),
        1,
        "holds a private key",
    );
    refused(
        &sandbox,
        &format!("{root} -o none/root.crt"),
        3,
        "none/root.crt",
    );
    refused(&sandbox, &format!("{root} -o - --json"), 2, "the JSON");
    let issue = "cert issue --request leaf.csr --profile signer --ca-cert ca.crt -x ca.key --days 3 --force";
    for output in [
        "-o ca.crt",
        "-o leaf.csr",
        "-o new.crt --chain new.crt",
        "-o new.crt --chain ca.crt",
    ] {
        refused(
            &sandbox,
            &format!("{issue} {output}"),
            2,
            "is the same file as another",
        );
    }
    let before = sandbox.read("root.crt");
    sandbox.run(&format!("{root} -o root.crt --force")).exits(0);
    assert_ne!(sandbox.read("root.crt"), before);
    // A request that is there already is kept: another signature is no better one.
    let before = snapshot(sandbox.root());
    let line = "cert request -k leaf.key --subject C=PT,ST=Lisboa,O=IR,CN=Leaf -o leaf.csr";
    sandbox.run(line).exits(0).says("leaf.csr is up to date");
    same(&before, &snapshot(sandbox.root()));
    refused(&sandbox, &line.replace("leaf.key", "ca.key"), 1, "leaf.csr");
    refused(&sandbox, &format!("{line} --der"), 1, "leaf.csr");
    let line = "cert crl --ca-cert ca.crt -x ca.key --not-before 2026-01-01T00:00:00Z --days 3 -o fixed.crl";
    sandbox.run(line).exits(0).says("wrote fixed.crl");
    sandbox.run(line).exits(0).says("fixed.crl is up to date");
    // Without a file the result is printed, and nothing beside it.
    let run = sandbox.run(root).exits(0);
    assert!(
        run.stdout.starts_with("-----BEGIN CERTIFICATE-----\n"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.ends_with("-----END CERTIFICATE-----\n"),
        "{}",
        run.stdout
    );
    let json = sandbox.run(&format!("{root} --json")).exits(0).json();
    assert_eq!(json["subject"], "CN=Root");
    assert!(
        json["pem"]
            .as_str()
            .expect("text")
            .starts_with("-----BEGIN")
    );
}

#[test]
fn times_are_written_in_utc() {
    let sandbox = Sandbox::new();
    sandbox.run("gen-key -q -o k").exits(0);
    let line =
        "cert root -k k --subject CN=a --not-before 2026-01-01T01:00:00+02:00 --days 2 -o a.crt";
    sandbox.run(line).exits(0);
    let dates = text(&sandbox, "x509 -in a.crt -noout -dates");
    assert_eq!(
        dates,
        "notBefore=Dec 31 23:00:00 2025 GMT\nnotAfter=Jan  2 23:00:00 2026 GMT\n"
    );
    let line = "cert root -k k --subject CN=b --not-before 2026-01-01T00:00:00Z --not-after 2050-01-01T00:00:00-01:00 -o b.crt";
    sandbox.run(line).exits(0);
    let dates = text(&sandbox, "x509 -in b.crt -noout -enddate");
    assert_eq!(dates, "notAfter=Jan  1 01:00:00 2050 GMT\n");
    let forms = text(&sandbox, "asn1parse -in b.crt");
    assert!(
        forms.contains("UTCTIME           :260101000000Z"),
        "{forms}"
    );
    assert!(
        forms.contains("GENERALIZEDTIME   :20500101010000Z"),
        "{forms}"
    );
}

#[test]
fn an_encrypted_key_file_signs_with_its_passphrase() {
    let sandbox = Sandbox::new();
    sandbox.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:secret -out k.pem");
    sandbox.write("passphrase", "secret\n");
    sandbox.shell("chmod 600 passphrase k.pem", "");
    let root = "cert root -k k.pem --subject CN=a --days 2 -o a.crt";
    sandbox
        .run(&format!("{root} --passphrase-source file:passphrase"))
        .exits(0);
    let verified = text(
        &sandbox,
        "verify -x509_strict -check_ss_sig -CAfile a.crt a.crt",
    );
    assert_eq!(verified, "a.crt: OK\n");
    sandbox.write("passphrase", "wrong\n");
    let line = "cert request -k k.pem --subject CN=a -o a.csr --passphrase-source file:passphrase";
    refused(&sandbox, line, 1, "passphrase");
}

#[test]
fn the_contents_of_a_file_are_shown() {
    let sandbox = pki();
    let run = sandbox.run("cert show leaf-chain.crt").exits(0);
    assert_eq!(run.stdout.matches("certificate\n").count(), 3);
    for line in [
        "  subject      C=PT, ST=Lisboa, O=IR, CN=Leaf\n",
        "  issuer       C=PT, O=IR, CN=CA\n",
        "  signature    ECDSA with SHA-384\n",
        "  key usage    digitalSignature (critical)\n",
        "  purposes     codeSigning\n",
        "  CA           yes, with 0 CAs below it at most (critical)\n",
        "  CA           yes, with any number of CAs below it (critical)\n",
    ] {
        assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
    }
    let serial = text(&sandbox, "x509 -in leaf.crt -noout -serial")
        .trim()
        .to_lowercase();
    assert!(
        run.stdout
            .contains(&serial.replace("serial=", "  serial       "))
    );
    let json = sandbox.run("cert show leaf.crt --json").json();
    let one = &json["certificates"][0];
    assert_eq!(
        format!("serial={}", one["serial"].as_str().expect("text")),
        serial
    );
    assert_eq!(
        one["extensions"]["key_usage"]["names"][0],
        "digitalSignature"
    );
    assert_eq!(one["extensions"]["extended_key_usage"][0], "codeSigning");
    let fingerprint = text(&sandbox, "x509 -in leaf.crt -noout -fingerprint -sha256");
    let fingerprint = fingerprint
        .trim()
        .rsplit('=')
        .next()
        .expect("hex")
        .replace(':', "");
    assert_eq!(one["fingerprint"], fingerprint.to_lowercase());
    let run = sandbox.run("cert show leaf.csr").exits(0);
    assert!(
        run.stdout
            .starts_with("certificate request, signed by its own key\n"),
        "{}",
        run.stdout
    );
    let json = sandbox.run("cert show leaf.csr --json").json();
    assert_eq!(json["request"]["key"]["kind"], "EC P-384");
    sandbox.openssl("crl -in ca.crl -outform DER -out ca-crl.der");
    sandbox.openssl("req -in leaf.csr -outform DER -out csr.der");
    sandbox.openssl("x509 -in leaf.crt -outform DER -out crt.der");
    for (file, kind) in [
        ("ca-crl.der", "crl"),
        ("csr.der", "request"),
        ("crt.der", "certificates"),
    ] {
        let json = sandbox
            .run(&format!("cert show {file} --json"))
            .exits(0)
            .json();
        assert!(json[kind].is_object() || json[kind].is_array(), "{json}");
        // Cut short, it is shown as what it was meant for.
        let whole = sandbox.read(file);
        sandbox.write("cut.der", &whole[..whole.len() - 1]);
        sandbox
            .run("cert show cut.der")
            .exits(1)
            .says("file cut.der: it");
    }
    for file in ["leaf.key", "passphrase"] {
        sandbox.write("passphrase", "text\n");
        sandbox
            .run(&format!("cert show {file}"))
            .exits(1)
            .says("is not a certificate, request or revocation list");
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_at_once() {
    let sandbox = pki();
    sandbox.shell("mkfifo pipe && ln -s pipe link", "").exits(0);
    let issue = "cert issue --profile signer -x ca.key --days 3 -o new.crt";
    let list = "cert crl -x ca.key --days 3 -o new.crl";
    for pipe in ["pipe", "link"] {
        for line in [
            format!("cert show {pipe}"),
            format!("cert verify {pipe} --ca root.crt"),
            format!("cert verify leaf-chain.crt --ca {pipe}"),
            format!("cert verify leaf-chain.crt --ca root.crt --untrusted {pipe}"),
            format!("cert verify leaf-chain.crt --ca root.crt --crl {pipe}"),
            format!("{issue} --request {pipe} --ca-cert ca.crt"),
            format!("{issue} --request leaf.csr --ca-cert {pipe}"),
            format!("{list} --ca-cert {pipe}"),
            format!("{list} --ca-cert ca.crt --previous {pipe}"),
            format!("{list} --ca-cert ca.crt --revoke {pipe}"),
        ] {
            let run = sandbox.run(&line);
            assert!([1, 3].contains(&run.status), "{line}: {run:#?}");
            run.says("is a pipe or a device, and only a regular file is read here");
        }
    }
    assert!(!sandbox.has("new.crt") && !sandbox.has("new.crl"));
    // Standard input is what the user asks for.
    sandbox
        .shell(
            "cat leaf.crt | ir-sign cert show - >shown && grep CN=Leaf shown",
            "",
        )
        .exits(0);
}
