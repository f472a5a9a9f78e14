//! Agents over gRPC: asked by both packages' names, and never trusted to answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Run, Sandbox};

use super::agent::{Agent, Answer, Call, End, framed, resource};

const API: &str = "/api.GetResourceService/GetResource";
const OLDER: &str = "/getresource.GetResourceService/GetResource";

fn get(address: SocketAddr, more: &str) -> Run {
    let get = "resource get kbs:///default/cosign-public-key/test --kbs";
    Sandbox::new().run(&format!("{get} grpc://{address} {more}"))
}

/// An agent that knows one package.
fn of_package(path: &'static str, bytes: &'static [u8]) -> Agent {
    Agent::start(move |call: &Call| {
        if call.path == path {
            Answer::of(bytes)
        } else {
            Answer::status(12, "")
        }
    })
}

#[test]
fn the_newer_package_is_asked_with_the_whole_uri() {
    let agent = of_package(API, b"a \0 key");
    assert_eq!(get(agent.address, "").exits(0).stdout, "a \0 key");
    let calls = agent.calls();
    assert_eq!(calls.len(), 1);
    let wanted = framed(&resource(b"kbs:///default/cosign-public-key/test"));
    assert_eq!(calls[0].body, wanted);
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-timeout", "30000m"),
    ] {
        assert_eq!(calls[0].headers[name], value);
    }
}

#[test]
fn the_older_package_is_asked_where_the_newer_is_unknown() {
    let agent = of_package(OLDER, b"key");
    assert_eq!(get(agent.address, "").exits(0).stdout, "key");
    let calls = agent.calls();
    assert_eq!(
        calls.iter().map(|call| &*call.path).collect::<Vec<_>>(),
        [API, OLDER]
    );
    let mut message = resource(b"kbs:///default/cosign-public-key/test");
    message.extend_from_slice(b"\x12\x0eoffline_fs_kbc\x1a\x04null");
    assert_eq!(calls[1].body, framed(&message));
}

#[test]
fn other_statuses_leave_it_undecided_and_the_older_package_unasked() {
    for (code, name) in [
        (2, "UNKNOWN"),
        (5, "NOT_FOUND"),
        (13, "INTERNAL"),
        (16, "UNAUTHENTICATED"),
    ] {
        let agent = Agent::start(move |_| Answer::status(code, "it%20says%0Aso"));
        let run = get(agent.address, "")
            .exits(3)
            .says(name)
            .says("it says\\nso");
        assert_eq!(run.stdout, "");
        assert_eq!(agent.calls().len(), 1, "{name}");
    }
    let neither = Agent::start(|_| Answer::status(12, "no such service"));
    get(neither.address, "").exits(3).says("UNIMPLEMENTED");
    assert_eq!(neither.calls().len(), 2);
}

#[test]
fn a_status_in_the_first_headers_counts() {
    let only = |code: &'static str| {
        move |_: &Call| Answer {
            head: vec![
                ("content-type", "application/grpc".into()),
                ("grpc-status", code.into()),
            ],
            body: Vec::new(),
            trailers: None,
            ..Answer::of(b"")
        }
    };
    get(Agent::start(only("13")).address, "")
        .exits(3)
        .says("INTERNAL");
    get(Agent::start(only("0")).address, "")
        .exits(3)
        .says("has no message");
    get(Agent::start(only("ok")).address, "")
        .exits(3)
        .says("has no status");
}

/// The answer that is right but for one change.
fn lie(change: impl Fn(&mut Answer) + Send + Sync + 'static) -> Agent {
    Agent::start(move |_| {
        let mut answer = Answer::of(b"SECRET");
        change(&mut answer);
        answer
    })
}

#[test]
fn an_answer_that_is_not_whole_and_valid_leaves_it_undecided() {
    type Change = fn(&mut Answer);
    let lies: [(&str, Change); 19] = [
        ("no trailers", |a| a.trailers = None),
        ("trailers without a status", |a| {
            a.trailers = Some(vec![("grpc-message", "x".into())]);
        }),
        ("a status that is not a number", |a| {
            a.trailers = Some(vec![("grpc-status", "0x0".into())]);
        }),
        ("a failure after the resource", |a| {
            a.trailers = Some(vec![("grpc-status", "13".into())]);
        }),
        ("HTTP status 404", |a| a.status = 404),
        ("HTTP status 503", |a| a.status = 503),
        ("another type", |a| {
            a.head = vec![("content-type", "text/html".into())];
        }),
        ("no type", |a| a.head = Vec::new()),
        ("no message", |a| a.body = Vec::new()),
        ("a resource without bytes", |a| {
            a.body = vec![framed(&resource(b""))];
        }),
        ("an empty message", |a| a.body = vec![framed(b"")]),
        ("bytes that are not a message", |a| {
            a.body = vec![framed(b"not a message")];
        }),
        ("half a prefix", |a| a.body = vec![b"\0\0\0".to_vec()]),
        ("fewer bytes than stated", |a| {
            a.body = vec![b"\0\0\0\0\x09\x0a\x06SECRE".to_vec()];
        }),
        ("more bytes than stated", |a| a.body.push(b"x".to_vec())),
        ("two messages", |a| {
            a.body.push(framed(&resource(b"SECRET")));
        }),
        ("a compressed message", |a| a.body[0][0] = 1),
        ("a resource that is a number", |a| {
            a.body = vec![framed(b"\x08\x01")];
        }),
        ("a stream that is reset", |a| a.end = End::Reset),
    ];
    for (what, change) in lies {
        let run = get(lie(change).address, "");
        assert_eq!(run.status, 3, "{what}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{what}");
        assert!(
            run.stderr.contains("key broker grpc://127.0.0.1:"),
            "{what}: {}",
            run.stderr
        );
        assert!(!run.stderr.contains("SECRET"), "{what}: {}", run.stderr);
    }
}

#[test]
fn a_resource_may_come_in_pieces_and_have_four_mebibytes() {
    let whole = |size: usize| {
        Agent::start(move |_| {
            let mut answer = Answer::of(&vec![b'x'; size]);
            answer.body = answer.body[0].chunks(10_000).map(<[u8]>::to_vec).collect();
            answer
        })
    };
    // The message has a byte for the field and four for the length before the resource.
    let most = (4 << 20) - 5;
    assert_eq!(get(whole(most).address, "").exits(0).stdout.len(), most);
    let more = get(whole(most + 1).address, "").exits(3);
    more.says("more than 4194304 bytes");
    get(whole(5 << 20).address, "").exits(3);
}

fn within(seconds: u64, run: impl FnOnce() -> Run) -> Run {
    let start = Instant::now();
    let run = run();
    let took = start.elapsed();
    assert!(
        took < Duration::from_secs(seconds),
        "it took {took:?}: {}",
        run.stderr
    );
    run
}

#[test]
fn an_agent_that_is_slow_is_not_waited_for() {
    let hangs = |body: usize| {
        Agent::start(move |_| {
            let mut answer = Answer::of(b"key");
            answer.body.truncate(body);
            answer.end = End::Hangs;
            answer
        })
    };
    for body in [0, 1] {
        let agent = hangs(body);
        let run = within(20, || get(agent.address, "--timeout 1"));
        run.exits(3).says("no answer").says("in 1 seconds");
    }
}

/// Listens, and does this with each connection.
fn listener(each: impl Fn(&mut TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            each(&mut stream.expect("a connection"));
        }
    });
    address
}

#[test]
fn what_is_no_http2_leaves_it_undecided() {
    let http1 = listener(|stream| {
        let _ = stream.read(&mut [0; 1000]);
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ncontent-length: 2\r\n\r\nok";
        let _ = stream.write_all(answer.as_bytes());
    });
    let garbage = listener(|stream| {
        let _ = stream.write_all(&[0xff; 4096]);
    });
    let hangs_up = listener(|_| {});
    for address in [http1, garbage, hangs_up] {
        within(20, || get(address, "--timeout 10"))
            .exits(3)
            .says("no answer of HTTP/2");
    }
    let silent = listener(|stream| {
        let _ = stream.read(&mut [0; 1000]);
        thread::sleep(Duration::from_mins(1));
    });
    within(20, || get(silent, "--timeout 1"))
        .exits(3)
        .says("in 1 seconds");
}

#[test]
fn an_agent_that_is_absent_leaves_it_undecided() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    get(address, "")
        .exits(3)
        .says("cannot connect")
        .says("from v0.9 at 50000");
}

#[test]
fn an_agent_by_name_is_on_this_machine_and_another_is_asked_if_allowed() {
    let agent = of_package(API, b"key");
    let port = agent.address.port();
    let sandbox = Sandbox::new();
    let get = |host: &str, more: &str| {
        sandbox.run(&format!(
            "resource get kbs:///a/b/c --kbs grpc://{host}:{port} {more}"
        ))
    };
    assert_eq!(get("localhost", "").exits(0).stdout, "key");
    assert_eq!(get("127.0.0.1", "").exits(0).stdout, "key");
    // 0.0.0.0 leads to this machine, and its name does not say so.
    get("0.0.0.0", "").exits(2).says("--allow-http");
    assert_eq!(get("0.0.0.0", "--allow-http").exits(0).stdout, "key");
    get("no-such-host.invalid", "--allow-http --timeout 10").exits(3);
    assert_eq!(agent.calls().len(), 3);
}

#[test]
fn a_key_for_encrypted_layers_comes_from_an_agent() {
    use super::sealing::{KID, Wrap, encrypt, unpack_one};
    let kek = [0x33; 32];
    let agent = Agent::start(move |_| Answer::of(&kek));
    let sandbox = Sandbox::with_keys();
    unpack_one(&sandbox, "app");
    encrypt(
        &sandbox.path("registry/app"),
        "latest",
        Wrap::Gcm,
        kek,
        &|_| {},
    );
    let how = format!("--decryption-key {KID} --kbs grpc://{}", agent.address);
    let sign = "sign-image -r registry -a app -v vendor.prv -x ca.prv";
    sandbox.run(&format!("{sign} {how}")).exits(0);
    let verify = "verify-image -r registry -a app -c ca.pub";
    sandbox
        .run(&format!("{verify} {how}"))
        .exits(0)
        .says("passed      image.diff-ids");
    let short = Agent::start(|_| Answer::of(&[1; 31]));
    let how = format!("--decryption-key {KID} --kbs grpc://{}", short.address);
    sandbox
        .run(&format!("{verify} {how}"))
        .exits(1)
        .says("has other than 32 bytes");
}
