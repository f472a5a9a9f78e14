//! The environment variables with the places of credentials and proxies, and the settings of a run.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The variables that the program reads.
const NAMES: [&str; 15] = [
    "ALL_PROXY",
    "DOCKER_CONFIG",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "PATH",
    "REGISTRY_AUTH_FILE",
    "REQUEST_METHOD",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The variables of the environment, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        let value = |name: &str| Some((name.to_owned(), std::env::var_os(name)?));
        Self(NAMES.into_iter().filter_map(value).collect())
    }

    /// These and no others.
    pub fn of<V: Into<OsString>>(variables: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        let variables = variables.into_iter();
        Self(variables.map(|(n, v)| (n.to_owned(), v.into())).collect())
    }

    /// A variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        let value = self.0.get(name).map(OsString::as_os_str);
        value.filter(|value| !value.is_empty())
    }

    /// The same as a path.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// `$XDG_CONFIG_HOME`, or `~/.config`.
    pub(super) fn config_home(&self) -> Option<PathBuf> {
        let home = || self.path("HOME").map(|home| home.join(".config"));
        self.path("XDG_CONFIG_HOME").or_else(home)
    }
}

type Tell = dyn Fn(&str) + Send + Sync;

/// A function that tells the user why the program waits.
#[derive(Clone, Default)]
pub struct Waiting(Option<Arc<Tell>>);

impl Waiting {
    /// Tells the user with this function. Several threads call it.
    pub fn told(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(super) fn tell(&self, text: &str) {
        if let Some(tell) = &self.0 {
            tell(text);
        }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiting(..)")
    }
}

/// The files of a client's certificate, in PEM.
#[derive(Clone, Debug)]
pub struct ClientFiles {
    /// The certificate, and those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key, not encrypted.
    pub key: PathBuf,
}

/// How to talk to registries.
#[derive(Clone, Debug)]
pub struct Options {
    /// The one file to take credentials from.
    pub authfile: Option<PathBuf>,
    /// A file of more certificate authorities, PEM.
    pub tls_ca: Option<PathBuf>,
    /// A folder as docker's `certs.d`.
    pub cert_dir: Option<PathBuf>,
    /// The client's certificate for the registry, in place of one of `cert_dir` or the system's.
    pub client: Option<Box<ClientFiles>>,
    /// Whether plain HTTP may go to other machines too.
    pub allow_http: bool,
    /// How long each step may take: connecting, a whole header, each KiB of a body.
    pub timeout: Duration,
    /// How many times the client repeats a request.
    pub retries: u32,
    /// How long the client waits before it repeats a request the first time; the second wait is twice as long.
    pub backoff: Duration,
    /// The longest wait that a registry may ask for.
    pub longest_wait: Duration,
    /// The function that hears when the client will send a request again.
    pub waiting: Waiting,
    /// The environment.
    pub environment: Environment,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            authfile: None,
            tls_ca: None,
            cert_dir: None,
            client: None,
            allow_http: false,
            timeout: Duration::from_secs(30),
            retries: 3,
            backoff: Duration::from_secs(1),
            longest_wait: Duration::from_mins(1),
            waiting: Waiting::default(),
            environment: Environment::default(),
        }
    }
}
