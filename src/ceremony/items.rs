//! The items of a plan's work, in its order: a transcript records each of them once.

use super::layout::Output;
use super::plan::{Kind, Plan};
use super::rules::rule;
use super::step::Step;

/// One item of a plan's work.
pub(super) enum Item<'a> {
    /// A line names the root key that signs.
    Root,
    /// A step that people confirm, and that the run announces and does.
    Work(Step<'a>),
    /// The run writes a file with the result of the step before.
    Output(&'a Output),
    /// The key signs the transcript.
    Close,
}

impl Item<'_> {
    /// Its name in the lines that concern it.
    pub(super) fn step(&self) -> String {
        match self {
            Self::Root => "root".into(),
            Self::Work(step) => step.to_string(),
            Self::Output(output) => format!("output:{}", output.name),
            Self::Close => Step::Close.to_string(),
        }
    }

    /// Whether lines of an event concern it.
    pub(super) fn has(&self, event: &str) -> bool {
        match self {
            Self::Root => event == "root",
            Self::Work(_) => event == "result" || event == "failed" || is_asked(event),
            Self::Output(_) => event == "output",
            Self::Close => event == "signed" || is_asked(event),
        }
    }

    /// The rule that a missing step breaks, and the reason.
    pub(super) const fn undone(&self) -> (&'static str, &'static str) {
        match self {
            Self::Work(step) => step.undone(),
            Self::Output(_) => (rule::OUTPUTS, "the run did not write the plan's output"),
            Self::Root | Self::Close => (rule::ORDER, "the run did not do the step"),
        }
    }
}

/// Whether an event comes before a step is done.
fn is_asked(event: &str) -> bool {
    ["confirmed", "intent", "stopped"].contains(&event)
}

/// The items of the plan's work, in its order.
pub(super) fn items(plan: &Plan) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let mut outputs = plan.outputs().iter();
    let mut work = |items: &mut Vec<_>, step| {
        items.push(Item::Work(step));
        items.extend(outputs.next().map(Item::Output));
    };
    match plan.kind() {
        Kind::RootKey => {
            work(&mut items, Step::MakeKey);
            work(&mut items, Step::Passport);
        }
        Kind::EndorseVendors => {
            items.push(Item::Root);
            for (vendor, _) in plan.vendors() {
                work(&mut items, Step::Endorse(vendor.into()));
            }
        }
        Kind::RootCertificate => {
            work(&mut items, Step::MakeKey);
            work(&mut items, Step::Passport);
            work(&mut items, Step::Certify);
        }
        Kind::IssueCertificates => {
            items.push(Item::Root);
            for (request, _) in plan.requests() {
                work(&mut items, Step::Issue(request));
            }
        }
        Kind::Revoke => {
            items.push(Item::Root);
            work(&mut items, Step::Revoke);
        }
        Kind::SignPayloads => {
            items.push(Item::Root);
            for (file, _) in plan.payloads() {
                work(&mut items, Step::Sign(file));
            }
        }
    }
    items.push(Item::Close);
    items
}
