//! Shortening long messages.

use std::borrow::Cow;
use std::fmt::Write;

use crate::key::hidden;
use crate::text::Cutter;

/// How many bytes of a long message to show: of its start, which names the thing, and of its end, which names the
/// fault.
const SHOWN: [usize; 2] = [1500, 500];

/// A message of readable length, without PINs. It may quote megabytes of untrusted text.
pub fn short(message: &str) -> Cow<'_, str> {
    let message = hidden::pins(message);
    let [start, end] = SHOWN;
    if message.len() <= start + end {
        return message;
    }
    let mut cutter = Cutter::new(start, end);
    // Writing to it never fails.
    let _ = cutter.write_str(&message);
    cutter.text().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_keeps_its_start_and_its_end_and_no_pin() {
        for text in ["", "short", &"x".repeat(2000)] {
            assert_eq!(short(text), text);
        }
        let long = format!("what: \"{}\" is wrong", "\u{e9}".repeat(1 << 20));
        let shown = short(&long);
        assert!(shown.len() < 2050, "{shown}");
        assert!(shown.starts_with("what: \"\u{e9}\u{e9}"), "{shown}");
        assert!(shown.ends_with("\u{e9}\" is wrong"), "{shown}");
        assert!(shown.contains(" bytes left out ...] "), "{shown}");
        // What names it stands in the part that is left out.
        let x = "x".repeat(1600);
        let shown = short(&format!("{x}pin-value={x}13571")).into_owned();
        assert!(!shown.contains("13571"), "{shown}");
    }
}
