//! The program is killed at every call, as by a power cut: the next run finds its way.

use super::scene::{Ran, Scene, verifies};

/// The plans that kill a command before and after each of its calls.
fn plans(args: &str) -> Vec<String> {
    let calls = Scene::new().run("", args).exits(0).log.entries.len();
    let at = |n| [format!("kill@{n}"), format!("kill-after@{n}")];
    (1..=calls).flat_map(at).collect()
}

/// Runs a command that its plan kills.
#[track_caller]
fn killed(scene: &Scene, plan: &str, args: &str) -> Ran {
    let ran = scene.run(plan, args);
    // `timeout` either ends in the same way or says so.
    let killed = ran.signal == Some(9) || ran.status == Some(137);
    assert!(killed, "{plan}: {ran:?}");
    let left = scene
        .outside()
        .into_keys()
        .find(|n| n.to_string_lossy().contains(".tmp"));
    assert_eq!(left, None, "{plan}");
    ran
}

fn count(scene: &Scene, label: &str) -> usize {
    scene.labels().iter().filter(|l| *l == label).count()
}

#[test]
fn gen_key_that_was_killed_never_leads_to_two_keys() {
    let args = "gen-key --pkcs11-uri KEY:new --public new.pub";
    let (mut made, mut refused) = (0, 0);
    for plan in plans(args) {
        let scene = Scene::new();
        killed(&scene, &plan, args);
        let there = count(&scene, "new");
        assert!(there <= 1, "{plan}: {there} keys");
        let again = scene.run("", args);
        assert_eq!(count(&scene, "new"), 1, "{plan}: {again:?}");
        if there == 0 {
            assert_eq!(
                (again.status, scene.objects()),
                (Some(0), 6),
                "{plan}: {again:?}"
            );
            made += 1;
        } else {
            refused += 1;
            let again = again.exits(1);
            if scene.has("new.pub") {
                // It was done but for C_Finalize.
                again.says("public key file new.pub: already exists");
            } else {
                again
                    .says("token \"test token\": the label is in use already: pkcs11:")
                    .says("object=new;type=private")
                    .says("ir-sign extract-public");
            }
        }
        // The key is there: its public half can be had.
        let extract = scene.plainly("extract-public -i KEY:new -o new.pub");
        assert_eq!(extract.status, Some(0), "{plan}: {extract:?}");
        let sign = scene.plainly("sign -k KEY:new -f message -s out");
        assert_eq!(sign.status, Some(0), "{plan}: {sign:?}");
        assert!(verifies(&scene, "new.pub", "message", "out"), "{plan}");
    }
    assert!(made > 10 && refused > 10, "{made} made, {refused} refused");
}

#[test]
fn import_that_was_killed_never_leads_to_two_keys() {
    let args = "token import -k file.key --pkcs11-uri KEY:new";
    let mut halves = 0;
    for plan in plans(args) {
        let scene = Scene::new();
        killed(&scene, &plan, args);
        let (there, objects) = (count(&scene, "new"), scene.objects());
        let again = scene.run("", args);
        assert_eq!(count(&scene, "new"), 1, "{plan}: {again:?}");
        if there == 0 {
            assert_eq!(
                (again.status, objects, scene.objects()),
                (Some(0), 4, 6),
                "{plan}: {again:?}"
            );
        } else {
            again
                .exits(1)
                .says("the label is in use already: pkcs11:")
                .says("object=new;type=private");
            assert_eq!(scene.objects(), objects, "{plan}");
        }
        // Between its two calls the private half is there alone. It is of use all the same.
        let half = scene.objects() == 5;
        halves += usize::from(half);
        let extract = scene.plainly("extract-public -i KEY:new -o new.pub");
        assert_eq!(
            extract.status,
            Some(if half { 3 } else { 0 }),
            "{plan}: {extract:?}"
        );
        if half {
            let extract = extract.says("give its public key with --public-key FILE");
            drop(extract);
            let given = "extract-public -i KEY:new -o new.pub --public-key file.key.pub";
            assert_eq!(scene.plainly(given).status, Some(0), "{plan}");
        }
        assert_eq!(scene.read("new.pub"), scene.read("file.key.pub"), "{plan}");
    }
    assert_eq!(
        halves, 2,
        "after the first C_CreateObject, and before the second"
    );
}

#[test]
fn sign_that_was_killed_can_be_run_again() {
    let args = "sign -k KEY:ca -f message -s out";
    for plan in plans(args) {
        let scene = Scene::new();
        killed(&scene, &plan, args);
        if scene.has("out") {
            assert!(verifies(&scene, "ca.pub", "message", "out"), "{plan}");
        }
        let again = scene.run("", &format!("{args} --force"));
        assert_eq!(again.status, Some(0), "{plan}: {again:?}");
        assert!(verifies(&scene, "ca.pub", "message", "out"), "{plan}");
        assert_eq!(scene.objects(), 4, "{plan}");
    }
}
