//! All cases with their verdicts, and real skopeo beside those of its dialect.

use std::fs;
use std::process::Command;

use harness::peers;
use harness::policy::{Case, Want};
use serde_json::Value;

use crate::agents::with_agents;
use crate::desk::{command, complaints, ir_sign, skopeo, world};

/// The cases that a peer's own agents are not asked for.
fn cases(wanted: impl Fn(&Case) -> bool) -> Vec<&'static Case> {
    let all = world().cases();
    assert_eq!(all.len(), 362);
    all.iter().filter(|case| wanted(case)).collect()
}

fn judged(case: &Case) -> Option<String> {
    if !case.command.is_empty() {
        return commanded(case);
    }
    let run = ir_sign(&with_agents(case), &[]);
    case.complaint(run.status, &run.stderr)
        .map(|complaint| format!("{}: {complaint}\n{}", case.id, run.stderr))
}

/// Holds another command to its case.
fn commanded(case: &Case) -> Option<String> {
    let (status, stdout, stderr) = command(case);
    let mut complaint = case.complaint(status, &stderr);
    if let (Some(path), 0) = (&case.stdout, status) {
        let wanted = if path.is_empty() {
            Vec::new()
        } else {
            fs::read(path).expect("a file of the cases")
        };
        if stdout != wanted {
            complaint = Some("standard output has other bytes".into());
        }
    }
    if let (Some(path), Some(wanted)) = (&case.outfile, &case.json) {
        let read = |text: &str| serde_json::from_str::<Value>(text).ok();
        let found = fs::read_to_string(path).unwrap_or_default();
        if read(&found) != read(wanted) {
            complaint = Some(format!("{path} holds {found:?}"));
        }
    }
    complaint.map(|complaint| format!("{}: {complaint}\n{stderr}", case.id))
}

fn all_hold(wanted: impl Fn(&Case) -> bool, least: usize) {
    let cases = cases(wanted);
    assert!(cases.len() >= least, "{} cases", cases.len());
    let complaints = complaints(&cases, |case| judged(case));
    assert!(
        complaints.is_empty(),
        "{} of {} cases:\n{}",
        complaints.len(),
        cases.len(),
        complaints.join("\n")
    );
}

#[test]
fn cases_of_skopeo_s_dialect_have_skopeo_s_verdicts() {
    all_hold(|case| case.dialect == "containers" && !case.grpc, 240);
}

#[test]
fn cases_of_image_rs_s_dialect_have_its_verdicts() {
    all_hold(|case| case.dialect == "image-rs" && !case.grpc, 100);
}

#[test]
fn agents_that_cases_ask_are_believed_only_where_they_answer_right() {
    all_hold(|case| case.grpc, 8);
}

/// Real skopeo takes no requirement of ours, and knows no broker.
fn beside_skopeo(peer: impl Fn() -> Option<Command> + Sync, is_old: bool) {
    if peer().is_none() {
        return;
    }
    let cases = cases(|case| case.dialect == "containers" && !case.id.starts_with("ours/"));
    let complaints = complaints(&cases, |case| {
        let command = peer()?;
        let run = skopeo(command, case);
        let wanted = case.skopeo118.filter(|_| is_old).unwrap_or(case.want);
        let lets_in = wanted == Want::Accept;
        (lets_in != (run.status == 0))
            .then(|| format!("{}: {wanted:?} and {}\n{}", case.id, run.status, run.stderr))
    });
    assert!(
        complaints.is_empty(),
        "{} cases:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn skopeo_1_22_answers_the_cases_as_they_say() {
    beside_skopeo(peers::skopeo122, false);
}

#[test]
fn skopeo_1_18_answers_the_cases_as_they_say() {
    beside_skopeo(peers::skopeo118, true);
}
