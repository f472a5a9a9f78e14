//! Keys that ask for a login at each signature, behind p11-kit. Its proxy and its client hand out another instance of
//! themselves each time that they are asked for their functions: all calls go to one.

use faulty_module::log::Log;

use crate::desk::Desk;
use harness::tokens::{Fixture, Kind, Planned};
use harness::{Run, program, unpack};

const SIGN: &str = "sign-image -r registry -a multi -d multi --all-platforms -s v.sig -c ca.pub -v";

/// A desk with a key on a `SoftHSM2` token that is endorsed, and an image, where p11-kit is to be tested. Behind the
/// faulty module with its plan the key need not ask for logins itself.
fn desk(asks: bool) -> Option<Desk> {
    Fixture::of(Kind::P11Kit)?;
    let desk = Desk::new();
    let made = desk
        .token
        .log_in(&["--keypairgen", "--key-type", "EC:secp384r1"])
        .args(["--label", "vendor-key", "--id", "07"])
        .args(asks.then_some("--always-auth"))
        .output()
        .expect("pkcs11-tool runs");
    assert!(made.status.success());
    desk.ir("extract-public -i {vendor-key} -o v.pub").exits(0);
    desk.ir("endorse -k ca.prv -f v.pub -s v.sig").exits(0);
    unpack("multi", &desk.path("registry/multi"));
    Some(desk)
}

fn signs(desk: &Desk, planned: &Planned, more: &str) -> Run {
    let arguments = format!("{SIGN} {} {more}", desk.token.uri("vendor-key"));
    let mut command = desk.command(program());
    command
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args(arguments.split_whitespace());
    command.output().expect("the program starts").into()
}

fn none_is_signed(desk: &Desk) {
    desk.ir("verify-image -r registry -a multi --all -c ca.pub")
        .exits(1);
}

#[test]
fn each_signature_has_its_login_in_its_own_session() {
    for more in ["", "--jobs 2", "--keep-pin"] {
        let Some(desk) = desk(false) else { return };
        // The module takes no call between the three of a signature.
        let planned = desk.token.served("always-authenticate");
        let run = signs(&desk, &planned, more).exits(0);
        assert_eq!(run.stdout.lines().count(), 3);
        desk.ir("verify-image -r registry -a multi --all -c ca.pub")
            .exits(0);
        let log = Log::read(&planned.log).expect("a log");
        // One for the token, one for each image.
        assert_eq!(log.count("C_Login"), 4, "{more}");
    }
}

#[test]
fn a_pin_error_behind_p11_kit_is_the_last_attempt() {
    // The first login is the user's, the next a signature's.
    for (attempt, attempts) in [(1, 1), (2, 2), (3, 3)] {
        let Some(desk) = desk(false) else { return };
        let plan = format!("always-authenticate;C_Login@{attempt}=CKR_PIN_INCORRECT");
        let planned = desk.token.served(&plan);
        signs(&desk, &planned, "--jobs 2")
            .exits(3)
            .says("it refused the PIN from file:");
        none_is_signed(&desk);
        let log = Log::read(&planned.log).expect("a log");
        assert_eq!(log.attempts().count(), attempts, "{plan}");
        assert_eq!(log.attempts_after_pin_error(), 0, "{plan}");
    }
}

#[test]
fn the_module_behind_p11_kit_is_started_again_when_its_session_dies() {
    // p11-kit starts a process each time, and each process counts its calls from 1.
    for plan in [
        "C_OpenSession@1=CKR_TOKEN_NOT_PRESENT",
        "C_SignInit@2=CKR_SESSION_HANDLE_INVALID",
        "C_Sign@2=CKR_DEVICE_REMOVED",
    ] {
        let Some(desk) = desk(false) else { return };
        let failed = desk.path("failed");
        let once = format!("only-once={}", failed.display());
        let planned = desk
            .token
            .served(&format!("always-authenticate;{plan};{once}"));
        signs(&desk, &planned, "--jobs 2").exits(0);
        desk.ir("verify-image -r registry -a multi --all -c ca.pub")
            .exits(0);
        let log = Log::read(&planned.log).expect("a log");
        assert!(failed.exists(), "{plan}: no call failed");
        assert!(log.count("C_Initialize") > 1, "{plan}: no new start");
    }
}

#[test]
fn the_proxy_signs_with_them_too() {
    let Some(desk) = desk(true) else { return };
    let planned = Planned {
        module: "p11-kit-proxy.so".into(),
        env: desk.token.env.clone(),
        log: desk.path("log"),
        server: None,
    };
    signs(&desk, &planned, "").exits(0);
    desk.ir("verify-image -r registry -a multi --all -c ca.pub")
        .exits(0);
}
