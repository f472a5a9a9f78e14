//! Fetching resources.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use zeroize::Zeroizing;

#[cfg(feature = "grpc")]
use super::agent::Agent;
use super::error::Error;
use super::offline_fs::{LARGEST_FILE, Resources};
use super::source::Source;
use super::uri::KbsUri;
use crate::files;

/// A key broker. It reads and asks nothing before the first [`Broker::get`].
#[derive(Debug)]
pub struct Broker {
    source: Source,
    at: At,
}

#[derive(Debug)]
enum At {
    /// A file, read once, so that all resources of a run come from one state of it.
    File {
        path: PathBuf,
        resources: OnceLock<Resources>,
    },
    #[cfg(feature = "grpc")]
    Agent(Agent),
}

impl Broker {
    /// A broker at a place. `timeout` is for each resource; `allow_http` allows agents on other machines.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ir_sign::broker::{Broker, KbsUri, Source};
    /// let folder = tempfile::tempdir().unwrap();
    /// let file = folder.path().join("resources.json");
    /// std::fs::write(&file, r#"{"default/cosign-public-key/test":"a2V5"}"#).unwrap();
    /// let broker = Broker::open(&Source::OfflineFile(file), Duration::from_secs(3), false).unwrap();
    /// assert_eq!(*broker.get(&KbsUri::cosign_key()).unwrap(), b"key");
    /// ```
    pub fn open(source: &Source, timeout: Duration, allow_http: bool) -> Result<Self, Error> {
        let at = match source {
            Source::OfflineFile(path) => At::File {
                path: path.clone(),
                resources: OnceLock::new(),
            },
            Source::Grpc { .. } if !source.is_local() && !allow_http => {
                return Err(Error::NotLocal(source.clone()));
            }
            #[cfg(feature = "grpc")]
            Source::Grpc { host, port } => At::Agent(Agent::new(host, *port, timeout)),
            #[cfg(not(feature = "grpc"))]
            Source::Grpc { .. } => {
                let _ = timeout;
                return Err(Error::LeftOut(source.clone()));
            }
        };
        let source = source.clone();
        Ok(Self { source, at })
    }

    /// Where the broker is.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Fetches a resource: at least one byte. Wiped when it is dropped.
    pub fn get(&self, uri: &KbsUri) -> Result<Zeroizing<Vec<u8>>, Error> {
        let bytes = match &self.at {
            At::File { path, resources } => {
                let found = read_once(path, resources)?.get(uri);
                let found = found.map(|bytes| Zeroizing::new(bytes.to_vec()));
                found.ok_or_else(|| Error::Absent {
                    path: path.clone(),
                    uri: uri.clone(),
                })?
            }
            #[cfg(feature = "grpc")]
            At::Agent(agent) => agent.get(&self.source, uri)?,
        };
        if bytes.is_empty() {
            return Err(Error::Empty {
                broker: self.source.clone(),
                uri: uri.clone(),
            });
        }
        Ok(bytes)
    }
}

fn read_once<'a>(path: &Path, cell: &'a OnceLock<Resources>) -> Result<&'a Resources, Error> {
    if let Some(known) = cell.get() {
        return Ok(known);
    }
    // Opening a pipe would wait for a writer.
    let is_other = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if is_other {
        return Err(Error::NotAFile(path.to_owned()));
    }
    let bytes = files::read_wiped(path, LARGEST_FILE)?;
    let read = Resources::read(&bytes).map_err(|fault| Error::Malformed {
        path: path.to_owned(),
        fault,
    })?;
    Ok(cell.get_or_init(|| read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Class;

    fn get(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
        let source = Source::OfflineFile(path.to_owned());
        let broker = Broker::open(&source, Duration::from_secs(1), false)?;
        broker.get(&KbsUri::cosign_key())
    }

    #[test]
    fn any_fault_of_a_file_leaves_everything_undecided() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("resources.json");
        let absent = get(&path).expect_err("absent");
        assert_eq!(absent.class(), Class::Undecided, "{absent}");
        for text in [
            "",
            "[]",
            "{}",
            r#"{"default/cosign-public-key/test":7}"#,
            r#"{"default/cosign-public-key/test":"!"}"#,
            r#"{"default/cosign-public-key/test":""}"#,
            r#"{"default/cosign-public-key/test":"a2V5","other":"!"}"#,
            r#"{"default/Cosign-public-key/test":"a2V5"}"#,
        ] {
            fs::write(&path, text).expect("written");
            let error = get(&path).expect_err(text);
            assert_eq!(error.class(), Class::Undecided, "{error}");
            assert!(!error.to_string().contains("a2V5"), "{error}");
        }
        fs::write(&path, " ".repeat(LARGEST_FILE + 1)).expect("written");
        let large = get(&path).expect_err("too large");
        assert_eq!(large.class(), Class::Undecided, "{large}");
        let other = get(folder.path()).expect_err("a folder");
        assert!(matches!(other, Error::NotAFile(_)), "{other}");
    }

    #[test]
    fn an_agent_on_another_machine_is_wrong_usage() {
        let source = Source::Grpc {
            host: "agent.example".into(),
            port: 50000,
        };
        let error = Broker::open(&source, Duration::from_secs(1), false).expect_err("refused");
        assert_eq!(error.class(), Class::Usage);
        let allowed = Broker::open(&source, Duration::from_secs(1), true);
        assert_eq!(allowed.is_ok(), cfg!(feature = "grpc"));
    }
}
