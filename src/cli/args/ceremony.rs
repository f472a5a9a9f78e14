//! The commands on ceremonies.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::paths;
use super::settings::{Common, Settings, SettingsOf};
use super::token::TokenArgs;

// `ceremony`
#[derive(Debug, Subcommand)]
pub enum CeremonyCommand {
    /// Check a plan against the world: inputs, outputs, token and key
    ///
    /// Logs in to the token; writes nothing.
    Check(Check),
    /// Make the plan of a rehearsal: the same, for another token, with `rehearsal = true`
    ///
    /// The digests of the root's public key and passport become those of the files beside it.
    Rehearsal(MakeRehearsal),
    /// Run a plan, or go on with one that was interrupted
    ///
    /// Each step is shown and has to be confirmed on the terminal.
    Run(RunPlan),
    /// Verify a transcript, without a token
    Verify(VerifyTranscript),
    /// Write the page that people sign, as Markdown and HTML, beside the transcript
    Report(Report),
    /// Compare two transcripts, of a rehearsal and of the ceremony
    Diff(Diff),
}

// `ceremony check`
#[derive(Debug, Args)]
pub struct Check {
    /// The plan
    #[arg(value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub plan: PathBuf,
    /// Check the plan and the files that it names, and look at no token
    #[arg(long, conflicts_with = "list")]
    pub files: bool,
    /// Print what the plan names, one a line, for scripts: look at nothing else
    #[arg(long)]
    pub list: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `ceremony rehearsal`
#[derive(Debug, Args)]
pub struct MakeRehearsal {
    /// The plan
    #[arg(value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub plan: PathBuf,
    /// Where the rehearsal's plan goes, beside the rehearsal's files
    #[arg(value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub rehearsal: PathBuf,
    /// The serial number of the rehearsal's token
    #[arg(long)]
    pub serial: String,
    #[command(flatten)]
    pub common: Common,
}

// `ceremony run`
#[derive(Debug, Args)]
pub struct RunPlan {
    /// The plan
    #[arg(value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub plan: PathBuf,
    /// Ask nobody to confirm: for rehearsals only
    #[arg(long)]
    pub unattended: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// What a transcript is verified against.
#[derive(Debug, Args)]
pub struct Against {
    /// The root's public key, as the verifier knows it
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub ca_pub: Option<PathBuf>,
    /// The program that the ceremony was to be held with, of a release or built again
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub program: Option<PathBuf>,
    /// The plan's folder, or a copy of it, with what the ceremony wrote below it [default: told by the
    /// transcript's place]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = paths::place())]
    pub files: Option<PathBuf>,
}

// `ceremony verify`
#[derive(Debug, Args)]
pub struct VerifyTranscript {
    /// The transcript
    #[arg(value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub transcript: PathBuf,
    #[command(flatten)]
    pub against: Against,
    #[command(flatten)]
    pub common: Common,
}

// `ceremony report`
#[derive(Debug, Args)]
pub struct Report {
    /// The transcript
    #[arg(value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub transcript: PathBuf,
    #[command(flatten)]
    pub against: Against,
    /// Replace other pages that are there already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

// `ceremony diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// One transcript
    #[arg(value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub a: PathBuf,
    /// The other
    #[arg(value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub b: PathBuf,
    #[command(flatten)]
    pub common: Common,
}

impl SettingsOf for CeremonyCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::Check(args) => args.common.into(),
            Self::Rehearsal(args) => args.common.into(),
            Self::Run(args) => args.common.into(),
            Self::Verify(args) => args.common.into(),
            Self::Report(args) => args.common.into(),
            Self::Diff(args) => args.common.into(),
        }
    }
}
