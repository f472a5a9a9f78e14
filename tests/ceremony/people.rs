//! Prompts on a real terminal, and people who type the wrong thing.

use faulty_module::log::Log;

use crate::room::Room;
use harness::program;
use harness::terminal::{Answer, Session, session};

const OPERATOR: &str = "Ann Operator (operator): type Yes to do this step: ";
const WITNESS: &str = "Bob Witness (witness): if you agree, retype ";

pub fn run(room: &Room, dialogue: &[(&str, Answer<'_>)]) -> Session {
    run_plan(room, "root.toml", dialogue)
}

pub fn run_plan(room: &Room, plan: &str, dialogue: &[(&str, Answer<'_>)]) -> Session {
    let mut command = room.token.command(program());
    command
        .current_dir(room.root())
        .env("PKCS11_MODULE_PATH", &room.token.module)
        .args(room.words(&format!("ceremony run {plan} PIN")));
    session(&command, dialogue)
}

/// The requested code: the last seven characters before the colon.
fn nonce(screen: &str) -> Vec<u8> {
    let at = screen.rfind("retype ").expect("it was asked for") + "retype ".len();
    let number: String = screen[at..].chars().take(7).collect();
    format!("{number}\n").into_bytes()
}

/// Waits until the code is on the screen.
const NUMBER: &str = ": ";

pub fn agreed() -> [(&'static str, Answer<'static>); 3] {
    [
        (OPERATOR, Answer::Type(b"Yes\n")),
        (WITNESS, Answer::Type(b"")),
        (NUMBER, Answer::Made(nonce)),
    ]
}

fn events(room: &Room) -> Vec<String> {
    let text = String::from_utf8(room.read("root.transcript")).expect("text");
    let event = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        line["event"].as_str().expect("an event").to_owned()
    };
    text.lines().map(event).collect()
}

#[test]
fn each_step_is_confirmed_by_operator_and_witness() {
    let room = Room::new();
    let all: Vec<_> = [agreed(), agreed(), agreed()]
        .into_iter()
        .flatten()
        .collect();
    let done = run(&room, &all);
    let screen = done.screen;
    done.run.expect("not killed").exits(0);
    assert_eq!(screen.matches(OPERATOR).count(), 3, "{screen}");
    room.ir("ceremony verify root.transcript -c root-ca.pub")
        .exits(0);
    let text = String::from_utf8(room.read("root.transcript")).expect("text");
    assert_eq!(
        text.matches("\"people\":[\"Ann Operator\",\"Bob Witness\"]")
            .count(),
        3
    );
}

#[test]
fn anything_but_yes_and_the_code_stops_before_the_step() {
    let room = Room::new();
    for word in ["yes\n", "YES\n", "y\n", "\n", "Yes!\n", "No\n", "\x04"] {
        let stopped = run(&room, &[(OPERATOR, Answer::Type(word.as_bytes()))]);
        let run = stopped.run.expect("not killed").exits(1);
        assert!(
            run.stderr
                .contains("Ann Operator (operator) did not confirm"),
            "{word:?} {run:?}"
        );
        assert!(
            run.stderr
                .contains("hint: run it again to go on from there"),
            "{run:?}"
        );
        assert_eq!(room.root_keys(), 0);
    }
    let wrong = [
        (OPERATOR, Answer::Type(&b"Yes\n"[..])),
        (WITNESS, Answer::Type(b"AAA-AAA\n")),
    ];
    run(&room, &wrong)
        .run
        .expect("not killed")
        .exits(1)
        .says("Bob Witness (witness) did not");
    assert_eq!(room.root_keys(), 0);
    assert!(!room.has("root-ca.pub"));
    // It is gone on with, and the transcript tells of it all.
    let all: Vec<_> = [agreed(), agreed(), agreed()]
        .into_iter()
        .flatten()
        .collect();
    run(&room, &all).run.expect("not killed").exits(0);
    let events = events(&room);
    assert_eq!(events.iter().filter(|e| *e == "stopped").count(), 8);
    assert_eq!(events.iter().filter(|e| *e == "resumed").count(), 8);
    room.ir("ceremony verify root.transcript -c root-ca.pub")
        .exits(0);
    assert_eq!(room.root_keys(), 1);
}

#[test]
fn an_interrupt_at_a_prompt_ends_it_and_it_is_gone_on_with() {
    let room = Room::new();
    let stopped = run(&room, &[(OPERATOR, Answer::Type(b"\x03"))]);
    stopped.run.expect("the shell stays").exits(130);
    assert!(stopped.echo);
    assert_eq!(room.root_keys(), 0);
    let mut some: Vec<_> = agreed().into_iter().collect();
    some.push((OPERATOR, Answer::Type(b"\x03")));
    let stopped = run(&room, &some);
    stopped.run.expect("the shell stays").exits(130);
    assert_eq!(room.root_keys(), 1);
    let rest: Vec<_> = [agreed(), agreed()].into_iter().flatten().collect();
    run(&room, &rest).run.expect("not killed").exits(0);
    assert_eq!(room.root_keys(), 1);
    room.ir("ceremony verify root.transcript -c root-ca.pub")
        .exits(0);
}

#[test]
fn without_a_terminal_nothing_is_done_and_no_pin_is_sent() {
    let room = Room::new();
    let planned = room.token.planned("");
    let mut command = room.token.command("setsid");
    let output = command
        .current_dir(room.root())
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args(["--wait", program()])
        .args(room.words("ceremony run root.toml PIN"))
        .output()
        .expect("it starts");
    harness::Run::from(output)
        .exits(3)
        .says("a ceremony needs a terminal")
        .says("hint: run it on a terminal");
    // The token was not even looked at, or at least nobody logged in to it.
    let calls = Log::read(&planned.log).map_or_else(|_| Vec::new(), |log| log.entries);
    assert!(calls.iter().all(|call| call.function != "C_Login"));
    assert!(!room.has("root.transcript"));
    assert_eq!(room.root_keys(), 0);
}
