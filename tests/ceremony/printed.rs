//! The page as a browser prints it, on both papers: read back word by word from the PDF.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;

use ir_sign::ceremony::report;
use ir_sign::ceremony::transcript::Line;
use ir_sign::ceremony::verify::{Expected, Verified, verify};
use serde_json::{Value, json};

use crate::people::{agreed, run};
use crate::room::Room;
use harness::Sandbox;

const BROWSER: &str = "chromium";
const PAPERS: [&str; 2] = ["A4", "letter"];
/// Points, of which 72 are an inch.
const MILLIMETRE: f64 = 72.0 / 25.4;

/// Whether page and PDF can be made and read here; says so where not.
fn can_print() -> bool {
    let there = |name: &str| {
        let shown = Command::new(name).arg("--version").output();
        shown.is_ok_and(|output| output.status.success() || !output.stderr.is_empty())
    };
    let Some(name) = [BROWSER, "pdftotext"].into_iter().find(|name| !there(name)) else {
        return true;
    };
    let required = std::env::var_os("IR_SIGN_REQUIRE_TOKEN").is_some_and(|v| v == "1");
    assert!(!required, "IR_SIGN_REQUIRE_TOKEN=1, but there is no {name}");
    let line = format!("SKIPPED: the printed page: there is no {name}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}

/// A word on a sheet, and where it is.
#[derive(Clone, Debug)]
struct Word {
    text: String,
    left: f64,
    right: f64,
    top: f64,
}

/// A sheet of paper as it was printed.
struct Sheet {
    width: f64,
    words: Vec<Word>,
}

impl Sheet {
    fn counts(&self) -> BTreeMap<&str, usize> {
        let words = self.words.iter();
        count(words.flat_map(|word| word.text.split_inclusive('-')))
    }

    /// The last of these words.
    fn last(&self, text: &str) -> &Word {
        let found = self.words.iter().rfind(|word| word.text == text);
        found.unwrap_or_else(|| panic!("there is no {text}"))
    }
}

fn count<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

/// Prints a page on this paper.
fn print(html: &str, paper: &str) -> Vec<Sheet> {
    let folder = Sandbox::new();
    let size = format!("<style>@page {{ size: {paper}; }}</style>\n</head>");
    folder.write("page.html", html.replacen("</head>", &size, 1));
    let (page, pdf) = (folder.path("page.html"), folder.path("page.pdf"));
    let printed = Command::new(BROWSER)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args(["--no-first-run", "--disable-background-networking"])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--no-pdf-header-footer",
        ])
        .arg(format!("--user-data-dir={}", folder.path("user").display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(format!("file://{}", page.display()))
        .env("HOME", folder.root())
        .output()
        .expect("the browser starts");
    assert!(pdf.is_file(), "{printed:?}");
    let read = Command::new("pdftotext")
        .arg("-bbox")
        .arg(&pdf)
        .arg("-")
        .output()
        .expect("pdftotext starts");
    sheets(&String::from_utf8(read.stdout).expect("text"))
}

/// The output of `pdftotext -bbox`: a line for each sheet, and one for each word.
fn sheets(text: &str) -> Vec<Sheet> {
    let number = |line: &str, name: &str| -> f64 {
        let from = line.find(&format!("{name}=\"")).expect("a member") + name.len() + 2;
        let to = line[from..].find('"').expect("its end");
        line[from..from + to].parse().expect("a number")
    };
    let mut sheets: Vec<Sheet> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("<page ") {
            sheets.push(Sheet {
                width: number(line, "width"),
                words: Vec::new(),
            });
        } else if let Some(text) = line.strip_suffix("</word>") {
            let text = &text[text.find('>').expect("the tag's end") + 1..];
            let sheet = sheets.last_mut().expect("a sheet");
            sheet.words.push(Word {
                text: unescaped(text),
                left: number(line, "xMin"),
                right: number(line, "xMax"),
                top: number(line, "yMin"),
            });
        }
    }
    sheets
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}

/// The words between the tags of HTML.
fn words(html: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        rest = tag.split_once('>').expect("the tag's end").1;
    }
    let text = unescaped(&text);
    // A line may end after a hyphen.
    let words = text
        .split_whitespace()
        .flat_map(|word| word.split_inclusive('-'));
    words.map(str::to_owned).collect()
}

/// The parts of a page between a tag and its end, with their tags.
fn parts<'a>(html: &'a str, tag: &'a str) -> impl Iterator<Item = &'a str> {
    let end = format!("</{tag}>");
    let starts = html.match_indices(tag).map(|(at, _)| at);
    let starts = starts.filter(move |at| *at > 0 && html[..*at].ends_with('<'));
    starts.map(move |at| {
        let part = &html[at - 1..];
        &part[..part.find(&end).expect("its end")]
    })
}

fn body(html: &str) -> &str {
    html.split_once("<body>").expect("a body").1
}

fn holds(sheet: &Sheet, part: &str) -> bool {
    let there = sheet.counts();
    let words = words(part);
    let wanted = count(words.iter().map(String::as_str));
    wanted
        .iter()
        .all(|(word, n)| there.get(word).is_some_and(|there| there >= n))
}

/// Every word of the page is whole, and inside the sheet's margins.
#[track_caller]
fn is_whole(html: &str, sheets: &[Sheet]) {
    let printed = sheets.iter().flat_map(|sheet| &sheet.words);
    let printed = count(printed.flat_map(|word| word.text.split_inclusive('-')));
    let words = words(body(html));
    for (word, n) in count(words.iter().map(String::as_str)) {
        let there = printed.get(word).copied().unwrap_or(0);
        assert!(there >= n, "{word:?} is there {there} times instead of {n}");
    }
    in_margins(sheets);
}

#[track_caller]
fn in_margins(sheets: &[Sheet]) {
    let margin = 14.0 * MILLIMETRE;
    for sheet in sheets {
        for word in &sheet.words {
            let inside = word.left >= margin && word.right <= sheet.width - margin;
            assert!(inside, "{word:?} on a sheet {} wide", sheet.width);
        }
    }
}

/// Each table of these is on one sheet.
#[track_caller]
fn are_on_one_sheet<'a>(parts: impl Iterator<Item = &'a str>, sheets: &[Sheet]) -> usize {
    let mut n = 0;
    for part in parts {
        assert!(
            sheets.iter().any(|sheet| holds(sheet, part)),
            "it is split: {part}"
        );
        n += 1;
    }
    n
}

#[test]
fn the_page_is_printed_whole_with_its_steps_and_with_room_to_sign() {
    if !can_print() {
        return;
    }
    let room = Room::new();
    let all: Vec<_> = [agreed(), agreed(), agreed()]
        .into_iter()
        .flatten()
        .collect();
    run(&room, &all).run.expect("not killed").exits(0);
    room.ir("ceremony report root.transcript -c root-ca.pub")
        .exits(0);
    let html = String::from_utf8(room.read("root.transcript.html")).expect("text");
    for paper in PAPERS {
        let sheets = print(&html, paper);
        is_whole(&html, &sheets);
        assert_eq!(are_on_one_sheet(parts(&html, "table"), &sheets), 9);
        for (n, sheet) in sheets.iter().enumerate() {
            let there = sheet.counts();
            assert!(there.contains_key("REHEARSAL"), "{paper}: sheet {}", n + 1);
            let foot = ["page", "of", "transcript"];
            assert!(foot.iter().all(|word| there.contains_key(word)), "{paper}");
        }
        assert!(
            holds(&sheets[0], "REHEARSAL: do not trust anything"),
            "{paper}"
        );
        // The page says who confirmed which step and when, and the signed text refers to these steps.
        let steps = parts(&html, "table").next().expect("steps");
        let rows: Vec<Vec<String>> = parts(steps, "tbody")
            .flat_map(|body| parts(body, "tr"))
            .map(words)
            .collect();
        assert_eq!(rows.len(), 3, "{rows:?}");
        for (n, row) in rows.iter().enumerate() {
            let row = row.join(" ");
            assert!(row.starts_with(&(n + 1).to_string()), "{row}");
            assert!(row.ends_with(" Ann Operator Bob Witness"), "{row}");
            assert_eq!(row.matches(':').count(), 4, "two times: {row}");
        }
        let last = sheets.last().expect("a sheet");
        assert!(holds(last, "I saw steps 1 to 3 of this page"), "{paper}");
        // Room: 15 mm from one signature to the next and to the sheet's end, and 60 mm for each.
        let (first, second) = (last.last("Ann"), last.last("Bob"));
        assert!(
            second.top - first.top >= 15.0 * MILLIMETRE,
            "{first:?} {second:?}"
        );
        let signature = last.last("signature");
        let wide = last.width - 15.0 * MILLIMETRE - signature.left;
        assert!(wide >= 60.0 * MILLIMETRE, "{wide}");
    }
}

/// A ceremony with the widest and longest of everything.
fn widest(room: &Room) -> Verified {
    room.make_root();
    room.write("endorse.toml", room.endorsement_plan());
    room.ir("ceremony run endorse.toml --unattended PIN")
        .exits(0);
    let path = room.path("endorse.transcript");
    let mut verified = verify(&path, Some(room.root()), Expected::default()).expect("it is read");
    // The longest words of the list, all in one row, as nobody could make a digest have them.
    let longest = |odd: bool| {
        let word = |byte: &u8| {
            let digest = if odd { vec![0, *byte] } else { vec![*byte] };
            let row = ir_sign::ceremony::words(&digest).remove(0);
            row.split(' ').next_back().map_or(0, str::len)
        };
        (0..=255).max_by_key(word).expect("a byte")
    };
    let digest = format!("{:02x}{:02x}", longest(false), longest(true)).repeat(24);
    let people: Vec<Value> = (0..9)
        .map(|n| {
            let role = if n == 0 { "operator" } else { "witness" };
            json!({ "name": format!("Maximiliana-Theresia von Nummer-{n}"), "role": role })
        })
        .collect();
    let names: Vec<&Value> = people.iter().map(|person| &person["name"]).collect();
    let line = |value: Value| Line {
        value,
        digest: digest.clone(),
    };
    let time = "2026-11-29T13:00:00Z";
    let start = &mut verified.lines[0].value;
    start["people"] = json!(people);
    start["attended"] = json!(true);
    start["tool"]["sha384"] = json!(digest);
    start["plan"]["sha384"] = json!(digest);
    let signed = verified.lines.pop().expect("a line");
    for n in 0..30 {
        let step = format!("endorse:{n}");
        let of = |event: &str| json!({ "time": time, "event": event, "step": step });
        let mut confirmed = of("confirmed");
        confirmed["people"] = json!(names);
        verified.lines.push(line(confirmed));
        verified.lines.push(line(of("result")));
    }
    verified.lines.push(line(
        json!({ "time": time, "event": "resumed", "torn_bytes": 7,
        "tool": { "name": "ir-sign", "version": "9.9.9", "sha384": digest.replace('0', "1") } }),
    ));
    verified.lines.push(signed);
    verified
}

#[test]
fn long_words_names_and_tables_are_printed_whole_too() {
    if !can_print() {
        return;
    }
    let room = Room::new();
    let mut verified = widest(&room);
    let html = report::html(&verified);
    for paper in PAPERS {
        let sheets = print(&html, paper);
        is_whole(&html, &sheets);
        // A table that is longer than a sheet is split between its rows.
        let tables = parts(&html, "table").filter(|table| !table.contains("\"steps\""));
        assert!(are_on_one_sheet(tables, &sheets) > 10);
        let steps = parts(&html, "table").find(|table| table.contains("\"steps\""));
        let rows = are_on_one_sheet(parts(steps.expect("steps"), "tr"), &sheets);
        assert_eq!(rows, 1 + 30 + 4);
    }
    // A name without a blank that is longer than its column is broken, and not cut off.
    let name = "x".repeat(150) + "END";
    verified.lines[0].value["people"][0]["name"] = json!(name);
    verified.lines[0].value["title"] = json!(name);
    let sheets = print(&report::html(&verified), "A4");
    in_margins(&sheets);
    let text: String = sheets
        .iter()
        .flat_map(|s| &s.words)
        .map(|w| w.text.as_str())
        .collect();
    assert_eq!(text.matches(&name).count(), 2, "{text}");
}

#[test]
fn the_pages_say_which_programs_took_part_and_what_is_hidden_in_names() {
    let room = Room::new();
    let mut verified = widest(&room);
    let digest = verified.lines[0].value["tool"]["sha384"].clone();
    for page in [report::html(&verified), report::markdown(&verified)] {
        for part in [
            "2 different programs took part",
            "ir-sign 0.1.0",
            "ir-sign 9.9.9",
            "Resumed after an interruption, by ANOTHER program. 7 bytes",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(
            page.matches("SHA-384 of the program that ran from").count(),
            2
        );
    }
    let resumed = verified
        .lines
        .iter_mut()
        .find(|line| line.event() == "resumed");
    resumed.expect("a line").value["tool"] =
        json!({ "name": "ir-sign", "version": "0.1.0", "sha384": digest });
    for page in [report::html(&verified), report::markdown(&verified)] {
        assert!(
            !page.contains("ANOTHER") && !page.contains("different"),
            "{page}"
        );
        assert!(
            page.contains("Resumed after an interruption, by the same program"),
            "{page}"
        );
    }
    let hidden = "\u{202e}\u{200b}\u{7}\u{2066}";
    let start = &mut verified.lines[0].value;
    start["title"] = json!(format!("A{hidden}</style><b>"));
    start["people"][1]["name"] = json!(format!("B{hidden}|`"));
    let html = report::html(&verified);
    let markdown = report::markdown(&verified);
    for page in [&html, &markdown] {
        let left = |c: &char| hidden.contains(*c);
        assert_eq!(page.chars().find(left), None);
    }
    let shown = "\\u{202e}\\u{200b}\\u{7}\\u{2066}";
    assert!(html.contains(&format!("<h1>A{shown}&lt;/style&gt;&lt;b&gt;</h1>")));
    assert!(html.contains(&format!("<td>B{shown}|`</td>")));
    assert_eq!(html.matches("</style>").count(), 1);
    let shown = shown
        .replace('\\', "\\\\")
        .replace('{', "\\{")
        .replace('}', "\\}");
    assert!(
        markdown.starts_with(&format!("# A{shown}\\</style\\>\\<b\\>\n")),
        "{markdown}"
    );
    assert!(
        markdown.contains(&format!("| B{shown}\\|\\` |")),
        "{markdown}"
    );
}
