//! Trees, as notation prints them.

use crate::text::plain;

/// A line, and those below it.
pub(super) struct Tree {
    text: String,
    below: Vec<Self>,
}

impl Tree {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: plain(text),
            below: Vec::new(),
        }
    }

    /// Adds a line below.
    pub(super) fn add(&mut self, text: &str) -> &mut Self {
        self.below.push(Self::new(text));
        self.below.last_mut().expect("one was added")
    }

    /// Adds a name and its value below.
    pub(super) fn pair(&mut self, name: &str, value: &str) -> &mut Self {
        self.add(&format!("{name}: {value}"))
    }

    /// All lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.text.clone()];
        self.write("", &mut lines);
        lines
    }

    fn write(&self, indent: &str, lines: &mut Vec<String>) {
        for (at, one) in self.below.iter().enumerate() {
            let is_last = at + 1 == self.below.len();
            let (mark, more) = if is_last {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            };
            lines.push(format!("{indent}{mark}{}", one.text));
            one.write(&format!("{indent}{more}"), lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_a_branch_for_each_line_but_the_last() {
        let mut tree = Tree::new("a");
        tree.add("b").pair("c", "d");
        tree.add("e").add("f");
        let wanted = ["a", "├── b", "│   └── c: d", "└── e", "    └── f"];
        assert_eq!(tree.lines(), wanted);
    }
}
