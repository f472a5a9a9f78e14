//! The scopes that a client asks a token for: repositories, and the actions in them (R13, R14).

use crate::image::Repository;

/// The action of a request, and its repository. The client does not ask for the scope that the registry names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    repository: Repository,
    writes: bool,
    /// Another repository that blobs are mounted from.
    from: Option<Repository>,
}

impl Scope {
    /// To read.
    pub(super) const fn pull(repository: Repository) -> Self {
        Self {
            repository,
            writes: false,
            from: None,
        }
    }

    /// To read and write.
    pub(super) const fn push(repository: Repository) -> Self {
        Self {
            repository,
            writes: true,
            from: None,
        }
    }

    /// To mount blobs from another repository here. Never one repository in two scopes.
    pub(super) fn mount(repository: Repository, from: Repository) -> Self {
        let from = (from != repository).then_some(from);
        Self {
            repository,
            writes: true,
            from,
        }
    }

    /// The repository that it is about.
    pub(super) const fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The scopes as token services read them.
    pub(super) fn texts(&self) -> Vec<String> {
        let actions = if self.writes { "pull,push" } else { "pull" };
        let own = format!("repository:{}:{actions}", self.repository);
        let from = self
            .from
            .as_ref()
            .map(|from| format!("repository:{from}:pull"));
        std::iter::once(own).chain(from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Host;

    fn repository(text: &str) -> Repository {
        Repository::on(&"r.example".parse::<Host>().expect("a host"), text).expect("a repository")
    }

    #[test]
    fn r13_scopes_are_ours() {
        assert_eq!(
            Scope::pull(repository("a/b")).texts(),
            ["repository:a/b:pull"]
        );
        assert_eq!(
            Scope::push(repository("a/b")).texts(),
            ["repository:a/b:pull,push"]
        );
    }

    #[test]
    fn r14_a_mount_takes_one_token_for_both_and_no_repository_twice() {
        let both = Scope::mount(repository("a"), repository("b"));
        assert_eq!(
            both.texts(),
            ["repository:a:pull,push", "repository:b:pull"]
        );
        let one = Scope::mount(repository("a"), repository("a"));
        assert_eq!(one.texts(), ["repository:a:pull,push"]);
    }
}
