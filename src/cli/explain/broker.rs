//! Advice on key brokers.

use crate::broker;
use crate::ops::resource::Error;

pub(super) fn hint(error: &Error) -> Option<&'static str> {
    use broker::Error as Broker;
    match error {
        Error::NoBroker => Some("name one: --kbs FILE, or --kbs grpc://HOST:PORT"),
        Error::Broker(Broker::NotLocal(_)) => {
            Some("give the agent's address on this machine, or --allow-http")
        }
        Error::Broker(Broker::LeftOut(_)) => Some(
            "use a build with this feature (`ir-sign --version` lists them), or an offline file: --kbs FILE",
        ),
        Error::Broker(Broker::Connect { .. }) => {
            Some("see that the agent runs there: up to v0.8 at port 50001, from v0.9 at 50000")
        }
        Error::Broker(Broker::Malformed { .. }) => {
            Some("`ir-sign resource encode` makes the file of an offline key broker")
        }
        Error::Broker(Broker::Absent { .. }) => {
            Some("names are exact; `ir-sign resource encode NAME=FILE` makes a file with it")
        }
        Error::NoKey { .. } => Some(
            "a key for encrypted layers has 32 bytes, raw or in a file such as aa-offline_fs_kbc-keys.json",
        ),
        Error::Broker(_) | Error::Twice(_) | Error::Empty(_) | Error::TooLarge { .. } => None,
    }
}
