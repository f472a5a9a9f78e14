//! The images of real builders: those that realms get, and the result of `--for-realms` for the rest.

use super::server;
use harness::builders::{self, Case, Expected, Kind};
use harness::oci::{self, REF_NAME};
use harness::{Run, Scene, ir_sign, same, snapshot};

const WARNING: &str = "realms cannot get this app: ";

/// What is expected of a case now. Archives that hold no layout have no tags of their own: the layout that they become
/// gets what docker itself would write, a short tag for each name and each tag once. So what kept these from realms, full
/// names and one member twice, is not in what is signed, and nothing is left to be warned of.
fn expected(case: &Case) -> Expected {
    match &*case.name {
        "buildah1.28-dockerarchive" | "buildah1.43-dockerarchive-v2s2" | "crane0.20-pull-three" => {
            Expected::Served
        }
        _ => case.expected,
    }
}

fn sign(scene: &Scene, case: &Case, more: &[&str]) -> Run {
    let args: Vec<_> = case
        .args
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    if case.kind != Kind::Archive {
        case.unpack(&scene.app("app"));
        return scene.sign("app", &args);
    }
    let mut all = scene.sign_args("app", &args);
    all[0] = "extract-sign-image".into();
    let archive = case.archive().display().to_string();
    ir_sign(all.into_iter().chain(["-f".into(), archive]))
}

/// Verifies images by digests or tags, for realms.
fn verify(scene: &Scene, case: &Case, references: &[String]) -> Run {
    let mut args = vec!["--for-realms"];
    args.extend(references.iter().flat_map(|reference| ["-d", reference]));
    if let Some(at) = case.args.iter().position(|arg| arg == "--max-zstd-window") {
        args.extend([case.args[at].as_str(), &case.args[at + 1]]);
    }
    scene.verify("app", &args)
}

fn digests(run: &Run) -> Vec<String> {
    run.stdout.lines().map(str::to_owned).collect()
}

/// Whether the server hands out all of these.
fn hands_out(scene: &Scene, references: &[String]) -> bool {
    server::load(&scene.app("app"))
        .is_ok_and(|app| references.iter().all(|reference| app.hands_out(reference)))
}

/// The tags of an image.
fn tags(scene: &Scene, digest: &str) -> Vec<String> {
    let index = oci::index(&scene.app("app"));
    let entries = oci::entries(&index)
        .iter()
        .filter(|entry| entry["digest"] == digest);
    let tag =
        |entry: &serde_json::Value| entry["annotations"][REF_NAME].as_str().map(str::to_owned);
    entries.filter_map(tag).collect()
}

/// Signed with `--for-realms`, by each digest and, where there is one image, by its tag.
fn mended(case: &Case) {
    let scene = Scene::new();
    let run = sign(&scene, case, &["--for-realms"]).ok();
    assert!(!run.stderr.contains(WARNING), "{}", run.stderr);
    let digests = digests(&run);
    assert_eq!(digests.len(), case.images);
    assert!(hands_out(&scene, &digests));
    verify(&scene, case, &digests).ok();
    if case.images == 1 {
        // Where there was a tag there still is one.
        let listed = oci::index(&scene.app("app"))["manifests"].to_string();
        let tags = tags(&scene, &digests[0]);
        assert!(hands_out(&scene, &tags), "{tags:?}");
        assert_eq!(tags.is_empty(), !listed.contains(REF_NAME), "{listed}");
        if !tags.is_empty() {
            verify(&scene, case, &tags).ok();
        }
    }
}

fn check(case: &Case) {
    println!("{}", case.name);
    let scene = Scene::new();
    let run = sign(&scene, case, &[]);
    let signed = digests(&run);
    let expected = expected(case);
    let warns = match expected {
        Expected::Either if run.status == 1 => {
            run.says(&["hint: "]);
            return;
        }
        Expected::Refused => {
            run.exits(1);
            assert!(case.kind != Kind::Archive || !scene.app("app").exists());
            return;
        }
        Expected::Served | Expected::Either => false,
        Expected::ForRealms | Expected::NotUnpacked | Expected::NotServed => true,
    };
    let run = run.ok();
    assert_eq!(run.stderr.contains(WARNING), warns, "{}", run.stderr);
    assert_eq!(run.stderr.contains("hint: "), warns, "{}", run.stderr);
    assert!(warns || !run.stderr.contains("realm"), "{}", run.stderr);
    assert_eq!(signed.len(), case.images);
    let loaded = matches!(
        expected,
        Expected::Served | Expected::Either | Expected::NotUnpacked
    );
    assert_eq!(hands_out(&scene, &signed), loaded);
    verify(&scene, case, &signed).exits(i32::from(warns));
    match expected {
        Expected::Served | Expected::Either | Expected::ForRealms => mended(case),
        Expected::NotUnpacked => {
            let before = snapshot(&scene.registry());
            let more: Vec<_> = case
                .args
                .iter()
                .map(String::as_str)
                .chain(["--for-realms"])
                .collect();
            scene.sign("app", &more).exits(1).says(&["[realm."]);
            same(&before, &snapshot(&scene.registry()));
        }
        Expected::NotServed | Expected::Refused => {}
    }
}

#[test]
fn realms_get_what_builders_wrote_or_are_said_not_to() {
    let cases = builders::cases();
    // `docker28-multi-save`: once the image that has a tag of its own is named it is signed, and the other tag, which two
    // images have, is told of. `choices` and `mending` look at that.
    let elsewhere = |case: &Case| case.reason.starts_with("two images have the tag");
    for case in cases.iter().filter(|case| !elsewhere(case)) {
        check(case);
    }
}
