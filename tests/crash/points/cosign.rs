//! `cosign …`: signatures and attestations in layouts, key pairs, and signatures of files.

use std::path::Path;

use super::case::{Case, Kind, run_in, scene_with};
use super::judge::{State, blobs_match, files_of};
use super::{errors, kills, locks, power};
use harness::{Scene, Snapshot, write};

/// How many points of a command are tried where not all are.
const SOME: usize = 4;
/// And with each error.
const SOME_ERRORS: usize = 2;

/// Arguments, separated by blanks: `@NAME` is a file of the scene, `%NAME` one in the registry, and `#NAME` one that the
/// case made.
fn args(words: &'static str) -> impl Fn(&Scene, &Path) -> Vec<String> + Clone {
    move |scene, folder| {
        let word = |word: &str| match word.find(['@', '%', '#']) {
            Some(at) => {
                let (before, name) = (&word[..at], &word[at + 1..]);
                let path = match &word[at..=at] {
                    "@" => scene.path(name),
                    "%" => scene.registry().join(name),
                    _ => folder.join(name),
                };
                format!("{before}{}", path.display())
            }
            None => word.to_owned(),
        };
        let words = words.split_whitespace().map(word);
        ["cosign".to_owned()].into_iter().chain(words).collect()
    }
}

/// A command after the commands of `before`, with an image in the registry and a predicate and a file in the folder.
fn after(
    name: &'static str,
    kind: Kind,
    before: &'static [&'static str],
    words: &'static str,
) -> Case {
    let prepare = |scene: &Scene, folder: &Path| {
        scene.unpack("umoci", "image");
        write(folder.join("predicate"), "{\"bomFormat\":\"CycloneDX\"}");
        write(folder.join("file"), vec![7; 100_000]);
        for words in before {
            run_in(scene, args(words)(scene, folder)).ok();
        }
    };
    let done = (kind == Kind::Key).then_some((1, "already exists"));
    Case::of(name, kind, done, prepare, args(words))
}

/// Another's signatures, in both forms.
const OF_ANOTHER: &str =
    "sign --key @other-vendor --sign-container-identity h.example/a:1 oci:%image:latest";

const ATTEST: &str =
    "attest --key @vendor --type cyclonedx --predicate #predicate oci:%image:latest";

/// Changes of a layout.
fn layouts() -> Vec<Case> {
    vec![
        sign(),
        after("cosign attest", Kind::Attached, &[], ATTEST),
        attach(),
        attach_attestation(),
    ]
}

/// The second key's signatures of an image.
pub fn sign() -> Case {
    after(
        "cosign sign",
        Kind::Attached,
        &[OF_ANOTHER],
        "sign --key @vendor --sign-container-identity h.example/a:1 oci:%image:latest",
    )
}

pub fn attach() -> Case {
    after(
        "cosign attach signature",
        Kind::Attached,
        &[
            OF_ANOTHER,
            "generate --sign-container-identity h.example/a:1 --output-file #payload oci:%image:latest",
            "sign --key @vendor --payload #payload --output-signature #signatures",
        ],
        "attach signature --payload #payload --signature #signatures --key @vendor.pub oci:%image:latest",
    )
}

/// An attestation that was made elsewhere.
fn attach_attestation() -> Case {
    let prepare = |scene: &Scene, folder: &Path| {
        let elsewhere = Scene::new();
        elsewhere.unpack("umoci", "image");
        write(folder.join("predicate"), "{}");
        run_in(&elsewhere, args(ATTEST)(&elsewhere, folder)).ok();
        let download = args("download attestation oci:%image:latest");
        let attestations = run_in(&elsewhere, download(&elsewhere, folder)).ok().stdout;
        let first = attestations.lines().next().expect("an envelope");
        write(folder.join("attestation"), first);
        scene.unpack("umoci", "image");
    };
    let words = "attach attestation --attestation #attestation --key @vendor.pub oci:%image:latest";
    Case::of(
        "cosign attach attestation",
        Kind::Attached,
        None,
        prepare,
        args(words),
    )
}

/// New files.
fn outputs() -> Vec<Case> {
    vec![
        after(
            "cosign generate-key-pair",
            Kind::Key,
            &[],
            "generate-key-pair --output-key-prefix %new",
        ),
        after(
            "cosign import-key-pair",
            Kind::Key,
            &[],
            "import-key-pair --key @vendor --output-key-prefix %new",
        ),
        after(
            "cosign sign-blob",
            Kind::Files,
            &[],
            "sign-blob --key @vendor --bundle %made.bundle --output-signature %made.sig #file",
        ),
        after(
            "cosign sign-blob --force",
            Kind::Files,
            &[
                "sign-blob --key @other-vendor --bundle %made.bundle --output-signature %made.sig #file",
            ],
            "sign-blob --key @vendor --bundle %made.bundle --output-signature %made.sig --force #file",
        ),
    ]
}

fn all() -> Vec<Case> {
    layouts().into_iter().chain(outputs()).collect()
}

/// The files that a command writes one after another are each old or new.
pub fn judge_files(case: &Case, there: &Snapshot) -> Result<State, String> {
    let [there, before, after] = [there, &case.before, &case.after].map(files_of);
    let mut names = there.keys().chain(before.keys()).chain(after.keys());
    let is_whole =
        |name: &&_| there.get(*name) == before.get(*name) || there.get(*name) == after.get(*name);
    match names.find(|name| !is_whole(name)) {
        Some(torn) => Err(format!("{} is neither old nor new", torn.display())),
        None if there == before => Ok(State::Old),
        None if there == after => Ok(State::New),
        None => Ok(State::Half),
    }
}

/// All of a command's signatures or attestations hold, or none is there; nothing else is lost, and nothing but blobs came.
pub fn judge_attached(case: &Case, there: &Snapshot) -> Result<State, String> {
    let index = Path::new("image/index.json");
    blobs_match(there)?;
    let before = files_of(&case.before);
    let there = files_of(there);
    let is_kept = |name: &Path| name == index || there.get(name) == before.get(name);
    if let Some(lost) = before.keys().find(|name| !is_kept(name)) {
        return Err(format!("{} is not as it was", lost.display()));
    }
    let is_blob = |name: &Path| name.starts_with("image/blobs");
    let strange = there
        .keys()
        .find(|name| !before.contains_key(*name) && !is_blob(name));
    if let Some(strange) = strange {
        return Err(format!("{} came", strange.display()));
    }
    if there.get(index) == before.get(index) {
        return Ok(State::Old);
    }
    let mut with_folders = there.clone();
    for name in there.keys() {
        let above = name
            .ancestors()
            .skip(1)
            .filter(|path| *path != Path::new(""));
        with_folders.extend(above.map(|path| (path.to_owned(), b"folder".to_vec())));
    }
    let scene = scene_with(&with_folders);
    let holds = |words: &'static str| {
        let run = run_in(&scene, args(words)(&scene, Path::new("")));
        if run.status == 0 {
            Ok(())
        } else {
            Err(format!("it does not hold: {run:?}"))
        }
    };
    match case.name {
        "cosign attest" => {
            holds(
                "verify-attestation --key @vendor.pub --type cyclonedx --new-bundle-format=false oci:%image:latest",
            )?;
            holds(
                "verify-attestation --key @vendor.pub --type cyclonedx --new-bundle-format=true oci:%image:latest",
            )?;
        }
        "cosign attach attestation" => {
            holds("verify-attestation --key @vendor.pub --type cyclonedx oci:%image:latest")?;
        }
        name => {
            holds("verify --key @vendor.pub --new-bundle-format=false oci:%image:latest")?;
            if name != "cosign attach signature" {
                holds("verify --key @vendor.pub --new-bundle-format=true oci:%image:latest")?;
            }
            holds("verify --key @other-vendor.pub --new-bundle-format=false oci:%image:latest")?;
            holds("verify --key @other-vendor.pub --new-bundle-format=true oci:%image:latest")?;
        }
    }
    Ok(State::New)
}

#[test]
fn a_cosign_command_that_is_killed_or_fails_at_any_call_leaves_the_old_or_the_new() {
    let all = all();
    kills::kill_all(&all, SOME);
    errors::break_all(&all, SOME_ERRORS);
    errors::fill_all(&all, SOME_ERRORS);
}

#[test]
fn power_lost_in_a_cosign_command_leaves_the_old_or_the_new() {
    let all = all();
    power::cut_all(&all, SOME);
    power::cut_after_kill_all(&all, SOME_ERRORS);
    power::leave_out_syncs(&all);
}

#[test]
fn a_file_system_that_has_but_plain_renames_serves_cosigns_commands_too() {
    errors::rename_plainly(&all());
}

/// Two runs that sign one image never lose each other's signatures.
#[test]
fn a_layout_gets_signatures_under_its_lock() {
    for case in layouts() {
        let scene = case.scene();
        let (run, calls) = case.record(&scene);
        run.ok();
        let layout = scene.registry().join("image");
        let index = layout.join("index.json");
        let moved = |call: &harness::strace::Call| {
            call.name.starts_with("rename") && call.paths().contains(&index)
        };
        let at: Vec<_> = (0..calls.len()).filter(|at| moved(&calls[*at])).collect();
        assert_eq!(
            at.len(),
            1,
            "{}: index.json is changed in one step",
            case.name
        );
        let locked = locks::locked(&calls, at[0]);
        assert_eq!(
            locked.get(&layout),
            Some(&true),
            "{}: {locked:?}",
            case.name
        );
    }
}
