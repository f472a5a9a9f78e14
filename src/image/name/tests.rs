//! Names of images: each rule for them, and what breaks it.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::image::{Host, Repository};

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn sha256() -> String {
    format!("sha256:{HEX}")
}

/// What a name in a registry is read as: host, repository, tag and digest.
fn parts(text: &str) -> Result<(String, String, Option<String>, Option<String>), ImageNameError> {
    match text.parse()? {
        ImageName::Docker {
            host,
            repository,
            tag,
            digest,
        } => Ok((
            host.to_string(),
            repository.to_string(),
            tag.map(|tag| tag.to_string()),
            digest.map(|digest| digest.to_string()),
        )),
        other => panic!("{text} is {other:?}"),
    }
}

fn named(host: &str, repository: &str, tag: Option<&str>) -> (String, String, Option<String>) {
    (host.into(), repository.into(), tag.map(str::to_owned))
}

#[test]
fn r1_the_parts_of_a_name_in_a_registry() {
    for (text, host, repository, tag) in [
        ("docker://example.com/a", "example.com", "a", None),
        ("docker://example.com/a:1", "example.com", "a", Some("1")),
        ("example.com/a:1", "example.com", "a", Some("1")),
        ("localhost/a", "localhost", "a", None),
        (
            "LOCALHOST:5000/a/b/c:_x.-",
            "localhost:5000",
            "a/b/c",
            Some("_x.-"),
        ),
        ("docker://Example.COM:443/a", "example.com:443", "a", None),
        (
            "docker://127.0.0.1:5000/a.b_c__d---e",
            "127.0.0.1:5000",
            "a.b_c__d---e",
            None,
        ),
        ("docker://[::1]:5000/a:b", "[::1]:5000", "a", Some("b")),
        ("docker://[2001:db8::1]/a", "[2001:db8::1]", "a", None),
    ] {
        let (found_host, found_repository, found_tag, digest) = parts(text).expect(text);
        assert_eq!(
            (found_host, found_repository, found_tag),
            named(host, repository, tag),
            "{text}"
        );
        assert_eq!(digest, None, "{text}");
    }
    let long = format!("example.com/{}:{}", "a".repeat(243), "t".repeat(128));
    assert!(parts(&long).is_ok());
}

#[test]
fn r1_all_other_spellings_are_wrong_usage() {
    let good = sha256();
    for text in [
        "example.com/",
        "example.com/A",
        "example.com/a//b",
        "example.com/a/",
        "example.com/../a",
        "example.com/a/../b",
        "example.com/a..b",
        "example.com/a___b",
        "example.com/a-_b",
        "example.com/-a",
        "example.com/a-",
        "example.com/a?x=1",
        "example.com/a#x",
        "example.com/a%2f",
        "example.com/a b",
        "example.com/a\nb",
        "example.com/ä",
        "example.com/a:",
        "example.com/a:-x",
        "example.com/a:x y",
        "example.com/a:x:y",
        &format!("example.com/a:{}", "t".repeat(129)),
        &format!("example.com/{}", "a".repeat(244)),
        "example.com:0/a",
        "example.com:080/a",
        "example.com:65536/a",
        "example.com:+80/a",
        "example.com:80:80/a",
        "example.com:/a",
        "-example.com/a",
        "example..com/a",
        "example.com./a",
        ".com/a",
        "./a/b",
        "../a/b",
        "exa_mple.com/a",
        "[::1/a",
        "::1/a",
        "[::g]/a",
        "[::1]x/a",
        "[::1]:x/a",
        "example.com/a@",
        "example.com/a@sha256:",
        "example.com/a@md5:d41d8cd98f00b204e9800998ecf8427e",
        &format!("example.com/a@{good}0"),
        &format!("example.com/a@{}", good.to_uppercase()),
        &format!("example.com/a@{good}@{good}"),
        &format!("example.com/a@{good}:tag"),
        &format!("example.com/a@sha384:{HEX}{}", &HEX[..32]),
        &format!("@{good}"),
        "https://example.com/a",
        "HTTP://example.com/a",
        "docker:example.com/a",
        "docker:/example.com/a",
        "docker:///a",
        "docker://",
        "docker://docker://example.com/a",
        "",
    ] {
        for prefix in ["", "docker://"] {
            if prefix.is_empty() || !text.starts_with("docker://") {
                let text = format!("{prefix}{text}");
                assert!(text.parse::<ImageName>().is_err(), "{text:?} was taken");
            }
        }
    }
}

#[test]
fn r1_a_user_and_a_password_are_refused_and_not_shown() {
    for text in [
        "docker://ann:hunter2@example.com/a",
        "ann:hunter2@example.com/a:1",
        "https://ann:hunter2@example.com/a",
        "docker://hunter2@localhost:5000/a",
        "docker://ann:hunter2@example.com",
    ] {
        let error = text.parse::<ImageName>().expect_err(text).to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let refused = ImageName::in_registry("docker://ann:hunter2@example.com", "a", None);
    assert_eq!(refused, Err(ImageNameError::UserInfo));
}

#[test]
fn r1_without_a_host_docker_io_is_meant_after_docker_slash_slash_alone() {
    for (text, repository, tag) in [
        ("busybox", "library/busybox", None),
        ("busybox:1.36", "library/busybox", Some("1.36")),
        ("team/app:x", "team/app", Some("x")),
        ("a/b/c", "a/b/c", None),
    ] {
        let (host, found, found_tag, _) = parts(&format!("docker://{text}")).expect(text);
        assert_eq!(
            (host, found, found_tag),
            named("docker.io", repository, tag)
        );
        let error = text.parse::<ImageName>().expect_err(text);
        assert_eq!(error, ImageNameError::NoHost(text.to_owned()));
    }
    for text in [
        "docker://example.com",
        "docker://example.com:5000",
        "docker://localhost",
    ] {
        let error = text.parse::<ImageName>().expect_err(text);
        assert_eq!(error, ImageNameError::NoRepository(text.to_owned()));
    }
    for text in ["/a", "/srv/registry/hello", "hello"] {
        let error = text.parse::<ImageName>().expect_err(text);
        assert_eq!(error, ImageNameError::NoHost(text.to_owned()));
    }
}

#[test]
fn r2_docker_io_has_one_name() {
    for text in [
        "docker.io/busybox",
        "index.docker.io/busybox",
        "docker.io/library/busybox",
    ] {
        let (host, repository, ..) = parts(text).expect(text);
        assert_eq!(
            (host.as_str(), repository.as_str()),
            ("docker.io", "library/busybox")
        );
    }
    let (host, repository, ..) = parts("registry.example.com/busybox").expect("a name");
    assert_eq!(
        (host.as_str(), repository.as_str()),
        ("registry.example.com", "busybox")
    );
}

#[test]
fn r2_a_tag_and_a_digest_stand_side_by_side() {
    for digest in [sha256(), format!("sha512:{HEX}{HEX}")] {
        for tag in [None, Some("1.0")] {
            let mark = tag.map_or(String::new(), |tag| format!(":{tag}"));
            let text = format!("docker://example.com:5000/a/b{mark}@{digest}");
            let (host, repository, found, found_digest) = parts(&text).expect(&text);
            assert_eq!(
                (host, repository, found),
                named("example.com:5000", "a/b", tag)
            );
            assert_eq!(found_digest, Some(digest.clone()));
            assert_eq!(text.parse::<ImageName>().expect("a name").to_string(), text);
        }
    }
}

#[test]
fn the_path_of_a_layout_ends_at_the_first_colon_or_at_the_digest() {
    let digest = sha256();
    for (rest, path, reference) in [
        ("dir", "dir", None),
        ("/srv/dir/", "/srv/dir/", None),
        ("dir:1.0", "dir", Some("1.0")),
        (
            "dir:localhost/hello:latest",
            "dir",
            Some("localhost/hello:latest"),
        ),
        (&format!("dir@{digest}"), "dir", Some(digest.as_str())),
        (&format!("dir:{digest}"), "dir", Some(digest.as_str())),
        ("me@home/dir:1", "me@home/dir", Some("1")),
        ("me@shared:1", "me@shared", Some("1")),
        (
            &format!("dir:a@{digest}"),
            "dir",
            Some(&format!("a@{digest}")),
        ),
    ] {
        let path = PathBuf::from(path);
        let reference: Option<Reference> = reference.map(|r| r.parse().expect("a reference"));
        let of = |transport| format!("{transport}:{rest}").parse::<ImageName>();
        let layout = ImageName::Layout {
            path: path.clone(),
            reference: reference.clone(),
        };
        assert_eq!(of("oci"), Ok(layout), "{rest}");
        for kind in [ArchiveKind::Oci, ArchiveKind::Docker] {
            let archive = ImageName::Archive {
                kind,
                path: path.clone(),
                reference: reference.clone(),
            };
            assert_eq!(of(kind.transport()), Ok(archive), "{rest}");
        }
    }
}

#[test]
fn names_of_no_place_are_refused() {
    for rest in [
        "",
        ":1.0",
        "dir:",
        "dir:-x",
        "dir@sha256:00",
        "dir@sha256",
        "dir@SHA256:00",
        "dir@sha1:00",
        "dir@blake3:00",
        "//example.com/a",
        &format!("@{}", sha256()),
    ] {
        for transport in ["oci", "oci-archive", "docker-archive"] {
            let text = format!("{transport}:{rest}");
            assert!(text.parse::<ImageName>().is_err(), "{text} was taken");
        }
    }
    assert!("docker-archive:a.tar:@0".parse::<ImageName>().is_err());
    assert!("dir:".parse::<ImageName>().is_err());
    let dir = ImageName::Dir {
        path: "a:b@sha256:c".into(),
    };
    assert_eq!("dir:a:b@sha256:c".parse(), Ok(dir));
    for transport in OTHER_TRANSPORTS {
        let error = format!("{transport}:x/y:1").parse::<ImageName>();
        assert_eq!(error, Err(ImageNameError::Transport(transport)));
    }
}

#[test]
fn a_registry_an_app_and_a_reference_are_an_image() {
    let digest = sha256();
    for (registry, app, reference, wanted) in [
        ("docker://example.com", "a", None, "docker://example.com/a"),
        (
            "docker://example.com/",
            "a",
            Some("1"),
            "docker://example.com/a:1",
        ),
        (
            "docker://localhost:5000/x/y",
            "a",
            Some("1"),
            "docker://localhost:5000/x/y/a:1",
        ),
        (
            "docker://docker.io",
            "a",
            None,
            "docker://docker.io/library/a",
        ),
        ("docker://team", "a", None, "docker://team/a"),
        (
            "docker://example.com",
            "a",
            Some(digest.as_str()),
            &format!("docker://example.com/a@{digest}"),
        ),
    ] {
        let name = ImageName::in_registry(registry, app, reference).expect(registry);
        assert_eq!(name.to_string(), wanted);
    }
    for (registry, app, reference) in [
        ("docker://", "a", None),
        ("docker:///x", "a", None),
        ("docker://example.com", "A", None),
        ("docker://example.com", "../a", None),
        ("docker://example.com", "a:1", None),
        ("docker://example.com/X", "a", None),
        ("docker://example.com?x", "a", None),
        ("docker://example.com", "a", Some("b/c")),
        ("docker://example.com", "a", Some("sha256:00")),
    ] {
        let name = ImageName::in_registry(registry, app, reference);
        assert!(name.is_err(), "{registry} {app} {reference:?}: {name:?}");
    }
}

proptest! {
    #[test]
    fn names_print_as_what_is_read_as_the_same(
        text in "((docker://|oci:|oci-archive:|docker-archive:|dir:)?[a-zA-Z0-9.:/@_\\[\\]-]{0,40})|\\PC{0,40}"
    ) {
        if let Ok(name) = text.parse::<ImageName>() {
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }
    }

    #[test]
    fn names_need_no_escaping_in_a_url(text in "[a-z0-9.:_-]{1,12}/[a-zA-Z0-9._/%?#@:-]{1,30}") {
        if let Ok(ImageName::Docker { host, repository, tag, .. }) = text.parse::<ImageName>() {
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:[]".contains(c);
            prop_assert!(host.as_str().chars().all(plain) && repository.as_str().chars().all(plain));
            prop_assert!(repository.as_str().split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
            prop_assert!(tag.is_none_or(|tag| tag.as_str().chars().all(|c| plain(c) && c != '/' && c != ':')));
            prop_assert_eq!(host.as_str().parse::<Host>(), Ok(host.clone()));
            prop_assert_eq!(Repository::on(&host, repository.as_str()), Ok(repository));
        }
    }
}
