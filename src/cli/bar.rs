//! A progress bar for work that takes longer than a second, on a terminal.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::Settings;
use super::show::plain;
use crate::progress::Progress;

/// Work that is done before this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Progress on standard error.
pub struct Bar {
    shown: bool,
    /// Whether each piece of work is told in a line of its own.
    told: bool,
    start: Instant,
    total: AtomicU64,
    done: AtomicU64,
    drawn: OnceLock<ProgressBar>,
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
            drawn: OnceLock::new(),
        }
    }

    /// Takes the bar off the screen.
    pub fn finish(&self) {
        if let Some(bar) = self.drawn.get() {
            bar.finish_and_clear();
        }
    }

    fn bar(&self) -> Option<&ProgressBar> {
        if !self.shown || self.start.elapsed() < PATIENCE {
            return None;
        }
        Some(self.drawn.get_or_init(|| {
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
        }))
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
        let before = self.total.fetch_add(bytes, Ordering::Relaxed);
        let total = before.saturating_add(bytes);
        if let Some(bar) = self.bar() {
            bar.set_message(what.to_owned());
            bar.set_length(total);
        }
    }

    fn advance(&self, bytes: u64) {
        let before = self.done.fetch_add(bytes, Ordering::Relaxed);
        let done = before.saturating_add(bytes);
        if let Some(bar) = self.bar() {
            bar.set_length(self.total.load(Ordering::Relaxed));
            bar.set_position(done);
        }
    }
}
