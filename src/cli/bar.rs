//! A progress bar for work that takes longer than a second, on a terminal.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
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
    state: Arc<State>,
    /// Whether something draws it once it is time to, if nothing moves until then.
    woken: AtomicBool,
}

struct State {
    shown: bool,
    /// Whether each piece of work is told in a line of its own.
    told: bool,
    start: Instant,
    total: AtomicU64,
    done: AtomicU64,
    /// What is worked on and how many bytes that is, if the bar does not say so yet.
    news: Mutex<Option<(String, u64)>>,
    finished: AtomicBool,
}

impl Bar {
    /// A bar that is shown if standard error is a terminal and a person is listening.
    pub fn new(settings: Settings) -> Self {
        Self::with(State {
            told: settings.verbose > 1 && !settings.quiet,
            shown: std::io::stderr().is_terminal() && !settings.quiet && !settings.json,
            start: Instant::now(),
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            news: Mutex::default(),
            finished: AtomicBool::default(),
        })
    }

    fn with(state: State) -> Self {
        Self {
            state: state.into(),
            woken: AtomicBool::default(),
        }
    }

    /// Takes the bar off the screen for good.
    pub fn finish(&self) {
        let _screen = SCREEN.lock().unwrap_or_else(PoisonError::into_inner);
        self.state.finished.store(true, Ordering::Relaxed);
        if self.state.shown
            && let Some(bar) = DRAWN.get()
        {
            bar.finish_and_clear();
        }
    }

    /// Sees to it that the bar is drawn when it is time to, also while all there is to do is to wait.
    fn wake_later(&self) {
        let rest = PATIENCE.saturating_sub(self.state.start.elapsed());
        if !self.state.shown || rest.is_zero() || self.woken.swap(true, Ordering::Relaxed) {
            return;
        }
        let state = Arc::downgrade(&self.state);
        let wake = move || {
            thread::sleep(rest);
            if let Some(state) = state.upgrade() {
                state.draw();
            }
        };
        // Without a thread it is drawn when something moves.
        let _ = thread::Builder::new().spawn(wake);
    }
}

impl State {
    fn draw(&self) {
        if !self.shown || self.start.elapsed() < PATIENCE {
            return;
        }
        let Ok(_screen) = SCREEN.try_lock() else {
            return;
        };
        if self.finished.load(Ordering::Relaxed) {
            return;
        }
        let bar = self.bar();
        if let Some((what, bytes)) = self.news().take() {
            // Waiting has no length.
            let template = match bytes {
                0 => "{msg}",
                _ => "{msg:30!} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            };
            // The template is ours and known to be right; a plain bar is as good.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(what);
        }
        bar.set_length(self.total.load(Ordering::Relaxed));
        bar.set_position(self.done.load(Ordering::Relaxed));
    }

    fn news(&self) -> MutexGuard<'_, Option<(String, u64)>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bar(&self) -> &ProgressBar {
        DRAWN.get_or_init(|| {
            let bar = ProgressBar::with_draw_target(
                Some(self.total.load(Ordering::Relaxed)),
                ProgressDrawTarget::stderr(),
            );
            bar.with_elapsed(self.start.elapsed())
        })
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, bytes: u64) {
        let state = &self.state;
        // It may hold a tag, which others chose.
        let what = plain(what);
        if state.told {
            let at = state.start.elapsed().as_millis();
            beside(|| {
                let _ = writeln!(std::io::stderr(), "{at} ms: {what} ({bytes} bytes)");
            });
        }
        state.total.fetch_add(bytes, Ordering::Relaxed);
        *state.news() = Some((what, bytes));
        self.wake_later();
        state.draw();
    }

    fn advance(&self, bytes: u64) {
        self.state.done.fetch_add(bytes, Ordering::Relaxed);
        self.state.draw();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Color;

    fn bar(start: Instant) -> Bar {
        let settings = Settings {
            json: false,
            quiet: false,
            verbose: 0,
            color: Color::Never,
        };
        let bar = Bar::new(settings);
        let mut state = Arc::into_inner(bar.state).expect("nobody else has it");
        (state.shown, state.start) = (true, start);
        Bar::with(state)
    }

    fn shown() -> Option<String> {
        DRAWN.get().map(ProgressBar::message)
    }

    #[test]
    fn what_is_worked_on_is_shown_once_it_takes_a_second_and_cannot_drive_the_terminal() {
        let now = Instant::now();
        let new = bar(now);
        new.begin("layers of a", 2);
        new.advance(1);
        assert_eq!(shown(), None);
        drop(new);
        let bar = bar(now.checked_sub(PATIENCE).expect("a time"));
        bar.begin("layers of a\x1b[2J", 2);
        assert_eq!(shown().as_deref(), Some("layers of a\\u{1b}[2J"));
        bar.begin("layers of b\x07", 2);
        assert_eq!(shown().as_deref(), Some("layers of b\\u{7}"));
        // What is finished is not drawn any more.
        bar.finish();
        bar.begin("layers of c", 2);
        assert_eq!(shown().as_deref(), Some("layers of b\\u{7}"));
    }
}
