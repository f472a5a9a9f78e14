//! A page of headings, texts and tables, as Markdown and as HTML that prints well on A4 and Letter.

use std::fmt::Write;

use super::words::{groups, words};
use crate::encoding::hex::unhex;
use crate::text;

/// A page.
pub(super) struct Page {
    pub title: String,
    /// The text on each sheet, in large letters at the page's beginning and end.
    pub banner: Option<String>,
    /// The text at the foot of each sheet; letters, digits and blanks.
    pub foot: String,
    pub blocks: Vec<Block>,
}

/// A part of a page.
pub(super) enum Block {
    Heading(String),
    Text(String),
    Table(Table),
    /// The banner again, where people sign.
    Banner,
}

/// A table. It stays on one sheet if it fits.
pub(super) struct Table {
    pub kind: Kind,
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// The kind of a table, which sets the widths of its columns.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Digits and words.
    Digest,
    /// Names and values.
    Facts,
    /// Files and digests.
    Files,
    Steps,
    Programs,
    Incidents,
    /// With room to sign.
    People,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Digest,
        Self::Facts,
        Self::Files,
        Self::Steps,
        Self::Programs,
        Self::Incidents,
        Self::People,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Facts => "facts",
            Self::Files => "files",
            Self::Steps => "steps",
            Self::Programs => "programs",
            Self::Incidents => "incidents",
            Self::People => "people",
        }
    }

    /// The columns' widths in percent.
    const fn widths(self) -> &'static [u8] {
        match self {
            Self::Digest => &[25, 75],
            Self::Facts => &[45, 55],
            Self::Files => &[30, 70],
            Self::Steps => &[5, 27, 17, 17, 17, 17],
            Self::Programs => &[20, 20, 60],
            Self::Incidents => &[20, 24, 56],
            Self::People => &[28, 12, 18, 42],
        }
    }
}

pub(super) fn heading(text: &str) -> Block {
    Block::Heading(text.to_owned())
}

pub(super) fn table(kind: Kind, head: &[&'static str], rows: Vec<Vec<String>>) -> Block {
    Block::Table(Table {
        kind,
        head: head.to_vec(),
        rows,
    })
}

/// A digest in digits and in words, with a heading.
pub(super) fn digest(what: &str, digits: &str) -> [Block; 2] {
    let rows = match unhex(digits) {
        Some(bytes) => {
            let rows = groups(&bytes).into_iter().zip(words(&bytes));
            rows.map(|(digits, spoken)| vec![digits, spoken]).collect()
        }
        None => vec![vec![String::new(), digits.to_owned()]],
    };
    [Block::Text(what.to_owned()), table(Kind::Digest, &[], rows)]
}

/// A digest in groups of digits, on one line.
pub(super) fn grouped(digits: &str) -> String {
    unhex(digits).map_or_else(|| digits.to_owned(), |bytes| groups(&bytes).join(" "))
}

/// Widths are of the sheet and not of the screen, words are broken only where they are longer than
/// their column, and a table that fits on a sheet is not split. The margin boxes are of CSS Paged Media;
/// a browser without them leaves them out.
const STYLE: &str = "\
body { font-family: serif; font-size: 10.5pt; line-height: 1.3; max-width: 180mm; margin: 2em auto;
  overflow-wrap: break-word; }
h2 { margin: 1.4em 0 0.4em; break-after: avoid; }
p { margin: 0.5em 0; orphans: 3; widows: 3; }
p.lead { break-after: avoid; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; break-inside: avoid; margin: 0.3em 0 0.8em; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
td, th { border: 1px solid; padding: 0.3em 0.5em; text-align: left; vertical-align: top; }
table.digest td { border: 0; padding: 0.1em 0.5em 0.1em 0; font-size: 9.5pt; }
table.digest td:first-child { font-family: monospace; white-space: nowrap; }
table.files td:last-child, table.programs td:last-child { font-family: monospace; font-size: 9pt; }
table.people td { height: 17mm; }
.banner { border: 3pt solid; padding: 0.4em; margin: 0.8em 0; text-align: center; font-size: 15pt; font-weight: bold;
  break-inside: avoid; break-after: avoid; }
.together { break-inside: avoid; }
@page { margin: 20mm 15mm 18mm; }
@media print { body { margin: 0; max-width: none; } }
";

impl Page {
    /// As Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut page = format!("# {}\n\n", plain_md(&self.title));
        let banner = self.banner.as_deref().map(plain_md);
        if let Some(banner) = &banner {
            let _ = writeln!(page, "> **{banner}**\n");
        }
        for block in &self.blocks {
            let _ = match block {
                Block::Heading(text) => writeln!(page, "## {}\n", plain_md(text)),
                Block::Text(text) => writeln!(page, "{}\n", plain_md(text)),
                Block::Banner => match &banner {
                    Some(banner) => writeln!(page, "> **{banner}**\n"),
                    None => Ok(()),
                },
                Block::Table(table) => writeln!(page, "{}", table.markdown()),
            };
        }
        page
    }

    /// As HTML in one file.
    pub(super) fn html(&self) -> String {
        let title = escaped(&self.title);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <style>\n{STYLE}{}</style>\n</head>\n<body>\n<h1>{title}</h1>\n",
            self.styles()
        );
        let banner = self.banner.as_deref().map(|text| {
            let text = escaped(text);
            format!("<div class=\"banner\">{text}</div>\n")
        });
        let banner = banner.unwrap_or_default();
        page.push_str(&banner);
        let mut blocks = self.blocks.iter().peekable();
        let mut open = false;
        while let Some(block) = blocks.next() {
            let _ = match block {
                Block::Heading(text) => {
                    // The signatures stay on one sheet with the statement.
                    let signing = blocks
                        .peek()
                        .is_some_and(|next| matches!(next, Block::Banner));
                    if signing {
                        open = true;
                        page.push_str("<div class=\"together\">\n");
                    }
                    writeln!(page, "<h2>{}</h2>", escaped(text))
                }
                Block::Text(text) => {
                    let leads = blocks
                        .peek()
                        .is_some_and(|next| matches!(next, Block::Table(_)));
                    let class = if leads { " class=\"lead\"" } else { "" };
                    writeln!(page, "<p{class}>{}</p>", escaped(text))
                }
                Block::Banner => write!(page, "{banner}"),
                Block::Table(table) => write!(page, "{}", table.html()),
            };
        }
        if open {
            page.push_str("</div>\n");
        }
        page.push_str("</body>\n</html>\n");
        page
    }

    /// The styles that depend on the page's content.
    fn styles(&self) -> String {
        let mut styles = String::new();
        for kind in Kind::ALL {
            for (n, width) in kind.widths().iter().enumerate() {
                let (name, n) = (kind.name(), n + 1);
                let _ = writeln!(
                    styles,
                    "table.{name} tr > :nth-child({n}) {{ width: {width}%; }}"
                );
            }
        }
        // A style gets no text of a title or name, but only characters that cannot end it.
        let kept = |c: &char| c.is_ascii_alphanumeric() || *c == ' ';
        let foot: String = self.foot.chars().filter(kept).collect();
        let _ = writeln!(
            styles,
            "@page {{ @bottom-left {{ content: \"{foot}\"; font-size: 8pt; }}\n  \
             @bottom-right {{ content: \"page \" counter(page) \" of \" counter(pages); font-size: 8pt; }} }}"
        );
        if let Some(banner) = &self.banner {
            let word: String = banner
                .chars()
                .take_while(char::is_ascii_alphabetic)
                .collect();
            let _ = writeln!(
                styles,
                "@page {{ @top-center {{ content: \"{word}\"; font-size: 15pt; font-weight: bold; }} }}"
            );
        }
        styles
    }
}

impl Table {
    fn markdown(&self) -> String {
        let mut text = String::new();
        if matches!(self.kind, Kind::Digest) {
            for row in &self.rows {
                let _ = writeln!(text, "    {}", text::plain(&row.join("   ")));
            }
            return text;
        }
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        text += &row(self.head.iter().map(|cell| plain_md(cell)).collect());
        text += &row(vec!["---".to_owned(); self.head.len()]);
        for cells in &self.rows {
            text += &row(cells.iter().map(|cell| plain_md(cell)).collect());
        }
        text
    }

    fn html(&self) -> String {
        let row = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
            let cells = cells.map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        };
        let mut text = format!("<table class=\"{}\">\n", self.kind.name());
        if !self.head.is_empty() {
            let head = row("th", &mut self.head.iter().copied());
            let _ = writeln!(text, "<thead>{head}</thead>");
        }
        text.push_str("<tbody>\n");
        for cells in &self.rows {
            text += &row("td", &mut cells.iter().map(String::as_str));
        }
        text + "</tbody>\n</table>\n"
    }
}

/// A text, escaped for Markdown, with nothing hidden.
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

/// A text, escaped for HTML, with nothing hidden.
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
