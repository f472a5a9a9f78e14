//! The interrupted commands, the files before them, and the files that must be there after them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::judge::{State, differences, files_of, without_left_overs};
use harness::oci::{self, LAYER, Maker};
use harness::strace::{self, Call, Point};
use harness::{Run, Scene, Snapshot, ir_sign, limited, program, read, snapshot, write};

/// A command's arguments in a scene.
type Args = Box<dyn Fn(&Scene) -> Vec<String> + Send + Sync>;

/// A command, in a registry as it is before.
pub struct Case {
    pub name: &'static str,
    args: Args,
    pub kind: Kind,
    /// The exit status and the message of a run that finds its work done, if that is not a success.
    done: Option<(i32, &'static str)>,
    pub before: Snapshot,
    /// The files and the output of a run that nothing interrupts.
    pub after: Snapshot,
    printed: String,
}

/// The product of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A change of a layout: blobs that nothing leads to yet, or any more, may lie there too.
    Change,
    /// A whole layout in one step.
    Unpack,
    /// A key and its public half.
    Key,
    /// A file.
    File,
    /// Files of notation's configuration, all at once. The folders above them may be there before.
    Configuration,
    /// One more signature of an image that has one.
    Signature,
    /// A certificate, its chain, a revocation list: no two runs make the same.
    Certificates,
    /// Signatures of an image or attestations to it, all at once.
    Attached,
    /// Files, one after another.
    Files,
}

impl Kind {
    /// Whether each run makes the same bytes.
    pub const fn is_reproducible(self) -> bool {
        !matches!(
            self,
            Self::Key | Self::Signature | Self::Certificates | Self::Attached
        )
    }
}

impl Case {
    fn new(
        name: &'static str,
        kind: Kind,
        prepare: impl FnOnce(&Scene),
        args: impl Fn(&Scene, &Path) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        let prepare = |scene: &Scene, folder: &Path| {
            pack(folder);
            prepare(scene);
        };
        let done = (kind == Kind::Key).then_some((1, "already exists"));
        Self::of(name, kind, done, prepare, args)
    }

    /// `prepare` and `args` get a folder for the command's inputs. It stays the same in all scenes of the case.
    pub fn of(
        name: &'static str,
        kind: Kind,
        done: Option<(i32, &'static str)>,
        prepare: impl FnOnce(&Scene, &Path),
        args: impl Fn(&Scene, &Path) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        let folder = harness::temp_dir();
        let scene = Scene::new();
        prepare(&scene, folder.path());
        let before = snapshot(&scene.registry());
        let args = Box::new(move |scene: &Scene| args(scene, folder.path()));
        let case = Self {
            name,
            args,
            kind,
            done,
            before,
            after: Snapshot::new(),
            printed: String::new(),
        };
        let run = case.run(&scene).ok();
        let after = snapshot(&scene.registry());
        assert!(
            without_left_overs(&after) == after,
            "something is left over"
        );
        let printed = run.stdout;
        if scene.app("app").exists() {
            scene.verify("app", &["--all"]).ok();
        }
        Self {
            after,
            printed,
            ..case
        }
    }

    pub fn all() -> Vec<Self> {
        vec![
            Self::sign_first(),
            Self::sign_nested(),
            Self::unpack("extract a new archive", "docker-save-new.tar", false),
            Self::unpack("extract an old archive", "docker-save-old.tar", false),
            Self::unpack("extract a gzip archive", "new.tar.gz", false),
            Self::unpack("extract in another's place", "docker-save-old.tar", true),
            Self::prune(),
            Self::gen_key(),
            Self::endorse(),
            Self::request(),
        ]
    }

    /// The first signature of a layout with one image.
    pub fn sign_first() -> Self {
        let prepare = |scene: &Scene| drop(scene.unpack("umoci", "app"));
        let args = |scene: &Scene, _: &Path| scene.sign_args("app", &["-d", "latest"]);
        Self::new("sign-image", Kind::Change, prepare, args)
    }

    /// The same where a run that was killed, or the like, has left the signed manifest.
    pub fn sign_what_lies_there() -> Self {
        let prepare = |scene: &Scene| {
            let index = scene.unpack("umoci", "app").join("index.json");
            let unsigned = read(&index);
            scene.sign("app", &["-d", "latest"]).ok();
            write(&index, unsigned);
        };
        let args = |scene: &Scene, _: &Path| scene.sign_args("app", &["-d", "latest"]);
        Self::new("sign-image again", Kind::Change, prepare, args)
    }

    /// Nested indexes, of which one image is signed by another vendor; now all are.
    pub fn sign_nested() -> Self {
        let prepare = |scene: &Scene| {
            scene.unpack("nested-attest", "app");
            let mut first = scene.sign_args("app", &["--platform", "linux/arm64"]);
            let at = first.iter().position(|a| a == "-v").expect("the flag") + 1;
            first[at] = scene.text("other-vendor");
            ir_sign(first).ok();
        };
        let args = |scene: &Scene, _: &Path| scene.sign_args("app", &["--all-platforms"]);
        Self::new("sign-image in nested indexes", Kind::Change, prepare, args)
    }

    pub fn unpack(name: &'static str, archive: &'static str, force: bool) -> Self {
        let prepare = move |scene: &Scene| {
            if force {
                scene.unpack("umoci", "app");
                scene.sign("app", &["-d", "latest"]).ok();
            }
        };
        let args = move |scene: &Scene, archives: &Path| {
            let path = archives.join(archive).display().to_string();
            let mut args = scene.sign_args("app", &["-f", &path]);
            args[0] = "extract-sign-image".into();
            if force {
                args.push("--force".into());
            }
            args
        };
        Self::new(name, Kind::Unpack, prepare, args)
    }

    pub fn prune() -> Self {
        let prepare = |scene: &Scene| {
            let layout = scene.unpack("umoci", "app");
            let maker = Maker::new(layout.clone());
            maker.blob(LAYER, b"nobody wants it");
            maker.blob(LAYER, b"nor this");
            scene.sign("app", &["-d", "latest"]).ok();
            write(layout.join(".ir-sign-0123456789abcdef.tmp"), "left over");
        };
        let args = |scene: &Scene, _: &Path| scene.prune_args("app");
        Self::new("prune", Kind::Change, prepare, args)
    }

    pub fn gen_key() -> Self {
        let args = |scene: &Scene, _: &Path| {
            let at = |name: &str| scene.registry().join(name).display().to_string();
            let args = ["gen-key", "-o", &at("new"), "--public", &at("new.pub")];
            args.map(str::to_owned).into()
        };
        Self::new("gen-key", Kind::Key, |_| (), args)
    }

    pub fn endorse() -> Self {
        let args = |scene: &Scene, _: &Path| {
            let signature = scene
                .registry()
                .join("vendor.pub.sig")
                .display()
                .to_string();
            let (ca, vendor) = (scene.text("ca"), scene.text("vendor.pub"));
            ["endorse", "-k", &ca, "-f", &vendor, "-s", &signature]
                .map(str::to_owned)
                .into()
        };
        Self::new("endorse", Kind::File, |_| (), args)
    }

    /// A key file's signature is the same each time, and so is the whole request.
    pub fn request() -> Self {
        let args = |scene: &Scene, _: &Path| {
            let request = scene.registry().join("ca.csr").display().to_string();
            let (ca, name) = (scene.text("ca"), "C=PT, CN=a");
            [
                "cert",
                "request",
                "-k",
                &ca,
                "--subject",
                name,
                "-o",
                &request,
            ]
            .map(str::to_owned)
            .into()
        };
        Self::new("cert request", Kind::File, |_| (), args)
    }

    pub fn extract_public() -> Self {
        let args = |scene: &Scene, _: &Path| {
            let public = scene.registry().join("ca.pub").display().to_string();
            ["extract-public", "-i", &scene.text("ca"), "-o", &public]
                .map(str::to_owned)
                .into()
        };
        Self::new("extract-public", Kind::File, |_| (), args)
    }

    /// A place in which the command has not been run.
    pub fn scene(&self) -> Scene {
        scene_with(&self.before)
    }

    pub fn args(&self, scene: &Scene) -> Vec<String> {
        (self.args)(scene)
    }

    /// Whether another run is refused once the work is done.
    pub const fn is_done_once(&self) -> bool {
        self.done.is_some()
    }

    /// Runs the command.
    pub fn run(&self, scene: &Scene) -> Run {
        run_in(scene, self.args(scene))
    }

    /// Runs the command with all its calls recorded.
    pub fn record(&self, scene: &Scene) -> (Run, Vec<Call>) {
        let log = scene.path("strace.log");
        let mut command = strace::recorded(OsStr::new(program()), &log);
        let run = Run::of(at_home(&mut command, scene).args(self.args(scene)));
        (run, strace::read(&log))
    }

    /// The calls that can be hit.
    pub fn points(&self) -> (Vec<Point>, Vec<Call>) {
        let scene = self.scene();
        let (run, calls) = self.record(&scene);
        run.ok();
        assert_eq!(self.judge(&snapshot(&scene.registry())), Ok(State::New));
        (strace::points(&calls, &scene.registry()), calls)
    }

    /// The command with a fault.
    pub fn faulted(&self, scene: &Scene, point: &Point, fault: strace::Fault) -> Command {
        let log = scene.path("strace.log");
        let mut command = strace::faulted(OsStr::new(program()), &log, point, fault);
        at_home(&mut command, scene).args(self.args(scene));
        command
    }

    /// Runs the command again: it finishes what was begun, or says that it is done, and then all is
    /// as if nothing had happened.
    pub fn again(&self, scene: &Scene, state: State) -> Result<(), String> {
        let found = snapshot(&scene.registry());
        let run = self.run(scene);
        let there = snapshot(&scene.registry());
        let mut wrong = Vec::new();
        if let Some((status, text)) = self.done.filter(|_| state != State::Old) {
            if run.status != status || !run.stderr.contains(text) {
                wrong.push(format!("it was done twice: {run:?}"));
            }
            if there != found {
                wrong.push(differences(&there, &found));
            }
        } else if run.status != 0 {
            wrong.push(format!("it cannot be done any more: {run:?}"));
        }
        let keeps = matches!(self.kind, Kind::Signature | Kind::Attached);
        let is_signed_twice = keeps && state == State::New;
        if is_signed_twice && files_of(&there) != files_of(&found) {
            wrong.push(differences(&there, &found));
        }
        if self.done.is_some() || !self.kind.is_reproducible() || self.kind == Kind::Configuration {
            match self.judge(&there) {
                Ok(State::Old) => wrong.push("nothing is there".into()),
                Ok(_) => {}
                Err(e) => wrong.push(e),
            }
        } else {
            if run.stdout != self.printed {
                wrong.push(format!("not as when nothing had happened: {run:?}"));
            }
            let there = if matches!(self.kind, Kind::File | Kind::Files) {
                // The owners of those temporary files are unknown.
                without_left_overs(&there)
            } else {
                there
            };
            if there != self.after {
                wrong.push(differences(&there, &self.after));
            }
            if scene.app("app").exists() {
                oci::walk(&scene.app("app"));
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!("run again: {}", wrong.join("; ")))
        }
    }
}

/// The folders of notation's configuration are in the registry, so that all that is written is.
pub fn at_home<'a>(command: &'a mut Command, scene: &Scene) -> &'a mut Command {
    let registry = scene.registry();
    command
        .env("NOTATION_CONFIG", registry.join("config"))
        .env("NOTATION_CACHE", registry.join("cache"))
        .env_remove("NOTATION_LIBEXEC")
        .env("COSIGN_PASSWORD", "")
}

/// Runs the program in a scene.
pub fn run_in<S: AsRef<OsStr>>(scene: &Scene, args: impl IntoIterator<Item = S>) -> Run {
    Run::of(at_home(&mut limited(program()), scene).args(args))
}

/// A scene in whose registry this is.
pub fn scene_with(there: &Snapshot) -> Scene {
    let scene = Scene::new();
    for (name, content) in there {
        let path = scene.registry().join(name);
        if content == b"folder" {
            fs::create_dir(&path).expect("a folder");
        } else {
            write(&path, content);
        }
    }
    scene
}

/// Puts the archives of all cases into a folder.
fn pack(folder: &Path) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for name in ["docker-save-new.tar", "docker-save-old.tar"] {
        fs::copy(data.join(name), folder.join(name)).expect("a copy");
    }
    let new = fs::File::open(data.join("docker-save-new.tar")).expect("an archive");
    let out = fs::File::create(folder.join("new.tar.gz")).expect("a file");
    let mut gzip = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
    std::io::copy(&mut { new }, &mut gzip).expect("packed");
    gzip.finish().expect("packed");
}
