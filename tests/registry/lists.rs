//! Tags and referrers: lists that come in pages, and end.

use ir_sign::class::Class;
use ir_sign::crypto::Digest;
use ir_sign::image::Tag;
use ir_sign::store::remote::{Problem, fallback_tag};

use super::good::{Good, INDEX, MANIFEST, digest};
use super::server::{Reply, Server};

#[test]
fn r55_tags_are_followed_to_the_last_page() {
    let good = Good::new();
    for tag in ["a", "b", "c", "d", "e"] {
        good.lock()
            .expect("a lock")
            .manifest(Some(tag), MANIFEST, "{}");
    }
    let server = Server::new(move |seen| good.lock().expect("a lock").answer(seen));
    let tags = server.app().tags().expect("tags");
    let names: Vec<_> = tags.tags.iter().map(Tag::as_str).collect();
    assert_eq!(
        (names, tags.passed_over),
        (vec!["a", "b", "c", "d", "e"], 0)
    );
    let asked = ["n=1000", "n=2&last=b", "n=2&last=d"];
    assert_eq!(
        server.log(),
        asked.map(|query| format!("GET /v2/app/tags/list?{query}"))
    );
}

#[test]
fn r55_a_list_that_goes_in_circles_elsewhere_or_on_for_ever_is_an_error() {
    let page = || Reply::ok(r#"{"tags":["a"]}"#);
    for (link, most) in [
        ("</v2/app/tags/list?n=1000>; rel=\"next\"", 1),
        ("</x>; rel=next", 2),
        ("<http://127.0.0.1:1/x>; rel=next", 1),
        ("<//example.com/x>; rel=next", 1),
        ("nonsense", 1),
        ("</v2/app/tags/list?last=N>; rel=next", 1000),
    ] {
        let server = Server::new(move |seen| {
            let number: usize = seen
                .query("last")
                .map_or(0, |n| n.parse().expect("a number"));
            page().header("Link", link.replace('N', &(number + 1).to_string()))
        });
        let error = server.app().tags().expect_err(link);
        assert_eq!(error.class(), Class::Undecided, "{link}: {error}");
        assert!(
            matches!(error.problem, Problem::List(_) | Problem::TooMany { .. }),
            "{error}"
        );
        assert_eq!(server.log().len(), most, "{link}");
    }
}

#[test]
fn r55_too_many_tags_or_bytes_are_an_error() {
    let many = serde_json::json!({"tags": vec!["a"; 100_001]}).to_string();
    let error = Server::new(move |_| Reply::ok(many.clone()))
        .app()
        .tags()
        .expect_err("too many");
    assert!(
        matches!(error.problem, Problem::TooMany { limit: 100_000, .. }),
        "{error}"
    );
    let error = Server::new(|_| Reply::ok("{").endless())
        .app()
        .tags()
        .expect_err("too long");
    assert!(matches!(error.problem, Problem::TooLarge { .. }), "{error}");
}

#[test]
fn r55_no_repository_has_no_tags_and_one_that_lists_none_says_so() {
    let with = |reply: Reply| Server::new(move |_| reply.clone()).app().tags();
    assert!(with(Reply::new(404)).expect("none").tags.is_empty());
    assert!(
        with(Reply::ok(r#"{"name":"app","tags":null}"#))
            .expect("none")
            .tags
            .is_empty()
    );
    for (reply, wanted) in [
        (
            Reply::new(401).header("WWW-Authenticate", "Basic realm=x"),
            401,
        ),
        (Reply::new(403), 403),
        (Reply::new(405), 405),
    ] {
        let error = with(reply).expect_err("unlisted");
        assert!(
            matches!(error.problem, Problem::Unlisted { status } if status == wanted),
            "{error}"
        );
        assert!(error.to_string().contains("cannot be listed"), "{error}");
    }
    let tags = with(Reply::ok(r#"{"tags":["ok","no good","-x"]}"#)).expect("tags");
    assert_eq!((tags.tags.len(), tags.passed_over), (1, 2));
}

/// A registry with an image and two things about it, and one that is about something else.
fn with_referrers(lists: bool) -> (Server, Digest) {
    let good = Good::new();
    let subject = {
        let mut good = good.lock().expect("a lock");
        good.lists_referrers = lists;
        let subject = good.manifest(Some("a"), MANIFEST, r#"{"config":{},"layers":[]}"#);
        let mut entries = Vec::new();
        for (kind, about) in [
            ("sig", &subject),
            ("sbom", &subject),
            ("sig", &digest(b"other")),
        ] {
            let text = serde_json::json!({"mediaType": MANIFEST, "artifactType": kind, "config": {"digest": "sha256:0"}, "layers": [], "subject": {"mediaType": MANIFEST, "digest": about, "size": 7}}).to_string();
            let digest = good.manifest(None, MANIFEST, &text);
            entries.push(serde_json::json!({"mediaType": MANIFEST, "digest": digest, "size": text.len(), "artifactType": kind, "annotations": {"a": "b"}}));
        }
        if !lists {
            let tag = subject.replace(':', "-");
            let index =
                serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
            good.manifest(Some(&tag), INDEX, &index.to_string());
        }
        subject.parse().expect("a digest")
    };
    (
        Server::new(move |seen| good.lock().expect("a lock").answer(seen)),
        subject,
    )
}

#[test]
fn r56_r57_referrers_come_from_the_list_or_from_the_fallback_tag() {
    for lists in [true, false] {
        let (server, subject) = with_referrers(lists);
        let app = server.app();
        let about = |kind| {
            let found = app.referrers(&subject, kind).expect("a list");
            let of = |one| app.referrer(one, &subject).expect("an answer").is_some();
            // One counts if it says itself what it is about.
            found.iter().filter(|one| of(one)).count()
        };
        assert_eq!(
            (about(None), about(Some("sig")), about(Some("x"))),
            (2, 1, 0),
            "{lists}"
        );
        let first = format!("GET /v2/app/referrers/{subject}");
        assert_eq!(server.log()[0], first);
        let found = app.referrers(&subject, Some("sig")).expect("a list");
        assert!(
            found
                .iter()
                .all(|one| one.artifact_type.as_deref() == Some("sig"))
        );
        assert!(
            server
                .log()
                .iter()
                .any(|line| line.ends_with("?artifactType=sig"))
        );
    }
}

#[test]
fn r56_a_filter_that_the_registry_ignores_is_applied_all_the_same() {
    let entry = |kind: &str| serde_json::json!({"mediaType": MANIFEST, "digest": digest(kind.as_bytes()), "size": 1, "artifactType": kind});
    let list = serde_json::json!({"manifests": [entry("sig"), entry("sbom")]}).to_string();
    let server =
        Server::new(move |_| Reply::ok(list.clone()).header("OCI-Filters-Applied", "artifactType"));
    let subject = digest(b"x").parse().expect("a digest");
    assert_eq!(
        server
            .app()
            .referrers(&subject, Some("sig"))
            .expect("a list")
            .len(),
        1
    );
}

#[test]
fn r56_an_answer_that_decides_nothing_is_never_taken_for_none() {
    let subject: Digest = digest(b"x").parse().expect("a digest");
    for status in [403, 429, 500, 503, 400] {
        let error = Server::new(move |_| Reply::new(status))
            .app()
            .referrers(&subject, None)
            .expect_err("undecided");
        assert_eq!(error.class(), Class::Undecided, "{status}: {error}");
    }
    let entry =
        serde_json::json!({"mediaType": MANIFEST, "digest": subject.to_string(), "size": 1});
    let list = serde_json::json!({"manifests": vec![entry; 1001]}).to_string();
    let error = Server::new(move |_| Reply::ok(list.clone()))
        .app()
        .referrers(&subject, None)
        .expect_err("too many");
    assert!(
        matches!(error.problem, Problem::TooMany { limit: 1000, .. }),
        "{error}"
    );
    for broken in [
        r#"{"manifests":[{"digest":"x"}]}"#,
        r#"{"manifests":[{"mediaType":"a","digest":"sha256:0","size":1}]}"#,
    ] {
        let error = Server::new(move |_| Reply::ok(broken))
            .app()
            .referrers(&subject, None)
            .expect_err("broken");
        assert_eq!(error.class(), Class::Refused, "{error}");
    }
}

#[test]
fn r57_a_fallback_tag_that_is_no_list_is_none() {
    let image = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
    let subject: Digest = digest(image.as_bytes()).parse().expect("a digest");
    let index =
        serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).to_string();
    let of_index: Digest = digest(index.as_bytes()).parse().expect("a digest");
    // A page instead of a list, as some front ends answer; then the image itself, or another kind of thing.
    for (list, fallback, about) in [
        (Reply::ok("<html>"), Reply::new(404), subject),
        (Reply::ok("{}"), Reply::ok(image), subject),
        (Reply::new(404), Reply::ok(image), subject),
        (Reply::new(404), Reply::ok(index), of_index),
    ] {
        let tag = fallback_tag(&about).expect("a tag");
        let path = format!("/v2/app/manifests/{tag}");
        let server = Server::new(move |seen| {
            if seen.path() == path {
                fallback.clone()
            } else {
                list.clone()
            }
        });
        assert!(
            server
                .app()
                .referrers(&about, None)
                .expect("none")
                .is_empty()
        );
        assert_eq!(server.log().len(), 2);
    }
}
