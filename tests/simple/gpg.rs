//! Real gpg: its keys, its signatures and its verdicts, each in a home that is removed again.
//!
//! Keys are made in January 2025, signatures in February and verdicts in March, where a test does not say otherwise.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use harness::{Run, limited, read, write};
use ir_sign::scheme::simple::{Claim, KeyRing, Refusal, Rules, verify};
use tempfile::TempDir;

/// Seconds since 1970 of 2025-01-01.
pub const JANUARY: u64 = 1_735_689_600;
pub const FEBRUARY: u64 = JANUARY + 31 * DAY;
pub const MARCH: u64 = FEBRUARY + 28 * DAY;
pub const DAY: u64 = 24 * 60 * 60;

/// A payload as skopeo writes it.
pub const PAYLOAD: &str = r#"{"critical":{"identity":{"docker-reference":"h.example/r:t"},"image":{"docker-manifest-digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"type":"atomic container signature"},"optional":{"creator":"test","timestamp":12}}"#;

/// A home of gpg with private keys in it.
pub struct Gpg {
    home: TempDir,
    /// The time for gpg: seconds since 1970.
    now: u64,
}

impl Gpg {
    /// An empty home, in January.
    pub fn new() -> Self {
        Self {
            home: home(),
            now: JANUARY,
        }
    }

    /// The same home at another time.
    pub fn at(&mut self, now: u64) -> &mut Self {
        self.now = now;
        self
    }

    /// Runs gpg with arguments that are separated by blanks; `input` is what it reads.
    #[track_caller]
    pub fn run(&self, arguments: &str, input: impl AsRef<[u8]>) {
        let mut command = gpg(self.home.path(), self.now);
        // A signer may have a wrong clock.
        command.args(["--quiet", "--ignore-time-conflict", "--ignore-valid-from"]);
        command.args(["--pinentry-mode", "loopback", "--passphrase", ""]);
        let file = self.home.path().join("input");
        write(&file, input);
        let input = std::fs::File::open(&file).expect("it was written");
        command.args(arguments.split_whitespace()).stdin(input);
        Run::of(&mut command).ok();
    }

    /// Makes a primary key that signs, of a kind as `rsa2048`, and returns its fingerprint.
    #[track_caller]
    pub fn key(&self, kind: &str) -> String {
        self.key_for(kind, "sign", "never")
    }

    /// Makes a primary key with these uses, which expires then.
    #[track_caller]
    pub fn key_for(&self, kind: &str, uses: &str, expires: &str) -> String {
        let before = self.fingerprints();
        let address = format!("{}@x.example", before.len());
        self.run(
            &format!("--quick-generate-key {address} {kind} {uses} {expires}"),
            "",
        );
        let new = self.fingerprints();
        new.into_iter()
            .find(|known| !before.contains(known))
            .expect("it was made")
    }

    /// Adds a subkey that signs, and returns its fingerprint.
    #[track_caller]
    pub fn subkey(&self, primary: &str, kind: &str, expires: &str) -> String {
        let before = self.fingerprints();
        // Else a subkey on such a curve is for encryption.
        let algorithm = if kind.starts_with("nist") {
            "/ecdsa"
        } else {
            ""
        };
        self.run(
            &format!("--quick-add-key {primary} {kind}{algorithm} sign {expires}"),
            "",
        );
        let new = self.fingerprints();
        new.into_iter()
            .find(|known| !before.contains(known))
            .expect("it was made")
    }

    /// The fingerprints of all keys and subkeys.
    pub fn fingerprints(&self) -> Vec<String> {
        let mut command = gpg(self.home.path(), self.now);
        let listed = Run::of(command.args(["--with-colons", "--list-keys"]));
        let lines = listed.stdout.lines();
        let lines = lines.filter_map(|line| line.strip_prefix("fpr:"));
        lines
            .map(|line| line.trim_matches(':').to_owned())
            .collect()
    }

    /// Types these lines after `--edit-key`.
    #[track_caller]
    pub fn edit(&self, key: &str, lines: &[&str]) {
        let before = self.export(&[]);
        let mut command = gpg(self.home.path(), self.now);
        let file = self.home.path().join("commands");
        write(&file, lines.join("\n") + "\nsave\n");
        // In a batch gpg asks nothing.
        command.args(["--no-batch", "--expert", "--pinentry-mode", "loopback"]);
        command.args(["--passphrase", "", "--command-fd", "0", "--edit-key", key]);
        command.stdin(std::fs::File::open(&file).expect("it was written"));
        let run = Run::of(&mut command).ok();
        assert_ne!(self.export(&[]), before, "{run:?}");
    }

    /// Imports the revocation that gpg keeps beside a new key.
    pub fn revoke(&self, key: &str) {
        let file = self.home.path().join(format!("openpgp-revocs.d/{key}.rev"));
        let text = String::from_utf8(read(file)).expect("text");
        self.run("--import", text.replace(":-----BEGIN", "-----BEGIN"));
    }

    /// A file of the home.
    pub fn file(&self, name: &str) -> Vec<u8> {
        read(self.home.path().join(name))
    }

    /// The ring of these keys; of all where none is named.
    #[track_caller]
    pub fn export(&self, keys: &[&str]) -> Vec<u8> {
        self.write_out(&format!("--export {}", keys.join(" ")), "")
    }

    /// Signs a payload with `--sign` and these arguments.
    #[track_caller]
    pub fn sign(&self, arguments: &str) -> Vec<u8> {
        self.sign_text(arguments, PAYLOAD)
    }

    /// Signs a text.
    #[track_caller]
    pub fn sign_text(&self, arguments: &str, text: &str) -> Vec<u8> {
        let how = if arguments.ends_with("-sign") {
            ""
        } else {
            "--sign"
        };
        self.write_out(&format!("{arguments} {how}"), text)
    }

    /// Runs gpg with arguments after `--output`, and returns what it wrote.
    #[track_caller]
    pub fn write_out(&self, arguments: &str, input: &str) -> Vec<u8> {
        let file = self.home.path().join("output");
        let output = file.to_str().expect("a path of UTF-8");
        self.run(&format!("--yes --output {output} {arguments}"), input);
        read(file)
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        end_agent(self.home.path());
    }
}

/// A home for gpg. The path is short: the agent's sockets are below it.
fn home() -> TempDir {
    let home = tempfile::Builder::new()
        .prefix("gpg")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in("/tmp");
    home.expect("a temporary folder, which only its owner reads")
}

/// Ends the agent that gpg started for a home.
fn end_agent(home: &Path) {
    let mut command = Command::new("gpgconf");
    command.arg("--homedir").arg(home).args(["--kill", "all"]);
    // No agent is there where gpg has needed none.
    let _ = command.stderr(Stdio::null()).status();
}

fn gpg(home: &Path, now: u64) -> Command {
    let mut command = limited("gpg");
    command.arg("--homedir").arg(home);
    command.args(["--batch", "--no-tty", "--no-options"]);
    command.args(["--faked-system-time", &format!("{now}!")]);
    command.stdin(Stdio::null());
    command
}

/// A message that gpg takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    pub content: Vec<u8>,
    /// The fingerprint of the key that signed.
    pub key: String,
}

/// What gpg says of a message, read as gpgme reads it for skopeo: one signature, which is good and valid. The error is
/// what gpg wrote.
pub fn gpg_takes(ring: &[u8], message: &[u8], now: u64) -> Result<Taken, String> {
    let home = home();
    let path = home.path();
    write(path.join("ring"), ring);
    write(path.join("message"), message);
    let mut import = gpg(path, now);
    let import = import.args(["--no-autostart", "--status-fd", "1", "--import"]);
    let import = import.arg(path.join("ring")).output().expect("gpg runs");
    let content = path.join("content");
    let mut command = gpg(path, now);
    command.args(["--no-autostart", "--status-fd", "1", "--output"]);
    command.arg(&content);
    let output = command.arg("--").arg(path.join("message")).output();
    let output = output.expect("gpg runs");
    let said = [import.stdout, import.stderr, output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let status = |word: &str| {
        let lines = said
            .lines()
            .filter_map(|line| line.strip_prefix("[GNUPG:] "));
        lines
            .filter(|line| line.split(' ').next() == Some(word))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let count = |word: &str| status(word).len();
    let is_good = ["NEWSIG", "GOODSIG", "VALIDSIG"].map(count) == [1, 1, 1];
    // gpgme does not look at gpg's exit status: a damaged signature by somebody else on the key makes it 2.
    let bad = [
        "BADSIG",
        "ERRSIG",
        "EXPSIG",
        "EXPKEYSIG",
        "REVKEYSIG",
        "NODATA",
        "UNEXPECTED",
        "ERROR",
        "FAILURE",
    ];
    if !is_good || bad.map(count) != [0; 9] {
        return Err(said);
    }
    let valid = status("VALIDSIG").remove(0);
    Ok(Taken {
        content: read(content),
        key: valid.split(' ').nth(1).expect("a fingerprint").to_owned(),
    })
}

/// The verdicts of gpg and of ours, by both rules.
pub struct Verdicts {
    pub gpg: Result<Taken, String>,
    pub ours: Result<Claim, Refusal>,
    pub image_rs: Result<Claim, Refusal>,
}

/// Ours by gpg's rules; an error for a ring that is none too.
pub fn ours(ring: &[u8], message: &[u8], now: u64, rules: Rules) -> Result<Claim, Refusal> {
    let ring = KeyRing::read(ring, rules).map_err(Refusal::Form)?;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
    verify(message, &ring, now, rules)
}

/// Asks all three, and holds that ours takes nothing that gpg does not take.
#[track_caller]
pub fn judge(ring: &[u8], message: &[u8], now: u64) -> Verdicts {
    let verdicts = Verdicts {
        gpg: gpg_takes(ring, message, now),
        ours: ours(ring, message, now, Rules::Gpg),
        image_rs: ours(ring, message, now, Rules::ImageRs),
    };
    if let Ok(claim) = &verdicts.ours {
        let taken = verdicts.gpg.as_ref().expect("ours takes what gpg does not");
        assert_eq!(taken.key, claim.key);
        assert!(claim.doubts.is_empty());
    }
    if let Ok(claim) = &verdicts.image_rs {
        assert_eq!(claim.key, claim.primary);
        assert_eq!(claim.doubts.is_empty(), verdicts.ours.is_ok());
    }
    verdicts
}

impl Verdicts {
    /// All three take it.
    #[track_caller]
    pub fn taken(self) -> Claim {
        let taken = self.gpg.unwrap_or_else(|said| panic!("gpg:\n{said}"));
        let claim = self.ours.expect("ours takes it too");
        assert_eq!(taken.content.trim_ascii_end(), PAYLOAD.as_bytes());
        assert_eq!(claim.payload.docker_reference, "h.example/r:t");
        assert_eq!(self.image_rs.as_ref(), Ok(&claim));
        claim
    }

    /// gpg takes it, and ours does not, by either rule.
    #[track_caller]
    pub fn taken_by_gpg_alone(self, reason: &str) {
        assert!(self.gpg.is_ok(), "{:?}", self.gpg);
        for error in [self.ours, self.image_rs] {
            says(&error.expect_err("ours is stricter"), reason);
        }
    }

    /// Nobody takes it.
    #[track_caller]
    pub fn refused(self, rule: &str, reason: &str) {
        assert!(self.gpg.is_err(), "{:?}", self.gpg);
        for error in [self.ours, self.image_rs] {
            let error = error.expect_err("ours refuses it too");
            says(&error, reason);
            assert_eq!(error.rule(), rule, "{error}");
        }
    }
}

#[track_caller]
pub fn says(error: &Refusal, reason: &str) {
    let error = error.to_string();
    assert!(error.contains(reason), "{reason:?} is not in: {error}");
}
