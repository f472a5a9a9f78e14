//! The programs of a ceremony: the one that began it, and each that resumed it.

use serde_json::Value;

use super::transcript::Line;

/// A run of a ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// When it began.
    pub time: String,
    /// The program's name and version.
    pub program: String,
    /// The SHA-384 of the program.
    pub sha384: String,
}

impl Part {
    fn of(line: &Line) -> Self {
        let tool = &line.value["tool"];
        let text = |name: &str| tool[name].as_str().unwrap_or("not noted").to_owned();
        Self {
            time: line.text("time").unwrap_or_default().to_owned(),
            program: format!("{} {}", text("name"), text("version")),
            sha384: text("sha384"),
        }
    }

    /// Whether another run used the same program.
    pub fn is_program_of(&self, other: &Self) -> bool {
        (&self.program, &self.sha384) == (&other.program, &other.sha384)
    }
}

/// The runs of a ceremony, in their order.
pub fn parts(lines: &[Line]) -> Vec<Part> {
    let runs = lines
        .iter()
        .filter(|line| ["start", "resumed"].contains(&line.event()));
    runs.map(Part::of).collect()
}

/// The programs of a ceremony, each once.
pub fn programs(lines: &[Line]) -> Vec<Part> {
    let mut programs: Vec<Part> = Vec::new();
    for part in parts(lines) {
        if !programs.iter().any(|known| known.is_program_of(&part)) {
            programs.push(part);
        }
    }
    programs
}

/// The words to show if another program resumed the ceremony.
pub(super) fn change(lines: &[Line], tool: &Value) -> Option<String> {
    let before = parts(lines).pop()?;
    let now = |name: &str| tool[name].as_str().unwrap_or_default();
    let program = format!("{} {}", now("name"), now("version"));
    let same = (before.program.as_str(), before.sha384.as_str()) == (&program, now("sha384"));
    (!same).then(|| {
        format!(
            "another program resumes the ceremony: it was {}, SHA-384 {}; now it is {program}, SHA-384 {}",
            before.program,
            before.sha384,
            now("sha384")
        )
    })
}
