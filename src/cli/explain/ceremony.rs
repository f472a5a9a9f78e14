//! Advice on a ceremony that stopped.

use std::io::ErrorKind;

use crate::ceremony::Error;
use crate::files;

/// Advice on a ceremony's error.
pub(super) fn hint(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Stopped { .. } => "run it again to go on from there",
        Error::Payload { .. } => {
            "a ceremony signs only payloads and statements, as `ir-sign cosign generate` writes them"
        }
        Error::Complete { .. } => "verify it: ir-sign ceremony verify TRANSCRIPT",
        Error::OtherPlan { .. } => {
            "a plan must not change during its ceremony: finish with the plan that began it"
        }
        Error::Transcript { .. } => {
            "ir-sign adds nothing more to it: keep it as it is, and see SECURITY.md for what to do"
        }
        Error::Exists { .. } => {
            "a ceremony replaces nothing: move it away, or name another in the plan"
        }
        Error::Clock { .. } => "set the clock of this machine, and run it again",
        Error::Changed { .. } => {
            "the token does not prove what the transcript says: keep both as they are, and see SECURITY.md for what to do"
        }
        Error::Busy { .. } => "wait for it to end",
        Error::NoTerminal(_) => {
            "run it on a terminal, where the people are; a rehearsal can do without: --unattended"
        }
        Error::File {
            role: "payload",
            source: files::Error::TooLarge { .. },
        } => {
            "the transcript holds each payload whole: `ir-sign cosign sign --payload FILE` signs a larger one without a ceremony"
        }
        Error::File {
            source:
                files::Error::Io {
                    action: "create",
                    source,
                    ..
                },
            ..
        } if source.kind() == ErrorKind::NotFound => {
            "make the folder first, or name another in the plan: a ceremony makes no folders"
        }
        _ => return None,
    })
}
