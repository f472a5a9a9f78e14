//! The measurements so far, and how two programs are measured side by side.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::images::MANY;
use super::job::{Job, Pairs, Usage};
use super::table::{NO_TARGET, Row};
use super::{Error, Place};

/// The most memory that any work should take.
pub const MEMORY: u64 = 24_000_000;

/// The rows so far, and the parts needed to measure more.
pub struct Bench<'a> {
    pub place: &'a Place,
    pub rows: Vec<Row>,
    pub peaks: Vec<(String, u64)>,
}

impl Bench<'_> {
    /// The program that is measured.
    pub fn ours(&self, arguments: &str) -> Job {
        Job::new(&self.place.root, &self.place.program, arguments)
    }

    /// The program's output.
    pub fn output(&self, arguments: &str) -> Result<String, Error> {
        let output = std::process::Command::new(&self.place.program)
            .current_dir(&self.place.root)
            .args(arguments.split_whitespace())
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{arguments}: {said}").into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Another program.
    pub fn command(&self, command: &str) -> Job {
        let (program, arguments) = command.split_once(' ').unwrap_or((command, ""));
        Job::new(&self.place.root, Path::new(program), arguments)
    }

    pub fn shell(&self, script: &str) -> Job {
        Job::shell(&self.place.root, script)
    }

    pub fn ratio(&mut self, work: &str, pairs: &Pairs, name: &str, target: Option<f64>) {
        let ratio = |ours: &Usage, other: &Usage| seconds(ours.wall) / seconds(other.wall);
        let ratio = pairs.median(ratio);
        self.rows.push(Row {
            work: work.into(),
            ours: time(pairs.median(|ours, _| seconds(ours.wall))),
            reference: against(pairs, name),
            ratio: format!("{ratio:.2}"),
            target: target.map_or(NO_TARGET.into(), |most| format!("≤ {most}")),
            met: target.is_none_or(|most| ratio <= most),
        });
    }

    /// How much longer ours takes than the reference: at most `most` seconds.
    pub fn more(&mut self, work: &str, pairs: &Pairs, name: &str, most: f64) {
        let more = pairs.median(|ours, other| seconds(ours.wall) - seconds(other.wall));
        self.rows.push(Row {
            work: work.into(),
            ours: time(pairs.median(|ours, _| seconds(ours.wall))),
            reference: against(pairs, name),
            ratio: format!("+{}", time(more)),
            target: format!("≤ {} more", time(most)),
            met: more <= most,
        });
    }

    /// How long ours takes for each of `MANY` images: at most `most` milliseconds.
    pub fn each(&mut self, work: &str, pairs: &Pairs, most: f64) {
        let each = pairs.median(|ours, _| seconds(ours.wall)) / f64::from(MANY);
        self.rows.push(Row {
            work: work.into(),
            ours: format!("{} an image", time(each)),
            reference: "–".into(),
            ratio: "–".into(),
            target: format!("≤ {most} ms an image on 2 processors"),
            met: each * 1e3 <= most,
        });
    }

    pub fn peak(&mut self, work: &str, pairs: &Pairs) {
        let peak = pairs.peak();
        match self.peaks.iter_mut().find(|(known, _)| known == work) {
            Some((_, most)) => *most = peak.max(*most),
            None => self.peaks.push((work.into(), peak)),
        }
    }
}

/// The peak memory of ours: at most `most` bytes.
pub fn memory(work: &str, peak: u64, most: u64) -> Row {
    Row {
        work: format!("peak memory of: {work}"),
        ours: megabytes(peak),
        reference: "–".into(),
        ratio: "–".into(),
        target: format!("≤ {}", megabytes(most)),
        met: peak <= most,
    }
}

/// Measures, and tells how evenly it went.
pub fn measure_pairs(
    work: &str,
    ours: &Job,
    reference: &Job,
    count: usize,
) -> Result<Pairs, Error> {
    eprintln!("measuring {work}");
    let pairs = Pairs::measure(ours, reference, count)?;
    let wall = |usage: &Usage| seconds(usage.wall);
    let cpu = |usage: &Usage| seconds(usage.cpu);
    let (low, high) = pairs.range(|ours, other| wall(ours) / wall(other));
    eprintln!(
        "  {count} pairs: ratio {:.2} ({low:.2} to {high:.2})",
        pairs.median(|ours, other| wall(ours) / wall(other)),
    );
    eprintln!(
        "  at best {} by {}, processor time {} by {}",
        time(pairs.range(|ours, _| wall(ours)).0),
        time(pairs.range(|_, other| wall(other)).0),
        time(pairs.median(|ours, _| cpu(ours))),
        time(pairs.median(|_, other| cpu(other))),
    );
    Ok(pairs)
}

/// A program of a newer suite, as tests/peers/fetch brings it.
pub fn peer(suite: &str, program: &str) -> Option<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = top
        .join("target/peers")
        .join(suite)
        .join("bin")
        .join(program);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("{program} of {suite} is not there (tests/peers/fetch): left out");
    None
}

pub fn against(pairs: &Pairs, name: &str) -> String {
    let theirs = time(pairs.median(|_, other| seconds(other.wall)));
    format!("{theirs} ({name})")
}

pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

pub fn time(seconds: f64) -> String {
    if seconds < 0.1 {
        format!("{:.2} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
