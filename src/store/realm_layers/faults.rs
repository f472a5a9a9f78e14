//! Findings for a report: the first of each rule, and how many more there are.

use std::fmt;

use crate::image::realm::Finding;

/// Collects findings.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Faults(Vec<(Finding, usize)>);

impl Faults {
    /// Records a broken rule; calls `reason` for the first fault of each rule only.
    pub(in crate::store) fn add(&mut self, rule: &'static str, reason: impl FnOnce() -> String) {
        let known = self.0.iter_mut().find(|(known, _)| known.rule == rule);
        if let Some((_, more)) = known {
            *more += 1;
        } else {
            let reason = reason();
            self.0.push((Finding { rule, reason }, 0));
        }
    }

    /// Adds the faults of a layer, and names the layer.
    pub(super) fn add_all(&mut self, others: &Self, layer: &dyn fmt::Display) {
        for (finding, more) in &others.0 {
            self.add(finding.rule, || format!("{layer} {}", finding.reason));
            if let Some((_, known)) = self.0.iter_mut().find(|(f, _)| f.rule == finding.rule) {
                *known += more;
            }
        }
    }

    /// One finding for each broken rule.
    pub(in crate::store) fn findings(self) -> Vec<Finding> {
        let told = self.0.into_iter().map(|(finding, more)| match more {
            0 => finding,
            more => Finding {
                reason: format!("{} (and {more} more)", finding.reason),
                ..finding
            },
        });
        told.collect()
    }
}
