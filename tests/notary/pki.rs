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

/// A revocation list that openssl makes, as `list.crl`.
pub struct List<'a> {
    /// The issuer's name.
    pub issuer: &'a str,
    /// Serial number, revocation date, and reason as openssl's database has them.
    pub entries: &'a [(&'a str, &'a str, &'a str)],
    /// Whether it has a number, 0x1001.
    pub numbered: bool,
    /// Lines of its other extensions. Without a number and any of them the list is of version 1.
    pub extensions: &'a str,
    /// Further arguments of `ca`.
    pub more: &'a str,
}

impl List<'_> {
    /// An empty list of the intermediate of [`three`].
    pub const OF_CA: List<'static> = List {
        issuer: "ca",
        entries: &[],
        numbered: true,
        extensions: "authorityKeyIdentifier=keyid",
        more: "",
    };

    /// Makes it in the folder.
    pub fn make(&self, sandbox: &Sandbox) {
        let Self { issuer, more, .. } = self;
        let entries = self.entries.iter().map(|(serial, since, reason)| {
            format!("R\t491231235959Z\t{since}{reason}\t{serial}\tunknown\t/CN=x{serial}{since}\n")
        });
        sandbox.write("index.txt", entries.collect::<String>());
        sandbox.write("index.txt.attr", "unique_subject = no\n");
        sandbox.write("number", "1001\n");
        let number = if self.numbered {
            "crlnumber=number\n"
        } else {
            ""
        };
        let extensions = if self.extensions.is_empty() {
            String::new()
        } else {
            format!("crl_extensions=x\n[x]\n{}\n", self.extensions)
        };
        sandbox.write(
            "list.cnf",
            format!(
                "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=7\n\
                 {number}{extensions}"
            ),
        );
        sandbox.openssl(&format!(
            "ca -gencrl -config list.cnf -cert {issuer}.crt -keyfile {issuer}.key {more} -out list.crl"
        ));
    }
}
