//! Certificates and revocation lists as other readers judge them: pkilint and `GnuTLS`, with keys in files and on tokens.

use std::fs;
use std::process::Command;

use harness::peers::pkilint;
use harness::tokens::Fixture;
use harness::{Run, Sandbox};

/// pkilint finds nothing worth a word.
#[track_caller]
fn lint(sandbox: &Sandbox, program: &str, file: &str) {
    let Some(mut command) = pkilint(program) else {
        return;
    };
    command
        .current_dir(sandbox.root())
        .args(["lint", "-s", "NOTICE"]);
    if program == "lint_crl" {
        command.args(["-t", "CRL", "-p", "PKIX"]);
    }
    let run = Run::of(command.arg(file)).exits(0);
    assert_eq!(run.stdout.trim(), "", "{file}: {run:#?}");
}

/// What the two other readers say of a root, a CA, a signer and two lists of the CA.
fn judge(sandbox: &Sandbox) {
    for name in ["root", "ca", "leaf"] {
        lint(sandbox, "lint_pkix_cert", &format!("{name}.crt"));
    }
    for name in ["1", "2"] {
        lint(sandbox, "lint_crl", &format!("{name}.crl"));
    }
    let line = "certtool --verify --load-ca-certificate root.crt --infile chain.crt \
                --verify-profile medium >verified 2>&1 && cat verified";
    let run = sandbox.shell(line, "").exits(0);
    assert!(
        run.stdout.contains("Verified. The certificate is trusted."),
        "{}",
        run.stdout
    );
    for list in ["1", "2"] {
        let line =
            format!("certtool --verify-crl --load-ca-certificate ca.crt --infile {list}.crl");
        let run = sandbox.shell(&line, "").exits(0);
        assert!(run.stdout.contains("Verified."), "{}", run.stdout);
    }
    let verified = sandbox.openssl(
        "verify -x509_strict -check_ss_sig -crl_check -CRLfile 1.crl -CAfile root.crt -untrusted ca.crt leaf.crt",
    );
    assert_eq!(verified, b"leaf.crt: OK\n");
}

/// Makes all of it with commands whose keys are named so.
fn make(run: impl Fn(&str), root: &str, ca: &str, leaf: &str) {
    for line in [
        format!("root -k {root} --subject C=PT,O=IR,CN=Root --days 3650 -o root.crt"),
        format!("request -k {ca} --subject C=PT,O=IR,CN=Ca\u{66}\u{e9} -o ca.csr"),
        format!(
            "issue --request ca.csr --profile ca --ca-cert root.crt -x {root} --days 1825 \
             --crl-url http://crl.example.com/root.crl -o ca.crt --chain ca-chain.crt"
        ),
        format!(
            "request -k {leaf} --subject C=PT,ST=Lisboa,L=Lisboa,STREET=a,POSTALCODE=1,O=IR,OU=x,SERIALNUMBER=7,CN=Leaf -o leaf.csr"
        ),
        format!(
            "issue --request leaf.csr --profile signer --ca-cert ca-chain.crt -x {ca} --days 365 \
             --crl-url http://crl.example.com/ca.crl -o leaf.crt --chain chain.crt"
        ),
        format!("crl --ca-cert ca.crt -x {ca} --days 30 -o 1.crl"),
        format!(
            "crl --ca-cert ca.crt -x {ca} --previous 1.crl --revoke leaf.crt=superseded \
             --revoke 0badcafe --revoke ff=certificateHold --days 30 -o 2.crl"
        ),
    ] {
        run(&format!("cert {line}"));
    }
}

#[test]
fn pkilint_and_gnutls_find_nothing_in_what_is_made() {
    let ec = |curve: &str| format!("EC -pkeyopt ec_paramgen_curve:{curve}");
    let rsa = |bits: u16| format!("RSA -pkeyopt rsa_keygen_bits:{bits}");
    for kinds in [
        [ec("P-256"), ec("P-256"), ec("P-256")],
        [ec("P-521"), ec("P-384"), ec("P-256")],
        [rsa(4096), rsa(3072), rsa(2048)],
    ] {
        let sandbox = Sandbox::new();
        for (name, kind) in ["root", "ca", "leaf"].iter().zip(&kinds) {
            sandbox.openssl(&format!("genpkey -algorithm {kind} -out {name}.key"));
        }
        let run = |line: &str| {
            sandbox.run(line).exits(0);
        };
        make(run, "root.key", "ca.key", "leaf.key");
        judge(&sandbox);
        let text = sandbox.openssl("x509 -in ca.crt -noout -text");
        let text = String::from_utf8(text).expect("text");
        let hash = match &*kinds[0] {
            kind if kind.contains("P-256") => "ecdsa-with-SHA256",
            kind if kind.contains("P-521") => "ecdsa-with-SHA512",
            _ => "sha512WithRSAEncryption",
        };
        assert!(
            text.contains(&format!("Signature Algorithm: {hash}")),
            "{text}"
        );
    }
}

#[test]
fn keys_on_tokens_make_the_same() {
    for token in Fixture::all() {
        let sandbox = Sandbox::new();
        fs::copy(&token.pin_file, sandbox.path("pin")).expect("copied");
        let command = |line: &str| -> Command {
            let mut command = sandbox.command(harness::program());
            command.envs(token.env.iter().cloned());
            command.args(line.split_whitespace());
            command.arg("--pkcs11-module").arg(&token.module);
            command.args(["--pin-source", "file:pin"]);
            command
        };
        let label = token.label.replace(' ', "%20");
        let uri = |object: &str| format!("pkcs11:token={label};object={object}");
        for object in ["root", "ca", "leaf"] {
            Run::of(&mut command(&format!("gen-key -o {}", uri(object)))).ok();
        }
        let run = |line: &str| {
            Run::of(&mut command(line)).ok();
        };
        make(run, &uri("root"), &uri("ca"), &uri("leaf"));
        judge(&sandbox);
        // A wrong PIN, and a key that is another's, write nothing.
        let before = harness::snapshot(sandbox.root());
        let line = format!(
            "cert crl --ca-cert ca.crt -x {} --days 30 -o 3.crl",
            uri("root")
        );
        Run::of(&mut command(&line))
            .exits(1)
            .says("the key is not that of the CA certificate");
        harness::same(&before, &harness::snapshot(sandbox.root()));
    }
}
