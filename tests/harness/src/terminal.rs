//! A program with a terminal of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::run::Run;

/// The text on the terminal, and the end of the program.
pub struct Session {
    pub screen: String,
    /// With 128 + the signal where one ended it; `None` where one ended all of the session.
    pub run: Option<Run>,
    /// Whether the terminal shows what is typed, after the program ended.
    pub echo: bool,
}

/// How long a person's program may take to ask, and to end after the last answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// The answer that is typed: these bytes, or bytes made from the screen.
pub enum Answer<'a> {
    Type(&'a [u8]),
    #[allow(dead_code)] // Where nothing on the screen is to be typed again.
    Made(fn(&str) -> Vec<u8>),
}

/// Runs a command with a terminal of its own; for each prompt in turn, waits for the text and types
/// the answer.
pub fn session(command: &Command, dialogue: &[(&str, Answer<'_>)]) -> Session {
    let mut master =
        File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal"));
    grantpt(&master).expect("granted");
    unlockpt(&master).expect("unlocked");
    let name = ptsname(&master, Vec::new()).expect("a name");
    let slave = File::options()
        .read(true)
        .write(true)
        .custom_flags(i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag"))
        .open(name.to_str().expect("text"))
        .expect("the other end");
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut child = Command::new("setsid")
        .envs(variables)
        .current_dir(command.get_current_dir().expect("a folder"))
        .args(["--ctty", "--wait"])
        // The process that started the tests may ignore signals, and children inherit that. The shell stays, and
        // gives on 128 + the signal where one ends the program.
        .args(["env", "--default-signal=INT,QUIT,HUP,TERM", "sh", "-c"])
        .args(["trap : INT QUIT; \"$@\"; exit $?", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(slave.try_clone().expect("a copy"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    rustix::io::ioctl_fionbio(&master, true).expect("not blocking");
    let deadline = Instant::now() + PATIENCE;
    let mut screen = Vec::new();
    let mut looked = 0;
    for (text, answer) in dialogue {
        let found = |screen: &[u8], from: usize| {
            let screen = String::from_utf8_lossy(&screen[from..]).into_owned();
            screen.find(text).map(|at| from + at + text.len())
        };
        loop {
            let _ = master.read_to_end(&mut screen);
            if let Some(at) = found(&screen, looked) {
                looked = at;
                break;
            }
            assert!(
                Instant::now() < deadline && child.try_wait().expect("asked").is_none(),
                "no {text:?} on the screen: {}",
                String::from_utf8_lossy(&screen)
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        let typed = match answer {
            Answer::Type(bytes) => bytes.to_vec(),
            Answer::Made(make) => make(&String::from_utf8_lossy(&screen)),
        };
        master.write_all(&typed).expect("typed");
    }
    let id = i32::try_from(child.id()).expect("a process id");
    let (tell, ended) = channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    let deadline = Instant::now() + PATIENCE;
    let output = loop {
        let _ = master.read_to_end(&mut screen);
        if let Ok(output) = ended.recv_timeout(Duration::from_millis(5)) {
            break output.expect("it ends");
        }
        if Instant::now() > deadline {
            // It leads a session of its own.
            let _ = kill_process_group(Pid::from_raw(id).expect("not zero"), Signal::KILL);
            let screen = String::from_utf8_lossy(&screen);
            panic!("it does not end; on the screen: {screen}");
        }
    };
    let run = output.status.code().is_some().then(|| output.into());
    let _ = master.read_to_end(&mut screen);
    let modes = tcgetattr(&slave).expect("a terminal").local_modes;
    Session {
        screen: String::from_utf8_lossy(&screen).into_owned(),
        run,
        echo: modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG),
    }
}
