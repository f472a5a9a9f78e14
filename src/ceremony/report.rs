//! The page that people sign: the content of a verified transcript, as Markdown and as HTML.

use serde_json::Value;

use super::page::{Block, Kind, Page, digest, grouped, heading, table};
use super::programs::{Part, parts, programs};
use super::report_signed::{certificates, endorsements, fingerprint, payloads, text};
use super::step::Step;
use super::transcript::Line;
use super::verify::Verified;

/// The page as Markdown.
pub fn markdown(verified: &Verified) -> String {
    page(verified).markdown()
}

/// The page as HTML that needs nothing else.
pub fn html(verified: &Verified) -> String {
    page(verified).html()
}

/// A time of a transcript, for people.
fn time(line: &Line) -> String {
    spaced(line.text("time").unwrap_or_default())
}

fn spaced(time: &str) -> String {
    time.trim_end_matches('Z').replacen('T', " ", 1)
}

fn page(verified: &Verified) -> Page {
    let null = Value::Null;
    let start = verified.lines.first().map_or(&null, |line| &line.value);
    let last = verified.lines.last();
    let banner = "REHEARSAL: do not trust anything that was made here";
    let mut blocks = Vec::new();
    let attended = |line: &&Line| line.value["attended"] == false;
    match verified.lines.iter().filter(attended).count() {
        0 => {}
        n if n == parts(&verified.lines).len() => {
            blocks.push(Block::Text(
                "The run asked nobody to confirm the steps.".into(),
            ));
        }
        n => blocks.push(Block::Text(format!(
            "{n} of the runs asked nobody to confirm the steps."
        ))),
    }
    blocks.extend(run(verified));
    let (steps, shown) = steps(verified, &start["people"]);
    blocks.extend(steps);
    if let Some(root) = &verified.root {
        blocks.push(heading("Root key"));
        blocks.extend(digest(
            "SHA-256 of the SubjectPublicKeyInfo:",
            &fingerprint(root),
        ));
    }
    blocks.extend(token(verified));
    blocks.extend(endorsements(verified));
    blocks.extend(payloads(verified));
    blocks.extend(certificates(verified));
    blocks.extend(digests(verified, start));
    blocks.push(heading("Files"));
    let row = |line: &Line| {
        vec![
            text(&line.value["file"]),
            grouped(&text(&line.value["sha384"])),
        ]
    };
    let rows = verified.all("output").map(row).collect();
    blocks.push(table(Kind::Files, &["file", "SHA-384"], rows));
    blocks.extend(incidents(verified));
    blocks.extend(signing(&start["people"], shown));
    Page {
        title: text(&start["title"]),
        banner: (start["rehearsal"] == true).then(|| banner.to_owned()),
        foot: last.map_or_else(String::new, |line| {
            let start = grouped(&line.digest);
            format!("transcript {}", start.get(..19).unwrap_or_default())
        }),
        blocks,
    }
}

/// The time of the ceremony, and its programs.
fn run(verified: &Verified) -> Vec<Block> {
    let parts = parts(&verified.lines);
    let programs = programs(&verified.lines);
    let (first, last) = (verified.lines.first(), verified.lines.last());
    let when = format!(
        "from {} to {} (UTC, by the machine's clock)",
        first.map_or_else(String::new, time),
        last.map_or_else(String::new, time)
    );
    let mut blocks = Vec::new();
    let [program] = programs.as_slice() else {
        blocks.push(Block::Text(format!(
            "Done {when}. ATTENTION: {} different programs took part.",
            programs.len()
        )));
        blocks.push(heading("Programs that took part"));
        let row = |part: &Part| {
            vec![
                spaced(&part.time),
                part.program.clone(),
                grouped(&part.sha384),
            ]
        };
        blocks.push(table(
            Kind::Programs,
            &["run from (UTC)", "program", "its SHA-384"],
            parts.iter().map(row).collect(),
        ));
        return blocks;
    };
    let runs = match parts.len() {
        1 => String::new(),
        runs => format!(", in {runs} runs: see Incidents"),
    };
    blocks.push(Block::Text(format!(
        "Done with {} {when}{runs}.",
        program.program
    )));
    blocks
}

/// Each step with its times and with those who confirmed it; and how many there are.
fn steps(verified: &Verified, people: &Value) -> (Vec<Block>, usize) {
    struct Row {
        name: String,
        confirmed: Option<String>,
        people: Option<Vec<String>>,
        done: Option<String>,
    }
    let role_of = |name: &str| {
        let people = people.as_array().into_iter().flatten();
        let mut of_name = people.filter(|person| person["name"] == name);
        of_name.find_map(|person| person["role"].as_str())
    };
    let mut steps: Vec<Row> = Vec::new();
    for line in &verified.lines {
        let name = match line.event() {
            "signed" => "close",
            _ => line.text("step").unwrap_or_default(),
        };
        match line.event() {
            "confirmed" => {
                let names = line.value["people"].as_array().into_iter().flatten();
                steps.push(Row {
                    name: name.to_owned(),
                    confirmed: Some(time(line)),
                    people: Some(names.map(text).collect()),
                    done: None,
                });
            }
            "result" | "signed" => {
                let kept = line.value["kept"] == true;
                match steps.iter_mut().rev().find(|step| step.name == name) {
                    Some(step) if !kept => step.done = Some(time(line)),
                    _ => steps.push(Row {
                        name: name.to_owned(),
                        confirmed: None,
                        people: None,
                        done: Some(time(line)),
                    }),
                }
            }
            _ => {}
        }
    }
    let row = |(n, step): (usize, &Row)| {
        let of = |wanted: &str| {
            let Some(people) = &step.people else {
                return "not asked: it was there".to_owned();
            };
            let names: Vec<&str> = people
                .iter()
                .map(String::as_str)
                .filter(|name| role_of(name) == Some(wanted))
                .collect();
            match (names.is_empty(), people.is_empty()) {
                (true, true) => "not asked".to_owned(),
                (true, false) => "none".to_owned(),
                _ => names.join(", "),
            }
        };
        vec![
            (n + 1).to_string(),
            Step::of(&step.name).map_or_else(|| step.name.clone(), |step| step.in_words()),
            step.confirmed
                .clone()
                .unwrap_or_else(|| "not asked".to_owned()),
            step.done
                .clone()
                .unwrap_or_else(|| "not done: see Incidents".to_owned()),
            of("operator"),
            of("witness"),
        ]
    };
    let rows: Vec<Vec<String>> = steps.iter().enumerate().map(row).collect();
    let count = rows.len();
    let head = [
        "",
        "step",
        "confirmed (UTC)",
        "done (UTC)",
        "operator",
        "witnesses",
    ];
    (
        vec![heading("Steps"), table(Kind::Steps, &head, rows)],
        count,
    )
}

fn token(verified: &Verified) -> Vec<Block> {
    let facts = |members: &Value| -> Vec<Vec<String>> {
        let members = members.as_object().into_iter().flatten();
        members
            .map(|(name, value)| vec![name.clone(), text(value)])
            .collect()
    };
    let mut blocks = Vec::new();
    if let Some(line) = verified.line("token") {
        blocks.push(heading("Token"));
        let rows = facts(&line.value["token"]);
        blocks.push(table(Kind::Facts, &["what", "value"], rows));
    }
    let made = verified
        .all("result")
        .find(|line| line.value["step"] == "make-key");
    if let Some(line) = made {
        blocks.push(heading("Attributes of the root key"));
        let rows = facts(&line.value["attributes"]);
        blocks.push(table(Kind::Facts, &["attribute", "as read back"], rows));
    }
    blocks
}

/// Those of programs, plan and transcript.
fn digests(verified: &Verified, start: &Value) -> Vec<Block> {
    let mut blocks = vec![heading("Digests")];
    let programs = programs(&verified.lines);
    for program in &programs {
        let what = if programs.len() == 1 {
            "SHA-384 of the program:".to_owned()
        } else {
            let time = spaced(&program.time);
            format!("SHA-384 of the program that ran from {time}:")
        };
        blocks.extend(digest(&what, &program.sha384));
    }
    blocks.extend(digest(
        "SHA-384 of the plan:",
        &text(&start["plan"]["sha384"]),
    ));
    if let Some(last) = verified.lines.last() {
        blocks.extend(digest(
            "SHA-384 of the transcript's last line:",
            &last.digest,
        ));
    }
    blocks
}

/// Interruptions, refusals and failures.
fn incidents(verified: &Verified) -> Vec<Block> {
    let mut rows = Vec::new();
    let mut parts = parts(&verified.lines).into_iter();
    let mut before = None;
    for line in &verified.lines {
        let what = match line.event() {
            "start" => {
                before = parts.next();
                continue;
            }
            "resumed" => {
                let now = parts.next();
                let same = match (&before, &now) {
                    (Some(before), Some(now)) => before.is_program_of(now),
                    _ => false,
                };
                before = now;
                let by = if same { "the same" } else { "ANOTHER" };
                let torn = match line.value["torn_bytes"].as_u64() {
                    None | Some(0) => String::new(),
                    Some(bytes) => {
                        format!(" {bytes} bytes of an unfinished line were removed then.")
                    }
                };
                format!("Resumed after an interruption, by {by} program.{torn}")
            }
            "stopped" => format!("{} did not confirm.", text(&line.value["by"])),
            "failed" => text(&line.value["error"]),
            _ => continue,
        };
        let step = line.text("step").unwrap_or_default().to_owned();
        rows.push(vec![time(line), step, what]);
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let head = ["time (UTC)", "step", "what"];
    vec![heading("Incidents"), table(Kind::Incidents, &head, rows)]
}

/// The statement of the people, and room to sign.
fn signing(people: &Value, steps: usize) -> [Block; 4] {
    let row = |person: &Value| {
        let mut row = vec![text(&person["name"]), text(&person["role"])];
        row.resize(4, String::new());
        row
    };
    let rows = people.as_array().into_iter().flatten().map(row).collect();
    let which = match steps {
        1 => "step 1".to_owned(),
        _ => format!("steps 1 to {steps}"),
    };
    [
        heading("Who took part"),
        Block::Banner,
        Block::Text(format!(
            "By signing I state that I saw {which} of this page, and that the fingerprints read aloud \
             are the ones on this page."
        )),
        table(Kind::People, &["name", "role", "date", "signature"], rows),
    ]
}
