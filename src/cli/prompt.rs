//! Asks for PINs and passphrases on the terminal, without showing them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::mem;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use signal_hook::consts::{SIGINT, SIGQUIT};
use zeroize::Zeroizing;

use super::bar::{aside, beside};
use super::console::tell;
use crate::key::passphrase::{AskPassphrase, PassphraseError};
use crate::key::pin::{Pin, PinError};
use crate::key::pkcs11::{PinLength, Prompt, before_death};
use crate::secret::Secret;
use crate::text::plain;

/// No PIN or passphrase that is typed is longer.
const MOST: usize = 255;
/// The characters of the keys for interrupt, quit, end of file, erase, kill and erasing a word.
const INTERRUPT: u8 = 3;
const QUIT: u8 = 28;
const END: u8 = 4;
const ERASE: [u8; 2] = [8, 127];
const KILL: u8 = 21;
const WORD: u8 = 23;
/// Suspending a prompt is not possible, and this is not a part of a PIN.
const SUSPEND: u8 = 26;

/// The terminal of this process, even if its input and output are redirected.
pub struct Terminal {
    /// Whether only prompts and errors are shown.
    pub quiet: bool,
}

impl Prompt for Terminal {
    fn ask(&self, token: &str, reason: Option<&str>) -> Result<Pin, PinError> {
        let reason = reason.map_or(String::new(), |reason| format!(", {reason}"));
        let text = format!("PIN of {}{}: ", plain(token), plain(&reason));
        aside(|| Pin::new(read_hidden(&mut open()?, &text)?))
    }

    fn pad(&self, token: &str) {
        beside(|| tell(&format!("{}: enter the PIN on its PIN pad", plain(token))));
    }

    fn warn(&self, text: &str) {
        self.notify(&format!("warning: {text}"));
    }

    fn notify(&self, text: &str) {
        if !self.quiet {
            beside(|| tell(&plain(text)));
        }
    }
}

impl AskPassphrase for Terminal {
    fn ask(&self, file: &Path) -> Result<Option<Secret>, PassphraseError> {
        let text = format!("Passphrase of {}: ", shown(file));
        aside(|| passphrase(open().and_then(|mut terminal| read_hidden(&mut terminal, &text))))
    }

    fn ask_new(&self, file: &Path) -> Result<Option<Secret>, PassphraseError> {
        let text = format!("New passphrase of {}: ", shown(file));
        aside(|| {
            let twice = open().and_then(|mut terminal| {
                let first = read_hidden(&mut terminal, &text)?;
                let second = read_hidden(&mut terminal, "New passphrase again: ")?;
                Ok((*first == *second).then_some(first))
            });
            passphrase(twice)?.map_or(Ok(None), |first| {
                first.map(Some).ok_or(PassphraseError::Unequal)
            })
        })
    }
}

/// What was typed for a passphrase; none where there is no terminal.
fn passphrase<T>(typed: Result<T, NotTyped>) -> Result<Option<T>, PassphraseError> {
    typed.map(Some).or_else(|error| match error {
        NotTyped::Nobody => Ok(None),
        NotTyped::Cancelled => Err(PassphraseError::Cancelled),
        NotTyped::Interrupted(signal) => Err(PassphraseError::Interrupted(signal)),
        NotTyped::TooLong => Err(PassphraseError::TooLong(MOST)),
        NotTyped::Terminal(error) => Err(PassphraseError::Terminal(error)),
    })
}

fn shown(file: &Path) -> String {
    plain(&file.display().to_string())
}

impl From<NotTyped> for PinError {
    fn from(error: NotTyped) -> Self {
        match error {
            NotTyped::Nobody => Self::Nobody,
            NotTyped::Cancelled => Self::Cancelled,
            NotTyped::Interrupted(signal) => Self::Interrupted(signal),
            NotTyped::TooLong => Self::TooLong(MOST),
            NotTyped::Terminal(error) => Self::Terminal(error),
        }
    }
}

/// Asks for a new PIN, and shows the allowed length.
pub fn new_pin(what: &str, length: &PinLength) -> Result<Pin, PinError> {
    let text = format!("New {what} ({length}): ");
    Pin::new(read_hidden(&mut open()?, &text)?)
}

/// Asks for a new PIN again, which has to be the same.
pub fn new_pin_again(what: &str, first: &Pin) -> Result<(), PinError> {
    let second = read_hidden(&mut open()?, &format!("New {what} again: "))?;
    if *second == *first.expose().as_bytes() {
        Ok(())
    } else {
        Err(PinError::Unequal)
    }
}

/// Asks for a PIN that a token has already.
pub fn old_pin(what: &str, token: &str) -> Result<Pin, PinError> {
    let text = format!("{what} of token \"{}\": ", plain(token));
    Pin::new(read_hidden(&mut open()?, &text)?)
}

/// Whether there is a terminal to ask on.
pub fn is_there() -> io::Result<()> {
    terminal().map(drop)
}

/// Asks for a line, with echo. An interrupt ends the program.
pub fn line(question: &str) -> io::Result<String> {
    let mut terminal = terminal()?;
    terminal.write_all(question.as_bytes())?;
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match terminal.read(&mut byte) {
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            // More than anybody is asked to type.
            Ok(_) if line.len() == MOST => break,
            Ok(_) => line.push(byte[0]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(String::from_utf8_lossy(&line).trim().to_owned())
}

fn terminal() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// Why nothing was typed.
enum NotTyped {
    /// There is no terminal.
    Nobody,
    /// The person would not.
    Cancelled,
    /// The person pressed the key for this signal.
    Interrupted(i32),
    /// It is longer than what is read.
    TooLong,
    /// The terminal did not work.
    Terminal(io::Error),
}

fn open() -> Result<File, NotTyped> {
    terminal().map_err(|_| NotTyped::Nobody)
}

/// The terminal without echo, and its former settings.
static HIDING: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// Restores the terminal's settings.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        show_again(&mut hiding());
    }
}

fn hiding() -> MutexGuard<'static, Option<(File, Termios)>> {
    HIDING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn show_again(hiding: &mut Option<(File, Termios)>) {
    if let Some((terminal, before)) = hiding.take() {
        // A terminal that is gone needs no settings.
        let _ = tcsetattr(terminal, OptionalActions::Flush, &before);
    }
}

/// The same for a process that dies by a signal.
fn show_for_good() {
    let mut hiding = hiding();
    show_again(&mut hiding);
    mem::forget(hiding);
}

fn read_hidden(terminal: &mut File, text: &str) -> Result<Secret, NotTyped> {
    let before = tcgetattr(&*terminal).map_err(|e| NotTyped::Terminal(e.into()))?;
    let mut hidden = before.clone();
    // Signals come as characters, so that an interrupt leaves no terminal without echo behind. The
    // program ends by that signal all the same, once everything is put back.
    hidden.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
    hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
    hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
    let handle = terminal.try_clone().map_err(NotTyped::Terminal)?;
    before_death(show_for_good);
    *hiding() = Some((handle, before));
    let restore = Restore;
    {
        let _held = hiding();
        tcsetattr(&*terminal, OptionalActions::Flush, &hidden)
            .map_err(|e| NotTyped::Terminal(e.into()))?;
    }
    terminal
        .write_all(text.as_bytes())
        .map_err(NotTyped::Terminal)?;
    let read = read_line(terminal);
    let ended = terminal.write_all(b"\n").map_err(NotTyped::Terminal);
    drop(restore);
    let line = read?;
    ended?;
    Ok(line)
}

/// Reads one line, byte by byte, into one buffer that never moves, so that wiping it wipes all copies.
fn read_line(terminal: &mut File) -> Result<Secret, NotTyped> {
    let mut line = Secret::zeroed(MOST);
    let mut length = 0;
    let mut byte = Zeroizing::new([0]);
    loop {
        match terminal.read(&mut *byte) {
            Ok(0) => return Err(NotTyped::Cancelled),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(NotTyped::Terminal(e)),
        }
        match byte[0] {
            b'\n' | b'\r' => {
                line.truncate(length);
                return Ok(line);
            }
            INTERRUPT => return Err(NotTyped::Interrupted(SIGINT)),
            QUIT => return Err(NotTyped::Interrupted(SIGQUIT)),
            SUSPEND => {}
            END if length == 0 => return Err(NotTyped::Cancelled),
            b if ERASE.contains(&b) => {
                // A character may have several bytes.
                while length > 0 {
                    length -= 1;
                    if line[length] & 0xC0 != 0x80 {
                        break;
                    }
                }
            }
            KILL | WORD => length = 0,
            _ if length == MOST => return Err(NotTyped::TooLong),
            b => {
                line[length] = b;
                length += 1;
            }
        }
    }
}
