//! The words of a verdict: the scope, each requirement, each signature, and why it does not meet it.

use harness::policy::Case;
use harness::{Run, limited, program, temp_dir};

use crate::desk::{ir_sign, world};

fn ask(dialect: &str, image: &str, lookasides: &str, policy: &str, more: &[&str]) -> Run {
    let image = format!("docker://127.0.0.1:25917/lab/{image}");
    let mut case = Case::to_skopeo("", &image, lookasides, &world().filled(policy));
    case.dialect = dialect.into();
    ir_sign(&case, more)
}

const BY_A: &str = r#"{"type":"sigstoreSigned","keyPath":"@D@/k/a.pub","signedIdentity":{"type":"matchRepository"}}"#;

#[test]
fn trusted_allowed_and_refused_are_three_words() {
    let with = |requirement: &str| format!(r#"{{"default":[{requirement}]}}"#);
    for (requirement, image, status, word) in [
        (BY_A, "a:v1", 0, "trusted"),
        (r#"{"type":"insecureAcceptAnything"}"#, "a:v1", 0, "allowed"),
        (r#"{"type":"reject"}"#, "a:v1", 1, "refused"),
        (BY_A, "b:v1", 1, "refused"),
    ] {
        let policy = with(requirement);
        let run = ask("containers", image, "on", &policy, &["--json"]).exits(status);
        let report = &run.json()["images"][0];
        assert_eq!(report["verdict"], word, "{report}");
        let run = ask("containers", image, "on", &policy, &[]).exits(status);
        let last = run.stderr.lines().last().expect("a report");
        assert!(last.starts_with(word), "{}", run.stderr);
        assert_eq!(run.stdout.starts_with("sha256:"), status == 0);
    }
}

#[test]
fn the_report_names_the_scope_and_why_each_signature_does_not_count() {
    let policy = format!(
        r#"{{"default":[{{"type":"reject"}}],"transports":{{"docker":{{"127.0.0.1:25917/lab":[
            {{"type":"insecureAcceptAnything"}},{BY_A},{{"type":"reject"}}]}}}}}}"#
    );
    let run = ask("containers", "b:v1", "on", &policy, &[]).exits(1);
    let run = run.says(&[
        "docker \"127.0.0.1:25917/lab\"",
        "met         insecureAcceptAnything",
        "NOT met     sigstoreSigned: no signature meets it",
        ".sig layer 1: it is not a signature by this key",
        "[policy.signed]",
        "not reached reject: an earlier requirement decided",
        "refused",
    ]);
    // A quiet run says why, too.
    let quiet = ask("containers", "b:v1", "on", &policy, &["-q"]).exits(1);
    assert_eq!(quiet.stderr, run.stderr);
    let json = ask("containers", "b:v1", "on", &policy, &["--json"])
        .exits(1)
        .json();
    let report = &json["images"][0];
    assert_eq!(report["scope"]["name"], "127.0.0.1:25917/lab");
    let requirement = &report["requirements"][1];
    assert_eq!(requirement["outcome"], "not-met");
    assert_eq!(requirement["signatures"][0]["rule"], "policy.signed");
    assert_eq!(report["requirements"][2]["outcome"], "not-reached");
    assert_eq!(json["allowed"], false);
}

#[test]
fn each_rule_is_named_where_a_signature_breaks_it() {
    let by = |more: &str| {
        format!(r#"{{"default":[{{"type":"sigstoreSigned","keyPath":"@D@/k/a.pub"{more}}}]}}"#)
    };
    let any = r#","signedIdentity":{"type":"matchRepository"}"#;
    for (image, more, rule) in [
        ("p256:v1", any, "policy.signed"),
        ("a-atomic:v1", any, "policy.form"),
        ("a-other:v1", any, "policy.identity"),
        ("a-tag2:v1", "", "policy.identity"),
        (
            "a:v1",
            r#","rekorPublicKeyPath":"@D@/k/p256.pub""#,
            "policy.log",
        ),
    ] {
        let run = ask("containers", image, "on", &by(more), &[]).exits(1);
        run.says(&[format!("[{rule}]").as_str()]);
    }
    let policy =
        r#"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"@D@/k/g1.gpg"}]}"#;
    let run = ask("containers", "g1-digest:v1", "on", policy, &[]).exits(1);
    run.says("[policy.subject]");
    let run = ask("containers", "g2:v1", "on", policy, &[]).exits(1);
    run.says("[simple.signed]");
}

#[test]
fn the_worst_image_decides_and_each_has_its_line() {
    let folder = temp_dir();
    let policy = folder.path().join("policy.json");
    let text = format!(r#"{{"default":[{BY_A}]}}"#);
    std::fs::write(&policy, world().filled(&text)).expect("written");
    let check = |images: &[&str], more: &[&str]| {
        let mut command = limited(program());
        command.args(["policy", "check", "--policy"]).arg(&policy);
        command.args(["--registries.d", &world().text("rd/on")]);
        let host = "docker://127.0.0.1:25917/lab/";
        command.args(images.iter().map(|image| format!("{host}{image}")));
        Run::of(command.args(more))
    };
    check(&["a:v1", "ab:v1"], &[]).ok();
    check(&["a:v1", "absent:v1"], &[]).exits(3);
    let run = check(&["a:v1", "absent:v1", "b:v1", "ba:v1"], &["--json-lines"]).exits(1);
    let lines: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let verdicts: Vec<_> = lines.iter().map(|line| line["verdict"].as_str()).collect();
    let wanted = [
        Some("trusted"),
        None,
        Some("refused"),
        Some("trusted"),
        None,
    ];
    assert_eq!(verdicts, wanted);
    let totals = &lines[4]["totals"];
    assert_eq!(totals["images"], 4);
    assert_eq!(
        (&totals["trusted"], &totals["allowed"]),
        (&2.into(), &0.into())
    );
    assert_eq!(
        (&totals["refused"], &totals["undecided"]),
        (&1.into(), &1.into())
    );
    assert_eq!(lines[1]["error"]["status"], 3);
    let json = check(&["a:v1", "absent:v1"], &["--json"]).exits(3).json();
    assert_eq!(json["images"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["errors"].as_array().map(Vec::len), Some(1));
    // In shares.
    let images = ["a:v1", "b:v1", "ba:v1", "ab:v1"];
    let whole = check(&images, &["--json-lines"]);
    let digests = |run: &Run| {
        let lines = run.stdout.lines();
        let lines =
            lines.map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let mut digests: Vec<_> = lines
            .filter_map(|line| line["digest"].as_str().map(str::to_owned))
            .collect();
        digests.sort();
        digests
    };
    let mut shared: Vec<_> = ["0/2", "1/2"]
        .iter()
        .flat_map(|shard| digests(&check(&images, &["--json-lines", "--shard", shard])))
        .collect();
    shared.sort();
    assert!(!shared.is_empty());
    assert_eq!(shared, digests(&whole));
    check(&["a:v1"], &["--all"]).exits(2);
    let anything = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
    std::fs::write(&policy, anything).expect("written");
    harness::unpack("multi", &folder.path().join("multi"));
    let mut command = limited(program());
    command
        .args(["policy", "check", "--all", "--policy"])
        .arg(&policy)
        .arg(format!("oci:{}", folder.path().join("multi").display()));
    Run::of(&mut command)
        .ok()
        .says("1 image: 0 trusted, 0 refused, 0 undecided; 1 allowed");
}

#[test]
fn laxities_of_image_rs_are_warned_of_by_a_quiet_run_too() {
    for (policy, image) in [
        (r#"{"default":[],"transports":{}}"#, "none:v1"),
        (
            r#"{"default":[{"type":"sigstoreSigned","keyPath":"@D@/k/p256.pub"}],"transports":{}}"#,
            "p-other:v1",
        ),
        (
            r#"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"@D@/k/g-2020.gpg"}],"transports":{}}"#,
            "g1-sig-expired:v1",
        ),
    ] {
        let run = ask("image-rs", image, "rs", policy, &["-q"]).ok();
        assert!(run.stderr.starts_with("warning: "), "{}", run.stderr);
        let json = ask("image-rs", image, "rs", policy, &["--json"])
            .ok()
            .json();
        let warnings = json["images"][0]["warnings"].as_array();
        assert!(warnings.is_some_and(|all| !all.is_empty()), "{json}");
    }
}

#[test]
fn of_an_index_each_platform_is_judged_that_is_asked_for() {
    let policy = format!(r#"{{"default":[{BY_A}]}}"#);
    let run = ask(
        "containers",
        "idx-all:v1",
        "on",
        &policy,
        &["--all-platforms", "--json"],
    )
    .ok();
    assert!(
        run.json()["images"]
            .as_array()
            .is_some_and(|all| all.len() > 1)
    );
    ask(
        "containers",
        "idx-one:v1",
        "on",
        &policy,
        &["--platform", "linux/amd64"],
    )
    .ok();
    ask(
        "containers",
        "idx-one:v1",
        "on",
        &policy,
        &["--all-platforms"],
    )
    .exits(1);
}

#[test]
fn requirements_of_ours_say_what_they_lack() {
    let policy = r#"{"default":[{"type":"endorsedBy","caKeyPath":"@D@/k/a.pub.der"}]}"#;
    let run = ask("containers", "none:v1", "on", policy, &[]).exits(1);
    run.says("[annotation.vendor-endorsed]");
    let policy = r#"{"default":[{"type":"endorsedBy","caKeyPath":"@D@/nowhere"}]}"#;
    ask("containers", "none:v1", "on", policy, &[]).exits(3);
    let policy = r#"{"default":[{"type":"notarySigned","trustPolicy":"/x","trustStore":"/y"}]}"#;
    let run = ask("containers", "none:v1", "on", policy, &[]).exits(3);
    run.says("trust policy /x: cannot open");
}
