//! A run that is faster than one whose token takes its time: the first is held until the other has ended.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use harness::{Run, is_at_a_lock};
use serde_json::Value;

use super::scene::{Ran, Scene, arguments};

/// Starts a run whose token holds the N-th signature. When it is asked for that, the other command is
/// run until it has ended, or waits for the first; then that goes on.
#[track_caller]
fn overtaken(scene: &Scene, (held, signature): (&str, usize), quick: &str) -> Ran {
    let (go, waits) = (scene.path("go"), scene.path("go.waits"));
    let plan = format!("held@C_SignInit@{signature}={}", go.display());
    let mut command = scene.planned(&plan);
    command.args(arguments(held));
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let limit = Instant::now() + Duration::from_secs(20);
    while !waits.exists() {
        assert!(Instant::now() < limit, "no signature is asked for");
        thread::sleep(Duration::from_millis(2));
    }
    let mut quick = scene
        .plain(quick)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // One that replaced an app removes the old one when nobody reads there any more.
    while quick.try_wait().expect("a child").is_none() && !is_at_a_lock(&quick) {
        thread::sleep(Duration::from_millis(2));
    }
    fs::write(go, "").expect("written");
    let ran = scene.ended(&child.wait_with_output().expect("it ends"));
    Run::from(quick.wait_with_output().expect("it ends")).exits(0);
    ran
}

/// The endorsements on the images of an app.
#[track_caller]
fn endorsements(scene: &Scene, app: &str) -> BTreeSet<String> {
    let ran = scene.plainly(&format!("inspect-image -r registry -a {app} --json"));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let shown: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let entries = shown["entries"].as_array().expect("entries").iter();
    let claims = entries.filter_map(|entry| entry["claim"]["endorsement"].as_str());
    claims.map(str::to_owned).collect()
}

/// A token signs otherwise each time: what two runs make at once are two endorsements.
#[test]
fn two_runs_never_bring_two_endorsements_of_one_vendor() {
    let arm = "sign-image -r registry -a multi -d multi --platform linux/arm64";
    let amd = "sign-image -r registry -a multi -d multi --platform linux/amd64";
    let other = "sign-image -r registry -a app -d latest";
    let keys = "-v KEY:vendor -x KEY:ca";
    for quick in [amd, other] {
        let scene = Scene::new();
        let slow = format!("{arm} {keys}");
        let quick = format!("{quick} {keys}");
        // The CA's signature is made, and the vendor's asked for.
        let ran = overtaken(&scene, (&slow, 2), &quick);
        ran.exits(3)
            .says("which another run brought meanwhile; nothing was written")
            .says("run it again");
        scene.plainly(&slow).exits(0);
        let mut all = endorsements(&scene, "multi");
        all.extend(endorsements(&scene, "app"));
        assert_eq!(all.len(), 1, "{quick}");
    }
}

#[test]
fn two_runs_with_two_endorsements_that_were_given_do_not_bring_both() {
    let scene = Scene::new();
    for name in ["one", "two"] {
        let endorse = format!("endorse -k KEY:ca -f vendor.pub -s {name}");
        scene.plainly(&endorse).exits(0);
    }
    let with = |platform: &str, name: &str| {
        format!(
            "sign-image -r registry -a multi -d multi --platform {platform} -v KEY:vendor -s {name} -c ca.pub"
        )
    };
    let slow = with("linux/arm64", "one");
    let ran = overtaken(&scene, (&slow, 1), &with("linux/amd64", "two"));
    ran.exits(3).says("another run brought meanwhile");
    scene
        .plainly(&slow)
        .exits(1)
        .says("carries another valid endorsement");
    scene.plainly(&with("linux/arm64", "two")).exits(0);
    assert_eq!(endorsements(&scene, "multi").len(), 1);
}

#[test]
fn what_signs_an_app_that_is_replaced_meanwhile_is_told() {
    let scene = Scene::new();
    let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/buildah.tar");
    let slow = "sign-image -r registry -a app -d latest -v KEY:vendor -x KEY:ca";
    let quick = format!(
        "extract-sign-image -r registry -f {archive} -a app --force -v KEY:vendor -x KEY:ca"
    );
    let ran = overtaken(&scene, (slow, 2), &quick);
    ran.exits(3)
        .says("registry/app: another run replaced the app meanwhile; nothing was written");
    let verify = "verify-image -r registry -a app --all -c ca.pub";
    scene.plainly(verify).exits(0);
}

#[test]
fn an_archive_that_another_run_overtakes_is_not_published() {
    let scene = Scene::new();
    let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/umoci.tar");
    let slow = format!(
        "extract-sign-image -r registry -f {archive} -a new -d latest -v KEY:vendor -x KEY:ca"
    );
    let quick = "sign-image -r registry -a app -d latest -v KEY:vendor -x KEY:ca";
    overtaken(&scene, (&slow, 2), quick)
        .exits(3)
        .says("another run brought meanwhile");
    assert!(!scene.has("registry/new"));
    scene.plainly(&slow).exits(0);
    assert_eq!(endorsements(&scene, "new"), endorsements(&scene, "app"));
}
