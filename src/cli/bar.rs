//! A progress bar for work that takes longer than a second, on a terminal.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::Settings;
use super::show::plain;
use crate::progress::Progress;

/// Work that is done before this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bar of this process, once it is drawn.
static DRAWN: OnceLock<ProgressBar> = OnceLock::new();
/// Whose the screen is just now. Work that goes on meanwhile draws nothing, and waits for nobody.
static SCREEN: Mutex<()> = Mutex::new(());

/// Talks with a person while the bar is off the screen.
pub fn aside<T>(talk: impl FnOnce() -> T) -> T {
    let _screen = SCREEN.lock().unwrap_or_else(PoisonError::into_inner);
    match DRAWN.get() {
        Some(bar) => bar.suspend(talk),
        None => talk(),
    }
}

/// Tells a line while the bar is off the screen, and at once where somebody is talked with.
pub fn beside(tell: impl FnOnce()) {
    match (SCREEN.try_lock(), DRAWN.get()) {
        (Ok(_screen), Some(bar)) => bar.suspend(tell),
        _ => tell(),
    }
}

/// Progress on standard error.
pub struct Bar {
    shown: bool,
    /// Whether each piece of work is told in a line of its own.
    told: bool,
    start: Instant,
    total: AtomicU64,
    done: AtomicU64,
    /// What is worked on, if the bar does not say so yet.
    news: Mutex<Option<String>>,
}

impl Bar {
    /// A bar that is shown if standard error is a terminal and a person is listening.
    pub fn new(settings: Settings) -> Self {
        Self {
            told: settings.verbose > 1 && !settings.quiet,
            shown: std::io::stderr().is_terminal() && !settings.quiet && !settings.json,
            start: Instant::now(),
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            news: Mutex::default(),
        }
    }

    /// Takes the bar off the screen.
    pub fn finish(&self) {
        if self.shown
            && let Some(bar) = DRAWN.get()
        {
            bar.finish_and_clear();
        }
    }

    fn draw(&self) {
        if !self.shown || self.start.elapsed() < PATIENCE {
            return;
        }
        let Ok(_screen) = SCREEN.try_lock() else {
            return;
        };
        let bar = self.bar();
        if let Some(what) = self.news().take() {
            bar.set_message(what);
        }
        bar.set_length(self.total.load(Ordering::Relaxed));
        bar.set_position(self.done.load(Ordering::Relaxed));
    }

    fn news(&self) -> MutexGuard<'_, Option<String>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bar(&self) -> &ProgressBar {
        DRAWN.get_or_init(|| {
            let bar = ProgressBar::with_draw_target(
                Some(self.total.load(Ordering::Relaxed)),
                ProgressDrawTarget::stderr(),
            );
            let template = "{msg:30!} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            // The template is ours and known to be right; a plain bar is as good.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.with_elapsed(self.start.elapsed())
        })
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, bytes: u64) {
        // It may hold a tag, which others chose.
        let what = plain(what);
        if self.told {
            let at = self.start.elapsed().as_millis();
            beside(|| {
                let _ = writeln!(std::io::stderr(), "{at} ms: {what} ({bytes} bytes)");
            });
        }
        self.total.fetch_add(bytes, Ordering::Relaxed);
        *self.news() = Some(what);
        self.draw();
    }

    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        self.draw();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Color;

    fn bar() -> Bar {
        let settings = Settings {
            json: false,
            quiet: false,
            verbose: 0,
            color: Color::Never,
        };
        let mut bar = Bar::new(settings);
        bar.shown = true;
        bar
    }

    fn shown() -> Option<String> {
        DRAWN.get().map(ProgressBar::message)
    }

    #[test]
    fn what_is_worked_on_is_shown_once_it_takes_a_second_and_cannot_drive_the_terminal() {
        let mut bar = bar();
        bar.begin("layers of a\x1b[2J", 2);
        bar.advance(1);
        assert_eq!(shown(), None);
        bar.start = bar.start.checked_sub(PATIENCE).expect("a time");
        bar.advance(1);
        assert_eq!(shown().as_deref(), Some("layers of a\\u{1b}[2J"));
        bar.begin("layers of b\x07", 2);
        assert_eq!(shown().as_deref(), Some("layers of b\\u{7}"));
    }
}
