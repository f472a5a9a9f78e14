//! `cert …`: certificates, their chains and revocation lists.

use std::path::Path;

use super::case::{Case, Kind, run_in, scene_with};
use super::family::Family;
use super::judge::{State, files_of};
use super::{errors, kills, power};
use harness::Snapshot;

/// How many points of a command are tried where not all are.
const SOME: usize = 4;
/// And with each error.
const SOME_ERRORS: usize = 2;

const EXISTS: Option<(i32, &str)> = Some((1, "already exists"));

static CERT: Family = Family {
    command: "cert",
    kind: Kind::Certificates,
    input: |scene, _, name| scene.text(name),
    certificates: |scene, _| scene.registry(),
};

const ISSUE: &str = "issue --request %first.csr --profile signer --ca-cert %root.crt -x @ca --days 9 \
                     -o %made.crt --chain %chain.crt";
const ISSUE_AGAIN: &str = "issue --request %first.csr --profile signer --ca-cert %root.crt -x @ca --days 9 \
                           -o %made.crt --chain %chain.crt --force";

fn all() -> Vec<Case> {
    vec![
        CERT.case(
            "cert root",
            &[],
            "root -k @ca --subject CN=a --days 9 -o %made.crt",
            EXISTS,
        ),
        CERT.case("cert issue", &[], ISSUE, EXISTS),
        CERT.case("cert issue --force", &[ISSUE], ISSUE_AGAIN, None),
        CERT.case(
            "cert crl",
            &["crl --ca-cert %root.crt -x @ca --days 2 -o %made.crl"],
            "crl --ca-cert %root.crt -x @ca --days 5 --previous %1.crl --revoke %first.crt -o %made.crl --force",
            None,
        ),
    ]
}

/// Each file is wholly old or wholly new and holds; a new certificate begins its chain.
pub fn judge(case: &Case, there: &Snapshot) -> Result<State, String> {
    let [there, before] = [there, &case.before].map(files_of);
    let changed = |name: &str| there.get(Path::new(name)) != before.get(Path::new(name));
    let mut names = there.keys().chain(before.keys());
    let outputs = ["made.crt", "chain.crt", "made.crl"];
    let strange = names.find(|name| {
        let name = name.to_str().expect("text");
        !outputs.contains(&name) && changed(name)
    });
    if let Some(strange) = strange {
        return Err(format!("{} is not as it was", strange.display()));
    }
    if !outputs.into_iter().any(changed) {
        return Ok(State::Old);
    }
    let scene = scene_with(&there);
    let holds = |words| {
        let run = run_in(&scene, CERT.args(words)(&scene, Path::new("")));
        if run.status == 0 {
            return Ok(run);
        }
        Err(format!("what was made does not hold: {run:?}"))
    };
    if changed("made.crl") {
        holds("verify %second-chain.crt --ca %root.crt --crl %made.crl")?;
        let shown = holds("show --json %made.crl")?.stdout;
        let is_next = shown.contains("\"number\": \"02\"");
        return is_next.then_some(State::New).ok_or(shown);
    }
    let content = |name: &str| there.get(Path::new(name));
    let (Some(chain), made) = (content("chain.crt"), content("made.crt")) else {
        holds("verify --for any %made.crt --ca %made.crt")?;
        let is_root = !case.after.contains_key(Path::new("chain.crt"));
        let wrong = || "a certificate without its chain".to_owned();
        return is_root.then_some(State::New).ok_or_else(wrong);
    };
    holds("verify %chain.crt --ca %root.crt")?;
    match made {
        Some(made) if chain.starts_with(made) => Ok(State::New),
        Some(_) if !changed("chain.crt") => Err("the certificate came before its chain".into()),
        // One that was there, or one of a run that was killed.
        Some(_) => holds("verify %made.crt --ca %root.crt").map(|_| State::Half),
        None => Ok(State::Half),
    }
}

#[test]
fn a_command_that_makes_certificates_and_is_killed_or_fails_at_any_call_leaves_what_holds() {
    let all = all();
    kills::kill_all(&all, SOME);
    errors::break_all(&all, SOME_ERRORS);
    errors::fill_all(&all, SOME_ERRORS);
}

#[test]
fn power_lost_in_a_command_that_makes_certificates_leaves_what_holds() {
    let all = all();
    power::cut_all(&all, SOME);
    power::cut_after_kill_all(&all, SOME_ERRORS);
    power::leave_out_syncs(&all);
}
