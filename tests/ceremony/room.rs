//! A room for a ceremony: a folder, a token, and plans.

use std::fmt::Write;
use std::ops::Deref;

use harness::tokens::{Fixture, Planned};
use harness::{Run, Sandbox, program};

pub struct Room {
    folder: Sandbox,
    pub token: Fixture,
}

impl Deref for Room {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.folder
    }
}

pub const PAYLOADS: [&str; 3] = ["payload-1", "payload-2", "payload-3"];
/// Requests, each with its profile.
pub const REQUESTS: [(&str, &str); 2] = [("ca-1", "ca"), ("signer-1", "signer")];
pub const VENDORS: [&str; 3] = ["vendor-1", "vendor-2", "vendor-3"];

impl Room {
    pub fn new() -> Self {
        Self::with(Fixture::softhsm())
    }

    pub fn with(token: Fixture) -> Self {
        let room = Self {
            folder: Sandbox::new(),
            token,
        };
        room.write("root.toml", room.root_plan());
        room
    }

    /// The program, with the token's PIN where `PIN` stands.
    pub fn ir(&self, arguments: &str) -> Run {
        let mut command = self.token.command(program());
        command
            .current_dir(self.root())
            .env("PKCS11_MODULE_PATH", &self.token.module)
            .args(self.words(arguments));
        command.output().expect("the program starts").into()
    }

    /// The same through the faulting module; `None` where the program was killed.
    pub fn planned(&self, plan: &str, arguments: &str) -> (Option<Run>, Planned) {
        let planned = self.token.planned(plan);
        let output = self
            .command(program())
            .envs(planned.env.iter().cloned())
            .env("PKCS11_MODULE_PATH", &planned.module)
            .args(self.words(arguments))
            .output()
            .expect("the program starts");
        let run = output.status.code().is_some().then(|| output.into());
        (run, planned)
    }

    pub fn words(&self, arguments: &str) -> Vec<String> {
        let pin = format!("--pin-source=file:{}", self.token.pin_file.display());
        arguments
            .split_whitespace()
            .map(|word| {
                if word == "PIN" {
                    pin.clone()
                } else {
                    word.to_owned()
                }
            })
            .collect()
    }

    pub fn serial(&self) -> String {
        let listed = self.ir("token list --json").exits(0).json();
        let slots = listed["slots"].as_array().expect("slots").iter();
        let ours = slots.map(|slot| &slot["token"]);
        let ours = ours.filter(|token| token["label"] == self.token.label.as_str());
        let serials: Vec<&str> = ours.filter_map(|token| token["serial"].as_str()).collect();
        assert_eq!(serials.len(), 1);
        serials[0].to_owned()
    }

    pub fn head(&self, kind: &str) -> String {
        format!(
            "ceremony = \"{kind}\"\ntitle = \"Example CA\"\nrehearsal = true\n\n\
             [token]\nlabel = \"{}\"\nserial = \"{}\"\n\n[key]\nlabel = \"root-ca\"\n\n\
             [[people]]\nname = \"Ann Operator\"\nrole = \"operator\"\n\n\
             [[people]]\nname = \"Bob Witness\"\nrole = \"witness\"\n\n",
            self.token.label,
            self.serial()
        )
    }

    pub fn root_plan(&self) -> String {
        self.head("root-key")
            + "[outputs]\npublic = \"root-ca.pub\"\npassport = \"root-ca.passport\"\n\
               transcript = \"root.transcript\"\n"
    }

    pub fn sha384(&self, name: &str) -> String {
        let line = self
            .shell(&format!("openssl dgst -sha384 -r '{name}'"), "")
            .stdout;
        line.split(' ').next().expect("a digest").to_owned()
    }

    /// The root ceremony, unattended.
    pub fn make_root(&self) {
        self.ir("ceremony run root.toml --unattended PIN").exits(0);
    }

    /// The plan of a root key with a certificate of its own.
    pub fn certificate_plan(&self) -> String {
        self.head("root-certificate")
            + "[certificate]\nsubject = \"C=PT, ST=Lisboa, O=Example, CN=Example Root\"\n\
               not-before = 2026-01-01T00:00:00Z\nnot-after = 2046-01-01T00:00:00+01:00\npath-len = 1\n\n\
               [outputs]\npublic = \"root-ca.pub\"\npassport = \"root-ca.passport\"\n\
               certificate = \"root-ca.pem\"\ntranscript = \"ca.transcript\"\n"
    }

    /// The ceremony of a root key with a certificate, unattended.
    pub fn make_ca(&self) {
        self.write("ca.toml", self.certificate_plan());
        self.ir("ceremony run ca.toml --unattended PIN").exits(0);
    }

    fn issuer(&self) -> String {
        format!(
            "[issuer]\nfile = \"root-ca.pem\"\nsha384 = \"{}\"\n\n\
             [passport]\nfile = \"root-ca.passport\"\nsha384 = \"{}\"\n\n",
            self.sha384("root-ca.pem"),
            self.sha384("root-ca.passport")
        )
    }

    /// Requests that openssl made, and the plan that issues a certificate for each.
    pub fn issue_plan(&self) -> String {
        let mut plan = self.head("issue-certificates") + &self.issuer();
        for (name, profile) in REQUESTS {
            if !self.has(format!("{name}.csr")) {
                self.openssl(&format!(
                    "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -noenc -keyout {name}.key \
                     -subj /C=PT/ST=Lisboa/O=Example/CN={name} -out {name}.csr"
                ));
            }
            let _ = write!(
                plan,
                "[[certificates]]\nrequest = \"{name}.csr\"\nsha384 = \"{}\"\nprofile = \"{profile}\"\n\
                 not-before = 2026-02-01T00:00:00Z\nnot-after = 2036-02-01T00:00:00Z\n\
                 crl-url = \"http://crl.example.com/root.crl\"\ncertificate = \"{name}.pem\"\n\n",
                self.sha384(&format!("{name}.csr"))
            );
        }
        plan + "[outputs]\ntranscript = \"issue.transcript\"\n"
    }

    /// The plan that revokes one of the certificates.
    pub fn revoke_plan(&self) -> String {
        self.head("revoke")
            + &self.issuer()
            + &format!(
                "[crl]\nthis-update = 2026-03-01T00:00:00Z\nnext-update = 2036-03-01T00:00:00Z\n\n\
                 [[revocations]]\ncertificate = \"signer-1.pem\"\nsha384 = \"{}\"\n\
                 reason = \"keyCompromise\"\n\n\
                 [[revocations]]\nserial = \"0abc\"\n\n\
                 [outputs]\ncrl = \"root.crl\"\ntranscript = \"revoke.transcript\"\n",
                self.sha384("signer-1.pem")
            )
    }

    /// Vendors with keys in files, and the plan that endorses them.
    pub fn endorsement_plan(&self) -> String {
        let mut plan = self.head("endorse-vendors");
        let _ = write!(
            plan,
            "[root]\nfile = \"root-ca.pub\"\nsha384 = \"{}\"\n\n\
             [passport]\nfile = \"root-ca.passport\"\nsha384 = \"{}\"\n\n",
            self.sha384("root-ca.pub"),
            self.sha384("root-ca.passport")
        );
        for vendor in VENDORS {
            if !self.has(format!("{vendor}.pub")) {
                self.ir(&format!("gen-key -o {vendor}.prv --public {vendor}.pub"))
                    .exits(0);
            }
            let _ = write!(
                plan,
                "[[vendors]]\nname = \"{vendor}\"\npublic = \"{vendor}.pub\"\nsha384 = \"{}\"\n\
                 endorsement = \"{vendor}.pub.sig\"\n\n",
                self.sha384(&format!("{vendor}.pub"))
            );
        }
        plan + "[outputs]\ntranscript = \"endorse.transcript\"\n"
    }

    /// A payload, a payload with annotations and a statement, as `cosign generate` writes them, and the plan that has
    /// them signed.
    pub fn payloads_plan(&self) -> String {
        harness::unpack("umoci", &self.path("registry/hello"));
        let generate = "cosign generate --sign-container-identity registry.example.com/app:1.0";
        for (flags, name) in [
            ("", "payload-1"),
            ("-a team=blue", "payload-2"),
            ("--new-bundle-format=true", "payload-3"),
        ] {
            if !self.has(name) {
                let image = "oci:registry/hello:latest";
                self.ir(&format!("{generate} {flags} --output-file {name} {image}"))
                    .exits(0);
            }
        }
        let mut plan = self.head("sign-payloads");
        let _ = write!(
            plan,
            "[root]\nfile = \"root-ca.pub\"\nsha384 = \"{}\"\n\n",
            self.sha384("root-ca.pub")
        );
        for name in PAYLOADS {
            let _ = write!(
                plan,
                "[[payloads]]\nfile = \"{name}\"\nsha384 = \"{}\"\nsignature = \"{name}.sigs\"\n\n",
                self.sha384(name)
            );
        }
        plan + "[outputs]\ntranscript = \"payloads.transcript\"\n"
    }

    /// Whether openssl verifies both of a payload's signatures by the root key.
    pub fn payload_is_signed(&self, name: &str) -> bool {
        let file = String::from_utf8(self.read(format!("{name}.sigs"))).expect("text");
        let mut message = self.read(name);
        if message.starts_with(b"{\"_type\"") {
            let head = format!("DSSEv1 28 application/vnd.in-toto+json {} ", message.len());
            message.splice(0..0, head.into_bytes());
        }
        self.write("message", message);
        let mut signatures = file.lines();
        let holds = ["sha256", "sha384"].map(|hash| {
            self.write("line", signatures.next().unwrap_or_default());
            let verify = format!(
                "base64 -d <line >der && openssl dgst -{hash} -keyform DER -verify root-ca.pub -signature der message"
            );
            self.shell(&verify, "").stdout.contains("Verified OK")
        });
        holds == [true; 2] && signatures.next().is_none()
    }

    /// Endorses a key outside of a ceremony.
    pub fn endorse(&self, public: &str, endorsement: &str) {
        let uri = self.token.uri("root-ca");
        let mut command = self.token.command(program());
        command
            .current_dir(self.root())
            .env("PKCS11_MODULE_PATH", &self.token.module)
            .args(["endorse", "-k", &uri, "-f", public, "-s", endorsement]);
        Run::of(&mut command).exits(0);
    }

    /// How many private keys of the root's label are on the token.
    pub fn root_keys(&self) -> usize {
        let uri = self.token.uri("root-ca");
        let run = self
            .token
            .command(program())
            .env("PKCS11_MODULE_PATH", &self.token.module)
            .args(["token", "keys", "--json", &uri])
            .output()
            .expect("the program starts");
        let listed = Run::from(run).exits(0).json();
        listed["keys"].as_array().map_or(0, Vec::len)
    }
}
