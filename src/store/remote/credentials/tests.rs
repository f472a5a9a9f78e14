//! Files of credentials and helpers: which one counts, and what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::super::environment::Environment;
use super::*;

const HOST: &str = "r.example:5000";

fn in_text(
    text: &str,
    host: &str,
    repository: &str,
) -> Result<Option<Credentials>, CredentialsError> {
    let host = host.parse().expect("a host");
    let repository = Repository::on(&host, repository).expect("a repository");
    read_auth_file(text.as_bytes(), &host, &repository)
}

/// The user, and the password or token.
fn shown(credentials: &Credentials) -> (String, String) {
    let (user, secret) = match credentials {
        Credentials::Basic { user, password } => (user.as_str(), password),
        Credentials::Identity { user, token } => (user.as_deref().unwrap_or("<token>"), token),
        Credentials::Bearer(token) => ("<bearer>", token),
    };
    (
        user.to_owned(),
        String::from_utf8_lossy(secret).into_owned(),
    )
}

fn user_in(text: &str, host: &str, repository: &str) -> Option<String> {
    let found = in_text(text, host, repository).expect(text);
    found.map(|found| shown(&found).0)
}

fn entry(user: &str) -> String {
    format!(r#"{{"username":"{user}","password":"secret"}}"#)
}

#[test]
fn r18_the_longest_name_by_whole_parts_counts() {
    let text = format!(
        r#"{{"auths":{{"{HOST}/a/b":{},"{HOST}/a":{},"{HOST}":{},"https://r.example:5000/v1/":{}}}}}"#,
        entry("deep"),
        entry("shallow"),
        entry("host"),
        entry("old"),
    );
    for (repository, user) in [
        ("a/b", "deep"),
        ("a/b/c", "deep"),
        ("a/bc", "shallow"),
        ("a", "shallow"),
        ("ab", "host"),
        ("x/a/b", "host"),
    ] {
        assert_eq!(
            user_in(&text, HOST, repository).as_deref(),
            Some(user),
            "{repository}"
        );
    }
    for other in [
        "r.example",
        "r.example:5001",
        "x.r.example:5000",
        "example:5000",
    ] {
        assert_eq!(user_in(&text, other, "a/b"), None, "{other}");
    }
    assert_eq!(
        user_in(&text, "R.Example:5000", "a").as_deref(),
        Some("shallow")
    );
}

#[test]
fn r18_keys_of_old_name_a_host_too() {
    for (key, host, repository, is_of_host) in [
        ("https://r.example/v1/", "r.example", "a", true),
        ("http://r.example/v2/", "r.example", "a", true),
        ("https://r.example", "r.example", "a", true),
        ("https://R.example/", "r.example", "a", true),
        ("https://r.example/", "other.example", "a", false),
        ("https://r.example/a", "r.example", "a", false),
        ("https://r.example.evil/v1/", "r.example", "a", false),
        ("ftp://r.example/", "r.example", "a", false),
        ("https://u@r.example/", "r.example", "a", false),
        ("https://index.docker.io/v1/", "docker.io", "busybox", true),
        ("docker.io", "docker.io", "busybox", true),
        ("index.docker.io", "docker.io", "busybox", true),
        ("docker.io/library", "docker.io", "busybox", true),
    ] {
        let text = format!(r#"{{"auths":{{"{key}":{}}}}}"#, entry("old"));
        let user = user_in(&text, host, repository);
        assert_eq!(user.as_deref(), is_of_host.then_some("old"), "{key}");
    }
}

#[test]
fn r18_what_an_entry_may_be() {
    for (entry, user, secret) in [
        // ann:pa:ss, and the same with NULs behind it
        (r#"{"auth":"YW5uOnBhOnNz"}"#, "ann", "pa:ss"),
        (r#"{"auth":"YW5uOnBhOnNzAAA="}"#, "ann", "pa:ss"),
        (r#"{"auth":"YW5uOg=="}"#, "ann", ""),
        (
            r#"{"username":"ann","password":"x","email":"y"}"#,
            "ann",
            "x",
        ),
        (r#"{"auth":"YW5uOng=","identitytoken":"t"}"#, "ann", "t"),
        (r#"{"identitytoken":"t"}"#, "<token>", "t"),
        (
            r#"{"registrytoken":"r","auth":"YW5uOng="}"#,
            "<bearer>",
            "r",
        ),
    ] {
        let text = format!(r#"{{"auths":{{"{HOST}":{entry}}},"HttpHeaders":{{}}}}"#);
        let found = in_text(&text, HOST, "a").expect(entry).expect(entry);
        assert_eq!(
            shown(&found),
            (user.to_owned(), secret.to_owned()),
            "{entry}"
        );
        assert!(!format!("{found:?}").contains("pa:ss"));
    }
    for entry in [
        "{}",
        "null",
        r#"{"auth":""}"#,
        r#"{"username":"","password":""}"#,
    ] {
        let text = format!(r#"{{"auths":{{"{HOST}":{entry}}}}}"#);
        assert!(in_text(&text, HOST, "a").expect(entry).is_none(), "{entry}");
    }
    for text in ["", " \n", "{}", r#"{"auths":null}"#] {
        assert!(in_text(text, HOST, "a").expect(text).is_none(), "{text}");
    }
}

#[test]
fn r17_a_file_that_does_not_parse_is_an_error_that_shows_nothing_of_it() {
    for text in [
        "hunter2".to_owned(),
        format!(r#"{{"auths":{{"{HOST}":{{"auth":"hunter2"}}}}}}"#),
        format!(r#"{{"auths":{{"{HOST}":{{"auth":"aHVudGVyMg=="}}}}}}"#),
        format!(r#"{{"auths":{{"{HOST}":{{"password":"hunter2"}}}}}}"#),
        format!(r#"{{"auths":{{"{HOST}":{{"username":"hunter2\n","password":"x"}}}}}}"#),
        format!(r#"{{"auths":{{"{HOST}":"hunter2"}}}}"#),
        r#"{"auths":{},"auths":{"hunter2":{}}}"#.to_owned(),
        r#"{"auths":"hunter2"}"#.to_owned(),
    ] {
        let error = in_text(&text, HOST, "a").expect_err(&text).to_string();
        assert!(
            !error.contains("hunter2") && !error.contains("aHVu"),
            "{error}"
        );
    }
}

/// A folder, and settings whose variables lead into it.
fn scene(names: &[(&'static str, &str)]) -> (tempfile::TempDir, Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = names
        .iter()
        .map(|(name, path)| (*name, folder.path().join(path)));
    let options = Options {
        environment: Environment::of(variables),
        timeout: Duration::from_millis(700),
        ..Options::default()
    };
    (folder, options)
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

fn found(options: &Options, repository: &str) -> Result<Option<String>, CredentialsError> {
    let host: Host = HOST.parse().expect("a host");
    let repository = Repository::on(&host, repository).expect("a repository");
    let found = find(options, &Helpers::default(), &host, &repository)?;
    Ok(found.map(|found| shown(&found).0))
}

#[test]
fn r17_the_files_are_looked_at_in_their_order() {
    let (folder, options) = scene(&[("HOME", "home"), ("XDG_RUNTIME_DIR", "run")]);
    let of = |user: &str| format!(r#"{{"auths":{{"{HOST}":{}}}}}"#, entry(user));
    assert_eq!(found(&options, "a").expect("none"), None);
    let bare = format!(r#"{{"{HOST}":{}}}"#, entry("oldest"));
    for (path, text, user) in [
        ("home/.dockercfg", bare, "oldest"),
        ("home/.docker/config.json", of("docker"), "docker"),
        ("home/.config/containers/auth.json", of("config"), "config"),
        ("run/containers/auth.json", of("runtime"), "runtime"),
    ] {
        put(folder.path(), path, &text);
        assert_eq!(found(&options, "a").expect(path).as_deref(), Some(user));
    }
    // A file without an entry for it leaves it to the next.
    put(folder.path(), "run/containers/auth.json", "{\"auths\":{}}");
    assert_eq!(
        found(&options, "a").expect("next").as_deref(),
        Some("config")
    );
    // One that nobody can read does not.
    put(folder.path(), "run/containers/auth.json", "{");
    assert!(found(&options, "a").is_err());
    put(
        folder.path(),
        "run/containers/auth.json",
        &" ".repeat(LARGEST + 1),
    );
    assert!(found(&options, "a").is_err());
}

#[test]
fn r17_a_file_that_is_named_is_the_only_one() {
    let (folder, mut options) = scene(&[("HOME", "home"), ("REGISTRY_AUTH_FILE", "named")]);
    put(
        folder.path(),
        "home/.docker/config.json",
        &format!(r#"{{"auths":{{"{HOST}":{}}}}}"#, entry("docker")),
    );
    assert!(found(&options, "a").is_err());
    put(folder.path(), "named", "{}");
    assert_eq!(found(&options, "a").expect("none"), None);
    options.authfile = Some(folder.path().join("other"));
    assert!(found(&options, "a").is_err());
    put(
        folder.path(),
        "other",
        &format!(r#"{{"auths":{{"{HOST}":{}}}}}"#, entry("other")),
    );
    assert_eq!(found(&options, "a").expect("one").as_deref(), Some("other"));
}

/// A helper of this name that runs a script.
fn helper(folder: &Path, name: &str, script: &str) {
    let path = format!("bin/docker-credential-{name}");
    put(folder, &path, &format!("#!/bin/sh\n{script}\n"));
    let all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.join(path), all).expect("set");
}

#[test]
fn r18_a_hosts_helper_comes_first_and_then_the_one_for_all() {
    let (folder, options) = scene(&[("HOME", "home"), ("PATH", "bin")]);
    let answer = |user: &str| {
        format!(
            r#"read x; echo "{{\"ServerURL\":\"$x\",\"Username\":\"{user}-${{x%:*}}\",\"Secret\":\"s\"}}""#
        )
    };
    helper(folder.path(), "one", &answer("one"));
    helper(folder.path(), "all", &answer("all"));
    helper(
        folder.path(),
        "none",
        "echo credentials not found in native keychain; exit 1",
    );
    let auths = format!(r#""auths":{{"{HOST}":{}}}"#, entry("plain"));
    for (text, user) in [
        (
            format!(r#"{{"credHelpers":{{"{HOST}":"one"}},"credsStore":"all",{auths}}}"#),
            Some("one-r.example"),
        ),
        (
            format!(r#"{{"credHelpers":{{"other":"one"}},"credsStore":"all",{auths}}}"#),
            Some("all-r.example"),
        ),
        (format!(r#"{{"credsStore":"none",{auths}}}"#), Some("plain")),
        (
            format!(r#"{{"credHelpers":{{"{HOST}":"none"}},{auths}}}"#),
            None,
        ),
    ] {
        put(folder.path(), "home/.docker/config.json", &text);
        let found = found(&options, "a").expect(&text);
        assert_eq!(found.as_deref(), user, "{text}");
    }
}

#[test]
fn r19_a_helper_that_fails_is_named_and_nothing_of_its_output() {
    let (folder, options) = scene(&[("HOME", "home"), ("PATH", "bin")]);
    for (script, word) in [
        ("echo hunter2; exit 1", "failed"),
        ("echo hunter2", "something other than"),
        ("echo '[\"hunter2\"]'", "something other than"),
        ("head -c 2000000 /dev/zero", "megabyte"),
        ("echo hunter2; sleep 60 & sleep 60", "too long"),
        ("exec >&-; sleep 60", "too long"),
        (
            "echo '{\"Username\":\"hunter2\\u0000\",\"Secret\":\"x\"}'",
            "control",
        ),
    ] {
        helper(folder.path(), "bad", script);
        put(
            folder.path(),
            "home/.docker/config.json",
            r#"{"credsStore":"bad"}"#,
        );
        let start = Instant::now();
        let error = found(&options, "a").expect_err(script).to_string();
        assert!(
            error.contains("docker-credential-bad") && error.contains(word),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{script}");
    }
    for name in ["../bad", "a/b", ".\\u0000", "x y", "missing"] {
        put(
            folder.path(),
            "home/.docker/config.json",
            &format!(r#"{{"credsStore":"{name}"}}"#),
        );
        assert!(found(&options, "a").is_err(), "{name}");
    }
}

#[test]
fn r19_a_helpers_children_end_with_it_and_it_is_asked_once() {
    let (folder, options) = scene(&[("HOME", "home"), ("PATH", "bin")]);
    let count = folder.path().join("count");
    let left = folder.path().join("left");
    let script = format!(
        "(sleep 2; echo x > {}) >/dev/null 2>&1 & echo x >> {}; echo '{{\"Username\":\"<token>\",\"Secret\":\"t\"}}'",
        left.display(),
        count.display(),
    );
    helper(folder.path(), "once", &script);
    put(
        folder.path(),
        "home/.docker/config.json",
        r#"{"credsStore":"once"}"#,
    );
    let helpers = Helpers::default();
    let host: Host = HOST.parse().expect("a host");
    for name in ["a", "b", "c/d"] {
        let repository = Repository::on(&host, name).expect("a repository");
        let found = find(&options, &helpers, &host, &repository).expect("an answer");
        assert_eq!(
            found.map(|found| shown(&found)),
            Some(("<token>".into(), "t".into()))
        );
    }
    assert_eq!(fs::read_to_string(&count).expect("asked"), "x\n");
    std::thread::sleep(Duration::from_millis(2300));
    assert!(!left.exists());
}
