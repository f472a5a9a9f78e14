//! One vendor has one endorsement: the one in use is used again, and never replaced by another.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use rustix::fs::FlockOperation;
use serde_json::json;

use harness::oci::{self, ENDORSEMENT, VENDOR_KEY, blob_path, hex};
use harness::{Run, Scene, ir_sign, program, read, same, snapshot, waits_for_a_lock, write};

fn on_image(scene: &Scene, app: &str, tag: &str) -> String {
    let manifest = oci::manifest(&scene.app(app), tag, None);
    let found = manifest["annotations"][ENDORSEMENT].as_str();
    found.expect("an endorsement").to_owned()
}

/// With another than the deterministic endorsement on one image of an app.
fn with_random(fixture: &str, tag: &str) -> (Scene, String) {
    let scene = Scene::with(fixture);
    let random = scene.another_endorsement("random.sig");
    assert_ne!(read(&random), read(scene.path("vendor.sig")));
    scene.sign_with("app", &random, &["-d", tag]).ok();
    let random = hex(&read(&random));
    assert_eq!(on_image(&scene, "app", tag), random);
    (scene, random)
}

/// Adds an image to an app under a tag.
fn add_image(scene: &Scene, app: &str, tag: &str) {
    let layout = scene.app(app);
    let made = oci::Maker::new(layout.clone()).image("", tag.as_bytes(), tag.as_bytes());
    let mut index = oci::index(&layout);
    let entries = index["manifests"].as_array_mut().expect("entries");
    entries.push(oci::with_tag(made, tag));
    write(layout.join("index.json"), index.to_string());
}

#[test]
fn the_ca_key_reuses_the_one_on_the_image() {
    let (scene, random) = with_random("buildah", "1.0");
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &["--json"]).ok();
    assert_eq!(run.json()["endorsement"]["source"], "found");
    run.says(&["the endorsement in use, from", "nothing was changed"]);
    assert_eq!(on_image(&scene, "app", "1.0"), random);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn the_ca_key_reuses_the_one_on_another_image_of_the_layout() {
    let (scene, random) = with_random("buildah", "1.0");
    add_image(&scene, "app", "2.0");
    let run = scene.sign("app", &["-d", "2.0", "--json"]).ok();
    assert_eq!(run.json()["endorsement"]["source"], "found");
    run.says(&["app: image 1.0"]);
    assert_eq!(on_image(&scene, "app", "2.0"), random);
}

#[test]
fn the_ca_key_reuses_the_one_on_another_image_of_the_archive() {
    let (scene, random) = with_random("buildah", "1.0");
    add_image(&scene, "app", "2.0");
    let archive = scene.path("new.tar");
    let file = File::create(&archive).expect("a file");
    let mut builder = tar::Builder::new(file);
    builder.append_dir_all(".", scene.app("app")).expect("read");
    builder.finish().expect("written");
    fs::remove_dir_all(scene.app("app")).expect("removed");
    let mut args = scene.sign_args("new", &["-d", "2.0", "--json"]);
    args[0] = "extract-sign-image".into();
    args.extend(["-f".into(), archive.display().to_string()]);
    let run = ir_sign(args).ok();
    assert_eq!(run.json()["endorsement"]["source"], "found");
    run.says(&["new: image 1.0"]);
    assert_eq!(on_image(&scene, "new", "2.0"), random);
}

#[test]
fn the_ca_key_reuses_the_one_of_another_app() {
    let (scene, random) = with_random("buildah", "1.0");
    scene.unpack("umoci", "second");
    let run = scene.sign("second", &["-d", "latest"]).ok();
    run.says(&["app: image 1.0"]);
    assert_eq!(on_image(&scene, "second", "latest"), random);
}

#[test]
fn the_ca_key_makes_one_where_there_is_none() {
    let scene = Scene::with("buildah");
    // One of another vendor, and one by another CA, are none.
    scene.unpack("umoci", "second");
    let (other, other_ca) = (scene.text("other-vendor"), scene.text("other-ca"));
    let sign = |app: &str, vendor: &str, ca: &str| {
        let registry = scene.registry().display().to_string();
        let args = [
            "sign-image",
            "-r",
            &registry,
            "-a",
            app,
            "-v",
            vendor,
            "-x",
            ca,
            "--json",
        ];
        ir_sign(args).ok().json()["endorsement"]["source"].clone()
    };
    assert_eq!(sign("second", &other, &scene.text("ca")), "made");
    scene.unpack("docker-save-new", "third");
    assert_eq!(sign("third", &scene.text("vendor"), &other_ca), "made");
    assert_eq!(
        sign("app", &scene.text("vendor"), &scene.text("ca")),
        "made"
    );
    assert_eq!(
        on_image(&scene, "app", "1.0"),
        hex(&read(scene.path("vendor.sig")))
    );
}

#[test]
fn two_different_ones_in_use_are_refused() {
    let (scene, _) = with_random("buildah", "1.0");
    scene.unpack("umoci", "second");
    // Forced into use by signing in a registry of its own.
    let apart = Scene::new();
    for name in ["ca", "ca.pub", "vendor", "vendor.pub", "vendor.sig"] {
        write(apart.path(name), read(scene.path(name)));
    }
    apart.unpack("umoci", "second");
    apart
        .sign_with("second", &apart.text("vendor.sig"), &["-d", "latest"])
        .ok();
    for (name, content) in snapshot(&apart.app("second")) {
        let to = scene.app("second").join(name);
        if !to.is_dir() {
            write(to, content);
        }
    }
    scene.unpack("docker-save-new", "third");
    let before = snapshot(&scene.registry());
    let run = scene.sign("third", &[]).exits(1);
    run.says(&[
        "another valid endorsement",
        "app: image 1.0",
        "second: image latest",
    ]);
    same(&before, &snapshot(&scene.registry()));
    // With -s it is the user's word, and a warning.
    let run = scene
        .sign_with("third", &scene.text("vendor.sig"), &[])
        .ok();
    run.says(&["warning:", "app: image 1.0", "another valid endorsement"]);
    // An image that has one keeps it, whatever the others have.
    scene.sign("app", &[]).ok().says(&["nothing was changed"]);
}

#[test]
fn an_image_that_has_one_keeps_it_whatever_others_of_the_app_have() {
    let (scene, _) = with_random("buildah", "1.0");
    add_image(&scene, "app", "2.0");
    let own = hex(&read(scene.path("vendor.sig")));
    oci::replace_manifest(&scene.app("app"), "2.0", |manifest| {
        let vendor = hex(&read(scene.path("vendor.pub")));
        manifest["annotations"] = json!({ VENDOR_KEY: vendor, ENDORSEMENT: own });
    });
    let run = scene.sign("app", &["-d", "2.0", "--json"]).ok();
    assert_eq!(run.json()["endorsement"]["source"], "found");
    run.says(&["app: image 2.0"]);
    assert_eq!(on_image(&scene, "app", "2.0"), own);
}

/// Signed by `openssl` once and by `-x` once: neither may keep the vendor from signing the next image.
#[test]
fn of_two_that_one_app_has_the_user_chooses_for_a_new_image() {
    let (scene, random) = with_random("buildah", "1.0");
    let own = hex(&read(scene.path("vendor.sig")));
    for tag in ["2.0", "3.0", "4.0"] {
        add_image(&scene, "app", tag);
    }
    oci::replace_manifest(&scene.app("app"), "2.0", |manifest| {
        let vendor = hex(&read(scene.path("vendor.pub")));
        manifest["annotations"] = json!({ VENDOR_KEY: vendor, ENDORSEMENT: own });
    });
    scene.sign("app", &["-d", "2.0"]).ok();
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &["-d", "3.0"]).exits(1);
    let hint = run.stderr.lines().find(|line| line.starts_with("hint: "));
    let (_, command) = hint.expect("a hint").split_once("ir-sign ").expect("one");
    same(&before, &snapshot(&scene.registry()));
    // The hint's own command writes one of them, and it is taken.
    let words: Vec<_> = command.split(' ').collect();
    let output = words.last().expect("a file");
    let file = scene.text(output);
    let args = words
        .iter()
        .map(|word| if word == output { &file } else { *word });
    ir_sign(args).ok();
    assert_eq!(hex(&read(&file)), random);
    let run = scene.sign_with("app", &file, &["-d", "3.0"]).ok();
    run.says(&["warning:", "app: image 2.0", "another valid endorsement"]);
    let run = scene.sign_with("app", &scene.text("vendor.sig"), &["-d", "4.0"]);
    run.ok().says(&["warning:", "app: image 1.0"]);
    assert_eq!(on_image(&scene, "app", "3.0"), random);
    assert_eq!(on_image(&scene, "app", "4.0"), own);
    // Each image keeps its own, whatever is given for it and whatever is signed with it.
    let before = snapshot(&scene.registry());
    let run = scene.sign_with("app", &file, &["-d", "2.0"]).exits(1);
    run.says(&[
        "app: image 2.0",
        "another valid endorsement",
        "loses its data",
    ]);
    let run = scene.sign("app", &["-d", "1.0", "-d", "2.0"]).exits(1);
    run.says(&["hint: ", "one image at a time"]);
    same(&before, &snapshot(&scene.registry()));
    for tag in ["1.0", "2.0"] {
        scene
            .sign("app", &["-d", tag])
            .ok()
            .says(&["nothing was changed"]);
    }
}

#[test]
fn another_than_the_one_in_use_on_the_image_is_refused() {
    let (scene, _) = with_random("buildah", "1.0");
    add_image(&scene, "app", "2.0");
    let before = snapshot(&scene.registry());
    for tag in ["1.0", "2.0"] {
        let run = scene.sign_with("app", &scene.text("vendor.sig"), &["-d", tag]);
        let run = run.exits(1);
        assert_eq!(run.stdout, "");
        run.says(&[
            "another valid endorsement",
            "1.0",
            "vendor.sig",
            "loses its data",
        ]);
        same(&before, &snapshot(&scene.registry()));
    }
}

/// Of r, s anybody can make r, n − s, which verifies too: the hint must not lead to it.
#[test]
fn an_endorsement_that_somebody_changed_is_told_apart_from_another() {
    let scene = Scene::with("buildah");
    let tag = "1.0";
    scene.sign("app", &["-d", tag]).ok();
    let given = read(scene.path("vendor.sig"));
    let signature = p384::ecdsa::DerSignature::from_bytes(&given).expect("a signature");
    let signature = p384::ecdsa::Signature::try_from(signature).expect("a signature");
    let (r, s) = signature.split_scalars();
    let changed = p384::ecdsa::Signature::from_scalars(*r, -*s).expect("a signature");
    let changed = hex(changed.to_der().as_bytes());
    oci::replace_manifest(&scene.app("app"), tag, |manifest| {
        manifest["annotations"][ENDORSEMENT] = json!(changed);
    });
    scene.verify("app", &["-d", tag]).ok();
    let given = scene.text("vendor.sig");
    let run = scene.sign_with("app", &given, &["-d", tag]).exits(1);
    let run = run.says(&["another valid endorsement", "somebody changed one of them"]);
    assert!(!run.stderr.contains("sign with the one in use"), "{run:?}");
}

/// Not as it should be written, but a realm that reads it has derived its key from the very same bytes.
#[test]
fn one_in_capital_letters_is_in_use_too() {
    let (scene, random) = with_random("buildah", "1.0");
    for keys in [
        &[ENDORSEMENT][..],
        &[VENDOR_KEY],
        &[ENDORSEMENT, VENDOR_KEY],
    ] {
        oci::replace_manifest(&scene.app("app"), "1.0", |manifest| {
            for key in keys {
                let text = manifest["annotations"][*key].as_str().expect("a text");
                manifest["annotations"][*key] = json!(text.to_uppercase());
            }
        });
        scene.verify("app", &[]).exits(1);
        let second = scene.another_endorsement(&format!("second-{}.sig", keys[0]));
        let run = scene.sign_with("app", &second, &[]).exits(1);
        run.says(&["carries another valid endorsement"]);
        let run = scene.sign("app", &["--json"]).ok();
        assert_eq!(run.json()["endorsement"]["source"], "found");
        assert_eq!(on_image(&scene, "app", "1.0"), random);
        scene.verify("app", &[]).ok();
    }
}

#[test]
fn one_that_does_not_hold_is_not_in_use() {
    let (scene, random) = with_random("buildah", "1.0");
    // Its last hex digit changed: the image is not signed by anybody.
    oci::replace_manifest(&scene.app("app"), "1.0", |manifest| {
        let mut text = random.clone();
        let last = if text.ends_with('0') { "1" } else { "0" };
        text.replace_range(text.len() - 1.., last);
        manifest["annotations"][ENDORSEMENT] = json!(text);
    });
    // It looks like one by another CA.
    scene.sign("app", &[]).exits(1).says("not by CA");
    let run = scene.sign("app", &["--json", "--replace-endorsement"]).ok();
    assert_eq!(run.json()["endorsement"]["source"], "made");
}

#[test]
fn a_given_one_that_does_not_hold_is_refused() {
    let scene = Scene::with("buildah");
    let before = snapshot(&scene.registry());
    let good = read(scene.path("vendor.sig"));
    let mut flipped = good.clone();
    *flipped.last_mut().expect("a byte") ^= 1;
    for (bytes, reason) in [
        (flipped, "is not a signature of vendor key"),
        ([&good[..], b"\0"].concat(), "signature file"),
        (Vec::new(), "signature file"),
        (hex(&good).into_bytes(), "signature file"),
    ] {
        write(scene.path("bad.sig"), bytes);
        let run = scene.sign_with("app", &scene.text("bad.sig"), &[]).exits(1);
        run.says(&["bad.sig", reason]);
    }
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn an_app_that_cannot_be_read_could_hold_one() {
    type Corruption = (&'static str, fn(&Scene));
    let corruptions: [Corruption; 3] = [
        ("manifest", |scene| {
            let layout = scene.app("second");
            let entry = oci::tagged(&layout, "1.0");
            write(
                blob_path(&layout, entry["digest"].as_str().expect("a digest")),
                "{}",
            );
        }),
        ("index.json", |scene| {
            write(scene.app("second").join("index.json"), "{");
        }),
        ("oci-layout", |scene| {
            write(scene.app("second").join("oci-layout"), "{}");
        }),
    ];
    for (what, corrupt) in corruptions {
        let scene = Scene::with("umoci");
        scene.unpack("buildah", "second");
        corrupt(&scene);
        let before = snapshot(&scene.registry());
        let run = scene.sign("app", &["-d", "latest"]).exits(1);
        run.says(&[
            "cannot tell",
            "second",
            what,
            "give the endorsement with -s",
        ]);
        same(&before, &snapshot(&scene.registry()));
        let run = scene.sign_with("app", &scene.text("vendor.sig"), &["-d", "latest"]);
        run.ok().says(&["warning:", "second", what]);
    }
}

/// The run still searches all that it can read.
#[test]
fn an_app_that_cannot_be_read_hides_no_other_app() {
    type Corruption = fn(&Scene);
    let corruptions: [(&str, Corruption); 4] = [
        ("/aa", |scene| {
            write(scene.app("aa").join("index.json"), "{");
        }),
        ("/aa", |scene| {
            let digest = oci::tagged(&scene.app("aa"), "1.0")["digest"].clone();
            let digest = digest.as_str().expect("a digest");
            write(blob_path(&scene.app("aa"), digest), "{}");
        }),
        ("/.aa", |scene| {
            fs::rename(scene.app("aa"), scene.app(".aa")).expect("renamed");
        }),
        ("/aa", |scene| {
            fs::rename(scene.app("aa"), scene.path("elsewhere")).expect("renamed");
            std::os::unix::fs::symlink(scene.path("elsewhere"), scene.app("aa")).expect("a link");
        }),
    ];
    for (named, corrupt) in corruptions {
        let (scene, _) = with_random("buildah", "1.0");
        scene.unpack("buildah", "aa");
        scene.unpack("umoci", "new");
        corrupt(&scene);
        let run = scene.sign_with("new", &scene.text("vendor.sig"), &["-d", "latest"]);
        let other = "app: image 1.0 carries another valid endorsement of this vendor";
        run.ok().says(&[named, "cannot be told", other]);
    }
}

#[test]
fn an_image_of_the_app_that_cannot_be_read_could_carry_one() {
    let scene = Scene::with("umoci");
    add_image(&scene, "app", "other");
    scene.sign("app", &["-d", "other"]).ok();
    add_image(&scene, "app", "bad");
    let bad = oci::tagged(&scene.app("app"), "bad")["digest"].clone();
    let bad = bad.as_str().expect("a digest").to_owned();
    write(blob_path(&scene.app("app"), &bad), "{}");
    // With the CA's key one may have to be made, and it must not be a second one.
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &["-d", "latest"]).exits(1);
    run.says(&["cannot tell", &bad, "give the endorsement with -s and -c"]);
    same(&before, &snapshot(&scene.registry()));
    // One that is in use and can be read is not replaced by another that was given.
    let second = scene.another_endorsement("second.sig");
    let run = scene.sign_with("app", &second, &["-d", "latest"]).exits(1);
    run.says(&["carries another valid endorsement"]);
    same(&before, &snapshot(&scene.registry()));
    // The one in use is taken, and what could not be read is told.
    let run = scene.sign_with("app", &scene.text("vendor.sig"), &["-d", "latest"]);
    run.ok().says(&["warning:", &bad, "cannot be told"]);
}

/// Sparse layouts lack what their indexes lead to; it is the manifest that carries an endorsement.
#[test]
fn an_image_whose_config_is_not_there_carries_one_still() {
    let (scene, random) = with_random("buildah", "1.0");
    let layout = scene.app("app");
    let config = oci::manifest(&layout, "1.0", None)["config"]["digest"].clone();
    fs::remove_file(blob_path(&layout, config.as_str().expect("a digest"))).expect("removed");
    scene.unpack("umoci", "new");
    let run = scene.sign("new", &["-d", "latest", "--json"]).ok();
    assert_eq!(run.json()["endorsement"]["source"], "found");
    assert_eq!(on_image(&scene, "new", "latest"), random);
    add_image(&scene, "app", "2.0");
    let second = scene.another_endorsement("second.sig");
    let before = snapshot(&scene.registry());
    let run = scene.sign_with("app", &second, &["-d", "2.0"]).exits(1);
    run.says(&["carries another valid endorsement"]);
    same(&before, &snapshot(&scene.registry()));
}

/// An entry that calls a manifest something else does not hide the one that calls it by its name.
#[test]
fn an_image_that_another_entry_calls_something_else_carries_one_still() {
    let (scene, random) = with_random("buildah", "1.0");
    let layout = scene.app("app");
    let mut index = oci::index(&layout);
    let entries = index["manifests"].as_array_mut().expect("entries");
    let mut other = entries[0].clone();
    other["mediaType"] = json!("application/vnd.example");
    other["annotations"] = json!({});
    entries.insert(0, other);
    write(layout.join("index.json"), index.to_string());
    scene.unpack("umoci", "new");
    scene.sign("new", &["-d", "latest"]).ok();
    assert_eq!(on_image(&scene, "new", "latest"), random);
}

/// A layout in the registry that is not an app by its name, or lies elsewhere, could hold one too.
#[test]
fn layouts_that_cannot_be_apps_are_not_passed_over() {
    let (scene, random) = with_random("buildah", "1.0");
    scene.unpack("umoci", "new");
    let (app, registry) = (scene.app("app"), scene.registry());
    let link = |target: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(target, registry.join(name)).expect("a link");
    };
    // A link to an app of the registry, to a file or to nothing hides nothing.
    link(&app, "latest");
    link(&scene.path("vendor.pub"), "key");
    link(&scene.path("nothing"), "gone");
    // A name that is not text does not either.
    let odd = |name: &[u8]| registry.join(OsStr::from_bytes(name));
    fs::write(odd(b"od\xff"), "").expect("written");
    fs::create_dir(odd(b"od\xfe")).expect("a folder");
    fs::create_dir(odd(b".hidden")).expect("a folder");
    let elsewhere = scene.path("elsewhere");
    let refused = |reason: &str| {
        let before = snapshot(&registry.join("new"));
        let run = scene.sign("new", &["-d", "latest"]).exits(1);
        run.says(&["cannot tell", reason, "give the endorsement with -s and -c"]);
        same(&before, &snapshot(&registry.join("new")));
    };
    fs::rename(&app, registry.join("my app")).expect("renamed");
    refused("my app: is an image layout in the registry, but no app can have its name");
    fs::rename(registry.join("my app"), odd(b"my\xff")).expect("renamed");
    refused("my\u{fffd}: is an image layout in the registry, but no app can have its name");
    fs::rename(odd(b"my\xff"), odd(b".app")).expect("renamed");
    refused(".app: is an image layout in the registry, but no app can have its name");
    fs::rename(odd(b".app"), &elsewhere).expect("renamed");
    link(&elsewhere, "app");
    refused("app: is a symbolic link");
    fs::remove_file(&app).expect("removed");
    fs::rename(&elsewhere, &app).expect("renamed");
    scene.sign("new", &["-d", "latest"]).ok();
    assert_eq!(on_image(&scene, "new", "latest"), random);
}

#[test]
fn the_signature_of_another_vendor_is_not_replaced_without_a_word() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let [other, public] = ["third.prv", "third.pub"].map(|name| scene.text(name));
    ir_sign(["gen-key", "-o", &other, "--public", &public]).ok();
    let mut args = scene.sign_args("app", &["-d", "latest"]);
    let key = args.iter().position(|a| a == "-v").expect("a key") + 1;
    args[key] = other;
    let run = ir_sign(&args).ok();
    run.says(&[
        "warning:",
        "app: image latest carries the endorsement of another vendor, SHA256:",
        "loses its data",
    ]);
    let quiet = ir_sign(&args).ok();
    assert!(!quiet.stderr.contains("warning"), "{quiet:?}");
}

#[test]
fn the_endorsement_of_another_ca_is_not_replaced_without_a_word() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let quiet = scene.sign("app", &["-d", "latest"]).ok();
    assert!(!quiet.stderr.contains("warning"), "{quiet:?}");
    let other = scene.text("third.prv");
    ir_sign(["gen-key", "-o", &other]).ok();
    let before = snapshot(&scene.app("app"));
    let refused = scene.sign("app", &["-d", "latest", "-x", &other]).exits(1);
    refused.says(&[
        "latest carries an endorsement that is not by CA",
        "--replace-endorsement",
    ]);
    same(&before, &snapshot(&scene.app("app")));
    let run = scene
        .sign(
            "app",
            &["-d", "latest", "-x", &other, "--replace-endorsement"],
        )
        .ok();
    run.says(&[
        "warning:",
        "app: image latest",
        "carries an endorsement of this vendor that is not by CA",
        "loses its data",
    ]);
}

/// A run that has settled on an endorsement, and waits until no other makes its change.
fn waiting<T>(scene: &Scene, args: &[String], change: impl FnOnce() -> T) -> Run {
    let registry = File::open(scene.registry()).expect("a folder");
    rustix::fs::flock(&registry, FlockOperation::LockExclusive).expect("a lock");
    let child = Command::new(program())
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    waits_for_a_lock(&child);
    change();
    drop(registry);
    child.wait_with_output().expect("it ends").into()
}

#[test]
fn endorsements_that_another_run_brings_meanwhile_are_seen() {
    // In another app, by a run that had to make one.
    let (scene, random) = with_random("buildah", "1.0");
    let (app, brought) = (scene.app("app"), scene.path("brought"));
    fs::rename(&app, &brought).expect("moved away");
    scene.unpack("umoci", "second");
    let before = snapshot(&scene.app("second"));
    let sign = scene.sign_args("second", &["-d", "latest"]);
    let bring = || fs::rename(&brought, &app).expect("moved back");
    let run = waiting(&scene, &sign, bring).exits(3);
    run.says(&["app: image 1.0", "which another run brought meanwhile"]);
    same(&before, &snapshot(&scene.app("second")));
    ir_sign(&sign).ok();
    assert_eq!(on_image(&scene, "second", "latest"), random);
    // One that was there before is no news, nor are other changes.
    scene.unpack("docker-save-new", "third");
    let sign = scene.sign_args("third", &[]);
    waiting(&scene, &sign, || scene.unpack("multi", "fourth")).ok();

    // In the app itself, by a run that was given one.
    let (scene, _) = with_random("buildah", "1.0");
    let brought = snapshot(&scene.app("app"));
    fs::remove_dir_all(scene.app("app")).expect("removed");
    scene.unpack("buildah", "app");
    let bring = || {
        for (name, content) in &brought {
            let to = scene.app("app").join(name);
            if !to.is_dir() {
                write(to, content);
            }
        }
    };
    let (given, ca) = (scene.text("vendor.sig"), scene.text("ca.pub"));
    let sign = scene.sign_args("app", &["-s", &given, "-c", &ca]);
    let run = waiting(&scene, &sign, bring).exits(3);
    run.says(&["app: image 1.0", "which another run brought meanwhile"]);
    same(&brought, &snapshot(&scene.app("app")));
    // In other apps it is the user's word.
    scene.unpack("umoci", "second");
    let sign = scene.sign_args("second", &["-d", "latest", "-s", &given, "-c", &ca]);
    waiting(&scene, &sign, || scene.unpack("multi", "fourth")).ok();
}

/// Nor is an app changed that another run has put another one in the place of.
#[test]
fn an_image_that_another_run_replaces_meanwhile_is_not_signed() {
    let scene = Scene::with("buildah");
    scene.unpack("umoci", "other");
    let (app, old) = (scene.app("app"), scene.path("old"));
    let replace = || {
        fs::rename(&app, &old).expect("moved away");
        fs::rename(scene.app("other"), &app).expect("moved there");
    };
    let before = snapshot(&app);
    let run = waiting(&scene, &scene.sign_args("app", &[]), replace).exits(3);
    run.says(&[
        "registry/app",
        "another run replaced the app meanwhile",
        "run it again",
    ]);
    same(&before, &snapshot(&old));
}
