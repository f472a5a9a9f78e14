//! `notation …`: signatures in layouts, and the configuration.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use super::case::{Case, Kind, at_home, run_in, scene_with};
use super::family::Family;
use super::judge::{State, blobs_match, files_of};
use super::{errors, kills, locks, pki, power};
use harness::strace::was_killed;
use harness::{Scene, Snapshot, read, same, set_mode, snapshot, tool, write};

/// How many points of a command are tried where not all are.
const SOME: usize = 4;
/// And with each error.
const SOME_ERRORS: usize = 2;

static NOTATION: Family = Family {
    command: "notation",
    kind: Kind::Configuration,
    input: |_, folder, name| folder.join(name).display().to_string(),
    certificates: |_, folder| folder.to_owned(),
};

const KEYS: &[&str] = &[
    "key add old --plugin ir-sign --id pkcs11:object=a --default",
    "key add new --plugin ir-sign --id pkcs11:object=b",
];
const STORE: &[&str] = &["certificate add --type ca --store acme @root.crt"];
const FULL_STORE: &[&str] = &["certificate add --type ca --store acme @root.crt @other.crt"];
const GONE: Option<(i32, &str)> = Some((3, "does not exist"));

fn changes() -> Vec<Case> {
    vec![
        NOTATION.case(
            "key add",
            &[],
            "key add new --plugin ir-sign --id pkcs11:object=b --plugin-config certificate_chain=@first.crt",
            Some((1, "a key is called")),
        ),
        update(),
        NOTATION.case(
            "key delete",
            KEYS,
            "key delete old new",
            Some((1, "no key is called")),
        ),
        NOTATION.case(
            "certificate add to a new store",
            &[],
            "certificate add --type ca --store acme @root.crt @other.crt",
            None,
        ),
        NOTATION.case(
            "certificate add to a store",
            STORE,
            "certificate add --type ca --store acme @third.crt @other.crt",
            None,
        ),
        NOTATION.case(
            "certificate add of one to a store",
            STORE,
            "certificate add --type ca --store acme @other.crt",
            None,
        ),
        NOTATION.case(
            "certificate delete",
            FULL_STORE,
            "certificate delete --yes --type ca --store acme other.crt",
            GONE,
        ),
        NOTATION.case(
            "certificate delete of the last",
            STORE,
            "certificate delete --yes --type ca --store acme root.crt",
            GONE,
        ),
        NOTATION.case(
            "certificate delete --all",
            FULL_STORE,
            "certificate delete --yes --type ca --store acme --all",
            GONE,
        ),
        NOTATION.case(
            "policy init",
            &[],
            "policy init --trust-store ca:acme",
            None,
        ),
        policy_import(),
        NOTATION.case(
            "crl add",
            &["crl add --url http://one.test/list @1.crl"],
            "crl add --url http://one.test/list @2.crl",
            None,
        ),
    ]
}

pub fn update() -> Case {
    NOTATION.case("key update", KEYS, "key update new --default", None)
}

fn policy_import() -> Case {
    let words = "policy import --force @policy.json";
    let prepare = |scene: &Scene, folder: &Path| {
        let first = "policy init --trust-store ca:other";
        run_in(scene, NOTATION.args(first)(scene, folder)).ok();
        let path = scene.registry().join("config/trustpolicy.json");
        let first = read(&path);
        let second = String::from_utf8(first.clone()).expect("text");
        write(
            folder.join("policy.json"),
            second.replace("ca:other", "ca:acme"),
        );
    };
    Case::of(
        "policy import",
        Kind::Configuration,
        None,
        prepare,
        NOTATION.args(words),
    )
}

/// The second signature of an image that is trusted for its first.
pub fn sign() -> Case {
    let prepare = |scene: &Scene, folder: &Path| {
        pki::write_to(folder);
        scene.unpack("umoci", "image");
        let key = |name: &str, key: &str| {
            let path = folder.join(key);
            fs::copy(scene.path(key), &path).expect("a copy");
            set_mode(&path, 0o600);
            let certificates = folder.join(format!("{name}-chain.crt"));
            serde_json::json!({ "name": name, "keyPath": path, "certPath": certificates })
        };
        let keys = [key("first", "vendor"), key("second", "other-vendor")];
        let keys = serde_json::json!({ "default": "first", "keys": keys }).to_string();
        fs::create_dir(scene.registry().join("config")).expect("a folder");
        write(scene.registry().join("config/signingkeys.json"), keys);
        for words in [
            STORE[0],
            "policy init --trust-store ca:acme",
            "sign oci:%image:latest",
        ] {
            run_in(scene, NOTATION.args(words)(scene, folder)).ok();
        }
    };
    let words = NOTATION.args("sign --key second oci:%image:latest");
    Case::of("notation sign", Kind::Signature, None, prepare, words)
}

fn all() -> Vec<Case> {
    let mut all = changes();
    all.push(sign());
    all
}

/// The image is trusted, and has one signature or two. Nothing but blobs came.
pub fn judge_signature(case: &Case, there: &Snapshot) -> Result<State, String> {
    let index = Path::new("image/index.json");
    blobs_match(there)?;
    let before = files_of(&case.before);
    let lost = before
        .iter()
        .find(|(name, content)| *name != index && there.get(*name) != Some(content));
    if let Some((lost, _)) = lost {
        return Err(format!("{} is not as it was", lost.display()));
    }
    let is_blob = |name: &Path| name.starts_with("image/blobs");
    let there = files_of(there);
    let strange = there
        .keys()
        .find(|name| !before.contains_key(*name) && !is_blob(name));
    if let Some(strange) = strange {
        return Err(format!("{} came", strange.display()));
    }
    let scene = scene_with(&folders_and(&there));
    let run = |words| run_in(&scene, NOTATION.args(words)(&scene, Path::new("")));
    let verified = run("verify oci:%image:latest");
    if verified.status != 0 {
        return Err(format!("it is not trusted any more: {verified:?}"));
    }
    let signatures = run("ls --json oci:%image:latest").ok().json();
    let is_old = there.get(index) == before.get(index);
    match signatures["signatures"].as_array().map(Vec::len) {
        Some(1) if is_old => Ok(State::Old),
        Some(2) if !is_old => Ok(State::New),
        _ => Err(format!(
            "not the signatures of before or after: {signatures}"
        )),
    }
}

/// The files, and the folders that they are in.
fn folders_and(files: &Snapshot) -> Snapshot {
    let mut all = files.clone();
    for name in files.keys() {
        let above = name
            .ancestors()
            .skip(1)
            .filter(|path| *path != Path::new(""));
        all.extend(above.map(|path| (path.to_owned(), b"folder".to_vec())));
    }
    all
}

#[test]
fn a_notation_command_that_is_killed_or_fails_at_any_call_leaves_the_old_or_the_new() {
    let all = all();
    kills::kill_all(&all, SOME);
    errors::break_all(&all, SOME_ERRORS);
    errors::fill_all(&all, SOME_ERRORS);
}

#[test]
fn power_lost_in_a_notation_command_leaves_the_old_or_the_new() {
    let all = all();
    power::cut_all(&all, SOME);
    power::cut_after_kill_all(&all, SOME_ERRORS);
    power::leave_out_syncs(&all);
}

/// Then a store gets its files one by one.
#[test]
fn a_file_system_that_has_but_plain_renames_serves_notations_configuration_too() {
    errors::rename_plainly(&changes());
}

#[test]
fn the_next_change_of_a_store_removes_the_remains_of_an_interrupted_one() {
    let case = NOTATION.case(
        "",
        STORE,
        "certificate add --type ca --store acme @third.crt @other.crt",
        None,
    );
    let scene = case.scene();
    let left = scene
        .registry()
        .join("config/.truststore.0123456789abcdef.tmp");
    fs::create_dir(&left).expect("a folder");
    write(left.join("root.crt"), "left over");
    case.run(&scene).ok();
    same(&case.after, &snapshot(&scene.registry()));
}

/// The plugin is a copy of this program: too much for a record of all that is written. So the calls are hit one by one,
/// until a run succeeds.
#[test]
fn an_installation_of_the_plugin_that_is_killed_or_fails_leaves_no_half_program() {
    let scene = Scene::new();
    let program = scene.text("stripped");
    tool("strip", ["-o", &program, harness::program()]).ok();
    let own = fs::metadata(&program).expect("the program").len();
    let whole = Some((own, 0o755));
    let folder = scene.registry().join("config/plugins/ir-sign");
    let found = || {
        let found = fs::metadata(folder.join("notation-ir-sign")).ok();
        found.map(|found| (found.len(), found.mode() & 0o777))
    };
    let install = |command: &mut Command| {
        let command = command.args([&*program, "notation", "plugin", "install"]);
        at_home(command, &scene).output().expect("it runs")
    };
    let mut tried = 0;
    for name in ["write", "fsync", "renameat2"] {
        for fault in ["signal=KILL", "error=EIO"] {
            for nth in 1.. {
                let _ = fs::remove_dir_all(&folder);
                let mut command = Command::new("strace");
                command
                    .args(["-f", "-qq", "-o", "/dev/null"])
                    .args(["-e", &format!("trace={name}")])
                    .args(["-e", &format!("inject={name}:{fault}:when={nth}")]);
                let output = install(&mut command);
                let what = format!("{name} {nth}: {output:?}");
                if output.status.success() {
                    assert_eq!(found(), whole, "{what}");
                    break;
                }
                assert!(found().is_none() || found() == whole, "{what}");
                let ended = was_killed(output.status) || output.status.code() == Some(3);
                assert!(ended, "{what}");
                let again = install(&mut Command::new("env"));
                assert!(again.status.success() && found() == whole, "{what}");
                tried += 1;
            }
        }
    }
    println!("tried: plugin install: {tried} kills and errors");
    assert!(tried > 9, "{tried}");
}

/// Two runs of this program never change the configuration at once.
#[test]
fn a_change_of_notations_configuration_is_made_under_its_lock() {
    for case in changes() {
        if case.name == "crl add" {
            // Each list in the cache stands for itself.
            continue;
        }
        let scene = case.scene();
        let (run, calls) = case.record(&scene);
        run.ok();
        let config = scene.registry().join("config");
        let mut changes = 0;
        for (at, call) in calls.iter().enumerate() {
            let moves = ["rename", "link", "unlink", "rmdir"];
            if moves.iter().any(|name| call.name.starts_with(name)) && call.touches(&config) {
                changes += 1;
                let locked = locks::locked(&calls, at);
                assert_eq!(locked.get(&config), Some(&true), "{}: {call:?}", case.name);
            }
        }
        assert!(changes > 0, "{}", case.name);
    }
}
