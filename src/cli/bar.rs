//! A progress bar on a terminal, for work that takes longer than a second.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::Settings;
use crate::progress::Progress;
use crate::text::plain;

/// Shorter work shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bar of this process, once it is drawn.
static DRAWN: OnceLock<ProgressBar> = OnceLock::new();
/// Locked by the owner of the screen. Work in other threads then draws nothing, and does not wait.
static SCREEN: Mutex<()> = Mutex::new(());

/// How often a prompt was open: that time does not count for the speed.
static TALKS: AtomicUsize = AtomicUsize::new(0);

/// Runs a prompt while the bar is off the screen.
pub fn aside<T>(talk: impl FnOnce() -> T) -> T {
    let _screen = SCREEN.lock().unwrap_or_else(PoisonError::into_inner);
    let said = match DRAWN.get() {
        Some(bar) => bar.suspend(talk),
        None => talk(),
    };
    TALKS.fetch_add(1, Ordering::Relaxed);
    said
}

/// Prints a line while the bar is off the screen, or at once during a prompt.
pub fn beside(tell: impl FnOnce()) {
    match (SCREEN.try_lock(), DRAWN.get()) {
        (Ok(_screen), Some(bar)) => bar.suspend(tell),
        _ => tell(),
    }
}

/// Progress on standard error.
pub struct Bar {
    state: Arc<State>,
    /// Whether a thread draws the bar after a second, even without progress.
    woken: AtomicBool,
}

struct State {
    shown: bool,
    /// Whether each piece of work gets a line of its own.
    told: bool,
    start: Instant,
    total: AtomicU64,
    done: AtomicU64,
    /// The current work and its number of bytes, if the bar does not show them yet.
    news: Mutex<Option<(String, u64)>>,
    meter: Mutex<Meter>,
    finished: AtomicBool,
}

impl Bar {
    /// A bar, which is shown if standard error is a terminal and the run is not quiet.
    pub fn new(settings: Settings) -> Self {
        Self::with(State {
            told: settings.verbose > 1 && !settings.quiet,
            shown: std::io::stderr().is_terminal() && !settings.quiet && !settings.json,
            start: Instant::now(),
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            news: Mutex::default(),
            meter: Mutex::default(),
            finished: AtomicBool::default(),
        })
    }

    fn with(state: State) -> Self {
        Self {
            state: state.into(),
            woken: AtomicBool::default(),
        }
    }

    /// Removes the bar from the screen.
    pub fn finish(&self) {
        let _screen = SCREEN.lock().unwrap_or_else(PoisonError::into_inner);
        self.state.finished.store(true, Ordering::Relaxed);
        if self.state.shown
            && let Some(bar) = DRAWN.get()
        {
            bar.finish_and_clear();
        }
    }

    /// Starts a thread that draws the bar after a second, even while the run only waits.
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
        // Without a thread the next progress draws it.
        let _ = thread::Builder::new().spawn(wake);
    }
}

/// The recent speed of the work.
#[derive(Default)]
struct Meter {
    /// Times with the number of bytes done, the oldest first.
    samples: VecDeque<(Instant, u64)>,
    /// Whether the run only waits, which is not measured.
    waiting: bool,
    /// The number of prompts at the last sample.
    talks: usize,
}

impl Meter {
    /// The measured time, and the shortest time between two samples.
    const SPAN: Duration = Duration::from_secs(10);
    const APART: Duration = Duration::from_millis(200);

    /// Begins work, or a wait where there are no bytes.
    fn begin(&mut self, now: Instant, done: u64, bytes: u64) {
        if self.waiting || self.samples.is_empty() {
            self.samples = [(now, done)].into();
        }
        self.waiting = bytes == 0;
    }

    /// Takes a sample of the bytes done, after so many prompts; returns whether it counts.
    fn note(&mut self, now: Instant, done: u64, talks: usize) -> bool {
        if talks != self.talks {
            self.talks = talks;
            self.samples.clear();
        }
        let due = |(last, _): &(Instant, u64)| now.duration_since(*last) >= Self::APART;
        if !self.samples.back().is_none_or(due) {
            return false;
        }
        self.samples.push_back((now, done));
        while self.samples.len() > 2 && now.duration_since(self.samples[1].0) >= Self::SPAN {
            self.samples.pop_front();
        }
        true
    }

    /// Bytes a second, and the time that so many more take. `None` before the first byte.
    fn speed(&self, rest: u64) -> Option<(u64, Duration)> {
        let ((start, from), (end, to)) = (self.samples.front()?, self.samples.back()?);
        let nanos = end.duration_since(*start).as_nanos();
        let done = u128::from(to.saturating_sub(*from));
        let wide = |n: u128| u64::try_from(n).unwrap_or(u64::MAX);
        let a_second = (done * 1_000_000_000).checked_div(nanos)?;
        let left = (u128::from(rest) * nanos).checked_div(done)?;
        Some((wide(a_second), Duration::from_nanos(wide(left))))
    }
}

impl State {
    /// Measures the bytes done, and shows a new speed.
    fn measured(&self) -> Option<String> {
        let done = self.done.load(Ordering::Relaxed);
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        if !meter.note(Instant::now(), done, TALKS.load(Ordering::Relaxed)) {
            return None;
        }
        let rest = self.total.load(Ordering::Relaxed).saturating_sub(done);
        let (rate, left) = meter.speed(rest)?;
        Some(format!("{}/s {:#}", BinaryBytes(rate), HumanDuration(left)))
    }

    fn draw(&self) {
        // From the start: the rate covers all the work, not only the part since the bar appeared.
        let speed = self.shown.then(|| self.measured()).flatten();
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
                _ => "{msg:30!} [{bar:30}] {bytes}/{total_bytes} {prefix}",
            };
            // The template is ours and valid; a plain bar would do too.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(what);
        }
        if let Some(speed) = speed {
            bar.set_prefix(speed);
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
        // It may hold a tag, which is untrusted.
        let what = plain(what);
        if state.told {
            let at = state.start.elapsed().as_millis();
            beside(|| {
                let _ = writeln!(std::io::stderr(), "{at} ms: {what} ({bytes} bytes)");
            });
        }
        state.total.fetch_add(bytes, Ordering::Relaxed);
        let done = state.done.load(Ordering::Relaxed);
        let mut meter = state.meter.lock().unwrap_or_else(PoisonError::into_inner);
        meter.begin(Instant::now(), done, bytes);
        drop(meter);
        *state.news() = Some((what, bytes));
        self.wake_later();
        state.draw();
    }

    fn advance(&self, bytes: u64) {
        self.state.done.fetch_add(bytes, Ordering::Relaxed);
        self.state.draw();
    }

    fn skip(&self, bytes: u64) {
        let less = |total: u64| Some(total.saturating_sub(bytes));
        let order = Ordering::Relaxed;
        // It always returns `Some`.
        let _ = self.state.total.fetch_update(order, order, less);
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
            json_lines: false,
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

    /// Notes a sample of each step's bytes, the steps so many milliseconds apart, and says the speed in
    /// kB/s and the seconds left of a million bytes.
    fn measure(
        meter: &mut Meter,
        now: &mut Instant,
        done: &mut u64,
        steps: &[(u64, u64)],
    ) -> Option<(u64, u64)> {
        for (milliseconds, bytes) in steps {
            *now += Duration::from_millis(*milliseconds);
            *done += bytes;
            meter.note(*now, *done, 0);
        }
        let (rate, left) = meter.speed(1_000_000)?;
        Some((rate / 1000, left.as_secs()))
    }

    #[test]
    fn the_rate_is_that_of_the_work_and_not_of_the_moment_in_which_the_bar_appears() {
        let (mut meter, mut now, mut done) = (Meter::default(), Instant::now(), 0);
        meter.begin(now, done, 100);
        // Nothing is known of work that was not done yet, nor of no time at all.
        assert_eq!(
            measure(&mut meter, &mut now, &mut done, &[(0, 0), (1000, 0)]),
            None
        );
        meter = Meter::default();
        meter.begin(now, done, 100);
        // As fast before the first second as after it.
        let steady = vec![(250, 25_000); 8];
        assert_eq!(
            measure(&mut meter, &mut now, &mut done, &steady),
            Some((100, 10))
        );
        // What was long ago does not count.
        let slower = vec![(250, 12_500); 60];
        assert_eq!(
            measure(&mut meter, &mut now, &mut done, &slower),
            Some((50, 20))
        );
        // Nor does waiting for another run, or for a person.
        meter.begin(now, done, 0);
        now += Duration::from_hours(1);
        meter.begin(now, done, 100);
        assert_eq!(
            measure(&mut meter, &mut now, &mut done, &steady),
            Some((100, 10))
        );
        now += Duration::from_mins(1);
        assert!(meter.note(now, done, 1));
        for (milliseconds, bytes) in steady {
            now += Duration::from_millis(milliseconds);
            done += bytes;
            meter.note(now, done, 1);
        }
        assert_eq!(meter.speed(0).map(|(rate, _)| rate), Some(100_000));
    }

    #[test]
    fn skipped_work_does_not_count_as_done() {
        let bar = bar(Instant::now());
        bar.begin("archive", 100);
        bar.skip(90);
        bar.advance(10);
        let state = &bar.state;
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        assert_eq!((of(&state.done), of(&state.total)), (10, 10));
    }

    #[test]
    fn the_current_item_is_shown_after_a_second_and_cannot_drive_the_terminal() {
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
