//! The commands on ceremonies.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::paths;
use super::settings::{Common, Settings, SettingsOf};
use super::token::TokenArgs;

// `ceremony`
#[derive(Debug, Subcommand)]
pub enum CeremonyCommand {
    /// Check a plan's inputs, outputs, token and key
    ///
    /// Logs in to the token; writes nothing.
    Check(Check),
    /// Make the plan of a rehearsal: the same plan for another token, with `rehearsal = true`
    ///
    /// It gets the digests of the root's public key and passport that lie beside it.
    Rehearsal(MakeRehearsal),
    /// Run a plan, or resume one that was interrupted
    ///
    /// Shows each step, which people have to confirm on the terminal.
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
    /// Check the plan and the files that it names, without the token
    #[arg(long, conflicts_with = "list")]
    pub files: bool,
    /// Print the files and tokens that the plan names, one a line, for scripts; check nothing
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
    /// Ask for no confirmation: for rehearsals only
    #[arg(long)]
    pub unattended: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// The flags that say what a transcript is verified against.
#[derive(Debug, Args)]
pub struct Against {
    /// The root's public key, as the verifier knows it
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub ca_pub: Option<PathBuf>,
    /// The program that the ceremony should use, from a release or built again
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub program: Option<PathBuf>,
    /// The plan's folder, or a copy of it, with the ceremony's files below it [default: derived from the
    /// transcript's path]
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
    /// Replace existing pages with other content
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
