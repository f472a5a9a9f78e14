//! Credentials from the files of podman, skopeo and docker (R17, R18). The program stores none itself.
//!
//! Sources: containers-auth.json(5); docker's `config.json` ("docker login", "Credential stores").

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use super::credential::{Credentials, CredentialsError};
use super::environment::Options;
use super::helper::Helpers;
use super::object::{self, OBJECT};
use crate::encoding::base64::unbase64;
use crate::encoding::strict::Shape;
use crate::files;
use crate::image::{Host, Repository};
use crate::secret::Secret;

/// Bytes of the largest file of credentials.
const LARGEST: usize = 1 << 20;
/// The key under which docker keeps Docker Hub's credentials (R2).
const DOCKER_HUB: &str = "index.docker.io";

/// The shapes of such a file, and of docker's older file.
const AUTHS: Shape = Shape::Map(&OBJECT);
const FILE: Shape = Shape::Object(&[("auths", &AUTHS), ("credHelpers", &Shape::Map(&Shape::Any))]);

/// One such file.
#[derive(Deserialize, Default)]
struct AuthFile {
    #[serde(default)]
    auths: Option<BTreeMap<String, Option<Entry>>>,
    #[serde(default, rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize, Default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let texts = [
            &mut self.auth,
            &mut self.password,
            &mut self.identitytoken,
            &mut self.registrytoken,
        ];
        for text in texts.into_iter().flatten() {
            text.zeroize();
        }
    }
}

/// The credentials for a repository; `None` if no file has any.
pub(super) fn find(
    options: &Options,
    helpers: &Helpers,
    host: &Host,
    repository: &Repository,
) -> Result<Option<Arc<Credentials>>, CredentialsError> {
    for (path, must_exist, is_bare) in places(options) {
        let text = match files::read_wiped(&path, LARGEST) {
            Ok(text) => text,
            Err(files::Error::Io { source, .. }) if !must_exist && is_absent(&source) => {
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let file = read(&path, &text, is_bare)?;
        if let Some(found) = in_file(options, helpers, &path, &file, host, repository)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The files to read: path, whether it must exist, whether it is docker's old form, without `auths`.
fn places(options: &Options) -> Vec<(PathBuf, bool, bool)> {
    let environment = &options.environment;
    let named = options.authfile.clone();
    if let Some(path) = named.or_else(|| environment.path("REGISTRY_AUTH_FILE")) {
        return vec![(path, true, false)];
    }
    let user = rustix::process::getuid().as_raw();
    let runtime = environment.path("XDG_RUNTIME_DIR").map_or_else(
        || PathBuf::from(format!("/run/containers/{user}")),
        |folder| folder.join("containers"),
    );
    let mut places = vec![(runtime.join("auth.json"), false, false)];
    let config = environment.config_home();
    places.extend(config.map(|c| (c.join("containers/auth.json"), false, false)));
    let home = environment.path("HOME");
    let docker = environment.path("DOCKER_CONFIG");
    let docker = docker.or_else(|| home.as_ref().map(|home| home.join(".docker")));
    places.extend(docker.map(|folder| (folder.join("config.json"), false, false)));
    places.extend(home.map(|home| (home.join(".dockercfg"), false, true)));
    places
}

fn read(path: &Path, text: &[u8], is_bare: bool) -> Result<AuthFile, CredentialsError> {
    let invalid = |reason| CredentialsError::Invalid {
        path: path.to_owned(),
        reason,
    };
    // docker and podman leave such files.
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(AuthFile::default());
    }
    if is_bare {
        let auths = object::read(text, &AUTHS)
            .map_err(|_| invalid("it is not a list of credentials in JSON"))?;
        return Ok(AuthFile {
            auths: Some(auths),
            ..AuthFile::default()
        });
    }
    object::read(text, &FILE).map_err(|_| invalid("it is not JSON with credentials"))
}

/// Reads a file of credentials and looks for a repository's, without asking helpers: for tests of the form.
pub fn read_auth_file(
    text: &[u8],
    host: &Host,
    repository: &Repository,
) -> Result<Option<Credentials>, CredentialsError> {
    let path = Path::new("auth.json");
    let file = read(path, text, false)?;
    in_auths(path, &file, host, repository)
}

fn in_file(
    options: &Options,
    helpers: &Helpers,
    path: &Path,
    file: &AuthFile,
    host: &Host,
    repository: &Repository,
) -> Result<Option<Arc<Credentials>>, CredentialsError> {
    let server = if host.is_docker_hub() {
        "https://index.docker.io/v1/"
    } else {
        host.as_str()
    };
    let of_host = file
        .helpers
        .iter()
        .flatten()
        .find(|(key, _)| is_host(key, host));
    if let Some((key, name)) = of_host {
        // Use the spelling of the file: the helper stored the credentials under it.
        let server = if host.is_docker_hub() { server } else { key };
        return helpers.ask(options, name, server);
    }
    if let Some(name) = file.store.as_ref().filter(|name| !name.is_empty())
        && let Some(found) = helpers.ask(options, name, server)?
    {
        return Ok(Some(found));
    }
    Ok(in_auths(path, file, host, repository)?.map(Arc::new))
}

/// Whether a key names exactly this host.
fn is_host(key: &str, host: &Host) -> bool {
    key.eq_ignore_ascii_case(host.as_str())
        || host.is_docker_hub() && key.eq_ignore_ascii_case(DOCKER_HUB)
}

fn in_auths(
    path: &Path,
    file: &AuthFile,
    host: &Host,
    repository: &Repository,
) -> Result<Option<Credentials>, CredentialsError> {
    let Some(auths) = &file.auths else {
        return Ok(None);
    };
    // The longest name first, by whole parts.
    let whole = format!("{host}/{repository}");
    let mut name = whole.as_str();
    loop {
        let at = auths.iter().find(|(key, _)| is_key(key, name));
        if let Some(found) = at
            .and_then(|(_, entry)| entry.as_ref())
            .map(|e| of_entry(path, e))
            && let Some(found) = found?
        {
            return Ok(Some(found));
        }
        match name.rfind('/') {
            Some(at) => name = &name[..at],
            None => break,
        }
    }
    let of_old = |key: &&String| is_host_of_old(key, host);
    let mut keys: Vec<&String> = auths.keys().filter(of_old).collect();
    keys.sort_by_key(|key| !key.ends_with("/v1/"));
    for key in keys {
        if let Some(entry) = &auths[key]
            && let Some(found) = of_entry(path, entry)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Whether a key is this name: the host in any case, the rest as it is.
fn is_key(key: &str, name: &str) -> bool {
    let split = |text: &str| {
        let at = text.find('/').unwrap_or(text.len());
        (text[..at].to_ascii_lowercase(), text[at..].to_owned())
    };
    split(key) == split(name)
}

/// Whether a key is an address as docker wrote it, `https://HOST/v1/`, or docker.io's bare host of old.
fn is_host_of_old(key: &str, host: &Host) -> bool {
    let rest = ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| key.strip_prefix(scheme));
    let (name, path) = match rest {
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
        None if host.is_docker_hub() => key.split_once('/').unwrap_or((key, "")),
        None => return false,
    };
    is_host(name, host) && ["", "v1", "v1/", "v2", "v2/"].contains(&path)
}

fn of_entry(path: &Path, entry: &Entry) -> Result<Option<Credentials>, CredentialsError> {
    let invalid = |reason| CredentialsError::Invalid {
        path: path.to_owned(),
        reason,
    };
    let set = |text: &Option<String>| {
        text.clone()
            .filter(|text| !text.is_empty())
            .map(Zeroizing::new)
    };
    if let Some(token) = set(&entry.registrytoken) {
        return Ok(Some(Credentials::Bearer(Secret::of(token.as_bytes()))));
    }
    let pair = match set(&entry.auth) {
        Some(auth) => Some(split(&auth).ok_or_else(|| {
            invalid("an \"auth\" in it is not the base64 of a user, a colon and a password")
        })?),
        None => match (set(&entry.username), set(&entry.password)) {
            (Some(user), password) => {
                let password = password.map_or(Secret::of(b""), |p| Secret::of(p.as_bytes()));
                Some((user.to_string(), password))
            }
            (None, None) => None,
            (None, Some(_)) => return Err(invalid("a \"password\" in it has no \"username\"")),
        },
    };
    if let Some(token) = set(&entry.identitytoken) {
        let user = pair.map(|(user, _)| user).filter(|user| !user.is_empty());
        return Ok(Some(Credentials::Identity {
            user,
            token: Secret::of(token.as_bytes()),
        }));
    }
    let Some((user, password)) = pair else {
        return Ok(None);
    };
    if user.contains(':') || user.chars().any(char::is_control) {
        return Err(invalid("a user in it has a colon or a control character"));
    }
    Ok(Some(Credentials::Basic { user, password }))
}

/// A user and a password from the base64 of both, cut at the first colon.
fn split(auth: &str) -> Option<(String, Secret)> {
    let pair = Zeroizing::new(unbase64(auth)?);
    let at = pair.iter().position(|byte| *byte == b':')?;
    let user = str::from_utf8(&pair[..at]).ok()?.to_owned();
    let mut password = &pair[at + 1..];
    while let Some(shorter) = password.strip_suffix(b"\0") {
        password = shorter;
    }
    Some((user, Secret::of(password)))
}

#[cfg(test)]
mod tests;
