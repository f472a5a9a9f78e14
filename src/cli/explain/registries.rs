//! Advice where a registry lacks an image, or refuses a request.

use std::path::Path;

use super::mirrors::mirror_of;
use super::nearest::nearest;
use super::shell::word;
use crate::image::Tag;
use crate::store::Place;
use crate::store::remote::Problem;

/// The words by which registries ask to create a repository first.
const NO_REPOSITORY: [&str; 2] = ["NAME_UNKNOWN", "RepositoryNotFound"];

/// Advice where a repository with these tags lacks that tag.
pub(super) fn of_absent(repository: &str, tag: &str, present: &[String]) -> String {
    let names = || {
        present
            .iter()
            .map(String::as_str)
            .filter(|name| name.parse::<Tag>().is_ok())
    };
    let image = |name: &str| word(format!("{repository}:{name}"));
    if let Some(near) = nearest(tag, names()) {
        return format!("did you mean {}?", image(near));
    }
    match names().next() {
        Some(first) if tag == Tag::latest().as_str() => {
            format!(
                "a name without a tag means the tag \"latest\": name one that is there, as in {}",
                image(first)
            )
        }
        Some(first) => format!("name one that is there, as in {}", image(first)),
        None => "see that the repository's name is right: the registry lists no tags for it".into(),
    }
}

/// Advice on an error of a registry.
pub(super) fn of_registry(place: &Place, problem: &Problem) -> Option<String> {
    let Place::Repository(name) = place else {
        return None;
    };
    let (host, repository) = name.strip_prefix("docker://")?.split_once('/')?;
    let first = of_problem(host, problem);
    let mirror = is_about_host(problem)
        .then(|| mirror_of(host, repository))
        .flatten();
    let mirror = mirror.map(|mirror| {
        format!(
            "{} names a mirror, but ir-sign does not read it: name the mirror as the host: {}",
            mirror.file,
            word(mirror.image)
        )
    });
    let folder = folder_of(host, repository).map(|folder| {
        format!(
            "if the folder {folder} is meant: {}",
            word(format!("oci:{folder}"))
        )
    });
    let advice: Vec<_> = [folder, first, mirror].into_iter().flatten().collect();
    (!advice.is_empty()).then(|| advice.join("; "))
}

/// A folder here that has the name of a repository on docker.io, where names without a host lead to.
fn folder_of<'a>(host: &str, repository: &'a str) -> Option<&'a str> {
    if host != "docker.io" {
        return None;
    }
    let name = repository.strip_prefix("library/").unwrap_or(repository);
    Path::new(name).is_dir().then_some(name)
}

fn of_problem(host: &str, problem: &Problem) -> Option<String> {
    Some(match problem {
        Problem::Connect(why) if why.starts_with("the proxy") => {
            "see that the proxy runs: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names it".into()
        }
        Problem::Connect(_) => {
            "see that the registry runs, and that its port is the right one: without a port it is 443".into()
        }
        Problem::NoHost { .. } => "see that the host is spelt right, and that DNS knows it here".into(),
        Problem::NoTls => {
            "if the registry has no TLS, and you trust the network: --allow-http".into()
        }
        Problem::Tls(reason) if reason.contains("UnknownIssuer") => {
            "name the authority that issued its certificate: --tls-ca FILE".into()
        }
        Problem::Anonymous { .. } => format!(
            "log in with podman login {0} or docker login {0} (ir-sign reads their files), or name a file with --authfile",
            word(host)
        ),
        Problem::Credentials { .. } => format!(
            "log in again with podman login {0} or docker login {0}, or name another file with --authfile; they may lack the right to do this",
            word(host)
        ),
        Problem::Later { .. } => "run it again then".into(),
        Problem::Slow { .. } => "if the registry or the network is so slow, raise --timeout".into(),
        Problem::Status { status: 404, words } if NO_REPOSITORY.iter().any(|code| words.contains(code)) => {
            "make the repository there first: this registry makes none by itself".into()
        }
        Problem::NotTaken { .. } => {
            "copy changes no media type: push to another registry, or make this one accept them; sign-image writes OCI's types in place of docker's"
                .into()
        }
        Problem::Moved { .. } => "run it again when the others are done".into(),
        _ => return None,
    })
}

/// Whether another host could answer.
const fn is_about_host(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::Connect(_)
            | Problem::NoHost { .. }
            | Problem::Slow { .. }
            | Problem::Proxy { .. }
            | Problem::Later { .. }
            | Problem::Anonymous { .. }
            | Problem::Status { .. }
    )
}
