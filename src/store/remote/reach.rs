//! The problems of a registry that affect every request to it.

use super::error::Problem;
use super::retry::is_passing;

/// Whether a problem is not about the thing requested: the registry is out of reach, or does not serve this user.
pub const fn is_of_all(problem: &Problem) -> bool {
    match problem {
        Problem::Status { status, .. } => is_passing(*status),
        Problem::Connect(_)
        | Problem::NoHost { .. }
        | Problem::Cut
        | Problem::Slow { .. }
        | Problem::Malformed(_)
        | Problem::NoTls
        | Problem::Tls(_)
        | Problem::TlsFiles(_)
        | Problem::ProxyName { .. }
        | Problem::Proxy { .. }
        | Problem::ProxyCredentials { .. }
        | Problem::Later { .. }
        | Problem::Anonymous { .. }
        | Problem::Credentials { .. }
        | Problem::Challenge(_)
        | Problem::Realm(_)
        | Problem::Token(_)
        | Problem::Files(_) => true,
        Problem::Address
        | Problem::Packed
        | Problem::Absent
        | Problem::Redirect(_)
        | Problem::Location(_)
        | Problem::Repeats { .. }
        | Problem::Mismatch(_)
        | Problem::Stated { .. }
        | Problem::Document(_)
        | Problem::TooLarge { .. }
        | Problem::TooMany { .. }
        | Problem::List(_)
        | Problem::Unlisted { .. }
        | Problem::Moved { .. }
        | Problem::Unmoved { .. }
        | Problem::Fallback
        | Problem::Source(_)
        | Problem::NotTaken { .. }
        | Problem::Lacking { .. }
        | Problem::Taken { .. } => false,
    }
}
