//! The command line as a user sees it: results, streams, help.

use std::fs;
use std::path::Path;

use harness::{Run, Sandbox};

use crate::golden::tamper;

#[test]
fn results_go_to_standard_output_and_notes_to_standard_error() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    let sign = "sign-image -r registry -a app -d latest -v vendor.prv -x ca.prv";
    let signed = sandbox.run(sign).exits(0).says("latest is signed");
    let digest = signed.stdout.strip_suffix('\n').expect("a line");
    assert!(
        digest.starts_with("sha256:") && digest.len() == 71,
        "{digest}"
    );
    let verify = "verify-image -r registry -a app -d latest -c ca.pub";
    let verified = sandbox.run(verify).exits(0).says("trusted");
    assert_eq!(verified.stdout, signed.stdout);
    let again = sandbox.run(sign).exits(0).says("nothing was changed");
    assert_eq!(again.stdout, signed.stdout);
}

#[test]
fn quiet_runs_print_results_and_errors_only() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    let place = "-q -r registry -a app";
    for (command, lines) in [
        ("gen-key -q -o new.prv --public new.pub", 0),
        ("extract-public -q -i ca.prv -o ca.pub", 0),
        ("sign -q -k ca.prv -f ca.pub -s sig", 0),
        ("endorse -q -k ca.prv -f vendor.pub -s vendor.pub.sig", 0),
        ("verify -q -k ca.pub -f ca.pub -s sig", 0),
        (
            &format!("sign-image {place} -d latest -v vendor.prv -x ca.prv"),
            1,
        ),
        (&format!("verify-image {place} -d latest -c ca.pub"), 1),
        (&format!("prune {place}"), 0),
    ] {
        let run = sandbox.run(command).exits(0);
        assert_eq!(run.stderr, "", "{command}");
        assert_eq!(run.stdout.lines().count(), lines, "{command}: {run:#?}");
    }
    let run = sandbox.run(&format!("verify-image {place} -d absent -c ca.pub"));
    let run = run.exits(3).says("error: ");
    assert_eq!(run.stdout, "");
    // A refusal names the image and the reason.
    sandbox.unpack("umoci", "unsigned");
    tamper(&sandbox.path("registry/app"));
    for (app, ca, rules) in [
        ("unsigned", "ca", &["annotation.vendor-endorsed"][..]),
        ("app", "other", &["annotation.vendor-endorsed"]),
        ("app", "ca", &["image.layer-blobs"]),
    ] {
        let command = format!("verify-image -q -r registry -a {app} -d latest -c {ca}.pub");
        let run = sandbox.run(&command).exits(1);
        assert_eq!(run.stdout, "");
        for rule in rules {
            let failed = format!(": FAILED {rule}: ");
            assert!(run.stderr.contains(&failed), "{run:#?}");
        }
        let lines: Vec<_> = run.stderr.lines().collect();
        let all = lines.iter().all(|l| l.starts_with("error: latest sha256:"));
        assert!(all, "{run:#?}");
        let (last, failed) = lines.split_last().expect("some lines");
        assert!(last.ends_with(": NOT trusted"), "{run:#?}");
        assert!(failed.iter().all(|l| l.contains("FAILED")), "{run:#?}");
    }
}

#[test]
fn json_is_one_document_and_nothing_else_on_standard_output() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    let place = "--json -r registry -a app";
    for (command, status, member) in [
        ("gen-key --json -o new.prv", 0, "fingerprint"),
        ("gen-key --json -o new.prv", 1, "error"),
        ("gen-key --json -o more.prv --public more.pub", 0, "public"),
        ("extract-public --json -i ca.prv -o out.pub", 0, "changed"),
        ("extract-public --json -i absent -o out.pub", 3, "error"),
        ("sign --json -k ca.prv -f ca.pub -s sig", 0, "changed"),
        ("sign --json -k ca.prv -f ca.pub -s ca.pub", 2, "error"),
        ("endorse --json -k ca.prv -f sig -s out", 1, "error"),
        ("verify --json -k ca.pub -f ca.pub -s sig", 0, "verified"),
        ("verify --json -k ca.pub -f ca.prv -s sig", 1, "error"),
        (
            &format!("sign-image {place} -d latest -v vendor.prv -x ca.prv"),
            0,
            "images",
        ),
        (
            &format!("verify-image {place} -d latest -c ca.pub"),
            0,
            "trusted",
        ),
        (
            &format!("verify-image {place} -d latest -c other.pub"),
            1,
            "trusted",
        ),
        (
            &format!("verify-image {place} -d absent -c ca.pub"),
            3,
            "error",
        ),
        (&format!("inspect-image {place}"), 0, "entries"),
        (&format!("prune {place} -n"), 0, "blobs"),
        (&format!("prune {place}"), 0, "removed"),
        ("man --json pages", 0, "pages"),
        ("completions fish --json", 0, "script"),
        // Arguments that the parser refuses.
        ("verify --json -k ca.pub", 2, "error"),
        ("prune -r registry --json --no-such-flag", 2, "error"),
        ("prune -r registry --jsn --json", 2, "error"),
        ("token keys nonsense --json", 2, "error"),
        ("no-such-command --json", 2, "error"),
        ("--json", 2, "error"),
        (
            &format!("inspect-image {place} -d latest --color some"),
            2,
            "error",
        ),
    ] {
        let run = sandbox.run(command).exits(status);
        let document = run.json();
        assert!(!document[member].is_null(), "{command}: {document:#}");
        if member == "error" {
            assert_eq!(document[member]["status"], status, "{command}");
            let message = document[member]["message"].as_str().expect("a message");
            assert!(!message.contains("Usage:"), "{message}");
            assert!(run.stderr.contains(message), "{command}: {run:#?}");
        }
    }
}

#[test]
fn a_usage_error_is_json_only_where_that_was_asked_for() {
    let sandbox = Sandbox::with_keys();
    let run = sandbox.run("verify -k ca.pub").exits(2);
    assert_eq!(run.stdout, "");
    // Behind the two dashes it is a name.
    let run = sandbox.run("token keys -- --json").exits(2);
    assert_eq!(run.stdout, "");
    let help = sandbox.run("verify --json --help").exits(0);
    assert!(help.stdout.contains("Usage: ir-sign verify"), "{help:#?}");
    let typing = sandbox.run("prune --jsno --json").exits(2).json();
    let hint = typing["error"]["hint"].as_str().expect("a hint");
    assert!(hint.contains("'--json'"), "{hint}");
    let secret = "pkcs11:token=T;object=o?pin-value=1234";
    let run = sandbox.run_with(["sign", "--json", "-f", "f", "-s", "s", "-k", secret]);
    let run = run.exits(2);
    assert!(!run.stdout.contains("1234"), "{run:#?}");
    assert!(!run.json()["error"]["message"].is_null(), "{run:#?}");
}

#[test]
fn pruning_says_that_it_removed_something_only_where_it_did() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    let place = "--json -r registry -a app";
    let removed = |flags: &str| {
        let run = sandbox.run(&format!("prune {place} {flags}")).exits(0);
        run.json()["removed"].as_bool().expect("yes or no")
    };
    assert!(!removed(""), "nothing is there to remove");
    let sign = "sign-image -r registry -a app -d latest -v vendor.prv -x ca.prv";
    sandbox.run(sign).exits(0);
    assert!(!removed("-n"));
    assert!(removed(""));
    assert!(!removed(""));
}

#[test]
fn of_two_keys_or_ways_none_is_chosen_and_half_a_way_is_none() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("multi", "app");
    let names = sandbox.names();
    let uri = "--pkcs11-uri pkcs11:token=T;object=o";
    let image = "-r registry -a app";
    let own = "-v vendor.prv";
    let signed = "-s vendor.pub.sig";
    for (command, flags) in [
        (
            format!("gen-key -o new {uri}"),
            ["--output", "--pkcs11-uri"],
        ),
        (
            format!("extract-public -i ca.prv -o new {uri}"),
            ["--input", "--pkcs11-uri"],
        ),
        (
            format!("sign -k ca.prv -f ca.pub -s new {uri}"),
            ["--key", "--pkcs11-uri"],
        ),
        (
            format!("endorse -k ca.prv -f ca.pub -s new {uri}"),
            ["--key", "--pkcs11-uri"],
        ),
        (
            format!("sign-image {image} {own} {uri} -x ca.prv"),
            ["--vendor-prv", "--pkcs11-uri"],
        ),
        (
            format!("sign-image {image} {own} -x ca.prv {signed}"),
            ["--ca-prv", "--vendor-pub-signature"],
        ),
        (
            format!("sign-image {image} {own} -x ca.prv -c ca.pub"),
            ["--ca-prv", "--ca-pub"],
        ),
        (
            format!("sign-image {image} {own} {signed}"),
            ["not provided", "--ca-pub"],
        ),
        (
            format!("sign-image {image} {own} -c ca.pub"),
            ["not provided", "--vendor-pub-signature"],
        ),
        (
            format!("sign-image {image} {own}"),
            ["not provided", "--vendor-pub-signature"],
        ),
        (
            format!("sign-image {image} -x ca.prv"),
            ["not provided", "--vendor-prv"],
        ),
        (
            format!("sign-image {image} {own} -x ca.prv --platform linux/arm64 --all-platforms"),
            ["--platform", "--all-platforms"],
        ),
        (
            format!("verify-image {image} -c ca.pub --all --platform linux/arm64"),
            ["--all", "--platform"],
        ),
    ] {
        let run = sandbox.run(&command).exits(2);
        let said = run
            .stderr
            .split("Usage:")
            .next()
            .expect("a part")
            .to_owned();
        for flag in flags {
            assert!(said.contains(flag), "{command}: {flag} is not in {run:#?}");
        }
        assert_eq!(sandbox.names(), names, "{command}");
    }
}

#[test]
fn colours_are_used_on_request_only() {
    let sandbox = Sandbox::with_keys();
    let command = "verify -k other.pub -f vendor.pub -s vendor.pub.sig";
    for (flag, coloured) in [
        ("", false),
        ("--color auto", false),
        ("--color never", false),
        ("--color always", true),
    ] {
        let run = sandbox.run(&format!("{command} {flag}")).exits(1);
        assert_eq!(run.stderr.contains('\x1b'), coloured, "{flag}");
        assert!(!run.stdout.contains('\x1b'), "{flag}");
    }
}

#[test]
fn colours_are_used_on_a_terminal_unless_that_is_not_wanted() {
    let sandbox = Sandbox::with_keys();
    let command = "ir-sign verify -k other.pub -f vendor.pub -s vendor.pub.sig";
    for (environment, flag, coloured) in [
        ("-u NO_COLOR", "", true),
        ("-u NO_COLOR", "--color never", false),
        ("NO_COLOR=1", "", false),
        ("NO_COLOR=1", "--color always", true),
        // As no-color.org has it.
        ("NO_COLOR=", "", true),
        ("-u NO_COLOR TERM=dumb", "", false),
        ("-u NO_COLOR -u TERM", "", false),
    ] {
        let script =
            format!("TERM=xterm script -qec 'env {environment} {command} {flag}' /dev/null");
        let shown = sandbox.shell(&script, "").exits(1).stdout;
        assert!(shown.contains("is not a signature of"), "{shown}");
        assert_eq!(
            shown.contains('\x1b'),
            coloured,
            "{environment} {flag}: {shown}"
        );
    }
}

#[test]
fn help_and_usage_errors_are_in_colour_as_was_asked() {
    let sandbox = Sandbox::with_keys();
    for (line, status) in [("verify -k ca.pub", 2), ("verify --help", 0)] {
        for (flag, coloured) in [
            ("", true),
            ("--color never", false),
            ("--color=never", false),
            ("--color always --color never", false),
            // A file that is not read does not count.
            ("--color some", true),
            ("-- --color never", true),
        ] {
            let script = format!("env -u NO_COLOR TERM=xterm ir-sign {line} {flag}");
            let script = format!("script -qec '{script}' /dev/null");
            let run = sandbox.shell(&script, "");
            assert!(run.stdout.contains("Usage:") || run.stdout.contains("error:"));
            assert_eq!(run.stdout.contains('\x1b'), coloured, "{flag}: {run:#?}");
        }
        let run = sandbox.run(&format!("{line} --color=always")).exits(status);
        let shown = run.stdout + &run.stderr;
        assert!(shown.contains('\x1b'), "{shown}");
    }
}

#[test]
fn only_flags_about_tokens_stand_among_those_of_keys_on_tokens() {
    let sandbox = Sandbox::new();
    let mut found = 0;
    for command in [
        "gen-key",
        "extract-public",
        "sign",
        "verify",
        "endorse",
        "sign-image",
        "extract-sign-image",
        "verify-image",
        "token list",
        "token keys",
        "token init",
        "token import",
        "token doctor",
        "token passport",
        "ceremony check",
        "ceremony run",
    ] {
        let help = sandbox.run(&format!("{command} --help")).exits(0).stdout;
        let Some((before, about)) = help.split_once("Keys on tokens:\n") else {
            continue;
        };
        for flag in ["--json", "--quiet", "--color", "--verbose"] {
            assert!(before.contains(flag), "{command}: {help}");
            assert!(!about.contains(&format!("{flag}\n")), "{command}: {help}");
            assert!(!about.contains(&format!("{flag} <")), "{command}: {help}");
        }
        found += 1;
    }
    assert!(found > 10, "{found}");
}

#[test]
fn more_is_told_on_request() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("file", "content");
    let sign = "sign -k ca.prv -f file -s sig --force";
    for (flags, told) in [("", false), ("-v", false), ("-vv", true), ("-vvq", false)] {
        let run = sandbox.run(&format!("{sign} {flags}")).exits(0);
        let timed = run.stderr.contains(" ms: hashing (7 bytes)\n");
        assert_eq!(timed, told, "{flags}: {run:#?}");
    }
}

#[test]
fn progress_is_shown_on_terminals_where_work_takes_over_a_second() {
    let sandbox = Sandbox::with_keys();
    let shown = |wait: &str, command: &str, on_terminal: bool| {
        let line = format!("sleep {wait} | ir-sign {command}");
        let line = if on_terminal {
            format!("script -qec '{line}' /dev/null")
        } else {
            line
        };
        let run = sandbox.shell(&line, "").exits(0);
        run.stdout + &run.stderr
    };
    sandbox.write("empty", "");
    sandbox.run("sign -k ca.prv -f empty -s sig").exits(0);
    let sign = "sign -k ca.prv -f /dev/stdin -s sig";
    let verify = "verify -k ca.pub -f /dev/stdin -s sig";
    std::thread::scope(|scope| {
        for (wait, command, flag, on_terminal, wanted) in [
            ("3", sign, "", true, true),
            ("3", verify, "", true, true),
            ("3", verify, "", false, false),
            ("3", verify, "-q", true, false),
            ("3", verify, "--json", true, false),
        ] {
            let shown = &shown;
            scope.spawn(move || {
                let shown = shown(wait, &format!("{command} {flag}"), on_terminal);
                assert_eq!(shown.contains("hashing"), wanted, "{flag}: {shown:?}");
                // A pipe has no length, and a finished bar leaves the screen.
                if let Some((_, after)) = shown.rsplit_once("hashing") {
                    let after = after.trim_start();
                    assert!(after.starts_with("\x1b[2K"), "{shown:?}");
                    assert!(!shown.contains("B/s"), "{shown:?}");
                }
            });
        }
    });
}

#[test]
fn control_characters_of_a_file_name_do_not_reach_the_terminal() {
    let sandbox = Sandbox::with_keys();
    let name = "evil\x1b]0;title\x07\nerror: all is well";
    sandbox.write(name, "content");
    for arguments in [
        ["verify", "-k", name, "-f", "ca.pub", "-s", "vendor.pub.sig"],
        ["sign", "-k", name, "-f", "ca.pub", "-s", "out"],
        ["sign", "-k", "ca.prv", "-f", name, "-s", name],
        ["sign", "-k", "ca.prv", "-f", name, "-s", "out"],
        ["sign", "-k", "ca.prv", "-f", "ca.pub", "-s", "evil\x1b[2J"],
        ["verify", "-k", "ca.pub", "-f", name, "-s", "out"],
    ] {
        let run = sandbox.run_with(arguments);
        let told = run.stderr.chars().filter(|c| *c != '\n');
        assert!(
            !told.clone().any(char::is_control),
            "{arguments:?}: {run:#?}"
        );
        let forged = run.stderr.lines().any(|l| l == "error: all is well");
        assert!(!forged, "{arguments:?}: {run:#?}");
    }
}

#[test]
fn every_command_has_help_and_a_manual_page() {
    let sandbox = Sandbox::new();
    sandbox.run("man pages").exits(0);
    for command in [
        "gen-key",
        "extract-public",
        "sign",
        "verify",
        "endorse",
        "sign-image",
        "verify-image",
        "inspect-image",
        "prune",
    ] {
        let help = sandbox.run(&format!("{command} --help")).exits(0);
        assert!(help.stdout.contains("Usage: ir-sign"), "{help:#?}");
        let page = sandbox.read(format!("pages/ir-sign-{command}.1"));
        let page = String::from_utf8(page).expect("text");
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    // Each page that another refers to is there, and is of what its name says.
    let mut references = 0;
    let pages = fs::read_dir(sandbox.path("pages")).expect("a folder");
    for page in pages {
        let page = page.expect("an entry").file_name();
        let name = page
            .to_str()
            .expect("text")
            .strip_suffix(".1")
            .expect("a page");
        let text = sandbox.read(Path::new("pages").join(&page));
        let text = String::from_utf8(text).expect("text").replace("\\-", "-");
        // Name, section, no date, and the program's version.
        let version = env!("CARGO_PKG_VERSION");
        let title = format!("\n.TH {name} 1 \"\" \"ir-sign {version}\"");
        assert!(text.contains(&title), "{text}");
        let text = text.replace("\\fB", "").replace("\\fR", "");
        let words = text.split([' ', ',', '\n']);
        let references_of_it = words.filter_map(|word| word.strip_suffix("(1)"));
        for reference in references_of_it.filter(|name| name.starts_with("ir-sign")) {
            assert!(
                sandbox.has(format!("pages/{reference}.1")),
                "{name}: {reference}"
            );
            references += 1;
        }
    }
    assert!(references > 20, "{references}");
    for nested in [
        "token-list",
        "token-init",
        "ceremony-run",
        "ceremony-verify",
    ] {
        assert!(sandbox.has(format!("pages/ir-sign-{nested}.1")), "{nested}");
    }
    // Again: the same pages are left alone, a changed one is not lost.
    let again = sandbox.run("man pages").exits(0);
    let again = again.says("pages/ir-sign.1 is up to date");
    assert!(!again.stderr.contains("wrote"), "{again:#?}");
    sandbox.write("pages/ir-sign-verify.1", "mine");
    fs::remove_file(sandbox.path("pages/ir-sign.1")).expect("removed");
    sandbox.run("man pages").exits(1).says("already exists");
    assert_eq!(sandbox.read("pages/ir-sign-verify.1"), b"mine");
    assert!(!sandbox.has("pages/ir-sign.1"), "some pages are written");
    sandbox.run("man pages --force").exits(0);
    assert_ne!(sandbox.read("pages/ir-sign-verify.1"), b"mine");
    for shell in ["bash", "zsh", "fish"] {
        let script = sandbox.run(&format!("completions {shell}")).exits(0);
        assert!(script.stdout.contains("verify-image"), "{shell}");
    }
}

/// The words that bash offers for the last word of a line.
#[track_caller]
fn bash_offers(sandbox: &Sandbox, line: &str) -> Vec<String> {
    let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
    let (last, before) = (words.len() - 1, words.len() - 2);
    let script = format!(
        "source ./script && COMP_WORDS=({}) COMP_CWORD={last} \
         && complete -p ir-sign >/dev/null \
         && _ir__sign ir-sign \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{before}]}}\" \
         && printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" ")
    );
    let mut bash = sandbox.command("bash");
    let run: Run = bash
        .args(["--norc", "--noprofile", "-c", &script])
        .output()
        .expect("bash runs")
        .into();
    let run = run.exits(0);
    assert_eq!(run.stderr, "", "{line}");
    run.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_every_command() {
    let sandbox = Sandbox::new();
    let script = sandbox.run("completions bash").exits(0).stdout;
    sandbox.write("script", script);
    for (line, wanted) in [
        ("ir-sign ver", &["verify", "verify-image"][..]),
        (
            "ir-sign verify-image --",
            &["--ca-pub", "--vendor", "--config-only"],
        ),
        ("ir-sign extract-sign-image --f", &["--filename", "--force"]),
        ("ir-sign token ", &["list", "keys", "init", "doctor"]),
        ("ir-sign token keys --", &["--json", "--pin-source"]),
        ("ir-sign ceremony ", &["check", "run", "verify"]),
        ("ir-sign completions ", &["bash", "zsh", "fish"]),
        ("ir-sign sign --color ", &["auto", "always", "never"]),
        ("ir-sign sign-image --color a", &["auto", "always"]),
        ("ir-sign token list --color ", &["auto", "always", "never"]),
    ] {
        let offers = bash_offers(&sandbox, line);
        for word in wanted {
            assert!(
                offers.iter().any(|offer| offer == word),
                "{line}: {offers:?}"
            );
        }
        let begin = line.rsplit(' ').next().expect("a word");
        let all = offers.iter().all(|offer| offer.starts_with(begin));
        assert!(all, "{line}: {offers:?}");
    }
}

#[test]
fn zsh_is_told_of_each_value_in_three_fields() {
    let script = Sandbox::new().run("completions zsh").exits(0).stdout;
    let mut found = 0;
    for line in script.lines().filter(|line| line.starts_with("'--")) {
        // Behind the description: the value's name, and what it is completed with.
        let Some((_, value)) = line.split_once("]:") else {
            continue;
        };
        let value = value.split(":(").next().expect("a part");
        // A value that may be left out has a second colon before it.
        let value = value.strip_prefix(':').unwrap_or(value);
        let colons = value.replace("\\:", "").matches(':').count();
        assert!(colons <= 1, "{line}");
        found += 1;
    }
    assert!(found > 50, "{found}");
}
