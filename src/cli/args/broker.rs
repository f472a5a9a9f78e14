//! Which key broker to ask, and how.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueHint};

use super::duration::duration;
use crate::broker::Source;
use crate::ops::resource::BrokerAt;

// A key broker, where nothing else is asked over a network.
#[derive(Clone, Debug, Args)]
pub struct BrokerArgs {
    #[command(flatten)]
    kbs: KbsArgs,
    #[command(flatten)]
    reach: ReachArgs,
}

// How agents are asked, where no registry is.
#[derive(Clone, Copy, Debug, Args)]
pub struct ReachArgs {
    /// How long an agent may take for a resource: 3, 3s, 3m0s
    #[arg(short = 't', long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub timeout: Duration,
    /// Allow agents on other machines, without TLS
    #[arg(long)]
    pub allow_http: bool,
}

// A key broker.
#[derive(Clone, Debug, Args)]
pub struct KbsArgs {
    /// The key broker: the path of an offline file, or an agent's address grpc://HOST:PORT
    /// [default: /etc/aa-offline_fs_kbc-resources.json, if it exists]
    #[arg(long, value_name = "BROKER", value_parser = source(), value_hint = ValueHint::FilePath)]
    kbs: Option<Source>,
}

impl BrokerArgs {
    /// The broker.
    pub fn at(self) -> BrokerAt {
        self.kbs.at(self.reach)
    }
}

impl KbsArgs {
    /// The broker.
    pub fn at(self, reach: ReachArgs) -> BrokerAt {
        BrokerAt {
            source: self.kbs,
            timeout: reach.timeout,
            allow_http: reach.allow_http,
        }
    }
}

fn source() -> impl TypedValueParser<Value = Source> {
    OsStringValueParser::new().try_map(|text: OsString| Source::parse(&text))
}
