//! A folder with keys, an image, and a registry that has it.

use std::process::Command;

use harness::distribution::Distribution;
use harness::{Run, Sandbox};

/// A folder to work in, and a registry on this machine.
pub struct Desk {
    pub sandbox: Sandbox,
    registry: Distribution,
}

impl Desk {
    /// With the image `team/app:1`, of several platforms.
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let registry = Distribution::start(sandbox.root(), "", "");
        let desk = Self { sandbox, registry };
        harness::unpack("multi", &desk.sandbox.path("multi"));
        let name = desk.name("1");
        desk.run(&format!("copy oci:multi:multi docker://{name}"))
            .ok();
        desk
    }

    /// The image's name with a tag.
    pub fn name(&self, tag: &str) -> String {
        format!("{}/team/app:{tag}", self.registry.host())
    }

    /// The image's name with a digest.
    pub fn at(&self, digest: &str) -> String {
        format!("{}/team/app@{digest}", self.registry.host())
    }

    /// Runs the program; `IMAGE` is the image's name.
    #[track_caller]
    pub fn run(&self, arguments: &str) -> Run {
        self.sandbox
            .run(&arguments.replace("IMAGE", &self.name("1")))
    }

    /// Runs another program in the folder.
    #[track_caller]
    pub fn peer(&self, mut command: Command, arguments: &str) -> Run {
        let arguments = arguments.replace("IMAGE", &self.name("1"));
        command
            .current_dir(self.sandbox.root())
            .env("COSIGN_PASSWORD", "")
            .args(arguments.split_whitespace());
        Run::of(&mut command)
    }

    /// Makes an EC key by openssl: NAME.pem and NAME.pub.
    pub fn key(&self, name: &str, curve: &str) {
        let made = format!("ecparam -name {curve} -genkey -noout -out {name}.pem");
        self.sandbox.openssl(&made);
        self.public(name);
    }

    /// Makes a key of another kind by openssl.
    pub fn other_key(&self, name: &str, arguments: &str) {
        let made = format!("genpkey {arguments} -out {name}.pem");
        self.sandbox.openssl(&made);
        self.public(name);
    }

    fn public(&self, name: &str) {
        let public = format!("pkey -in {name}.pem -pubout -out {name}.pub");
        self.sandbox.openssl(&public);
    }
}
