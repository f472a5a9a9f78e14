//! The agents that cases ask over gRPC, each under its name.

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::sync::{LazyLock, Mutex};
use std::thread;

use harness::policy::Case;
use serde_json::Value;

use crate::agent::{Agent, Answer, Call, End, framed};
use crate::desk::{unbase64, world};

const API: &str = "/api.GetResourceService/GetResource";
const OLDER: &str = "/getresource.GetResourceService/GetResource";

/// The addresses of the agents that are running: they run until the process ends.
static STARTED: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);

/// The case with the addresses of its agents.
pub fn with_agents(case: &Case) -> Case {
    let mut case = case.clone();
    for flag in &mut case.flags {
        if let Some((before, rest)) = flag.split_once("@RPC:") {
            let (name, after) = rest.split_once('@').expect("a name");
            *flag = format!("{before}{}{after}", address(name));
        }
    }
    case
}

fn address(name: &str) -> String {
    let mut started = STARTED.lock().expect("no test fell");
    if let Some(known) = started.get(name) {
        return known.clone();
    }
    let address = match name {
        "nobody" => "127.0.0.1:1".to_owned(),
        "http" => world().lookaside(),
        "hangup" => hangs_up(),
        _ => {
            let name = name.to_owned();
            let resources = resources();
            let agent = Agent::start(move |call| answer(&name, call, &resources));
            agent.address.to_string()
        }
    };
    started.insert(name.to_owned(), address.clone());
    address
}

/// A server that takes connections and closes them.
fn hangs_up() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || listener.incoming().for_each(drop));
    address
}

/// The resources of the agents that have some.
fn resources() -> HashMap<String, Vec<u8>> {
    let text = fs::read(world().path("kbs/new.json")).expect("a file of the cases");
    let all: HashMap<String, Value> = serde_json::from_slice(&text).expect("an object");
    let bytes = |value: &Value| unbase64(value.as_str().expect("base64"));
    all.iter()
        .map(|(name, value)| (name.clone(), bytes(value)))
        .collect()
}

fn answer(name: &str, call: &Call, resources: &HashMap<String, Vec<u8>>) -> Answer {
    let fields = fields(&call.body[5..]);
    let found = || {
        let path = fields.get(&1).cloned().unwrap_or_default();
        let path = path.strip_prefix("kbs://").unwrap_or(&path);
        let found = resources.get(path.trim_start_matches('/'));
        found.map_or_else(
            || Answer::status(13, "no such resource"),
            |bytes| Answer::of(bytes),
        )
    };
    let unknown = || Answer::status(12, "unknown service");
    let is_api = call.path == API;
    match name {
        "api" | "both" if is_api => found(),
        "getresource" | "both" if call.path == OLDER => {
            if fields.contains_key(&2) {
                found()
            } else {
                Answer::status(13, "no KbcName")
            }
        }
        _ if !is_api => unknown(),
        "other-key" => Answer::of(&fs::read(world().path("k/b.pub")).expect("a key")),
        "garbage" => Answer::of(b"not a key"),
        "nothing" => Answer::of(b""),
        "missing" => Answer::status(13, "failed"),
        "not-found" => Answer::status(5, "not found"),
        "huge" => Answer::of(&vec![b'x'; 5 << 20]),
        "junk" => Answer {
            body: vec![framed(b"\xff\xff\xff junk")],
            ..Answer::of(b"")
        },
        "hangs" => Answer {
            end: End::Hangs,
            ..Answer::of(b"")
        },
        _ => unknown(),
    }
}

/// The texts of a message, by number.
fn fields(mut message: &[u8]) -> HashMap<u8, String> {
    let mut fields = HashMap::new();
    while let [tag, length, rest @ ..] = message {
        let (text, rest) = rest.split_at(usize::from(*length));
        let text = String::from_utf8(text.to_vec()).expect("a text");
        fields.insert(tag >> 3, text);
        message = rest;
    }
    fields
}
