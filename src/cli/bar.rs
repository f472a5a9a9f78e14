//! A progress bar for work that takes longer than a second, on a terminal.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::args::Settings;
use super::show::plain;
use crate::progress::Progress;

/// Work that is done before this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// The bar is drawn no more often than this.
const INTERVAL: Duration = Duration::from_millis(100);
/// How many characters the bar has, and what is being worked on.
const WIDTH: usize = 24;

/// Progress on standard error.
pub struct Bar {
    shown: bool,
    /// Whether each piece of work is told in a line of its own.
    told: bool,
    start: Instant,
    total: AtomicU64,
    done: AtomicU64,
    screen: Mutex<Screen>,
}

/// What is on the screen.
struct Screen {
    what: String,
    drawn: Option<Instant>,
}

impl Bar {
    /// A bar that is shown if standard error is a terminal and a person is listening.
    pub fn new(settings: Settings) -> Self {
        Self {
            told: settings.verbose > 1 && !settings.quiet,
            shown: !settings.quiet && !settings.json && std::io::stderr().is_terminal(),
            start: Instant::now(),
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            screen: Mutex::new(Screen {
                what: String::new(),
                drawn: None,
            }),
        }
    }

    /// Takes the bar off the screen.
    pub fn finish(&self) {
        if self.screen().drawn.take().is_some() {
            // Nobody is there to tell when this fails; so everywhere here.
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) {
        if !self.shown || self.start.elapsed() < PATIENCE {
            return;
        }
        let mut screen = self.screen();
        if screen.drawn.is_some_and(|drawn| drawn.elapsed() < INTERVAL) {
            return;
        }
        screen.drawn = Some(Instant::now());
        let line = line(
            &screen.what,
            self.done.load(Ordering::Relaxed),
            self.total.load(Ordering::Relaxed),
            self.start.elapsed(),
        );
        // In one write, and cut at the right edge rather than wrapped.
        let _ = std::io::stderr().write_all(format!("\r\x1b[?7l{line}\x1b[K\x1b[?7h").as_bytes());
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, bytes: u64) {
        if self.told {
            let at = self.start.elapsed().as_millis();
            let _ = writeln!(
                std::io::stderr(),
                "{at} ms: {} ({bytes} bytes)",
                plain(what)
            );
        }
        self.total.fetch_add(bytes, Ordering::Relaxed);
        if self.shown {
            self.screen().what = plain(what);
            self.draw();
        }
    }

    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        self.draw();
    }
}

/// What a bar looks like.
fn line(what: &str, done: u64, total: u64, elapsed: Duration) -> String {
    // More than was announced is not a reason to overflow.
    let total = total.max(done).max(1);
    let filled = usize::try_from(u128::from(done) * WIDTH as u128 / u128::from(total));
    let bar = "=".repeat(filled.unwrap_or(WIDTH));
    let what: String = what.chars().take(WIDTH).collect();
    let each = |bytes: u64| u128::from(bytes) * 1000 / elapsed.as_millis().max(1);
    let speed = u64::try_from(each(done)).unwrap_or(u64::MAX);
    let left = match speed {
        0 => String::new(),
        speed => format!(", {} s left", (total - done).div_ceil(speed)),
    };
    format!(
        "{what:WIDTH$} [{bar:WIDTH$}] {} of {}, {}/s{left}",
        size(done),
        size(total),
        size(speed)
    )
}

/// A number of bytes for a person.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in UNITS {
        if bytes >> shift > 0 {
            let tenths = (u128::from(bytes) * 10) >> shift;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_how_far_it_is() {
        let after = Duration::from_secs(2);
        assert_eq!(
            line("a layer", 512 << 20, 2 << 30, after),
            "a layer                  [======                  ] 512.0 MiB of 2.0 GiB, \
             256.0 MiB/s, 6 s left"
        );
        let name = "a name that is longer than there is room for";
        assert_eq!(
            line(name, 1536, 1024, after),
            "a name that is longer th [========================] 1.5 KiB of 1.5 KiB, \
             768 B/s, 0 s left"
        );
        assert_eq!(
            line("", 0, 0, Duration::ZERO),
            "                         [                        ] 0 B of 1 B, 0 B/s"
        );
    }
}
