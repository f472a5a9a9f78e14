//! What strace writes, line by line. A line that is not understood ends the test: what is not
//! understood is not known to be harmless.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

/// A call of the system.
#[derive(Clone, Debug)]
pub struct Call {
    /// The thread that made it; the first one that is seen is 0.
    pub thread: usize,
    pub name: String,
    pub args: Vec<Arg>,
    /// The result; `None` where the program was killed in the call.
    pub result: Option<i64>,
    /// Whether an error was given in its place.
    pub injected: bool,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A text, whole.
    Text(Vec<u8>),
    /// An open file, with its path or what stands for one (`pipe:[7]`).
    Open(String, PathBuf),
    /// Anything else, as it stands there.
    Word(String),
}

impl Call {
    /// The paths that it is about. A relative one is joined to the folder before it.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let mut folder: Option<&PathBuf> = None;
        for arg in &self.args {
            match arg {
                Arg::Open(_, path) => {
                    paths.extend(folder.cloned());
                    folder = Some(path);
                }
                Arg::Text(bytes) if self.takes_paths() => {
                    let path = PathBuf::from(OsString::from_vec(bytes.clone()));
                    paths.push(tidy(&folder.take().map_or(path.clone(), |f| f.join(&path))));
                }
                Arg::Text(_) | Arg::Word(_) => {}
            }
        }
        paths.extend(folder.cloned());
        paths
    }

    /// Whether a text among its arguments is a path and not data.
    fn takes_paths(&self) -> bool {
        !matches!(
            self.name.as_str(),
            "write" | "pwrite64" | "writev" | "pwritev" | "read" | "pread64"
        )
    }

    /// Whether it is about something in a folder, or the folder itself.
    pub fn touches(&self, folder: &Path) -> bool {
        self.paths().iter().any(|path| path.starts_with(folder))
    }

    /// Whether it writes to this standard stream.
    pub fn is_output(&self, stream: &str) -> bool {
        self.name == "write" && matches!(&self.args[0], Arg::Open(fd, _) if fd == stream)
    }

    /// Whether one of its arguments has this flag set.
    pub fn has(&self, flag: &str) -> bool {
        let is = |arg: &Arg| matches!(arg, Arg::Word(word) if word.split('|').any(|w| w == flag));
        self.args.iter().any(is)
    }
}

/// A path without `.`; none with `..` is met.
fn tidy(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

/// Reads all lines of `strace -f -qq -y -xx`. Each call stands where it came back, so that what
/// follows from it follows it here too.
pub fn parse(text: &str) -> Vec<Call> {
    let mut threads: Vec<&str> = Vec::new();
    let mut begun: HashMap<usize, &str> = HashMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let (id, rest) = line.split_once(' ').unwrap_or_else(|| not_understood(line));
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
            not_understood(line);
        }
        let thread = threads.iter().position(|known| *known == id);
        let thread = thread.unwrap_or_else(|| {
            threads.push(id);
            threads.len() - 1
        });
        let rest = rest.trim_start();
        if rest.starts_with("+++ ") || rest.starts_with("--- ") {
            continue;
        }
        // A thread that ended, with the program, before its call was begun: `????(` in other versions.
        if rest.trim_start_matches('?') == "( <detached ...>" {
            continue;
        }
        if let Some(first) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, first);
            continue;
        }
        let whole = match rest.strip_prefix("<... ") {
            Some(resumed) => {
                let Some(first) = begun.remove(&thread) else {
                    // The call by which strace came to this thread.
                    assert!(resumed.starts_with("execve resumed>"), "{line}");
                    continue;
                };
                let (_, end) = resumed
                    .split_once(" resumed>")
                    .unwrap_or_else(|| not_understood(line));
                format!("{first}{end}")
            }
            None => rest.to_owned(),
        };
        calls.push(call(thread, &whole).unwrap_or_else(|| not_understood(line)));
    }
    // Calls in which all ended: whether they had any effect is not known.
    for (thread, first) in begun {
        let whole = format!("{first}) = ?");
        calls.push(call(thread, &whole).unwrap_or_else(|| not_understood(first)));
    }
    calls
}

fn not_understood(line: &str) -> ! {
    panic!("a line of strace's that is not understood: {line}")
}

/// `name(args) = result`.
fn call(thread: usize, text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let is_word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    if name.is_empty() || !name.bytes().all(is_word) {
        return None;
    }
    let (args, rest) = arguments(rest)?;
    let result = rest.trim_start().strip_prefix("= ")?;
    let (value, _) = result.split_at(result.find([' ', '<']).unwrap_or(result.len()));
    let result = match value {
        "?" => None,
        hex if hex.starts_with("0x") => Some(i64::from_str_radix(&hex[2..], 16).ok()?),
        number => Some(number.parse().ok()?),
    };
    Some(Call {
        thread,
        name: name.to_owned(),
        args,
        result,
        injected: rest.ends_with("(INJECTED)"),
    })
}

/// The text up to the closing parenthesis, and the text after it.
fn arguments(text: &str) -> Option<(Vec<Arg>, &str)> {
    let mut args = Vec::new();
    let (mut depth, mut start, mut quoted) = (0_usize, 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            // With `-xx` there is no quotation mark within a text.
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b')' if depth == 0 => {
                if at > start {
                    args.push(argument(text[start..at].trim())?);
                }
                return Some((args, &text[at + 1..]));
            }
            b'[' | b'{' | b'(' | b'<' => depth += 1,
            b']' | b'}' | b')' | b'>' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                args.push(argument(text[start..at].trim())?);
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn argument(text: &str) -> Option<Arg> {
    if let Some(quoted) = text.strip_prefix('"') {
        // One that was cut ends in dots, and is not understood.
        return Some(Arg::Text(unhex(quoted.strip_suffix('"')?)?));
    }
    if let Some((number, rest)) = text.split_once('<')
        && (number == "AT_FDCWD" || number.bytes().all(|b| b.is_ascii_digit()))
    {
        // A file that was removed meanwhile: `PATH>(deleted)`.
        let (path, _) = rest.split_once('>')?;
        // Devices have their numbers behind: `PATH<char 1:3`.
        let path = path.split('<').next()?;
        let path = PathBuf::from(OsString::from_vec(unhex(path)?));
        return Some(Arg::Open(number.to_owned(), path));
    }
    Some(Arg::Word(text.to_owned()))
}

/// Text of which some characters are spelt `\xHH`.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(digits) = rest.strip_prefix("\\x") {
            bytes.push(u8::from_str_radix(digits.get(..2)?, 16).ok()?);
            rest = &digits[2..];
        } else {
            let first = rest.chars().next().filter(|c| *c != '\\')?;
            bytes.extend(first.to_string().as_bytes());
            rest = &rest[first.len_utf8()..];
        }
    }
    Some(bytes)
}
