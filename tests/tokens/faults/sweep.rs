//! Every call of every command that uses a token × the answers that can come in its place.
//!
//! All points are many thousand runs; by default each call meets a few of the answers, in turn, so that over
//! the commands each function meets them all. `IR_SIGN_THOROUGH=1` runs them all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::scene::{Files, Ran, Scene, verifies};

/// A command, and the files that it may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Case {
    args: &'static str,
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    /// A new key of this kind, and its public half in `new.pub`.
    Generated,
    Imported,
    /// The public half of `ca` in `out`.
    Public,
    /// A signature by `ca` in `out` over this file.
    Signature(&'static str),
    /// A signed image.
    Image,
    /// A passport of `ca` in `out`.
    Passport,
    /// A token `fresh`.
    Token,
    /// Text on standard output alone.
    Text,
    /// The same, with findings.
    Findings,
}

const fn case(args: &'static str, output: Output) -> Case {
    Case { args, output }
}

const CASES: [Case; 11] = [
    case(
        "gen-key --pkcs11-uri KEY:new --public new.pub",
        Output::Generated,
    ),
    case("extract-public -i KEY:ca -o out", Output::Public),
    case(
        "sign -k KEY:ca -f message -s out",
        Output::Signature("message"),
    ),
    case(
        "sign -k KEY:ca -f message -s out --require-passport ca.pass",
        Output::Signature("message"),
    ),
    case(
        "endorse -k KEY:ca -f vendor.pub -s out",
        Output::Signature("vendor.pub"),
    ),
    case(
        "sign-image -r registry -a app -d latest -v KEY:vendor -x KEY:ca",
        Output::Image,
    ),
    case("token keys TOKEN", Output::Text),
    case("token doctor TOKEN --login", Output::Findings),
    case("token passport KEY:ca -o out", Output::Passport),
    case(
        "token import -k file.key --pkcs11-uri KEY:new",
        Output::Imported,
    ),
    case(
        "token init --label fresh --so-pin-source file:so-pin --new-pin-source file:pin",
        Output::Token,
    ),
];

/// The answers that any function can give.
const ANY: [&str; 13] = [
    "CKR_GENERAL_ERROR",
    "CKR_FUNCTION_FAILED",
    "CKR_HOST_MEMORY",
    "CKR_DEVICE_ERROR",
    "CKR_DEVICE_REMOVED",
    "CKR_SESSION_HANDLE_INVALID",
    "CKR_TOKEN_NOT_PRESENT",
    "CKR_USER_NOT_LOGGED_IN",
    "CKR_CRYPTOKI_NOT_INITIALIZED",
    "CKR_BUFFER_TOO_SMALL",
    "CKR_ARGUMENTS_BAD",
    "CKR_OPERATION_ACTIVE",
    "0x80000001",
];

/// The answers of a session that died.
const DEAD: [&str; 5] = [
    "CKR_DEVICE_ERROR",
    "CKR_DEVICE_REMOVED",
    "CKR_SESSION_HANDLE_INVALID",
    "CKR_TOKEN_NOT_PRESENT",
    "CKR_CRYPTOKI_NOT_INITIALIZED",
];

/// The further answers of a function.
fn own_answers(function: &str) -> &'static [&'static str] {
    match function {
        "C_Login" | "C_InitToken" | "C_InitPIN" => &[
            "CKR_PIN_INCORRECT",
            "CKR_PIN_LOCKED",
            "CKR_PIN_EXPIRED",
            "CKR_PIN_LEN_RANGE",
            "CKR_PIN_INVALID",
            "CKR_USER_ALREADY_LOGGED_IN",
            "CKR_USER_PIN_NOT_INITIALIZED",
            "CKR_FUNCTION_CANCELED",
        ],
        "C_Initialize" => &["CKR_CRYPTOKI_ALREADY_INITIALIZED", "CKR_CANT_LOCK"],
        "C_OpenSession" => &["CKR_SESSION_COUNT", "CKR_TOKEN_WRITE_PROTECTED"],
        "C_SignInit" => &[
            "CKR_MECHANISM_INVALID",
            "CKR_KEY_FUNCTION_NOT_PERMITTED",
            "CKR_KEY_HANDLE_INVALID",
        ],
        "C_Sign" => &["CKR_DATA_LEN_RANGE", "CKR_FUNCTION_CANCELED"],
        "C_GenerateKeyPair" | "C_CreateObject" => &[
            "CKR_TEMPLATE_INCONSISTENT",
            "CKR_DOMAIN_PARAMS_INVALID",
            "CKR_MECHANISM_INVALID",
            "CKR_ATTRIBUTE_VALUE_INVALID",
            "CKR_SESSION_READ_ONLY",
            "CKR_DEVICE_MEMORY",
        ],
        "C_GetAttributeValue" => &[
            "CKR_ATTRIBUTE_TYPE_INVALID",
            "CKR_ATTRIBUTE_SENSITIVE",
            "CKR_OBJECT_HANDLE_INVALID",
        ],
        "C_GetMechanismInfo" => &["CKR_MECHANISM_INVALID"],
        _ => &[],
    }
}

/// One answer in place of one call, or after it.
#[derive(Clone, Debug)]
struct Point {
    case: Case,
    function: String,
    call: usize,
    after: bool,
    code: &'static str,
}

impl Point {
    fn plan(&self) -> String {
        let after = if self.after { "after:" } else { "" };
        format!("{}@{}={after}{}", self.function, self.call, self.code)
    }

    fn is_dead(&self) -> bool {
        DEAD.contains(&self.code)
    }

    /// Whether it says that attributes are not given and does not say so in the template.
    fn is_lie(&self) -> bool {
        let codes = [
            "CKR_BUFFER_TOO_SMALL",
            "CKR_ATTRIBUTE_SENSITIVE",
            "CKR_ATTRIBUTE_TYPE_INVALID",
        ];
        self.function == "C_GetAttributeValue" && !self.after && codes.contains(&self.code)
    }
}

fn is_thorough() -> bool {
    std::env::var_os("IR_SIGN_THOROUGH").is_some_and(|value| value == "1")
}

/// The calls of a function that are tried: all, or the first, the last and some between.
fn calls(count: usize) -> BTreeSet<usize> {
    if is_thorough() || count <= 6 {
        return (1..=count).collect();
    }
    [1, 2, 3, count / 3, count / 2, count - 1, count].into()
}

fn points() -> Vec<Point> {
    let mut points = Vec::new();
    // How far each function is in the list of its answers.
    let mut turn: BTreeMap<String, usize> = BTreeMap::new();
    for case in CASES {
        let ran = Scene::new().run("", case.args);
        assert_eq!(ran.status, Some(0), "without faults: {ran:#?}");
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in &ran.log.entries {
            *counts.entry(&entry.function).or_default() += 1;
        }
        for (function, count) in counts {
            let mut answers = Vec::new();
            for code in own_answers(function).iter().chain(&ANY) {
                answers.extend([(*code, false), (*code, true)]);
            }
            let taken = if is_thorough() { answers.len() } else { 3 };
            let turn = turn.entry(function.to_owned()).or_default();
            for call in calls(count) {
                for _ in 0..taken {
                    let (code, after) = answers[*turn % answers.len()];
                    *turn += 1;
                    points.push(Point {
                        case,
                        function: function.to_owned(),
                        call,
                        after,
                        code,
                    });
                }
            }
        }
    }
    points
}

#[test]
fn every_call_can_fail() {
    let points = points();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let statuses = Mutex::new(BTreeMap::<_, usize>::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (status, problems) = try_point(point);
                    *statuses
                        .lock()
                        .expect("no panic")
                        .entry(status)
                        .or_default() += 1;
                    if !problems.is_empty() {
                        wrong.lock().expect("no panic").push(problems);
                    }
                }
            });
        }
    });
    println!(
        "tried: faults of a token's module: {} points (exit statuses: {:?})",
        points.len(),
        statuses.into_inner().expect("no panic")
    );
    let wrong = wrong.into_inner().expect("no panic");
    assert!(
        wrong.is_empty(),
        "{} points are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Runs a point in a scene of its own; the status, and what is wrong, if anything.
fn try_point(point: &Point) -> (Option<i32>, String) {
    let scene = Scene::new();
    let (before, objects) = (scene.outside(), scene.objects());
    let ran = scene.run(&point.plan(), point.case.args);
    let mut problems = Vec::new();
    judge_status(point, &ran, &mut problems);
    judge_log(&ran, &mut problems);
    judge_outside(point, &scene, &before, &ran, &mut problems);
    judge_token(point, &scene, objects, &ran, &mut problems);
    if problems.is_empty() {
        return (ran.status, String::new());
    }
    let problems = problems.join("; ");
    let text = format!(
        "{} [{}]: {problems}\n    status {:?}\n    {}",
        point.plan(),
        point.case.args,
        ran.status,
        ran.stderr.trim().replace('\n', "\n    ")
    );
    (ran.status, text)
}

/// The exit status, and what the error says.
fn judge_status(point: &Point, ran: &Ran, problems: &mut Vec<String>) {
    let mut wrong = |text: &str| problems.push(text.to_owned());
    match ran.status {
        Some(0) if !may_succeed(point) => wrong("it succeeded"),
        Some(1) if !may_refuse(point) => wrong("it refused"),
        Some(3) if must_succeed(point) => wrong("it gave up"),
        Some(0 | 1 | 3) => {}
        _ => wrong("a panic, a signal, a hang or a usage error"),
    }
    if ran.stderr.contains("panicked") || ran.stderr.contains("faulty-module:") {
        wrong("a panic, or a bad plan");
    }
    if ran.status == Some(3) {
        let error = ran.stderr.lines().find(|line| line.starts_with("error:"));
        let error = error.unwrap_or_default();
        let named = ["token \"", "key \"", "PKCS#11 module ", "no token for "];
        if !named.iter().any(|what| error.contains(what)) {
            wrong("the error does not say what failed");
        }
        if !names_fault(point, error) {
            wrong("the error does not name function and code");
        }
    }
}

/// Whether an error says which function gave what.
fn names_fault(point: &Point, error: &str) -> bool {
    let gave = |function: &str, code: &str| {
        error.contains(&format!("{function} gave {code}"))
            || error.contains(&format!("{function} gave the unknown code {code}"))
    };
    if gave(&point.function, point.code) {
        return true;
    }
    match (point.function.as_str(), point.code) {
        // An error about a PIN needs no function.
        ("C_Login" | "C_InitToken", code) if code.starts_with("CKR_PIN_") => {
            let from = |source| error.contains(&format!("the PIN from {source} ({code})"));
            from("file:pin") || from("file:so-pin")
        }
        ("C_Login", "CKR_USER_PIN_NOT_INITIALIZED") => error.contains("its user PIN is not set"),
        // Lies that are believed: it fails where they show.
        ("C_Login", "CKR_USER_ALREADY_LOGGED_IN")
        | ("C_Initialize", "CKR_CRYPTOKI_ALREADY_INITIALIZED") => !point.after,
        // An unknown attribute keeps a public key from counting.
        ("C_GetAttributeValue", _) => error.contains("the token does not show its public half"),
        // A search that goes on shows at what is begun next.
        ("C_FindObjectsFinal", _) => {
            let next = ["C_FindObjectsInit", "C_SignInit"];
            next.iter()
                .any(|function| gave(function, "CKR_OPERATION_ACTIVE"))
        }
        _ => false,
    }
}

/// Whether the fault is one that a run has to get over.
fn must_succeed(point: &Point) -> bool {
    let writes = matches!(point.case.output, Output::Generated | Output::Imported);
    match point.function.as_str() {
        // A mechanism that is listed is used, whatever is said of it otherwise.
        "C_Finalize" | "C_CloseSession" | "C_GetMechanismInfo" => true,
        // Started again without arguments.
        "C_Initialize" => matches!(point.code, "CKR_CANT_LOCK" | "CKR_ARGUMENTS_BAD"),
        "C_FindObjectsFinal" => point.after,
        // A session that died: once more, in a new one.
        "C_OpenSession" => point.is_dead() && !writes && point.case.output != Output::Token,
        "C_FindObjectsInit"
        | "C_FindObjects"
        | "C_GetAttributeValue"
        | "C_SignInit"
        | "C_Sign"
        | "C_GetMechanismList" => point.is_dead(),
        _ => false,
    }
}

fn may_succeed(point: &Point) -> bool {
    must_succeed(point)
        || match point.function.as_str() {
            "C_OpenSession" => {
                point.is_dead() && point.call == 1 && point.case.output != Output::Token
            }
            // Some calls are about the slot of another token, or made again for a session that died.
            // A search that goes on shows only when there is another. An attribute that is not given
            // counts as absent, and not all are needed.
            "C_GetTokenInfo" | "C_GetSlotInfo" | "C_FindObjectsFinal" | "C_GetAttributeValue" => {
                true
            }
            // The list may have grown since its length was asked for.
            "C_GetSlotList" | "C_GetMechanismList" => {
                point.code == "CKR_BUFFER_TOO_SMALL" && point.call.is_multiple_of(2)
            }
            "C_Login" => point.code == "CKR_USER_ALREADY_LOGGED_IN",
            "C_Initialize" => point.code == "CKR_CRYPTOKI_ALREADY_INITIALIZED",
            _ => false,
        }
}

fn may_refuse(point: &Point) -> bool {
    match point.function.as_str() {
        // An attribute that is absent or 0 may be one that is needed.
        "C_GetAttributeValue" => true,
        // A key that does not sign is a finding.
        "C_SignInit" | "C_Sign" => point.case.output == Output::Findings && !point.is_dead(),
        "C_FindObjectsFinal" => point.case.output == Output::Findings && !point.after,
        // So is a login that the token refuses, and a key that is not found again.
        "C_Login" => point.case.output == Output::Findings,
        "C_FindObjectsInit" | "C_FindObjects" => {
            point.case.output == Output::Findings && !point.is_dead()
        }
        _ => false,
    }
}

/// At most one attempt after a PIN error or a login that failed, and at most one new start.
fn judge_log(ran: &Ran, problems: &mut Vec<String>) {
    if ran.log.attempts_after_pin_error() > 0 {
        problems.push("a PIN was sent after a PIN error".into());
    }
    let logins = ran.logins();
    let failed = logins
        .iter()
        .position(|answer| !matches!(*answer, "CKR_OK" | "CKR_USER_ALREADY_LOGGED_IN"));
    if failed.is_some_and(|at| at + 1 != logins.len()) {
        problems.push(format!(
            "a PIN was sent after a login that failed: {logins:?}"
        ));
    }
    if ran.calls("C_Initialize") > 2 {
        problems.push("more than one new start".into());
    }
}

/// The files that were written: whole and right, or not there.
fn judge_outside(
    point: &Point,
    scene: &Scene,
    before: &Files,
    ran: &Ran,
    problems: &mut Vec<String>,
) {
    let mut after = scene.outside();
    let done = ran.status == Some(0);
    let mut wrong = |text: String| problems.push(text);
    let output = match point.case.output {
        Output::Generated => Some("new.pub"),
        Output::Public | Output::Signature(_) | Output::Passport => Some("out"),
        _ => None,
    };
    if let Some(name) = output {
        let there = after.remove(std::path::Path::new(name));
        if there.is_some() != done {
            wrong(format!("{name} is there: {}", there.is_some()));
        }
        if there.is_some() {
            let right = match point.case.output {
                Output::Signature(message) => verifies(scene, "ca.pub", message, "out"),
                Output::Public => there.as_ref() == before.get(std::path::Path::new("ca.pub")),
                // With an answer that says "not given" and a template that says otherwise, the module
                // tells that an attribute is there and 0.
                Output::Passport if point.is_lie() => true,
                Output::Passport => {
                    let sign = "sign -k KEY:ca -f message -s sig --require-passport out";
                    scene.plainly(sign).status == Some(0)
                }
                _ => true,
            };
            if !right {
                wrong(format!("{name} is not right"));
            }
        }
    }
    if point.case.output == Output::Image && done {
        let verify = scene.plainly("verify-image -r registry -a app -d latest -c ca.pub");
        if verify.status != Some(0) {
            wrong(format!("the image is not trusted: {verify:?}"));
        }
        let temporary = after
            .keys()
            .any(|name| name.to_string_lossy().contains(".tmp"));
        if temporary {
            wrong("a temporary file is left".into());
        }
    } else if after != *before {
        let names = |files: &Files| files.keys().cloned().collect::<BTreeSet<_>>();
        wrong(format!(
            "files changed: {:?}",
            names(&after)
                .symmetric_difference(&names(before))
                .collect::<Vec<_>>()
        ));
    }
}

/// The keys on the token: the new one, or none, or one that the error names.
fn judge_token(
    point: &Point,
    scene: &Scene,
    objects: usize,
    ran: &Ran,
    problems: &mut Vec<String>,
) {
    let now = scene.objects();
    let done = ran.status == Some(0);
    match point.case.output {
        Output::Generated | Output::Imported => {}
        Output::Token => {
            if done {
                let fresh = scene.plainly("token keys pkcs11:token=fresh --pin-source file:pin");
                if fresh.status != Some(0) {
                    problems.push(format!("the new token does not work: {fresh:?}"));
                }
            }
            return;
        }
        _ => {
            if now != objects {
                problems.push(format!("{objects} objects became {now}"));
            }
            return;
        }
    }
    if done && now != objects + 2 {
        problems.push(format!("{objects} objects became {now}"));
    }
    if now == objects {
        return;
    }
    let labels = scene.labels();
    let new = labels.iter().filter(|label| *label == "new").count();
    if new > 1 || done && new != 1 {
        problems.push(format!("the token has {labels:?}"));
    }
    let told = ["is not known", "was not removed"]
        .iter()
        .any(|text| ran.stderr.contains(text));
    if !done && !told {
        problems.push(format!(
            "{objects} objects became {now}, and nothing is said of that"
        ));
    }
    if done && point.case.output == Output::Generated {
        let ran = scene.plainly("extract-public -i KEY:new -o new.pub");
        if ran.status != Some(0) || !ran.stderr.contains("is up to date") {
            problems.push(format!("the public key is not the new key's: {ran:?}"));
        }
    }
}
