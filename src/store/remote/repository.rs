//! One repository of a registry, and the paths of its contents.

use std::sync::Arc;

use ureq::http::Method;
use ureq::http::header::{ACCEPT, HeaderName, HeaderValue};

use super::client::{At, Body, Call, Client};
use super::error::{Error, Problem};
use super::scope::Scope;
use super::wire::Answer;
use crate::image::Repository;

/// The media types of a manifest (R4): all four, in every request for one.
pub(super) const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";
/// The media type of a list of referrers.
pub(super) const LISTS: &str = "application/vnd.oci.image.index.v1+json, application/json";

/// One repository of a registry.
///
/// ```no_run
/// use std::sync::Arc;
/// use ir_sign::image::ImageName;
/// use ir_sign::store::remote::{Client, Environment, ManifestRef, Options, RemoteRepository};
///
/// let name = "docker://registry.example.com/team/app:1.0".parse()?;
/// let ImageName::Docker { host, repository, tag: Some(tag), .. } = name else { unreachable!() };
/// let options = Options { environment: Environment::of_process(), ..Options::default() };
/// let client = Arc::new(Client::new(&host, &options));
/// let app = RemoteRepository::new(client, repository);
/// if let Some(found) = app.manifest(&ManifestRef::Tag(tag))? {
///     println!("{} is a {}", found.blob.digest(), found.media_type);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RemoteRepository {
    pub(super) client: Arc<Client>,
    name: Repository,
    writes: bool,
}

impl RemoteRepository {
    /// A repository to read. This sends no request yet.
    pub const fn new(client: Arc<Client>, name: Repository) -> Self {
        Self {
            client,
            name,
            writes: false,
        }
    }

    /// The same repository to write: the client asks for tokens for both actions from the start (R13).
    #[must_use]
    pub fn to_write(&self) -> Self {
        Self {
            writes: true,
            ..self.clone()
        }
    }

    /// Its name.
    pub const fn name(&self) -> &Repository {
        &self.name
    }

    /// The name of something in it, for messages.
    pub(super) fn what(&self, part: &str) -> String {
        let place = format!("docker://{}/{}", self.client.host(), self.name);
        if part.is_empty() {
            place
        } else {
            format!("{place}: {part}")
        }
    }

    /// The path of something in it.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.name)
    }

    pub(super) fn scope(&self) -> Scope {
        if self.writes {
            Scope::push(self.name.clone())
        } else {
            Scope::pull(self.name.clone())
        }
    }

    /// Requests something by GET or HEAD.
    pub(super) fn ask(
        &self,
        method: Method,
        at: At<'_>,
        accept: Option<&'static str>,
        more: Option<(HeaderName, HeaderValue)>,
        what: &str,
    ) -> Result<Answer, Error> {
        let accept = accept.map(|types| (ACCEPT, HeaderValue::from_static(types)));
        self.client.call(&Call {
            method,
            at,
            scope: &self.scope(),
            headers: accept.into_iter().chain(more).collect(),
            body: Body::Nothing,
            what,
        })
    }

    /// An error about something in it.
    pub(super) fn error(&self, what: &str, problem: Problem) -> Error {
        self.client.error(what, problem)
    }
}
