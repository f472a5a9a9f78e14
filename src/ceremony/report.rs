//! The page that people sign: what a verified transcript tells, as Markdown and as HTML.

use std::fmt::Write;

use base64ct::{Base64, Encoding};
use serde_json::Value;

use super::transcript::Line;
use super::verify::Verified;
use super::{groups, words};
use crate::crypto::digest::unhex;
use crate::crypto::{Digest, HashAlgorithm, PublicKey};
use crate::text;

/// A part of the page.
enum Block {
    Heading(String),
    Text(String),
    /// Digits and words, row by row.
    Digest(String, Vec<(String, String)>),
    Table(Vec<String>, Vec<Vec<String>>),
}

/// The page as Markdown.
pub fn markdown(verified: &Verified) -> String {
    let mut page = String::new();
    for (n, block) in blocks(verified).into_iter().enumerate() {
        let _ = match block {
            Block::Heading(text) if n == 0 => writeln!(page, "# {}\n", plain_md(&text)),
            Block::Heading(text) => writeln!(page, "## {}\n", plain_md(&text)),
            Block::Text(text) => writeln!(page, "{}\n", plain_md(&text)),
            Block::Digest(what, rows) => {
                let rows: Vec<String> = rows
                    .iter()
                    .map(|(digits, spoken)| format!("    {digits}   {spoken}"))
                    .collect();
                writeln!(page, "{}\n\n{}\n", plain_md(&what), rows.join("\n"))
            }
            Block::Table(head, rows) => {
                let row = |cells: &[String]| {
                    let cells: Vec<String> = cells.iter().map(|c| plain_md(c)).collect();
                    format!("| {} |", cells.join(" | "))
                };
                let rule = vec!["---".to_owned(); head.len()];
                let _ = writeln!(page, "{}\n| {} |", row(&head), rule.join(" | "));
                for cells in rows {
                    let _ = writeln!(page, "{}", row(&cells));
                }
                writeln!(page)
            }
        };
    }
    page
}

/// The page as HTML that needs nothing else.
pub fn html(verified: &Verified) -> String {
    let blocks = blocks(verified);
    let title = match blocks.first() {
        Some(Block::Heading(text)) => escaped(text),
        _ => String::new(),
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>\nbody {{ font-family: serif; max-width: 50em; margin: 2em auto; }}\n\
         pre {{ font-size: 110%; }}\ntable {{ border-collapse: collapse; width: 100%; }}\n\
         td, th {{ border: 1px solid; padding: 0.4em; text-align: left; vertical-align: top; }}\n\
         </style>\n</head>\n<body>\n"
    );
    for (n, block) in blocks.into_iter().enumerate() {
        let _ = match block {
            Block::Heading(text) if n == 0 => writeln!(page, "<h1>{}</h1>", escaped(&text)),
            Block::Heading(text) => writeln!(page, "<h2>{}</h2>", escaped(&text)),
            Block::Text(text) => writeln!(page, "<p>{}</p>", escaped(&text)),
            Block::Digest(what, rows) => {
                let rows: Vec<String> = rows
                    .iter()
                    .map(|(digits, spoken)| format!("{}   {}", escaped(digits), escaped(spoken)))
                    .collect();
                writeln!(
                    page,
                    "<p>{}</p>\n<pre>{}</pre>",
                    escaped(&what),
                    rows.join("\n")
                )
            }
            Block::Table(head, rows) => {
                let row = |tag: &str, cells: &[String]| {
                    let cells: Vec<String> = cells
                        .iter()
                        .map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)))
                        .collect();
                    format!("<tr>{}</tr>", cells.concat())
                };
                let _ = writeln!(page, "<table>\n{}", row("th", &head));
                for cells in rows {
                    let _ = writeln!(page, "{}", row("td", &cells));
                }
                writeln!(page, "</table>")
            }
        };
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// A text in which nothing means anything to Markdown.
fn plain_md(text: &str) -> String {
    let mut plain = String::new();
    for c in text::plain(text).chars() {
        if "\\`*_{}[]<>#|!&~".contains(c) {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

fn escaped(text: &str) -> String {
    let mut plain = String::new();
    for c in text::plain(text).chars() {
        match c {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '"' => plain.push_str("&quot;"),
            c => plain.push(c),
        }
    }
    plain
}

fn digest(what: &str, digits: &str) -> Block {
    let bytes = unhex(digits).unwrap_or_default();
    let rows = groups(&bytes).into_iter().zip(words(&bytes));
    Block::Digest(what.to_owned(), rows.collect())
}

fn fingerprint(key: &PublicKey) -> String {
    Digest::of(HashAlgorithm::Sha256, &key.to_spki()).hex()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "not known to the token".into(),
        other => other.to_string(),
    }
}

fn blocks(verified: &Verified) -> Vec<Block> {
    let null = Value::Null;
    let start = verified.lines.first().map_or(&null, |line| &line.value);
    let mut blocks = vec![Block::Heading(text(&start["title"]))];
    let mut say = |line: String| blocks.push(Block::Text(line));
    if start["rehearsal"] == true {
        say("REHEARSAL: nothing that was made here is to be trusted.".into());
    }
    if start["attended"] == false {
        say("Nobody was asked to confirm the steps.".into());
    }
    let tool = &start["tool"];
    say(format!(
        "Done with {} {} from {} to {} (UTC, by the machine's clock).",
        text(&tool["name"]),
        text(&tool["version"]),
        text(&start["time"]),
        verified
            .lines
            .last()
            .map_or_else(String::new, |line| text(&line.value["time"]))
    ));
    if let Some(root) = &verified.root {
        blocks.push(Block::Heading("Root key".into()));
        blocks.push(digest(
            "SHA-256 of the SubjectPublicKeyInfo:",
            &fingerprint(root),
        ));
    }
    blocks.extend(token(verified));
    blocks.extend(endorsements(verified));
    blocks.push(Block::Heading("Digests".into()));
    blocks.push(digest("SHA-384 of the program:", &text(&tool["sha384"])));
    blocks.push(digest(
        "SHA-384 of the plan:",
        &text(&start["plan"]["sha384"]),
    ));
    if let Some(last) = verified.lines.last() {
        blocks.push(digest(
            "SHA-384 of the transcript's last line:",
            &last.digest,
        ));
    }
    blocks.push(Block::Heading("Files".into()));
    let row = |line: &Line| vec![text(&line.value["file"]), text(&line.value["sha384"])];
    blocks.push(Block::Table(
        vec!["file".into(), "SHA-384".into()],
        verified.all("output").map(row).collect(),
    ));
    blocks.extend(incidents(verified));
    blocks.push(Block::Heading("Who took part".into()));
    let people = start["people"].as_array().cloned().unwrap_or_default();
    let row = |person: &Value| {
        vec![
            text(&person["name"]),
            text(&person["role"]),
            String::new(),
            String::new(),
        ]
    };
    blocks.push(Block::Table(
        ["name", "role", "date", "signature"]
            .map(str::to_owned)
            .to_vec(),
        people.iter().map(row).collect(),
    ));
    blocks.push(Block::Text(
        "By signing I state that I saw the steps above, and that the fingerprints that were read \
         aloud are those on this page."
            .into(),
    ));
    blocks
}

fn token(verified: &Verified) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(line) = verified.line("token") {
        let members = line.value["token"].as_object().cloned().unwrap_or_default();
        blocks.push(Block::Heading("Token".into()));
        blocks.push(Block::Table(
            vec!["what".into(), "value".into()],
            members
                .iter()
                .map(|(name, value)| vec![name.clone(), text(value)])
                .collect(),
        ));
    }
    let made = verified
        .all("result")
        .find(|line| line.value["step"] == "make-key");
    if let Some(line) = made {
        let members = line.value["attributes"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        blocks.push(Block::Heading("Attributes of the root key".into()));
        blocks.push(Block::Table(
            vec!["attribute".into(), "as read back".into()],
            members
                .iter()
                .map(|(name, value)| vec![name.clone(), text(value)])
                .collect(),
        ));
    }
    blocks
}

fn endorsements(verified: &Verified) -> Vec<Block> {
    let of = |line: &&Line| {
        line.text("step")
            .is_some_and(|step| step.starts_with("endorse:"))
    };
    let mut blocks = Vec::new();
    for line in verified.all("result").filter(of) {
        let key = line
            .text("spki")
            .and_then(|spki| Base64::decode_vec(spki).ok());
        let Some(key) = key.and_then(|spki| PublicKey::from_spki(&spki).ok()) else {
            continue;
        };
        let kept = if line.value["kept"] == true {
            " (the endorsement that was there was kept)"
        } else {
            ""
        };
        blocks.push(Block::Heading(format!(
            "Vendor {}{kept}",
            text(&line.value["vendor"])
        )));
        blocks.push(digest(
            "SHA-256 of the SubjectPublicKeyInfo:",
            &fingerprint(&key),
        ));
    }
    blocks
}

/// Interruptions, refusals and failures.
fn incidents(verified: &Verified) -> Vec<Block> {
    let mut rows = Vec::new();
    for line in &verified.lines {
        let what = match line.event() {
            "resumed" => "the run before was interrupted; gone on with".to_owned(),
            "stopped" => format!("{} did not confirm", text(&line.value["by"])),
            "failed" => text(&line.value["error"]),
            _ => continue,
        };
        rows.push(vec![
            text(&line.value["time"]),
            line.text("step").unwrap_or_default().to_owned(),
            what,
        ]);
    }
    if rows.is_empty() {
        return Vec::new();
    }
    vec![
        Block::Heading("Incidents".into()),
        Block::Table(["time", "step", "what"].map(str::to_owned).to_vec(), rows),
    ]
}
