//! A signal ends a run: the run tells the token, and writes no result.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use faulty_module::log::Log;
use harness::program;
use rustix::process::{Pid, Signal, kill_process};

use super::rules::SIGN;
use super::scene::{Ran, Scene, arguments};

/// Starts a command with these dispositions of signals, and waits until it has begun so many signatures.
fn begun(scene: &Scene, plan: &str, how: &str, args: &str, signatures: usize) -> Child {
    let planned = scene.planned(plan);
    let mut command = Command::new("env");
    let variables = planned
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let child = command
        .envs(variables)
        .current_dir(scene.root())
        .args([how, program()])
        .args(arguments(args))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("env (coreutils) runs");
    let limit = Instant::now() + Duration::from_secs(20);
    let asked = || Log::read(&scene.path("calls.log")).map_or(0, |log| log.count("C_SignInit"));
    while asked() < signatures {
        assert!(Instant::now() < limit, "no signature is asked for");
        thread::sleep(Duration::from_millis(5));
    }
    // Now it is in the slow call.
    thread::sleep(Duration::from_millis(100));
    child
}

fn send(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id()).expect("a process id");
    kill_process(Pid::from_raw(id).expect("not zero"), signal).expect("sent");
}

fn ended(scene: &Scene, child: Child) -> Ran {
    scene.ended(&child.wait_with_output().expect("it ends"))
}

const DEFAULT: &str = "--default-signal=INT,TERM,HUP";

#[test]
fn a_run_that_a_signal_ends_finalises_and_dies_of_it() {
    let image = "sign-image -r registry -a multi -d multi --all-platforms -v KEY:vendor -x KEY:ca";
    let jobs = format!("{image} --jobs 2");
    let slow = "slow=C_Sign:800";
    let asking = "always-authenticate;slow=C_Login:400";
    for (signal, plan, args, signatures) in [
        (Signal::INT, slow, SIGN, 1),
        (Signal::TERM, slow, SIGN, 1),
        (Signal::HUP, slow, image, 1),
        (Signal::TERM, slow, &jobs, 3),
        (Signal::INT, asking, &jobs, 2),
    ] {
        let scene = Scene::new();
        let before = scene.outside();
        let child = begun(&scene, plan, DEFAULT, args, signatures);
        send(&child, signal);
        let ran = ended(&scene, child);
        assert_eq!(ran.signal, Some(signal.as_raw()), "{args}: {ran:?}");
        let calls: Vec<_> = ran
            .log
            .entries
            .iter()
            .map(|call| call.function.as_str())
            .collect();
        assert_eq!(calls.last(), Some(&"C_Finalize"), "{args}: {ran:?}");
        assert_eq!(ran.calls("C_Finalize"), 1, "{args}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args}");
        // Only what a run that is killed may leave.
        let mut after = scene.outside();
        after.retain(|name, _| !name.to_string_lossy().contains(".tmp"));
        assert_eq!(after, before, "{args}");
    }
}

#[test]
fn a_second_signal_is_not_waited_with() {
    let scene = Scene::new();
    let child = begun(&scene, "slow=C_Sign:15000", DEFAULT, SIGN, 1);
    let sent = Instant::now();
    send(&child, Signal::INT);
    thread::sleep(Duration::from_millis(500));
    send(&child, Signal::TERM);
    let ran = ended(&scene, child);
    assert_eq!(ran.signal, Some(Signal::TERM.as_raw()), "{ran:?}");
    assert!(sent.elapsed() < Duration::from_secs(10));
    assert_eq!(ran.calls("C_Finalize"), 0, "{ran:?}");
    assert!(!scene.has("out"));
}

/// As nohup(1) starts it.
#[test]
fn a_signal_that_is_ignored_ends_nothing() {
    let scene = Scene::new();
    let child = begun(&scene, "slow=C_Sign:500", "--ignore-signal=HUP", SIGN, 1);
    send(&child, Signal::HUP);
    ended(&scene, child).exits(0);
    assert!(scene.has("out"));
}
