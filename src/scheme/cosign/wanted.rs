//! The other statements that a signature must make besides the image that it is about.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::report::Check;

use super::rule;

/// The annotations that the user asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted(pub BTreeMap<String, String>);

impl Wanted {
    /// Whether the signed content has them all. It may have others too.
    pub(super) fn check(&self, said: Option<&Map<String, Value>>) -> Check {
        for (name, wanted) in &self.0 {
            let found = said.and_then(|said| said.get(name));
            let text = match found {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => {
                    let reason = format!("there is no annotation \"{name}\"");
                    return Check::failed(rule::ANNOTATIONS, reason);
                }
            };
            if text != *wanted {
                let reason = format!("annotation \"{name}\" is \"{text}\"; expected \"{wanted}\"");
                return Check::failed(rule::ANNOTATIONS, reason);
            }
        }
        Check::passed(rule::ANNOTATIONS)
    }
}
