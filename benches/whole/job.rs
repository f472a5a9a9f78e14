//! Running processes and taking their time and memory.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use wait4::Wait4;

use super::Error;

/// Processes that do one piece of work, one after the other.
pub struct Job {
    folder: PathBuf,
    /// Programs and their arguments.
    steps: Vec<(PathBuf, Vec<String>)>,
    output: Option<PathBuf>,
    /// The file in the place of the output before each run.
    start: Option<PathBuf>,
    env: Vec<(&'static str, PathBuf)>,
    /// Where the program says how long it took, in nanoseconds.
    own_time: Option<PathBuf>,
}

/// The time and memory of a run.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    pub wall: Duration,
    /// User and system time of all processes.
    pub cpu: Duration,
    /// The most memory that any process had.
    pub peak: u64,
}

impl Job {
    /// A program, which runs in `folder`, with arguments between spaces.
    pub fn new(folder: &Path, program: &Path, arguments: &str) -> Self {
        Self::with(folder, program, arguments.split_whitespace())
    }

    /// A script, none of whose commands may fail, not even in a pipe.
    pub fn shell(folder: &Path, script: &str) -> Self {
        let script = format!("set -euo pipefail; {script}");
        Self::with(folder, Path::new("bash"), ["-c", &script].into_iter())
    }

    fn with<'a>(folder: &Path, program: &Path, words: impl Iterator<Item = &'a str>) -> Self {
        let step = (program.to_owned(), words.map(str::to_owned).collect());
        Self {
            folder: folder.to_owned(),
            steps: vec![step],
            output: None,
            start: None,
            env: Vec::new(),
            own_time: None,
        }
    }

    /// Another job after this one.
    pub fn then(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self
    }

    /// Names the output. The bench removes it before each run, outside the measured time.
    pub fn writes(mut self, name: &str) -> Self {
        self.output = Some(self.folder.join(name));
        self
    }

    /// Names the folder that is copied to where the output goes before each run, in no one's time.
    pub fn starts_from(mut self, name: &str) -> Self {
        self.start = Some(self.folder.join(name));
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &'static str, value: impl Into<PathBuf>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Names the file with the time that counts, in nanoseconds, which the program writes.
    pub fn times_itself(mut self, name: &str) -> Self {
        self.own_time = Some(self.folder.join(name));
        self
    }

    /// Runs the programs; one that fails is an error.
    pub fn run(&self) -> Result<Usage, Error> {
        if let Some(output) = &self.output {
            remove(output)?;
            if let Some(start) = &self.start {
                copy(start, output)?;
            }
            // So neither waits for data that the other has yet to write to the disk.
            rustix::fs::sync();
        }
        let mut total = Usage::default();
        for (program, arguments) in &self.steps {
            let usage = self.step(program, arguments)?;
            total.wall += usage.wall;
            total.cpu += usage.cpu;
            total.peak = total.peak.max(usage.peak);
        }
        if let Some(own_time) = &self.own_time {
            total.wall = Duration::from_nanos(fs::read_to_string(own_time)?.parse()?);
        }
        Ok(total)
    }

    fn step(&self, program: &Path, arguments: &[String]) -> Result<Usage, Error> {
        // In memory, because writing to a disk is not part of the work.
        let mut said = File::from(memfd_create("stderr", MemfdFlags::CLOEXEC)?);
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            // Of cargo's: the loader would look there for each library.
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said.try_clone()?);
        let start = Instant::now();
        let used = command.spawn()?.wait4()?;
        let wall = start.elapsed();
        if !used.status.success() {
            let command = format!("{} {}", program.display(), arguments.join(" "));
            let mut text = String::new();
            said.rewind()?;
            said.read_to_string(&mut text)?;
            return Err(format!("{command}: {}\n{text}", used.status).into());
        }
        Ok(Usage {
            wall,
            cpu: used.rusage.utime + used.rusage.stime,
            peak: used.rusage.maxrss,
        })
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Two jobs, measured in turns: what else the machine does meets both alike.
pub struct Pairs(Vec<(Usage, Usage)>);

impl Pairs {
    /// Runs each job once to warm up, then in pairs whose order alternates.
    pub fn measure(ours: &Job, reference: &Job, count: usize) -> Result<Self, Error> {
        ours.run()?;
        reference.run()?;
        let mut pairs = Vec::new();
        for n in 0..count {
            pairs.push(if n % 2 == 0 {
                let first = ours.run()?;
                (first, reference.run()?)
            } else {
                let first = reference.run()?;
                (ours.run()?, first)
            });
        }
        Ok(Self(pairs))
    }

    /// The middle of what is told about each pair.
    pub fn median(&self, of: impl Fn(&Usage, &Usage) -> f64) -> f64 {
        middle(self.0.iter().map(|(ours, reference)| of(ours, reference)))
    }

    /// The least and the most that is told about any pair.
    pub fn range(&self, of: impl Fn(&Usage, &Usage) -> f64) -> (f64, f64) {
        let each = self.0.iter().map(|(ours, reference)| of(ours, reference));
        each.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        })
    }

    /// The most memory our job ever had.
    pub fn peak(&self) -> u64 {
        self.0.iter().map(|(ours, _)| ours.peak).max().unwrap_or(0)
    }
}

/// The middle of some numbers: half of them are less, half more.
fn middle(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[half - 1], sorted[half])
    } else {
        sorted[half]
    }
}
