//! Pushing piece by piece, and runs killed in the middle: nothing leads to absent content.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use harness::{Scene, ir_sign, oci, program};
use ir_sign::class::Class;
use ir_sign::crypto::{Digest, HashAlgorithm};
use ir_sign::image::Blob;
use ir_sign::store::remote::{Document, Options, Problem, Pushed};

use super::good::{Good, INDEX, MANIFEST};
use super::program::{serving, verify};
use super::server::{Reply, Server, quick, repository};
use super::tls::Authority;
use super::writing::{blob, good, push};

#[test]
fn r42_what_a_session_says_of_its_range_is_not_asked_for() {
    let (good, _) = good();
    let server = Server::new(move |seen| {
        let mut reply = good.lock().expect("a lock").answer(seen);
        for (name, value) in &mut reply.headers {
            if name == "Range" {
                "0-77".clone_into(value);
            }
        }
        reply
    });
    assert_eq!(push(&server, &blob(b"bytes")).expect("sent"), Pushed::Sent);
}

#[test]
fn r43_no_location_leads_from_tls_to_plain_http() {
    let plain = Server::new(|_| Reply::new(201));
    let place = format!("http://{}/u", plain.host());
    let authority = Authority::new();
    authority.issue("good", "IP:127.0.0.1", &[]);
    let server = Server::tls(
        authority.server_config("good", false),
        move |seen| match seen.method.as_str() {
            "HEAD" => Reply::new(404),
            _ => Reply::new(202).header("Location", place.clone()),
        },
    );
    let options = Options {
        tls_ca: Some(authority.path("ca.pem")),
        ..quick()
    };
    let app = repository(&server.host(), "app", &options).to_write();
    let blob = blob(b"x");
    let error = app.push_blob(&blob.digest(), 1, &blob, None);
    let error = error.expect_err("not there");
    assert!(error.to_string().contains("front end"), "{error}");
    assert!(matches!(error.problem, Problem::Location(_)), "{error}");
    assert!(plain.log().is_empty());
}

#[test]
fn r43_a_piece_that_was_taken_before_is_not_sent_twice() {
    let content: Vec<u8> = (0..40_u32 << 20).map(|n| n.to_le_bytes()[1]).collect();
    let blob = blob(&content);
    // 204 as crane answers; and once the answer to a piece is 416, for it had come.
    for status in [None, Some(204)] {
        let (good, _) = good();
        let known = good.clone();
        let patches = AtomicUsize::new(0);
        let server = Server::new(move |seen| {
            let mut good = known.lock().expect("a lock");
            if seen.method == "PUT" && !seen.body.is_empty() {
                return Reply::new(413);
            }
            let mut reply = good.answer(seen);
            if seen.method == "PATCH" {
                let is_second = patches.fetch_add(1, Ordering::SeqCst) == 1;
                reply.status = status.unwrap_or(reply.status);
                if status.is_none() && is_second {
                    // The session's newest place, as the failed answer does not tell it.
                    return Reply::new(416);
                }
            }
            reply
        });
        let pushed = push(&server, &blob);
        let log = server.log();
        match status {
            Some(_) => assert_eq!(pushed.expect("sent"), Pushed::Sent),
            // This registry knows no place but the newest, so the session is begun again, once.
            None => assert!(
                pushed.is_ok() && log.iter().any(|line| line.starts_with("GET ")),
                "{log:?}"
            ),
        }
        let good = good.lock().expect("a lock");
        assert_eq!(good.blobs[&blob.digest().to_string()], content);
    }
}

#[test]
fn r58_a_list_that_others_replace_each_time_is_given_up_after_three() {
    let (good, _) = good();
    let subject = blob(b"subject").digest();
    let tag = ir_sign::store::remote::fallback_tag(&subject).expect("a tag");
    let (known, name, times) = (good, tag.to_string(), Arc::new(AtomicUsize::new(0)));
    let counted = times.clone();
    let server = Server::new(move |seen| {
        let mut good = known.lock().expect("a lock");
        let reply = good.answer(seen);
        if seen.method == "PUT" && seen.path().ends_with(&name) {
            let n = counted.fetch_add(1, Ordering::SeqCst);
            let text = serde_json::json!({"mediaType": INDEX, "manifests": [], "n": n}).to_string();
            good.manifest(Some(&name), INDEX, &text);
        }
        reply
    });
    let text = serde_json::json!({"mediaType": MANIFEST, "layers": [], "subject": {"mediaType": MANIFEST, "digest": subject.to_string(), "size": 7}});
    let document = Document {
        blob: Blob::new(HashAlgorithm::Sha256, text.to_string().into_bytes()),
        media_type: MANIFEST.into(),
    };
    let app = server.app().to_write();
    let error = app.attach(&document, &subject).expect_err("lost each time");
    assert!(matches!(error.problem, Problem::Moved { .. }), "{error}");
    assert_eq!(error.class(), Class::Undecided);
    assert_eq!(times.load(Ordering::SeqCst), 3);
}

/// Whether all that a manifest or an index leads to is there, as far down as it goes.
fn is_whole(good: &Good, digest: &str) -> bool {
    let Some((_, bytes)) = good.manifests.get(digest) else {
        return false;
    };
    let document = oci::parse(bytes);
    let parts = |member: &str| document[member].as_array().cloned().unwrap_or_default();
    let name = |part: &serde_json::Value| part["digest"].as_str().expect("a digest").to_owned();
    let blobs = parts("layers")
        .into_iter()
        .chain(document.get("config").cloned());
    blobs
        .map(|part| name(&part))
        .all(|digest| good.blobs.contains_key(&digest))
        && parts("manifests")
            .iter()
            .all(|part| is_whole(good, &name(part)))
}

/// A registry that stops the world at the n-th request: before it is served, or after it was and before its answer.
struct Stopping {
    good: Arc<Mutex<Good>>,
    server: Server,
    reached: mpsc::Receiver<()>,
}

impl Stopping {
    fn at(good: Arc<Mutex<Good>>, n: usize, is_served: bool) -> Self {
        let (sender, reached) = mpsc::channel();
        let (known, asked, is_over) = (good.clone(), AtomicUsize::new(0), AtomicBool::new(false));
        let server = Server::new(move |seen| {
            // Answers on other connections are lost with the process that asks.
            if is_over.load(Ordering::SeqCst) {
                return Reply::silence();
            }
            if asked.fetch_add(1, Ordering::SeqCst) != n {
                return known.lock().expect("a lock").answer(seen);
            }
            is_over.store(true, Ordering::SeqCst);
            if is_served {
                let _ = known.lock().expect("a lock").answer(seen);
            }
            let _ = sender.send(());
            Reply::silence()
        });
        Self {
            good,
            server,
            reached,
        }
    }

    /// Runs a command until it stops there, and kills it; `false` where it came to its end.
    fn kill(&self, mut child: Child) -> bool {
        loop {
            if self
                .reached
                .recv_timeout(std::time::Duration::from_millis(2))
                .is_ok()
            {
                child.kill().expect("it runs");
                child.wait().expect("it ends");
                return true;
            }
            if let Some(status) = child.try_wait().expect("a child") {
                assert!(status.success(), "{status}");
                return false;
            }
        }
    }
}

fn start(words: &[String]) -> Child {
    Command::new(program())
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs")
}

/// Kills a command at each of its requests, and says how many there are. Afterwards the tag leads to where it led or to
/// something else, and all below it is there; then the command, run again, does all.
fn killed_everywhere(
    tag: &str,
    registry: impl Fn() -> Arc<Mutex<Good>>,
    words: impl Fn(&str) -> Vec<String>,
) -> usize {
    let mut n = 0;
    loop {
        let mut is_over = false;
        for is_served in [false, true] {
            let stopping = Stopping::at(registry(), n, is_served);
            let old = stopping.good.lock().expect("a lock").tags.get(tag).cloned();
            let child = start(&words(&stopping.server.host()));
            is_over = !stopping.kill(child);
            let good = stopping.good.lock().expect("a lock");
            let led = good.tags.get(tag).cloned();
            for (name, digest) in &good.tags {
                assert!(
                    is_whole(&good, digest),
                    "{n}: {name} leads to what is not there"
                );
            }
            for digest in good.manifests.keys() {
                assert!(
                    is_whole(&good, digest),
                    "{n}: {digest} came before what it leads to"
                );
            }
            if is_over {
                assert_ne!(led, old);
                break;
            }
            drop(good);
            let known = stopping.good.clone();
            let server = Server::new(move |seen| known.lock().expect("a lock").answer(seen));
            ir_sign(words(&server.host())).ok();
            let good = stopping.good.lock().expect("a lock");
            let new = good.tags[tag].clone();
            assert!(is_whole(&good, &new) && (led == old || led.as_ref() == Some(&new)));
        }
        if is_over {
            return n;
        }
        n += 1;
    }
}

#[test]
fn r40_r48_a_signing_that_is_killed_at_any_request_leaves_the_old_image_or_the_new_one() {
    let scene = Scene::with("multi");
    let words = |host: &str| {
        let image = format!("docker://{host}/app:multi");
        let (vendor, endorsement, ca) = (
            scene.text("vendor"),
            scene.text("vendor.sig"),
            scene.text("ca.pub"),
        );
        [
            "sign-image",
            "--all-platforms",
            "-v",
            &vendor,
            "-s",
            &endorsement,
            "-c",
            &ca,
            "--timeout",
            "20s",
            &image,
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let registry = || serving(&scene.app("app")).0;
    let requests = killed_everywhere("multi", registry, words);
    assert!(requests > 15, "{requests}");
}

/// The command that copies an image with its signatures.
fn words_of(from: &str, host: &str) -> Vec<String> {
    let to = format!("docker://{host}/app:x");
    let words = ["copy", "--with-signatures", "--timeout", "20s", from, &to];
    words.map(str::to_owned).to_vec()
}

#[test]
fn r40_r48_a_copy_that_is_killed_at_any_request_leaves_the_old_image_or_the_new_one() {
    let scene = Scene::with("multi");
    let from = format!("oci:{}:multi", scene.app("app").display());
    let words = |host: &str| words_of(&from, host);
    let registry = || {
        let good = Good::new();
        good.lock()
            .expect("a lock")
            .manifest(Some("x"), MANIFEST, r#"{"layers":[]}"#);
        good
    };
    let requests = killed_everywhere("x", registry, words);
    assert!(requests > 25, "{requests}");
    // And with signatures, which are found under a fallback tag afterwards, or by the registry's list.
    super::signatures::signed(&scene.app("signed"));
    let from = format!("oci:{}:app", scene.app("signed").display());
    for lists in [true, false] {
        let registry = || {
            let good = registry();
            good.lock().expect("a lock").lists_referrers = lists;
            good
        };
        let requests = killed_everywhere("x", registry, |host| words_of(&from, host));
        assert!(requests > 40, "{requests}");
    }
    // R47: children go there by digest, and one tag alone is written.
    let good = registry();
    let known = good.clone();
    let server = Server::new(move |seen| known.lock().expect("a lock").answer(seen));
    ir_sign(words(&server.host())).ok();
    let puts = server
        .log()
        .into_iter()
        .filter(|line| line.starts_with("PUT /v2/app/manifests/"));
    let (by_digest, by_tag): (Vec<_>, Vec<_>) = puts.partition(|line| line.contains("sha256:"));
    assert_eq!(by_tag, ["PUT /v2/app/manifests/x"]);
    assert_eq!(by_digest.len(), 4, "{by_digest:?}");
    let image = format!("docker://{}/app:x", server.host());
    verify(&scene, &["--all-platforms", &image]).exits(1);
    let _: Digest = good.lock().expect("a lock").tags["x"]
        .parse()
        .expect("a digest");
}
