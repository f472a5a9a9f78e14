//! Which file of `src` takes what from which other, read from `use` items and from paths: no circle among files,
//! no folder beside its place in the table, and nothing that a child takes from its own `mod.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The names of modules from the crate down.
type Names = Vec<String>;

/// One word or mark of a source, with its line.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        let first = self.text.chars().next();
        first.is_some_and(|c| c.is_alphabetic() || c == '_')
    }
}

/// The words and marks of a source, without comments and what literals hold.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut all, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let rest = &chars[at..];
        let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
        let (length, is_token) = match rest {
            ['/', '/', ..] => (until(rest, "\n"), false),
            ['/', '*', ..] => (block_comment(rest), false),
            ['r' | 'b' | 'c', ..] if literal(rest) > 0 => (literal(rest), false),
            ['"', ..] => (quoted(rest, '"'), false),
            ['\'', '\\', ..] | ['\'', _, '\'', ..] => (quoted(rest, '\''), false),
            [c, ..] if is_word(c) => (rest.iter().take_while(|c| is_word(c)).count(), true),
            [':', ':', ..] | ['=', '>', ..] => (2, true),
            [c, ..] => (1, !c.is_whitespace()),
            [] => break,
        };
        let rest = &rest[..length.clamp(1, rest.len())];
        if is_token {
            let text = rest.iter().collect();
            all.push(Token { text, line });
        }
        line += rest.iter().filter(|c| **c == '\n').count();
        at += rest.len();
    }
    all
}

/// How many characters there are up to the end of the first `end`.
fn until(rest: &[char], end: &str) -> usize {
    let end: Vec<char> = end.chars().collect();
    let found = rest.windows(end.len()).position(|part| part == end);
    found.map_or(rest.len(), |at| at + end.len())
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            [] => return at,
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
}

/// The length of a literal that letters begin: raw text or bytes; none where it is a word.
fn literal(rest: &[char]) -> usize {
    let letters = rest.iter().take_while(|c| "rbc".contains(**c)).count();
    let hashes = rest[letters..].iter().take_while(|c| **c == '#').count();
    let raw = rest[..letters].contains(&'r');
    match rest.get(letters + hashes) {
        Some('"') if raw => {
            let start = letters + hashes + 1;
            start + until(&rest[start..], &format!("\"{}", "#".repeat(hashes)))
        }
        Some(quote @ ('"' | '\'')) if hashes == 0 && letters == 1 => {
            letters + quoted(&rest[letters..], *quote)
        }
        _ => 0,
    }
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Leaves out what is there for tests alone, and attributes; the second is the names of modules for tests.
fn without_tests(all: &[Token]) -> (Vec<Token>, BTreeSet<String>) {
    let (mut kept, mut tests, mut at) = (Vec::new(), BTreeSet::new(), 0);
    let mut is_test = false;
    while at < all.len() {
        let mark = |n: usize| all.get(at + n).map_or("", |token| &token.text);
        let attribute = match (mark(0), mark(1)) {
            ("#", "[") => Some(at + 1),
            ("#", "!") if mark(2) == "[" => Some(at + 2),
            _ => None,
        };
        if let Some(open) = attribute {
            let end = closing(all, open);
            let words: Vec<&str> = all[open..end].iter().map(|t| &*t.text).collect();
            is_test |= words == ["[", "cfg", "(", "test", ")"];
            at = end + 1;
        } else if is_test {
            let item = &all[at..];
            let opens = item.iter().position(|t| t.text == "{" || t.text == ";");
            let opens = at + opens.expect("an item ends");
            if let Some(n) = all[at..opens].iter().position(|t| t.text == "mod") {
                tests.insert(all[at + n + 1].text.clone());
            }
            at = closing(all, opens) + 1;
            is_test = false;
        } else {
            kept.push(all[at].clone());
            at += 1;
        }
    }
    (kept, tests)
}

/// Where the bracket ends that opens at this place; the place itself where none does.
fn closing(all: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in all.iter().enumerate().skip(open) {
        match &*token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    all.len() - 1
}

/// A path that a source names, from the crate down, and where.
#[derive(Clone, Debug)]
struct Named {
    path: Names,
    line: usize,
}

/// A source as the reader sees it.
#[derive(Default)]
struct File {
    path: PathBuf,
    /// The items that `use` brings in, by their names here.
    aliases: BTreeMap<String, Names>,
    /// Every path that is named.
    named: Vec<Named>,
    /// The first words of items that are neither `mod` nor `use`, where a file has modules below it.
    items: Vec<usize>,
    /// Crates that are named, with their lines.
    crates: Vec<Named>,
    /// Lines of a `_ =>` in a function named `class`.
    wild: Vec<usize>,
}

/// All of the sources, by the module that each is.
struct Sources(BTreeMap<Names, File>);

fn names(path: &str) -> Names {
    path.split("::").map(str::to_owned).collect()
}

/// The module that a file below `src` is.
fn module_of(path: &Path) -> Names {
    let mut names: Names = path
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if names.last().is_some_and(|last| last == "mod") || names == ["lib"] {
        names.pop();
    }
    names
}

impl Sources {
    /// Reads all that there is: each text with its path below `src`.
    fn read(texts: &[(PathBuf, String)]) -> Self {
        let mut all: BTreeMap<Names, (PathBuf, Vec<Token>)> = BTreeMap::new();
        let mut for_tests: BTreeSet<Names> = BTreeSet::new();
        for (path, text) in texts {
            let module = module_of(path);
            let (tokens, names) = without_tests(&tokens(text));
            for_tests.extend(names.into_iter().map(|name| joined(&module, &[name])));
            all.insert(module, (path.clone(), tokens));
        }
        all.retain(|module, _| !for_tests.iter().any(|test| module.starts_with(test)));
        let modules: BTreeSet<Names> = all.keys().cloned().collect();
        let read = all.into_iter().map(|(module, (path, tokens))| {
            let mut reader = Reader {
                modules: &modules,
                file: File {
                    path,
                    ..File::default()
                },
            };
            // The imports are known before the search looks at paths.
            reader.pass(&module, &tokens, true);
            reader.pass(&module, &tokens, false);
            (module, reader.file)
        });
        Self(read.collect())
    }

    fn of_crate() -> Self {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut texts = Vec::new();
        let mut folders = vec![src.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    let text = fs::read_to_string(&path).expect("a file in UTF-8");
                    let path = path.strip_prefix(&src).expect("it is in there");
                    texts.push((path.to_owned(), text));
                }
            }
        }
        Self::read(&texts)
    }

    /// The module that owns what a path names: re-exports are followed to it.
    fn owner(&self, path: &[String]) -> Option<Names> {
        let mut path = path.to_vec();
        // Longer chains of re-exports would be a riddle.
        for _ in 0..8 {
            let depth = self.depth(&path);
            let (module, rest) = path.split_at(depth);
            let first = rest.first()?;
            match self.0.get(module).and_then(|file| file.aliases.get(first)) {
                Some(alias) => path = joined(alias, &rest[1..]),
                None => return Some(module.to_vec()),
            }
        }
        None
    }

    /// How many names of a path are those of modules with files.
    fn depth(&self, path: &[String]) -> usize {
        let is_module = |depth: &usize| self.0.contains_key(&path[..*depth]);
        (0..=path.len()).rev().find(is_module).unwrap_or(0)
    }

    /// Which file takes from which: each pair with the first line that says so.
    fn edges(&self) -> BTreeMap<(&Names, &Names), usize> {
        let mut edges = BTreeMap::new();
        for (module, file) in &self.0 {
            for named in &file.named {
                if let Some(owner) = self.owner(&named.path)
                    && owner != *module
                    && let Some((owner, _)) = self.0.get_key_value(&owner)
                {
                    edges.entry((module, owner)).or_insert(named.line);
                }
            }
        }
        edges
    }

    fn path(&self, module: &Names) -> String {
        format!("src/{}", self.0[module].path.display())
    }

    /// The files that take from one another in a circle, each circle with the lines that close it.
    fn circles(&self) -> Vec<String> {
        let edges = self.edges();
        let mut takes: BTreeMap<&Names, Vec<&Names>> = BTreeMap::new();
        for (from, to) in edges.keys() {
            takes.entry(from).or_default().push(to);
        }
        let mut reach: BTreeMap<&Names, BTreeSet<&Names>> = BTreeMap::new();
        for module in self.0.keys() {
            let (mut seen, mut open) = (BTreeSet::new(), vec![module]);
            while let Some(at) = open.pop() {
                let next = takes.get(at).into_iter().flatten();
                open.extend(next.copied().filter(|to| seen.insert(*to)));
            }
            reach.insert(module, seen);
        }
        let mut told = BTreeSet::new();
        let mut circles = Vec::new();
        for module in self.0.keys() {
            let members: BTreeSet<&Names> = reach[module]
                .iter()
                .filter(|other| reach[*other].contains(module))
                .copied()
                .collect();
            if members.is_empty() || !told.insert(members.clone()) {
                continue;
            }
            let inside = edges
                .iter()
                .filter(|((from, to), _)| members.contains(from) && members.contains(to));
            let lines = inside.map(|((from, to), line)| {
                format!(
                    "\n    {}:{line} takes from {}",
                    self.path(from),
                    self.path(to)
                )
            });
            let lines: String = lines.collect();
            circles.push(format!("{} files in a circle:{lines}", members.len()));
        }
        circles
    }
}

fn joined(head: &[String], tail: &[String]) -> Names {
    [head, tail].concat()
}

struct Reader<'a> {
    modules: &'a BTreeSet<Names>,
    file: File,
}

impl Reader<'_> {
    /// Goes through a source: for what it imports, or for all that it names.
    fn pass(&mut self, module: &Names, tokens: &[Token], imports: bool) {
        let mut at = 0;
        // Modules that are written in the file itself, with where each ends.
        let mut inside: Vec<(String, usize)> = Vec::new();
        // Where the next item can begin, outside of all bodies.
        let mut item = 0;
        while at < tokens.len() {
            inside.retain(|(_, end)| at < *end);
            let mut here = module.clone();
            here.extend(inside.iter().map(|(name, _)| name.clone()));
            let mark = |n: usize| tokens.get(at + n).map_or("", |token| &token.text);
            let is_start = at == 0 || ![":", "::", "."].contains(&&*tokens[at - 1].text);
            if at == item && !imports {
                item = self.item(tokens, at);
            }
            match (mark(0), mark(2)) {
                ("use", _) => {
                    let end = at
                        + tokens[at..]
                            .iter()
                            .position(|t| t.text == ";")
                            .expect("an end");
                    self.import(&here, &tokens[at + 1..end], &[], imports);
                    at = end;
                }
                ("mod", "{") => {
                    inside.push((mark(1).to_owned(), closing(tokens, at + 2)));
                    at += 3;
                }
                ("fn", _) if mark(1) == "class" && !imports => {
                    let open = tokens[at..].iter().position(|t| t.text == "{");
                    let open = at + open.expect("a body");
                    let body = &tokens[open..closing(tokens, open)];
                    let wild = body
                        .windows(2)
                        .filter(|w| w[0].text == "_" && w[1].text == "=>");
                    self.file.wild.extend(wild.map(|w| w[0].line));
                    at += 2;
                }
                _ if tokens[at].is_word() && is_start && mark(1) == "::" => {
                    let mut path = vec![tokens[at].text.clone()];
                    let line = tokens[at].line;
                    while tokens.get(at + 1).is_some_and(|t| t.text == "::")
                        && tokens.get(at + 2).is_some_and(Token::is_word)
                    {
                        path.push(tokens[at + 2].text.clone());
                        at += 2;
                    }
                    if !imports {
                        self.name(&here, path, line);
                    }
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// Looks at an item outside of all others; where the next one begins.
    fn item(&mut self, tokens: &[Token], at: usize) -> usize {
        let mut word = at;
        if tokens[word].text == "pub" {
            word += 1;
            if tokens.get(word).is_some_and(|t| t.text == "(") {
                word = closing(tokens, word) + 1;
            }
        }
        if !["use", "mod"].contains(&&*tokens[word].text) {
            self.file.items.push(tokens[word].line);
        }
        let ends = |t: &Token| t.text == "{" || t.text == ";";
        let is_use = tokens[word].text == "use";
        let end = tokens[word..]
            .iter()
            .position(|t| if is_use { t.text == ";" } else { ends(t) });
        end.map_or(tokens.len(), |end| closing(tokens, word + end) + 1)
    }

    /// Reads one tree of a `use` item.
    fn import(&mut self, here: &Names, tree: &[Token], before: &[String], imports: bool) {
        let mut path = before.to_vec();
        let mut at = 0;
        while let Some(token) = tree.get(at) {
            match &*token.text {
                "{" => {
                    for part in parts(&tree[at + 1..closing(tree, at)]) {
                        self.import(here, part, &path, imports);
                    }
                    return;
                }
                "as" => {
                    let name = tree[at + 1].text.clone();
                    return self.bring(here, path, name, token.line, imports);
                }
                "*" => {
                    path.push("*".to_owned());
                    return self.bring(here, path, "*".to_owned(), token.line, imports);
                }
                "::" => {}
                word => path.push(word.to_owned()),
            }
            at += 1;
        }
        let line = tree.last().map_or(0, |token| token.line);
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let name = path.last().cloned().unwrap_or_default();
        self.bring(here, path, name, line, imports);
    }

    fn bring(&mut self, here: &Names, path: Names, name: String, line: usize, imports: bool) {
        let full = self.full(here, &path, imports);
        if !imports {
            return self.name(here, path, line);
        }
        if let Some(full) = full
            && name != "_"
            && name != "*"
        {
            self.file.aliases.insert(name, full);
        }
    }

    fn name(&mut self, here: &Names, path: Names, line: usize) {
        match self.full(here, &path, false) {
            Some(path) => self.file.named.push(Named { path, line }),
            None => self.file.crates.push(Named { path, line }),
        }
    }

    /// A path from the crate down; `None` where it leads out of the crate.
    fn full(&self, here: &Names, path: &[String], imports: bool) -> Option<Names> {
        let (first, mut rest) = path.split_first()?;
        let mut at = here.clone();
        match &**first {
            "crate" | "ir_sign" => at.clear(),
            "self" => {}
            "Self" => return None,
            "super" => {
                at.pop();
                while rest.first().is_some_and(|next| next == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            _ => {
                let child = joined(here, std::slice::from_ref(first));
                if self.modules.contains(&child) {
                    at = child;
                } else if let Some(alias) = self.file.aliases.get(first).filter(|_| !imports) {
                    // An import of a crate's own name would lead back to itself.
                    at.clone_from(alias);
                } else {
                    return None;
                }
            }
        }
        Some(joined(&at, rest))
    }
}

/// The parts between commas, outside of braces.
fn parts(all: &[Token]) -> Vec<&[Token]> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while at < all.len() {
        match &*all[at].text {
            "{" => at = closing(all, at),
            "," => {
                parts.push(&all[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&all[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// The crates that have one home each: nothing else of the house names them.
const HOMES: [(&str, &str); 12] = [
    ("ciborium_io", "encoding"),
    ("ciborium_ll", "encoding"),
    ("clap", "cli"),
    ("clap_complete", "cli"),
    ("clap_mangen", "cli"),
    ("cryptoki", "key/pkcs11"),
    ("cryptoki_sys", "key/pkcs11"),
    ("h2", "broker"),
    ("http", "broker"),
    ("saphyr_parser", "encoding/yaml.rs"),
    ("tokio", "broker"),
    ("ureq", "store/remote"),
];

/// The faults of a file by itself.
fn problems(sources: &Sources, module: &Names, file: &File) -> Vec<String> {
    let mut all = Vec::new();
    let mut tell = |line: usize, what: String| {
        all.push(format!("src/{}:{line}: {what}", file.path.display()));
    };
    let is_mod = |file: &File| file.path.ends_with("mod.rs");
    if is_mod(file) {
        for line in &file.items {
            tell(*line, "a mod.rs only declares and re-exports".into());
        }
    }
    for Named { path, line } in &file.named {
        let (parent, rest) = path.split_at(sources.depth(path));
        let is_above = module != parent && module.starts_with(parent);
        if let Some(name) = rest.first()
            && is_above
            && sources.0.get(parent).is_some_and(is_mod)
        {
            tell(*line, format!("takes {name} from the mod.rs above it"));
        }
        let in_cli = path.starts_with(&names("cli")) && !path.starts_with(&names("cli::args"));
        if in_cli && file.path.starts_with("cli/args") {
            tell(*line, "cli/args uses no other room of cli".into());
        }
    }
    for Named { path, line } in &file.crates {
        let home = HOMES.iter().find(|(name, _)| *name == path[0]);
        if let Some((name, home)) = home
            && !file.path.starts_with(home)
        {
            tell(*line, format!("{name} is for {home} alone"));
        }
    }
    for line in &file.wild {
        tell(*line, "a function named class names every variant".into());
    }
    all
}

#[test]
fn no_files_take_from_one_another_in_a_circle() {
    let circles = Sources::of_crate().circles();
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

#[test]
fn every_file_keeps_to_its_place() {
    let sources = Sources::of_crate();
    let of_file = |(module, file)| problems(&sources, module, file);
    let all: Vec<String> = sources.0.iter().flat_map(of_file).collect();
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

/// The sources of a sample: texts by path.
fn sample(texts: &[(&str, &str)]) -> Sources {
    let texts = texts.iter();
    let texts: Vec<_> = texts
        .map(|(path, text)| (path.into(), (*text).to_owned()))
        .collect();
    Sources::read(&texts)
}

fn told(sources: &Sources) -> Vec<String> {
    let of_file = |(module, file)| problems(sources, module, file);
    sources.0.iter().flat_map(of_file).collect()
}

#[test]
fn circles_are_found_whichever_way_a_file_is_named() {
    let b = ("a/b.rs", "pub struct B;");
    let root = ("lib.rs", "pub mod a;");
    for (up, c) in [
        ("pub mod b;\npub mod c;", "use super::b::B;"),
        ("pub mod b;\npub mod c;", "fn f() { crate::a::b::f(); }"),
        (
            "pub mod b;\npub mod c;",
            "use crate::{a::{self, b}};\nfn f() { b::f() }",
        ),
        (
            "pub mod b;\npub mod c;",
            "use crate::a;\nfn f() { a::b::f() }",
        ),
        ("mod b;\nmod c;\npub use b::B;", "use crate::a::B as Other;"),
        (
            "mod b;\nmod c;\npub use b::B;",
            "mod inner { use super::super::b::*; }",
        ),
    ] {
        let back = ("a/b.rs", "use super::c::{C, D};\npub struct B;");
        let text = format!("{c}\npub struct C;");
        let sources = sample(&[root, ("a/mod.rs", up), back, ("a/c.rs", &text)]);
        let circles = sources.circles();
        assert_eq!(circles.len(), 1, "{c}");
        let line = "src/a/b.rs:1 takes from src/a/c.rs";
        assert!(
            circles[0].starts_with("2 files") && circles[0].contains(line),
            "{circles:?}"
        );
        let sources = sample(&[root, ("a/mod.rs", up), b, ("a/c.rs", &text)]);
        assert_eq!(sources.circles(), [""; 0], "{c}");
    }
}

#[test]
fn what_is_for_tests_alone_or_no_code_closes_no_circle() {
    let b = "use super::c::C;\npub struct B;";
    for c in [
        "#[cfg(test)]\nmod tests { use super::*; use crate::a::b::B; fn f() { crate::a::b::f() } }",
        "#[cfg(test)]\nmod tests;",
        "#[cfg(test)]\nuse super::b::B;",
        "// use super::b::B;\n/* use super::b; */ /// [`super::b::B`]",
        "const T: &str = \"\\\" crate::a::b::B\"; const R: &str = r#\"crate::a::b::f(\"#; const Q: char = '\"';",
        "fn f(b: b::B) { serde::b::f(); }",
    ] {
        let text = format!("{c}\npub struct C;");
        let sources = sample(&[
            ("a/mod.rs", "mod b;\nmod c;\npub use b::B;"),
            ("a/b.rs", b),
            ("a/c.rs", &text),
            ("a/c/tests.rs", "use super::*;\nuse crate::a::b::B;"),
        ]);
        let is_declared = c.ends_with("mod tests;");
        let only = sources
            .0
            .keys()
            .all(|module| !is_declared || module.len() < 3);
        assert!(only, "{:?}", sources.0.keys());
        assert_eq!(sources.circles(), [""; 0], "{c}");
    }
}

#[test]
fn what_does_not_keep_to_its_place_is_found_with_its_line() {
    for (path, text, problem) in [
        (
            "a/b.rs",
            "\nuse super::C;",
            "2: takes C from the mod.rs above it",
        ),
        (
            "a/b.rs",
            "fn f() { crate::a::C::g() }",
            "1: takes C from the mod.rs above it",
        ),
        (
            "a/d/mod.rs",
            "mod e;\nconst X: u8 = 1;",
            "2: a mod.rs only declares and re-exports",
        ),
        (
            "cli/args/b.rs",
            "\nuse crate::cli::show::x;",
            "2: cli/args uses no other room of cli",
        ),
        (
            "cli/show.rs",
            "use cryptoki::error::RvError;",
            "1: cryptoki is for key/pkcs11 alone",
        ),
        (
            "key/b.rs",
            "fn f() { clap::f() }",
            "1: clap is for cli alone",
        ),
        (
            "store/b.rs",
            "use ureq;",
            "1: ureq is for store/remote alone",
        ),
        (
            "a/b.rs",
            "fn class(&self) -> u8 {\n match self { Self::A => 1,\n _ => 2 } }",
            "3: a function named class names every variant",
        ),
    ] {
        let own = ("a/mod.rs", "mod b;\nmod c;\npub use c::C;");
        let others = [
            own,
            ("a/c.rs", "pub struct C;"),
            ("cli/show.rs", "pub struct X;"),
        ];
        let sources = sample(&[&others[..], &[(path, text)]].concat());
        assert_eq!(
            told(&sources),
            [format!("src/{path}:{problem}")],
            "{path}: {text}"
        );
    }
    for (path, text) in [
        (
            "a/b.rs",
            "use super::c::C;\npub(in crate::a) fn f() {}\nfn other(x: u8) { match x { _ => () } }",
        ),
        (
            "cli/args/b.rs",
            "use super::c::C; use crate::cli::args::d; use crate::a::C; use clap::Args;",
        ),
        (
            "key/pkcs11/b.rs",
            "use cryptoki_sys as sys; fn class(&self) -> u8 { match self { Self::A(_) => 1 } }",
        ),
        (
            "a/d/mod.rs",
            "//! Text.\n#![allow(x)]\npub mod e;\npub(super) use e::{F, G};\n",
        ),
    ] {
        let own = ("a/mod.rs", "mod b;\nmod c;\npub use c::C;");
        let sources = sample(&[own, ("a/c.rs", "pub struct C;"), (path, text)]);
        assert_eq!(told(&sources), [""; 0], "{path}: {text}");
    }
}
