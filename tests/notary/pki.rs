//! A PKI that openssl makes: keys, certificates and chains for the tests.

use harness::Sandbox;

/// A certificate that openssl makes.
pub struct Made<'a> {
    /// The files' name: `NAME.key`, `NAME.crt`.
    pub name: &'a str,
    /// The issuer's name; none for one that signs itself.
    pub issuer: Option<&'a str>,
    /// The subject, as `-subj` takes it.
    pub subject: &'a str,
    /// Arguments of `genpkey`.
    pub key: &'a str,
    /// Lines of the extensions.
    pub extensions: &'a str,
    /// Further arguments of `x509`, such as `-sha1` or `-days 2`.
    pub more: &'a str,
}

pub const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
pub const P384: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
pub const P521: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-521";
pub const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
pub const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
pub const SIGNER: &str = "keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n";

impl Made<'_> {
    /// Makes it in the folder.
    pub fn make(&self, sandbox: &Sandbox) {
        let Self {
            name, key, more, ..
        } = self;
        if !sandbox.has(format!("{name}.key")) {
            sandbox.openssl(&format!("genpkey {key} -out {name}.key"));
        }
        sandbox.write(
            format!("{name}.cnf"),
            format!(
                "[req]\ndistinguished_name=dn\n[dn]\n[x]\n{}",
                self.extensions
            ),
        );
        let subject = self.subject;
        sandbox.openssl(&format!(
            "req -new -config {name}.cnf -key {name}.key -subj {subject} -utf8 -out {name}.csr"
        ));
        let by = self.issuer.map_or_else(
            || format!("-signkey {name}.key"),
            |issuer| format!("-CA {issuer}.crt -CAkey {issuer}.key -CAcreateserial"),
        );
        let days = if more.contains("-days") {
            ""
        } else {
            "-days 30"
        };
        let extensions = if self.extensions.is_empty() {
            String::new()
        } else {
            format!("-extfile {name}.cnf -extensions x")
        };
        sandbox.openssl(&format!(
            "x509 -req -in {name}.csr {by} {days} {extensions} {more} -out {name}.crt"
        ));
    }
}

/// A root CA, `root`, an intermediate, `ca`, and a signer, `leaf`, with keys of one kind; and the chain, `chain.crt`.
pub fn three(sandbox: &Sandbox, key: &str) {
    let one = |name, issuer, cn: &str, extensions| {
        let subject = format!("/C=PT/ST=Lisboa/O=IR/CN={cn}");
        Made {
            name,
            issuer,
            subject: &subject,
            key,
            extensions,
            more: "",
        }
        .make(sandbox);
    };
    one("root", None, "Root", CA);
    one("ca", Some("root"), "CA", CA);
    one("leaf", Some("ca"), "Leaf", SIGNER);
    chain(sandbox, &["leaf", "ca", "root"], "chain.crt");
}

/// Joins certificates in a file.
pub fn chain(sandbox: &Sandbox, names: &[&str], to: &str) {
    let all = names.iter().map(|name| sandbox.read(format!("{name}.crt")));
    sandbox.write(to, all.collect::<Vec<_>>().concat());
}
