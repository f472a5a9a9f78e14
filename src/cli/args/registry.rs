//! Images by name or by flags, and the options for registries.

use std::ffi::OsString;
use std::path::PathBuf;
#[cfg(feature = "registry")]
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueHint};

use super::broker::ReachArgs;
#[cfg(feature = "registry")]
use super::duration::duration;
use super::paths;
use crate::image::{AppName, ImageName};
#[cfg(not(feature = "registry"))]
use crate::ops::location::RegistryOptions;
#[cfg(feature = "registry")]
use crate::store::remote::{Environment, Options};

// An image by its name, or by a registry and an app.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The images.
    #[arg(value_name = "IMAGE", help = "The image (several allowed): docker://HOST[:PORT]/REPO[:TAG][@DIGEST] in a registry, oci:DIR[:TAG] or oci:DIR@DIGEST in a layout, oci-archive:FILE[:TAG] or docker-archive:FILE[:NAME] in an archive", conflicts_with_all = ["registry", "app", "reference"], required_unless_present = "registry")]
    pub images: Vec<ImageName>,
    /// The registry.
    #[arg(short, long, value_name = "DIR", help = "The registry: a directory with one OCI image layout an app, or docker://HOST[/PATH]", value_hint = ValueHint::DirPath, value_parser = registry(), requires = "app")]
    pub registry: Option<RegistryAt>,
    /// The app: the name of its layout in the registry, or of its repository
    #[arg(short, long, value_name = "NAME", requires = "registry")]
    pub app: Option<AppName>,
    #[cfg(feature = "registry")]
    #[command(flatten)]
    remote: RemoteArgs,
    #[cfg(not(feature = "registry"))]
    #[command(flatten)]
    reach: ReachArgs,
}

/// A registry as `-r` names it.
#[derive(Clone, Debug)]
pub enum RegistryAt {
    /// A directory.
    Folder(PathBuf),
    /// `docker://HOST[/PATH]`.
    Docker(String),
}

fn registry() -> impl TypedValueParser<Value = RegistryAt> {
    OsStringValueParser::new().try_map(move |text: OsString| -> Result<RegistryAt, String> {
        match text.to_str() {
            Some(name) if name.starts_with("docker://") => Ok(RegistryAt::Docker(name.to_owned())),
            _ => paths::check_registry(&text)
                .map(|()| RegistryAt::Folder(text.clone().into()))
                .map_err(|error| error.to_string()),
        }
    })
}

// How registries are talked to.
#[cfg(feature = "registry")]
#[derive(Clone, Debug, Args)]
pub struct RemoteArgs {
    /// The only file with credentials for registries [default: those of podman and docker]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    authfile: Option<PathBuf>,
    /// More certificate authorities for registries, in PEM
    #[arg(long, alias = "registry-cacert", value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    tls_ca: Option<PathBuf>,
    /// A folder with certificates for registries, as docker's certs.d
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = paths::place())]
    cert_dir: Option<PathBuf>,
    /// Allow plain HTTP to registries and key brokers on other machines
    #[arg(long, aliases = ["allow-http-registry", "allow-insecure-registry", "insecure-registry"])]
    allow_http: bool,
    /// How long each step of a request to a registry or key broker may take: 3, 3s, 3m0s
    #[arg(short = 't', long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    timeout: Duration,
    /// How many times to repeat a failed request to a registry
    #[arg(long, value_name = "NUMBER", default_value = "3")]
    retries: u32,
}

#[cfg(not(feature = "registry"))]
impl ImageArgs {
    /// How registries are talked to: not at all.
    #[allow(clippy::unused_self)]
    pub fn options(&self) -> RegistryOptions {
        RegistryOptions::default()
    }

    /// How key brokers are asked.
    pub fn reach(&self) -> ReachArgs {
        self.reach
    }
}

#[cfg(feature = "registry")]
impl ImageArgs {
    /// How registries are talked to.
    pub fn options(&self) -> Options {
        self.remote.options()
    }

    /// How key brokers are asked.
    pub fn reach(&self) -> ReachArgs {
        self.remote.reach()
    }
}

#[cfg(feature = "registry")]
impl RemoteArgs {
    /// How key brokers are asked.
    pub const fn reach(&self) -> ReachArgs {
        ReachArgs {
            timeout: self.timeout,
            allow_http: self.allow_http,
        }
    }

    /// How registries are talked to.
    pub fn options(&self) -> Options {
        let args = self.clone();
        Options {
            authfile: args.authfile,
            tls_ca: args.tls_ca,
            cert_dir: args.cert_dir,
            allow_http: args.allow_http,
            timeout: args.timeout,
            retries: args.retries,
            environment: Environment::of_process(),
            ..Options::default()
        }
    }
}
