//! All tags of a repository: each image is decided once and told at once, whatever becomes of the others.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::oci::{self, Maker, with_tag};
use harness::{Scene, program, read};
use serde_json::{Value, json};

use super::good::{INDEX, MANIFEST, digest};
use super::program::{serving, verify};
use super::server::{Reply, Seen, Server};

/// A scene whose app has so many small images, all signed: `t0`, `t1` and so on.
fn signed(count: usize) -> Scene {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let image = |n| {
        let content = format!("image {n}");
        let image = maker.image("", content.as_bytes(), content.as_bytes());
        with_tag(image, &format!("t{n}"))
    };
    maker.index(&(0..count).map(image).collect::<Vec<_>>());
    scene.sign("app", &["--all"]).ok();
    scene
}

/// Runs with `--all --json-lines`; the lines, and the totals of the last one.
fn lines(scene: &Scene, status: i32, more: &[&str]) -> (Vec<Value>, Value) {
    let mut words = vec!["--all", "--json-lines"];
    words.extend(more);
    let run = verify(scene, &words).exits(status);
    let mut lines: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let totals = lines.pop().expect("a last line")["totals"].clone();
    assert_eq!(totals["status"], status, "{totals}");
    let count = |name: &str| totals[name].as_u64().expect("a number");
    assert_eq!(count("images"), lines.len() as u64, "{totals}");
    assert_eq!(
        count("images"),
        count("trusted") + count("refused") + count("undecided"),
        "{totals}"
    );
    (lines, totals)
}

#[test]
fn every_tag_of_a_repository_is_decided_whatever_becomes_of_the_others() {
    let scene = signed(9);
    let (good, server) = serving(&scene.app("app"));
    {
        let mut good = good.lock().expect("a lock");
        // Another tag of an image, one that is not signed, one that is not a manifest, and one whose config is not there.
        let same = good.tags["t3"].clone();
        good.tags.insert("again".into(), same);
        let unsigned = json!({"schemaVersion": 2, "mediaType": MANIFEST,
            "config": oci::manifest(&scene.app("app"), "t1", None)["config"], "layers": []});
        good.manifest(Some("unsigned"), MANIFEST, &unsigned.to_string());
        good.manifest(Some("broken"), MANIFEST, "{");
        let config = oci::manifest(&scene.app("app"), "t8", None)["config"]["digest"].clone();
        good.blobs.remove(config.as_str().expect("a digest"));
    }
    let image = format!("docker://{}/app", server.host());
    let (lines, totals) = lines(&scene, 1, &["--config-only", &image]);
    let wanted = json!({"images": 11, "trusted": 8, "refused": 3, "undecided": 0, "ignored": 0, "gone": 0,
        "shard": null, "in_other_shards": 0, "not_looked_at": 0, "status": 1});
    assert_eq!(totals, wanted);
    let by_name: BTreeMap<_, _> = lines
        .iter()
        .map(|line| (line["reference"].as_str().expect("a name"), line))
        .collect();
    for n in 0..8 {
        let other = if n == 3 { "again" } else { "" };
        let line = by_name.get(&*format!("t{n}")).or(by_name.get(other));
        let line = line.unwrap_or_else(|| panic!("t{n}"));
        assert_eq!(line["trusted"], true, "{line}");
        assert_eq!(line["signatories"][0]["role"], "vendor");
        assert_eq!(line["checks"][0]["rule"], "image.manifest-digest");
    }
    assert_eq!(by_name["unsigned"]["trusted"], false);
    assert_eq!(by_name["t8"]["checks"][1]["outcome"], "failed");
    assert_eq!(by_name["broken"]["error"]["status"], 1);
    assert!(by_name["broken"].get("trusted").is_none());
    // Each tag was asked for once, in pages of tags to their end.
    let mut log = server.log();
    log.retain(|line| !line.contains("/blobs/"));
    assert_eq!(log.iter().collect::<HashSet<_>>().len(), log.len());
    let connections: HashSet<_> = server.seen().iter().map(|seen| seen.connection).collect();
    // The answer about the config that is not there ends one.
    assert!(connections.len() <= 7, "R6: {connections:?}");
    // The same in words: each digest at once, and the totals at the end.
    let run = verify(&scene, &["--all", &image]).exits(1);
    assert_eq!(run.stdout.lines().count(), 8);
    let last = run.stderr.lines().last().expect("a line");
    assert_eq!(last, "11 images: 8 trusted, 3 refused, 0 undecided");
    let run = verify(&scene, &["--all", "--json", "-q", &image]).exits(1);
    let value = run.json();
    assert_eq!(value["images"].as_array().map(Vec::len), Some(10));
    assert_eq!(value["errors"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_is_below_an_index_is_decided_once_and_what_is_stated_of_it_too() {
    let scene = Scene::with("multi");
    scene.sign("app", &["-d", "multi", "--all-platforms"]).ok();
    let (good, server) = serving(&scene.app("app"));
    let image = format!("docker://{}/app", server.host());
    let index = oci::parse(&oci::blob(
        &scene.app("app"),
        &oci::tagged(&scene.app("app"), "multi"),
    ));
    let children = index["manifests"].as_array().expect("entries").clone();
    let (_, totals) = lines(&scene, 0, &[&image]);
    let platforms = totals["images"].as_u64().expect("a number");
    assert!(platforms > 1, "{totals}");
    {
        let mut good = good.lock().expect("a lock");
        // Tags of their own, before the index and after it.
        for (n, child) in children.iter().enumerate() {
            let digest = child["digest"].as_str().expect("a digest").to_owned();
            good.tags.insert(format!("a{n}"), digest.clone());
            good.tags.insert(format!("z{n}"), digest);
        }
    }
    let (_, totals) = lines(&scene, 0, &[&image]);
    assert_eq!(totals["images"], platforms, "{totals}");
    // Another index says of one that it is for another platform: that does not hold, wherever it stands.
    let mut other = children[0].clone();
    other["platform"] = json!({"os": "linux", "architecture": "riscv64"});
    let lying = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [other]});
    for tag in ["0", "zz"] {
        let mut known = good.lock().expect("a lock");
        known.manifest(Some(tag), INDEX, &lying.to_string());
        drop(known);
        let (lines, totals) = lines(&scene, 1, &["--config-only", &image]);
        assert_eq!(totals["refused"], 1, "{totals}");
        let refused: Vec<_> = lines.iter().filter(|l| l["trusted"] == false).collect();
        assert_eq!(refused[0]["digest"], children[0]["digest"]);
        good.lock().expect("a lock").tags.remove(tag);
    }
}

#[test]
fn what_is_attached_to_images_is_ignored_and_nothing_else() {
    let scene = signed(2);
    let (good, server) = serving(&scene.app("app"));
    let image = format!("docker://{}/app", server.host());
    let config = oci::manifest(&scene.app("app"), "t0", None)["config"].clone();
    let tag = {
        let mut good = good.lock().expect("a lock");
        let statement = br#"{"critical":{}}"#;
        let layer = json!({"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
            "digest": good.blob(statement), "size": statement.len()});
        let tag = format!("{}.sig", good.tags["t0"].replace(':', "-"));
        let cosigns =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
        good.manifest(Some(&tag), MANIFEST, &cosigns.to_string());
        tag
    };
    let (_, totals) = lines(&scene, 0, &[&image]);
    assert_eq!(
        (&totals["images"], &totals["ignored"]),
        (&json!(2), &json!(1))
    );
    // An image that could be run is one, whatever it is called.
    let unsigned = {
        let mut good = good.lock().expect("a lock");
        let layer = oci::manifest(&scene.app("app"), "t0", None)["layers"].clone();
        let image =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layer});
        good.manifest(Some(&tag), MANIFEST, &image.to_string())
    };
    let (lines, totals) = lines(&scene, 1, &[&image]);
    assert_eq!(totals["refused"], 1);
    let refused = lines.iter().find(|line| line["trusted"] == false);
    assert_eq!(refused.expect("one")["digest"], unsigned);
}

/// A digest's remainder, digit by digit.
fn remainder(line: &Value, count: u64) -> u64 {
    let (_, digits) = line["digest"]
        .as_str()
        .and_then(|digest| digest.split_once(':'))
        .expect("a digest");
    let digits = digits.chars().map(|c| c.to_digit(16).expect("a digit"));
    digits.fold(0, |rest, digit| (rest * 16 + u64::from(digit)) % count)
}

#[test]
fn shards_are_the_whole_without_overlap_in_registries_layouts_and_archives() {
    let scene = signed(20);
    let (_, server) = serving(&scene.app("app"));
    let tar = scene.text("app.tar");
    let layout = scene.app("app").display().to_string();
    harness::tool("tar", ["-cf", &tar, "-C", &layout, "."]).ok();
    let places = [
        format!("docker://{}/app", server.host()),
        format!("oci:{layout}"),
        format!("oci-archive:{tar}"),
    ];
    for place in &places {
        let mut all = Vec::new();
        for n in 0..3 {
            let shard = format!("{n}/3");
            let words = ["--config-only", "--shard", &shard, place];
            let (lines, totals) = lines(&scene, 0, &words);
            assert_eq!(totals["shard"], shard);
            assert_eq!(totals["in_other_shards"], 20 - lines.len(), "{totals}");
            assert!(lines.iter().all(|line| remainder(line, 3) == n), "{shard}");
            all.extend(lines);
        }
        let digests: HashSet<_> = all.iter().map(|line| line["digest"].to_string()).collect();
        assert_eq!((digests.len(), all.len()), (20, 20), "{place}");
        let (lines, totals) = lines(&scene, 0, &["--config-only", "--shard", "0/1", place]);
        assert_eq!((lines.len(), &totals["in_other_shards"]), (20, &json!(0)));
        // A shard without an image is done at once, and says so.
        let of = |n| all.iter().any(|line| remainder(line, 1000) == n);
        let empty = (0..1000).find(|n| !of(*n)).expect("an empty one");
        let shard = format!("{empty}/1000");
        let run = verify(&scene, &["--all", "--shard", &shard, place]).ok();
        let wanted = format!(
            "0 images in shard {shard}: 0 trusted, 0 refused, 0 undecided; 20 in other shards\n"
        );
        assert_eq!((&*run.stdout, &*run.stderr), ("", &*wanted));
    }
    // An empty place is one in every shard.
    Maker::new(scene.app("empty")).index(&[]);
    for place in [
        format!("oci:{}", scene.app("empty").display()),
        format!("docker://{}/none", server.host()),
    ] {
        let run = verify(&scene, &["--all", "--shard", "1/3", &place]).exits(1);
        assert!(run.stderr.contains("holds no image"), "{}", run.stderr);
        let hint = if place.starts_with("docker:") {
            "ir-sign copy brings images there"
        } else {
            "bring one into the registry"
        };
        assert!(run.stderr.contains(hint), "{}", run.stderr);
    }
    for shard in ["3/3", "1", "a/b", "0/0", "-1/3", ""] {
        let flag = format!("--shard={shard}");
        let run = verify(&scene, &["--all", &flag, &places[0]]).exits(2);
        assert!(run.stderr.contains("--shard <I/N>"), "{}", run.stderr);
    }
}

#[test]
fn r63_a_registry_that_stops_answering_is_given_up_and_one_that_stumbles_is_not() {
    let scene = signed(80);
    let (good, _) = serving(&scene.app("app"));
    let manifests = "/v2/app/manifests/";
    // After three images: the connection is cut, nobody may enter any more, or nothing works.
    for reply in [Reply::raw(""), Reply::new(401), Reply::new(503)] {
        let (known, asked) = (good.clone(), AtomicUsize::new(0));
        let server = Server::new(move |seen| {
            let is_manifest = seen.path().starts_with(manifests);
            if is_manifest && asked.fetch_add(1, Ordering::SeqCst) >= 3 {
                return reply.clone();
            }
            known.lock().expect("a lock").answer(seen)
        });
        let image = format!("docker://{}/app", server.host());
        let words = ["--all", "--json-lines", "--config-only", &image];
        let run = verify(&scene, &words).exits(3);
        let mut lines: Vec<Value> = run
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect();
        let totals = lines.pop().expect("totals")["totals"].clone();
        let gave_up = lines.pop().expect("an error");
        assert!(gave_up.get("reference").is_none(), "{gave_up}");
        assert_eq!(gave_up["error"]["status"], 3);
        let undecided = totals["undecided"].as_u64().expect("a number");
        // Requests that were under way before come between the first of them.
        assert!((12..=50).contains(&undecided), "{totals}");
        let trusted = totals["trusted"].as_u64().expect("a number");
        assert!(trusted <= 3, "{totals}");
        let left = 80 - trusted - undecided;
        assert_eq!(totals["not_looked_at"], left, "{totals}");
        let message = gave_up["error"]["message"].as_str().expect("a text");
        assert!(message.contains(&format!("so {left} more")), "{message}");
        let asked = server
            .log()
            .iter()
            .filter(|l| l.contains(manifests))
            .count();
        assert!(asked <= 50 + 3, "{asked}");
    }
    // Every second one fails: each is looked at.
    let known = good.clone();
    let server = Server::new(move |seen| {
        let number = seen.path().strip_prefix("/v2/app/manifests/t");
        if number.is_some_and(|n| n.parse().is_ok_and(|n: u32| n.is_multiple_of(2))) {
            return Reply::new(500);
        }
        known.lock().expect("a lock").answer(seen)
    });
    let image = format!("docker://{}/app", server.host());
    let (lines, totals) = lines(&scene, 3, &["--config-only", &image]);
    assert_eq!(
        [
            &totals["trusted"],
            &totals["undecided"],
            &totals["not_looked_at"]
        ],
        [40, 40, 0].map(|n| json!(n)).each_ref()
    );
    let failed = lines.iter().find(|line| line.get("error").is_some());
    let failed = failed.expect("an error");
    assert!(failed["error"]["message"].to_string().contains("500"));
}

#[test]
fn r55_tags_that_cannot_be_listed_are_one_error_and_a_tag_that_went_is_none() {
    let scene = signed(3);
    let (good, _) = serving(&scene.app("app"));
    for reply in [
        Reply::new(403),
        Reply::new(401).header("WWW-Authenticate", "Basic realm=x"),
        Reply::new(500),
    ] {
        let server = Server::new(move |_| reply.clone());
        let image = format!("docker://{}/app", server.host());
        let run = verify(&scene, &["--all", "--json-lines", &image]).exits(3);
        // One line, and no totals: nothing was looked at.
        assert_eq!(run.json()["error"]["status"], 3, "{run:?}");
    }
    let gone = |tags: &'static [&str]| {
        let known = good.clone();
        let server = Server::new(move |seen| {
            let tag = seen.path().strip_prefix("/v2/app/manifests/");
            if tag.is_some_and(|tag| tags.contains(&tag)) {
                return Reply::new(404);
            }
            known.lock().expect("a lock").answer(seen)
        });
        let image = format!("docker://{}/app", server.host());
        (server, image)
    };
    let (_server, image) = gone(&["t1"]);
    let (_, totals) = lines(&scene, 0, &[&image]);
    assert_eq!((&totals["gone"], &totals["images"]), (&json!(1), &json!(2)));
    let run = verify(&scene, &["--all", &image]).ok();
    assert!(
        run.stderr.contains("ignored t1: the list has it"),
        "{}",
        run.stderr
    );
    // All of them: nothing was verified.
    let (_server, image) = gone(&["t0", "t1", "t2"]);
    verify(&scene, &["--all", &image]).exits(1);
}

#[test]
fn several_names_are_decided_each_for_itself() {
    let scene = signed(3);
    let (_, server) = serving(&scene.app("app"));
    let name = |tag: &str| format!("docker://{}/app:{tag}", server.host());
    let names = ["t2", "none", "t0"].map(name);
    let words: Vec<_> = names.iter().map(String::as_str).collect();
    let run = verify(&scene, &words).exits(3);
    assert_eq!(run.stdout.lines().count(), 2);
    assert!(run.stderr.contains("\"none\""), "{}", run.stderr);
    let last = run.stderr.lines().last().expect("a line");
    assert_eq!(last, "3 images: 2 trusted, 0 refused, 1 undecided");
    let mut words = vec!["--json-lines"];
    words.extend(names.iter().map(String::as_str));
    let run = verify(&scene, &words).exits(3);
    let lines: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let names: Vec<_> = lines.iter().map(|line| &line["reference"]).collect();
    assert_eq!(
        names,
        [&json!("none"), &json!("t2"), &json!("t0"), &Value::Null]
    );
    assert!(run.stderr.ends_with("1 undecided\n"), "{}", run.stderr);
}

/// Starts a run over these images whose last tag does not come before it may.
fn held_up(
    scene: &Scene,
    last: &'static str,
    may: &Arc<AtomicBool>,
    answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Server, Child) {
    let may = may.clone();
    let server = Server::new(move |seen| {
        let start = Instant::now();
        while seen.path().ends_with(last)
            && !may.load(Ordering::SeqCst)
            && start.elapsed() < Duration::from_secs(20)
        {
            thread::sleep(Duration::from_millis(5));
        }
        answer(seen)
    });
    let image = format!("docker://{}/app", server.host());
    let ca = scene.text("ca.pub");
    let words = [
        "verify-image",
        "--all",
        "--config-only",
        "--json-lines",
        "-q",
    ];
    let run = Command::new(program())
        .args(words)
        .args(["-c", &ca, &image])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    (server, run)
}

#[test]
fn a_line_is_there_as_soon_as_its_image_is_decided() {
    let scene = signed(10);
    let may = Arc::default();
    let (good, _) = serving(&scene.app("app"));
    let answer = move |seen: &Seen| good.lock().expect("a lock").answer(seen);
    let (_server, mut run) = held_up(&scene, "/t9", &may, answer);
    let stdout = BufReader::new(run.stdout.take().expect("a pipe"));
    let mut lines = stdout.lines().map(|line| line.expect("a line"));
    for _ in 0..9 {
        let line = lines.next().expect("a line");
        assert!(line.starts_with("{\"reference\":\"t"), "{line}");
    }
    may.store(true, Ordering::SeqCst);
    let line = lines.next().expect("a line");
    assert!(line.starts_with("{\"reference\":\"t9\""), "{line}");
    assert!(lines.next().expect("totals").starts_with("{\"totals\":"));
    assert_eq!(lines.next(), None);
    assert!(run.wait().expect("it ends").success());
}

#[test]
fn a_reader_that_goes_ends_a_run_over_all_tags_though_a_request_is_under_way() {
    let scene = signed(30);
    let may = Arc::default();
    let (good, _) = serving(&scene.app("app"));
    let answer = move |seen: &Seen| good.lock().expect("a lock").answer(seen);
    let (_server, mut run) = held_up(&scene, "/t9", &may, answer);
    let start = Instant::now();
    drop(run.stdout.take());
    let status = run.wait().expect("it ends");
    // A shell tells this as 141.
    assert_eq!(status.signal(), Some(13), "{status}");
    assert!(start.elapsed() < Duration::from_secs(15));
}

/// A registry with so many images, each with the same config and a manifest of its own.
fn many(count: usize) -> impl Fn(&Seen) -> Reply + Send + Sync {
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}});
    let config = config.to_string();
    let descriptor = json!({"mediaType": oci::CONFIG, "digest": digest(config.as_bytes()), "size": config.len()});
    let tags: Vec<_> = (1..count)
        .map(|n| format!("t{n}"))
        .chain(["last".into()])
        .collect();
    move |seen| {
        let parts: Vec<_> = seen.path().split('/').skip(3).collect();
        match parts[..] {
            ["tags", "list"] => {
                let from = seen
                    .query("last")
                    .map_or(0, |n| n.parse().expect("a number"));
                let page = &tags[from..tags.len().min(from + 500)];
                let reply = Reply::ok(json!({"tags": page}).to_string());
                match from + 500 {
                    next if next < tags.len() => {
                        let link = format!("</v2/app/tags/list?last={next}>; rel=next");
                        reply.header("Link", link)
                    }
                    _ => reply,
                }
            }
            ["manifests", tag] => {
                let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor,
                    "layers": [], "annotations": {"tag": tag, "more": "x".repeat(2000)}});
                Reply::ok(manifest.to_string()).header("Content-Type", MANIFEST)
            }
            _ => Reply::ok(config.clone()),
        }
    }
}

#[test]
fn r63_memory_does_not_grow_with_tags() {
    let scene = Scene::new();
    let peak = |count: usize| -> usize {
        let may = Arc::default();
        let (_server, mut run) = held_up(&scene, "/last", &may, many(count));
        let stdout = BufReader::new(run.stdout.take().expect("a pipe"));
        let mut lines = stdout.lines();
        for _ in 1..count {
            lines.next().expect("a line").expect("text");
        }
        let status = String::from_utf8(read(format!("/proc/{}/status", run.id())));
        let status = status.expect("text");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
        may.store(true, Ordering::SeqCst);
        assert_eq!(lines.count(), 2);
        assert_eq!(run.wait().expect("it ends").code(), Some(1));
        peak.expect("a number")
    };
    let (few, many) = (peak(10), peak(3000));
    println!("{few} kB for 10 tags, {many} kB for 3000");
    // A run keeps the name of a tag, and 16 bytes of an image; all else comes to a limit.
    assert!(
        many < few + 6000,
        "{few} kB for 10 tags, {many} kB for 3000"
    );
}
