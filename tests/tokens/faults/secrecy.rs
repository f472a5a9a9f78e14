//! The PIN is where it has to be and nowhere else.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use faulty_module::log::Log;
use harness::hex;
use harness::program;

use super::scene::{Files, Scene, arguments, files};

/// PINs that are long enough to be known by a part, no part of which is anything else: not words.
const PIN: &str = "Zq7#coRRect-hoRSe-BatTery~staPle/9183746205+Wm2";
const SO_PIN: &str = "Hx4#secuRity-OfFicer~pass/5520817364+Bt9";
const WRONG: &str = "Yk8#some-Other~Thing/6647302915+Lp3-not-it";

/// As many bytes of a PIN as count as a find.
const WINDOW: usize = 8;

/// A scene whose second token, `secret`, has these PINs, and the key `ca` in `secret.pub`.
fn scene() -> Scene {
    static FILES: OnceLock<Files> = OnceLock::new();
    let all = FILES.get_or_init(|| {
        let scene = Scene::new();
        for (name, text) in [("secret.pin", PIN), ("secret.so", SO_PIN), ("wrong.pin", WRONG)] {
            // One newline is not the PIN's.
            fs::write(scene.path(name), format!("{text}\n")).expect("written");
        }
        let init = "token init --label secret --so-pin-source file:secret.so --new-pin-source file:secret.pin";
        let key = "gen-key --pkcs11-uri pkcs11:token=secret;object=ca --public secret.pub --pin-source file:secret.pin";
        for args in [init, key] {
            let ran = scene.plainly(args);
            assert_eq!(ran.status, Some(0), "{ran:?}");
        }
        files(scene.root())
    });
    Scene::copy(all)
}

/// Every part of the PINs, in each form that a program may write them.
struct Needles(Vec<(String, Vec<u8>)>, AhoCorasick);

impl Needles {
    fn new(pins: &[(&str, &str)]) -> Self {
        let mut all = Vec::new();
        for (name, pin) in pins {
            let hex = hex(pin.as_bytes());
            let utf16 = |bytes: fn(u16) -> [u8; 2]| pin.encode_utf16().flat_map(bytes).collect();
            let base64 = |from: usize| {
                use base64ct::Encoding;
                base64ct::Base64Unpadded::encode_string(&pin.as_bytes()[from..]).into_bytes()
            };
            let utf32 = pin
                .chars()
                .flat_map(|c| u32::from(c).to_le_bytes())
                .collect();
            let forms: [(&str, Vec<u8>); 9] = [
                ("as it is", pin.as_bytes().to_vec()),
                ("in hexadecimal", hex.to_uppercase().into_bytes()),
                ("in hexadecimal", hex.into_bytes()),
                ("in base64", base64(0)),
                ("in base64", base64(1)),
                ("in base64", base64(2)),
                ("in UTF-16", utf16(u16::to_le_bytes)),
                ("in UTF-16", utf16(u16::to_be_bytes)),
                ("in UTF-32", utf32),
            ];
            for (form, bytes) in forms {
                // As much of the PIN in each form.
                let window = WINDOW * bytes.len() / pin.len();
                let windows = bytes.windows(window.max(WINDOW));
                all.extend(windows.map(|part| (format!("{name} {form}"), part.to_vec())));
            }
        }
        let search = AhoCorasick::new(all.iter().map(|(_, bytes)| bytes)).expect("a search");
        Self(all, search)
    }

    fn all() -> Self {
        Self::new(&[
            ("the PIN", PIN),
            ("the SO PIN", SO_PIN),
            ("the wrong PIN", WRONG),
        ])
    }

    /// The PIN that is sent alone: the others are not in use.
    fn of(pin: &str) -> Self {
        Self::new(&[("the PIN", pin)])
    }

    fn found_in(&self, haystack: &[u8]) -> BTreeSet<&str> {
        let found = self.1.find_iter(haystack);
        found
            .map(|m| self.0[m.pattern().as_usize()].0.as_str())
            .collect()
    }

    /// How often a PIN is there as it is.
    fn whole(haystack: &[u8], pin: &str) -> usize {
        let search = AhoCorasick::new([pin]).expect("a search");
        search.find_iter(haystack).count()
    }
}

#[test]
fn the_search_finds_each_form() {
    let needles = Needles::all();
    let found = |bytes: &[u8]| !needles.found_in(bytes).is_empty();
    for pin in [PIN, SO_PIN, WRONG] {
        assert!(found(format!("x{pin}x").as_bytes()));
        assert!(found(&pin.as_bytes()[7..7 + WINDOW]));
        let hex = hex(pin.as_bytes()).to_uppercase();
        assert!(found(hex.as_bytes()));
        assert!(found(
            &pin.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>()
        ));
        for before in ["", "a", "ab"] {
            use base64ct::Encoding;
            let text = base64ct::Base64::encode_string(format!("{before}{pin}\n").as_bytes());
            assert!(found(text.as_bytes()), "{before}");
        }
    }
    assert!(!found(
        b"nothing of the kind: 0123456789 abcdefghijklmnopqrstuvwxyz"
    ));
}

/// Where a run takes its PIN from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Uri,
    File,
    Env,
    Fd,
}

const SOURCES: [Source; 4] = [Source::Uri, Source::File, Source::Env, Source::Fd];

/// Gives a command a PIN from a file. `secret` is the token, where it is named with `@` behind.
fn with_pin(command: &mut Command, scene: &Scene, args: &str, source: Source, file: &str) {
    let uri = if source == Source::Uri {
        format!("?pin-source=file:{file}")
    } else {
        String::new()
    };
    command.args(arguments(&args.replace('@', &uri)));
    let pin = fs::read_to_string(scene.path(file)).expect("a PIN");
    match source {
        Source::Uri => {}
        // It has flags of its own for that.
        _ if args.starts_with("token init") && !args.contains("fd:") => {}
        Source::File => {
            command.args(["--pin-source", &format!("file:{file}")]);
        }
        Source::Env => {
            command
                .args(["--pin-source", "env:THE_PIN"])
                .env("THE_PIN", pin.trim_end());
        }
        Source::Fd => {
            let file = fs::File::open(scene.path(file)).expect("a PIN");
            command.stdin(file);
            if !args.contains("fd:") {
                command.args(["--pin-source", "fd:0"]);
            }
        }
    }
}

const COMMANDS: [&str; 10] = [
    "gen-key --pkcs11-uri pkcs11:token=secret;object=new@ --public new.pub",
    "extract-public -i pkcs11:token=secret;object=ca@ -o out",
    "sign -k pkcs11:token=secret;object=ca@ -f message -s out",
    "endorse -k pkcs11:token=secret;object=ca@ -f vendor.pub -s out",
    "sign-image -r registry -a app -d latest -v file.key -x pkcs11:token=secret;object=ca@ --keep-pin",
    "token keys pkcs11:token=secret@",
    "token doctor pkcs11:token=secret@ --login",
    "token passport pkcs11:token=secret;object=ca@ -o out",
    "token import -k file.key --pkcs11-uri pkcs11:token=secret;object=new@",
    "token init --label again --erase secret --so-pin-source file:secret.so --new-pin-source file:secret.pin",
];

/// The traces of a run: all its output, and all files but those that hold the PINs.
fn left_behind(scene: &Scene, ran: &super::scene::Ran) -> Vec<u8> {
    let mut all = [ran.stdout.as_bytes(), ran.stderr.as_bytes()].concat();
    let pins = ["secret.pin", "secret.so", "wrong.pin"];
    for (name, bytes) in files(scene.root()) {
        if !pins.iter().any(|pin| name == Path::new(pin)) {
            all.extend(name.to_string_lossy().as_bytes());
            all.extend(bytes);
        }
    }
    all
}

#[test]
fn rule_2_pins_are_in_no_output_error_or_file() {
    let needles = Needles::all();
    let mut nth = 0;
    for args in COMMANDS {
        for source in SOURCES {
            for (plan, file) in [
                ("", "secret.pin"),
                ("", "wrong.pin"),
                ("always-authenticate", "secret.pin"),
                (
                    "C_Login=after:CKR_PIN_LEN_RANGE;C_InitPIN=CKR_PIN_INVALID",
                    "secret.pin",
                ),
                (
                    "C_Login=CKR_DEVICE_ERROR;C_InitToken=CKR_FUNCTION_FAILED",
                    "wrong.pin",
                ),
                ("C_GetAttributeValue@2+=CKR_GENERAL_ERROR", "secret.pin"),
                ("dead-session@C_SignInit@1", "secret.pin"),
            ] {
                let scene = scene();
                let plan = plan.replace("always-authenticate", "attr=CKA_ALWAYS_AUTHENTICATE:01");
                let mut command = scene.planned(&plan);
                with_pin(&mut command, &scene, args, source, file);
                nth += 1;
                command.arg(["--json", "--verbose"][nth % 2]);
                let ran = scene.finish(&mut command);
                ran.sound(args);
                assert_ne!(ran.status, Some(2), "{ran:?}");
                if file == "wrong.pin" && !args.starts_with("token init") {
                    // To the doctor it is a finding.
                    let status = if args.starts_with("token doctor") {
                        1
                    } else {
                        3
                    };
                    assert_eq!(ran.status, Some(status), "{ran:?}");
                }
                let found = needles.found_in(&left_behind(&scene, &ran));
                assert!(found.is_empty(), "{plan} {source:?}: {found:?} in {ran:?}");
            }
        }
    }
}

/// Starts a command that waits in a call, and waits until it does.
fn held(scene: &Scene, function: &str, before: &str, source: Source) -> Child {
    let planned = scene.planned(&format!("slow={function}:2000"));
    let mut command = scene.command(program());
    for (name, value) in planned.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    with_pin(&mut command, scene, COMMANDS[2], source, "secret.pin");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().expect("the program runs");
    wait_for(scene, before, 1);
    child
}

/// Waits until a function was called that often: the program is then in the next call.
fn wait_for(scene: &Scene, function: &str, times: usize) {
    let limit = Instant::now() + Duration::from_secs(20);
    // A line may be half written.
    while Log::read(&scene.path("calls.log")).map_or(0, |log| log.count(function)) < times {
        assert!(Instant::now() < limit, "{function} is not called");
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(20));
}

#[test]
fn rule_2_pins_are_in_no_argument_and_no_child() {
    let needles = Needles::all();
    for source in SOURCES {
        let scene = scene();
        let mut child = held(&scene, "C_Login", "C_OpenSession", source);
        let proc = |name: &str| fs::read(format!("/proc/{}/{name}", child.id())).expect("it runs");
        let (arguments, environment) = (proc("cmdline"), proc("environ"));
        let children = proc(&format!("task/{}/children", child.id()));
        child.kill().expect("it runs");
        child.wait().expect("it ended");
        assert!(
            arguments.starts_with(program().as_bytes()),
            "not the program"
        );
        assert!(
            needles.found_in(&arguments).is_empty(),
            "{source:?}: in the arguments"
        );
        // The variable that the user set is the user's own.
        let users = source == Source::Env;
        assert_eq!(
            needles.found_in(&environment).is_empty(),
            !users,
            "{source:?}: the environment"
        );
        assert!(children.is_empty(), "{source:?}: children");
    }
}

/// Whether the tests that want gdb are to be left out, as those of keys in files are.
fn without_gdb() -> bool {
    let left_out = std::env::var_os("IR_SIGN_TESTS_WITHOUT_GDB").is_some();
    if left_out {
        eprintln!("left out, as IR_SIGN_TESTS_WITHOUT_GDB asks");
    }
    left_out
}

/// Runs a command under gdb, and returns its memory at each sleep of the plan and as it is about to exit.
fn cores(
    scene: &Scene,
    plan: &str,
    args: &str,
    source: Source,
    file: &str,
    sleeps: usize,
) -> Vec<Vec<u8>> {
    let mut script = [
        "set debuginfod enabled off",
        "set startup-with-shell off",
        "set dump-excluded-mappings on",
        "catch syscall clock_nanosleep",
        "run",
    ]
    .map(str::to_owned)
    .to_vec();
    for n in 0..sleeps {
        // Once as the call begins, once as it ends.
        script.push(format!("generate-core-file {n}.core"));
        script.push("continue".into());
        if n + 1 < sleeps {
            script.push("continue".into());
        }
    }
    script.extend(["delete", "catch syscall exit_group", "continue"].map(str::to_owned));
    script.push(format!("generate-core-file {sleeps}.core"));
    script.extend(["delete", "continue"].map(str::to_owned));
    let mut gdb = scene.command("gdb");
    let planned = scene.planned(plan);
    for (name, value) in planned.get_envs() {
        gdb.env(name, value.unwrap_or_default());
    }
    gdb.args(["--batch", "-nx", "--readnever", "-iex", "set auto-load off"]);
    let mut command = Command::new(program());
    with_pin(&mut command, scene, args, source, file);
    let arguments: Vec<&str> = command.get_args().filter_map(|a| a.to_str()).collect();
    // Without a shell they are parted at blanks, and with --args gdb would quote them for one.
    let set = format!("set args {}", arguments.join(" "));
    gdb.args(["-ex", &set]);
    gdb.args(script.iter().flat_map(|line| ["-ex", line]));
    gdb.arg(program()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        gdb.env(name, value.unwrap_or_default());
    }
    if source == Source::Fd {
        gdb.stdin(fs::File::open(scene.path(file)).expect("a PIN"));
    }
    let output = gdb
        .output()
        .expect("gdb runs; without it IR_SIGN_TESTS_WITHOUT_GDB=1 leaves this test out");
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("exited"), "{told}");
    let read = |n| {
        let path = scene.path(&format!("{n}.core"));
        fs::read(&path).unwrap_or_else(|e| panic!("{n}: {e}: {told}"))
    };
    (0..=sleeps).map(read).collect()
}

/// After the login the PIN is nowhere in the memory of the process, nor when it ends. The modules at hand
/// are not an exception: `SoftHSM` wipes what it is given, and the faulting module hands it on where it is.
#[test]
fn rule_2_pins_are_in_no_core_after_the_login() {
    if without_gdb() {
        return;
    }
    let sign = COMMANDS[2];
    let keeping = format!("{sign} --keep-pin");
    // The stops are in C_Login, at which the PIN has to be there or the search is no good, and in C_Sign.
    let stops = "slow=C_Login:1;slow=C_Sign:1";
    let always = format!("{stops};attr=CKA_ALWAYS_AUTHENTICATE:01;C_Login@2=CKR_OK");
    let refused = format!("{stops};C_Login=after:CKR_PIN_INCORRECT");
    for (source, args, plan, file, held) in [
        (
            Source::Uri,
            sign,
            stops,
            "secret.pin",
            &[true, false, false][..],
        ),
        (Source::Fd, sign, stops, "secret.pin", &[true, false, false]),
        (Source::File, sign, stops, "wrong.pin", &[true, false]),
        (Source::Fd, sign, &refused, "secret.pin", &[true, false]),
        // A login for the signature too: over when the token signs.
        (
            Source::Uri,
            sign,
            &always,
            "secret.pin",
            &[true, true, false, false],
        ),
        // Kept because the user asked for that, but not beyond the end.
        (
            Source::File,
            &keeping,
            stops,
            "secret.pin",
            &[true, true, false],
        ),
    ] {
        let scene = scene();
        let pin = if file == "wrong.pin" { WRONG } else { PIN };
        let needles = Needles::of(pin);
        let cores = cores(&scene, plan, args, source, file, held.len() - 1);
        for (n, (core, held)) in cores.iter().zip(held).enumerate() {
            let found = needles.found_in(core);
            assert_eq!(
                !found.is_empty(),
                *held,
                "{source:?} {plan} {args}: stop {n}: {found:?}"
            );
        }
    }
    // Both PINs of a new token.
    let init = scene();
    let needles = Needles::new(&[("the PIN", PIN), ("the SO PIN", SO_PIN)]);
    let memory = cores(
        &init,
        "slow=C_InitToken:1",
        COMMANDS[9],
        Source::Uri,
        "secret.pin",
        1,
    );
    let found: Vec<usize> = memory
        .iter()
        .map(|core| needles.found_in(core).len())
        .collect();
    assert_eq!(found, [2, 0], "token init");
    // In the environment it is the user's own; there is no other copy.
    let scene = scene();
    let cores = cores(&scene, stops, sign, Source::Env, "secret.pin", 2);
    let whole: Vec<usize> = cores.iter().map(|core| Needles::whole(core, PIN)).collect();
    assert!(whole[0] > 1, "the search is no good: {whole:?}");
    assert_eq!(whole[1..], [1, 1]);
}

/// A module may start programs: they get no descriptor with a PIN.
#[test]
fn a_pin_descriptor_is_closed_in_children() {
    let scene = scene();
    let init = COMMANDS[9].replace("file:secret.pin", "fd:0");
    for args in [COMMANDS[2], COMMANDS[5], &init] {
        let planned = scene.planned("slow=C_Initialize:2000");
        let mut command = scene.command(program());
        for (name, value) in planned.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        with_pin(&mut command, &scene, args, Source::Fd, "secret.pin");
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        // When the module begins, before a PIN is asked for.
        wait_for(&scene, "C_GetFunctionList", 1);
        let flags = |fd: &str| {
            let info =
                fs::read_to_string(format!("/proc/{}/fdinfo/{fd}", child.id())).expect("it runs");
            let line = info
                .lines()
                .find_map(|l| l.strip_prefix("flags:"))
                .expect("flags");
            u32::from_str_radix(line.trim(), 8).expect("octal")
        };
        // O_CLOEXEC
        let closed = ["0", "1"].map(|fd| flags(fd) & 0o2_000_000 != 0);
        child.kill().expect("it runs");
        child.wait().expect("it ended");
        assert_eq!(closed, [true, false], "{args}: only the PIN's");
    }
}

#[test]
fn pin_files_that_others_can_read_are_warned_of() {
    let warnings = |args: &str, source, so_mode, mode| {
        let scene = scene();
        for (name, mode) in [("secret.so", so_mode), ("secret.pin", mode)] {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(scene.path(name), mode).expect("permissions");
        }
        let mut command = scene.planned("");
        with_pin(&mut command, &scene, args, source, "secret.pin");
        let ran = scene.finish(&mut command).exits(0);
        let lines = ran
            .stderr
            .lines()
            .filter(|line| line.starts_with("warning: PIN"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let warning = |name: &str, mode: &str| {
        format!(
            "warning: PIN file {name} can be read or written by others (mode {mode}); chmod 600 it"
        )
    };
    let none: [&str; 0] = [];
    for args in COMMANDS {
        for source in [Source::Uri, Source::File] {
            assert_eq!(warnings(args, source, 0o600, 0o600), none, "{args}");
            let init = args.starts_with("token init");
            let mut wanted = vec![warning("secret.pin", "0640")];
            if init {
                wanted.insert(0, warning("secret.so", "0604"));
            }
            assert_eq!(warnings(args, source, 0o604, 0o640), wanted, "{args}");
        }
        assert_eq!(
            warnings(&format!("{args} -q"), Source::File, 0o644, 0o644),
            none
        );
    }
    // Two keys with one PIN file: it is said once.
    let key = "pkcs11:token=secret;object=ca@";
    let both = format!("sign-image -r registry -a app -d latest -v {key} -x {key}");
    let wanted = [warning("secret.pin", "0644")];
    assert_eq!(warnings(&both, Source::Uri, 0o600, 0o644), wanted);
    // A file with the PIN that nobody names is no matter, nor is a descriptor: that is not ours to judge.
    assert_eq!(warnings(COMMANDS[2], Source::Fd, 0o644, 0o644), none);
}
