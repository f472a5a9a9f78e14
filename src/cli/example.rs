//! What an example on a help page is.

/// The examples of one command.
pub(super) struct Entry {
    /// Its name below the program's, as `token init`.
    pub(super) command: &'static str,
    pub(super) examples: &'static [Example],
    /// Related pages: names of commands, or whole names with a section.
    pub(super) see_also: &'static [&'static str],
}

/// A task, and the lines that do it.
pub(super) struct Example {
    pub(super) what: &'static str,
    pub(super) lines: &'static [&'static str],
}

pub(super) const fn one(what: &'static str, lines: &'static [&'static str]) -> Example {
    Example { what, lines }
}
