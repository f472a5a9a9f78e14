//! The part of a stranger's text that messages quote.

use harness::ir_sign;
use harness::oci::{LAYER, MANIFEST, with_tag};
use serde_json::json;

use super::{good, made, with_config_text, with_index_text, with_manifest_text};

#[test]
fn text_from_an_image_does_not_drive_the_terminal() {
    let evil = "a\u{1b}[2J\u{7}\u{9b}31m\nerror: trusted";
    let scene = made(|maker| {
        let mut entry = with_tag(maker.image("", b"x", b"x"), evil);
        entry["platform"] = json!({ "os": evil, "architecture": evil });
        vec![good(maker), entry]
    });
    let registry = scene.registry().display().to_string();
    let inspect = ir_sign(["inspect-image", "-r", &registry, "-a", "app"]).ok();
    let verify = scene.verify("app", &["--all"]).exits(1);
    let sign = scene.sign("app", &[]).exits(1);
    for run in [inspect, verify, sign] {
        let shown = format!("{}{}", run.stdout, run.stderr);
        assert!(shown.contains("\\u{1b}[2J"), "{shown}");
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!shown.contains(control), "{shown:?}");
        assert!(
            !shown.lines().any(|line| line == "error: trusted"),
            "{shown}"
        );
    }
}

/// A stranger's text may be long, and a message that quotes it is short.
#[test]
fn messages_are_short_whatever_they_quote() {
    let long = "long ".repeat(100_000);
    let member = |name: &'static str| {
        let value = json!(long);
        move |text: &str| text.replacen('{', &format!("{{\"{name}\":{value},"), 1)
    };
    let scenes = [
        // At the end of each is what is wrong.
        (with_manifest_text(member("MediaType")), "mind case"),
        (with_manifest_text(member("subject")), "at line 1 column"),
        (
            with_config_text(|text| text.replacen("sha256:", &long, 1)),
            "not a digest",
        ),
        (
            with_index_text(|text| text.replacen(MANIFEST, &long, 1)),
            "more than the limit of",
        ),
        (
            made(|maker| {
                let (mut config, layer) = (maker.config(&[b"layer"]), maker.blob(LAYER, b"layer"));
                config["mediaType"] = json!(long);
                vec![maker.manifest(&config, &[layer])]
            }),
            "more than the limit of",
        ),
    ];
    for (scene, end) in scenes {
        for command in [scene.verify_args("app", &[]), scene.sign_args("app", &[])] {
            for more in [&[][..], &["--json"], &["-q"]] {
                let run = ir_sign(
                    command
                        .iter()
                        .map(String::as_str)
                        .chain(more.iter().copied()),
                );
                let length = run.stderr.len().max(run.stdout.len());
                assert!(length < 5000, "{end}: {length}");
                run.exits(1).says(&[end]);
            }
        }
    }
}
