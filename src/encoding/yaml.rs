//! YAML that others wrote, read into a tree of nodes with their lines. Readers in Go and Rust take scalars for
//! different values, so a scalar stays text here.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

/// Nodes that a document may have, those that aliases repeat counted too: a few lines of aliases could ask for billions.
const MOST_NODES: usize = 100_000;
/// Nodes inside one another.
const DEEPEST: usize = 64;

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Malformed {
    /// The line, from 1.
    pub line: usize,
    /// The reason.
    pub reason: String,
}

impl Malformed {
    /// A reason on a line.
    pub fn new(line: usize, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { line, reason }
    }
}

/// A node, and the line it starts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The line, from 1.
    pub line: usize,
    /// The content.
    pub data: Data,
}

/// The content of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A scalar.
    Scalar {
        /// Its text.
        text: String,
        /// Whether it stands in quotes or in a block.
        is_quoted: bool,
        /// What its tag says of it.
        tag: ScalarTag,
    },
    /// A list.
    List(Vec<Node>),
    /// Keys and values in their order, keys that are there twice too.
    Map(Vec<(Node, Node)>),
}

/// What the tag of a scalar says, `!!NAME` or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarTag {
    /// There is none, or only `!`.
    None,
    /// `!!str`
    Str,
    /// `!!bool`
    Bool,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!null`
    Null,
    /// `!!timestamp`
    Timestamp,
    /// `!!binary`
    Binary,
    /// `!!merge`
    Merge,
    /// Any other.
    Other,
}

impl ScalarTag {
    fn of(tag: Option<&Tag>) -> Self {
        let Some(tag) = tag else {
            return Self::None;
        };
        let whole = format!("{}{}", tag.handle, tag.suffix);
        let whole = whole.strip_prefix("tag:yaml.org,2002:").unwrap_or(&whole);
        match whole {
            "!" | "" => Self::None,
            "str" => Self::Str,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Float,
            "null" => Self::Null,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            "merge" => Self::Merge,
            _ => Self::Other,
        }
    }
}

impl Data {
    /// Whether it is a text to every reader: it has the tag `!!str`, or none and stands in quotes or in a block.
    pub const fn is_text(&self) -> bool {
        match self {
            Self::Scalar { is_quoted, tag, .. } => {
                matches!(tag, ScalarTag::Str) || (*is_quoted && matches!(tag, ScalarTag::None))
            }
            Self::List(_) | Self::Map(_) => false,
        }
    }
}

impl Node {
    /// Whether it is `null`, written out, as `~`, or by nothing at all.
    pub fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar { text, tag: ScalarTag::None | ScalarTag::Null, .. }
            if !self.data.is_text() && ["", "~", "null", "Null", "NULL"].contains(&text.as_str()))
    }

    /// The text of a scalar.
    pub const fn text(&self) -> Option<&String> {
        match &self.data {
            Data::Scalar { text, .. } => Some(text),
            Data::List(_) | Data::Map(_) => None,
        }
    }
}

/// The documents of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The first document; `None` where there is none.
    pub first: Option<Node>,
    /// Whether others follow it. They are not read.
    pub has_more: bool,
}

/// Reads the first document of a text.
///
/// ```
/// use ir_sign::encoding::yaml::{Data, read};
///
/// let stream = read(b"a: &x {b: yes}\nc: *x\n")?;
/// let Some(Data::Map(members)) = stream.first.map(|node| node.data) else { panic!("a map") };
/// assert_eq!(members[1].1.data, members[0].1.data);
/// # Ok::<(), ir_sign::encoding::yaml::Malformed>(())
/// ```
pub fn read(bytes: &[u8]) -> Result<Stream, Malformed> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|b| *b == b'\n').count();
        Malformed::new(line, "the text is not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    doubtful(text)?;
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        has_brackets: text.contains(['[', '{']),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut first = None;
    loop {
        match reader.next()? {
            None | Some((Event::StreamEnd, _)) => {
                let has_more = false;
                return Ok(Stream { first, has_more });
            }
            Some((Event::DocumentStart(_), _)) if first.is_some() => {
                let has_more = true;
                return Ok(Stream { first, has_more });
            }
            Some((Event::DocumentStart(_), _)) => first = Some(reader.node(0)?),
            Some(_) => {}
        }
    }
}

/// Refuses what readers of YAML 1.1 and 1.2 take in different ways.
fn doubtful(text: &str) -> Result<(), Malformed> {
    let mut in_directives = true;
    for (n, line) in text.split('\n').enumerate() {
        let refuse = |reason: &str| Err(Malformed::new(n + 1, reason));
        in_directives &= line.starts_with(['%', '#']) || line.trim().is_empty();
        if in_directives && line.starts_with("%YAML") && line.trim_end() != "%YAML 1.1" {
            return refuse("some readers know only YAML 1.1");
        }
        if in_directives
            && line.starts_with('%')
            && !(line.starts_with("%YAML") || line.starts_with("%TAG"))
        {
            return refuse("there is no such directive");
        }
        if line.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
            return refuse("readers differ in whether a line ends here");
        }
        let is_foreign = |c: char| {
            let is_control = c.is_control() && !['\t', '\r'].contains(&c);
            is_control || ['\u{feff}', '\u{fffe}', '\u{ffff}'].contains(&c)
        };
        if line.contains(is_foreign) {
            return refuse("the line has a control character");
        }
        if has_odd_anchor(line) {
            return refuse("readers differ in how the name of an anchor goes on");
        }
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        if line[..indentation].contains('\t') {
            return refuse("the line is indented with a tab");
        }
    }
    Ok(())
}

/// Whether a name behind `&` or `*` has other characters than the letters, digits, `-` and `_` that readers of YAML 1.1
/// take.
fn has_odd_anchor(line: &str) -> bool {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let starts = line.match_indices(['&', '*']).filter(|(at, _)| {
        let before = line[..*at].chars().next_back();
        before.is_none_or(|c| " \t[]{},:".contains(c))
    });
    starts.into_iter().any(|(at, _)| {
        let rest = line[at + 1..].trim_start_matches(is_inside);
        let next = rest.chars().next();
        !next.is_none_or(|c| " \t\r?:,]}%@`".contains(c))
    })
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    has_brackets: bool,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, Malformed> {
        let event = self.parser.next_event().transpose();
        event.map_err(|error| Malformed::new(error.marker().line(), error.info().to_owned()))
    }

    fn node(&mut self, depth: usize) -> Result<Node, Malformed> {
        match self.next()? {
            None => Err(Malformed::new(1, "the document ends in its midst")),
            Some((event, span)) => self.node_of(event, span, depth),
        }
    }

    fn node_of(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Malformed> {
        let line = span.start.line();
        self.nodes += 1;
        if depth > DEEPEST {
            let reason = format!("nodes are nested more than {DEEPEST} deep");
            return Err(Malformed::new(line, reason));
        }
        let (data, anchor) = match event {
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node =
                    node.ok_or_else(|| Malformed::new(line, "an alias of a node around it"))?;
                self.nodes += count(&node);
                self.check_count(line)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text = text.into_owned();
                let is_quoted = style != ScalarStyle::Plain;
                // Readers of YAML 1.1 refuse these inside brackets. A file that needs both is rare, so none is read.
                let is_odd = |text: &str| text.starts_with(['|', '>']) || text.contains('?');
                if self.has_brackets && !is_quoted && is_odd(&text) {
                    let reason = "readers differ in such text in brackets";
                    return Err(Malformed::new(line, reason));
                }
                let tag = ScalarTag::of(tag.as_deref());
                let data = Data::Scalar {
                    text,
                    is_quoted,
                    tag,
                };
                (data, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                while let Some((event, span)) = self.inside()? {
                    items.push(self.node_of(event, span, depth + 1)?);
                }
                (Data::List(items), anchor)
            }
            Event::MappingStart(anchor, _) => {
                let mut members = Vec::new();
                while let Some((event, span)) = self.inside()? {
                    let key = self.node_of(event, span, depth + 1)?;
                    if is_nothing(&key) {
                        return Err(Malformed::new(key.line, "a member has no name"));
                    }
                    members.push((key, self.node(depth + 1)?));
                }
                (Data::Map(members), anchor)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => {
                return Err(Malformed::new(line, "the document ends in its midst"));
            }
        };
        self.check_count(line)?;
        let node = Node { line, data };
        if anchor != 0 {
            self.nodes += count(&node);
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The next event inside a list or a map; `None` at its end.
    fn inside(&mut self) -> Result<Option<(Event<'t>, Span)>, Malformed> {
        let event = self.next()?;
        let is_end = |(event, _): &(Event<'_>, Span)| {
            matches!(event, Event::SequenceEnd | Event::MappingEnd)
        };
        Ok(event.filter(|event| !is_end(event)))
    }

    fn check_count(&self, line: usize) -> Result<(), Malformed> {
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        let reason = format!("the document has more than {MOST_NODES} nodes");
        Err(Malformed::new(line, reason))
    }
}

/// Whether nothing is written there. Some readers take no key like that.
fn is_nothing(key: &Node) -> bool {
    matches!(&key.data, Data::Scalar { text, is_quoted: false, tag: ScalarTag::None } if text.is_empty())
}

fn count(node: &Node) -> usize {
    match &node.data {
        Data::Scalar { .. } => 1,
        Data::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Data::Map(members) => {
            let pairs = members.iter().map(|(key, value)| count(key) + count(value));
            1 + pairs.sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn an_empty_text_has_no_document_and_others_follow_the_first() {
        for text in ["", "# nothing\n", "\n\n"] {
            let stream = read(text.as_bytes()).expect(text);
            assert_eq!((stream.first, stream.has_more), (None, false), "{text:?}");
        }
        let stream = read(b"a: 1\n---\n}{").expect("only the first is read");
        assert!(stream.has_more);
        assert!(
            read(b"---\n")
                .expect("null")
                .first
                .expect("a node")
                .is_null()
        );
    }

    #[test]
    fn an_error_has_its_line() {
        assert_eq!(read(b"a: 1\nb: [\n").expect_err("open").line, 3);
        assert_eq!(read(b"a: 1\nb: \xff\n").expect_err("no text").line, 2);
        assert_eq!(
            read("a: 1\nb: \u{2028}".as_bytes())
                .expect_err("a line?")
                .line,
            2
        );
        for text in ["%YAML 1.2\n---\n", "a: \u{7f}", "\ta: 1\n", "a:\n \tb: 1\n"] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(read(b"# x\n%YAML 1.1\n---\na: x%YAML\r\n").is_ok());
        for text in [
            "a: 1\n\t",
            "%FOO x\n---\na: 1\n",
            "a: &\u{e9} c\n",
            "a: &b.c d\n",
            ": 1\n",
            "a: 1\n\u{feff}",
            "a: \u{fffe}\n",
            "a: [>-\n x]\n",
            "a: {b: |\n x}\n",
            "a: [b?c]\n",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(read(b"a: \"&b\"\nc: x&d.e\nd: &b-_1 [*b-_1]\n").is_err());
        assert!(read(b"a: \"&b\"\nc: x&d.e\nd: &b-_1 x\ne: [*b-_1]\n").is_ok());
        assert!(read(b"a: !!int x\nb: >-\n c?d\n").is_ok());
        assert!(read(b"a: !!bool true\nb: !own x\n").is_ok());
        assert!(read(b"a: *b\n").is_err());
        assert!(read(b"a: &a [*a]\n").is_err());
    }

    #[test]
    fn aliases_do_not_fill_the_memory() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..10 {
            let alias = format!("*a{}", n - 1);
            let ten = vec![alias; 10].join(", ");
            writeln!(text, "a{n}: &a{n} [{ten}]").expect("memory");
        }
        let error = read(text.as_bytes()).expect_err("too many");
        assert!(error.reason.contains("100000 nodes"), "{error}");
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(read(deep.as_bytes()).is_err());
    }

    #[test]
    fn a_plain_scalar_is_told_from_a_text() {
        for (text, null) in [
            ("~", true),
            ("''", false),
            ("!!str", false),
            ("null", true),
            ("x", false),
        ] {
            let node = read(format!("[{text}]").as_bytes()).expect(text).first;
            let Some(Data::List(items)) = node.map(|node| node.data) else {
                panic!("{text}");
            };
            assert_eq!(items[0].is_null(), null, "{text}");
        }
    }
}
