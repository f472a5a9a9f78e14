//! The members of an image's documents that programs read by name, at any depth: ir-sign, or docker, containerd and
//! podman. The list includes theirs because a signed document must mean the same to all of them.
//!
//! Sources: OCI image-spec ("Content Descriptors", "Image Index", "Image Manifest", "Image Configuration"), docker
//! engine's `image.Image` and `container.Config`, containers/image's `manifest.Schema2Image`.

use crate::encoding::strict::Shape;

const TEXTS: Shape = Shape::Object(&[]);

const PLATFORM: Shape = Shape::Object(&[
    ("architecture", &Shape::Any),
    ("os", &Shape::Any),
    ("os.version", &Shape::Any),
    ("os.features", &Shape::List(&Shape::Any)),
    ("variant", &Shape::Any),
    ("features", &Shape::List(&Shape::Any)),
]);
/// A descriptor.
const DESCRIPTOR: Shape = Shape::Object(&[
    ("mediaType", &Shape::Any),
    ("digest", &Shape::Any),
    ("size", &Shape::Number),
    ("urls", &Shape::List(&Shape::Any)),
    ("annotations", &TEXTS),
    ("data", &Shape::Any),
    ("artifactType", &Shape::Any),
    ("platform", &PLATFORM),
]);
/// An image index, or `index.json`.
pub(super) const INDEX: Shape = Shape::Object(&[
    ("schemaVersion", &Shape::Number),
    ("mediaType", &Shape::Any),
    ("artifactType", &Shape::Any),
    ("manifests", &Shape::List(&DESCRIPTOR)),
    ("subject", &DESCRIPTOR),
    ("annotations", &TEXTS),
    ("config", &Shape::Foreign),
    ("layers", &Shape::Foreign),
]);
/// An image manifest.
pub(super) const MANIFEST: Shape = Shape::Object(&[
    ("schemaVersion", &Shape::Number),
    ("mediaType", &Shape::Any),
    ("artifactType", &Shape::Any),
    ("config", &DESCRIPTOR),
    ("layers", &Shape::List(&DESCRIPTOR)),
    ("subject", &DESCRIPTOR),
    ("annotations", &TEXTS),
    ("manifests", &Shape::Foreign),
]);
/// The file `oci-layout`.
pub(super) const LAYOUT_MARKER: Shape = Shape::Object(&[("imageLayoutVersion", &Shape::Any)]);

/// An image config.
pub(super) const CONFIG: Shape = Shape::Object(&[
    ("created", &Shape::Any),
    ("author", &Shape::Any),
    ("architecture", &Shape::Any),
    ("os", &Shape::Any),
    ("os.version", &Shape::Any),
    ("os.features", &Shape::List(&Shape::Any)),
    ("variant", &Shape::Any),
    ("history", &Shape::List(&HISTORY)),
    ("rootfs", &ROOTFS),
    ("config", &EXECUTION),
    ("id", &Shape::Any),
    ("parent", &Shape::Any),
    ("comment", &Shape::Any),
    ("container", &Shape::Any),
    ("container_config", &EXECUTION),
    ("docker_version", &Shape::Any),
    ("Size", &Shape::Any),
    ("moby.buildkit.buildinfo.v1", &Shape::Any),
    ("moby.buildkit.cache.v0", &Shape::Any),
]);
const ROOTFS: Shape = Shape::Object(&[
    ("type", &Shape::Any),
    ("diff_ids", &Shape::List(&Shape::Any)),
    ("base_layer", &Shape::Any),
]);
const HISTORY: Shape = Shape::Object(&[
    ("created", &Shape::Any),
    ("created_by", &Shape::Any),
    ("author", &Shape::Any),
    ("comment", &Shape::Any),
    ("empty_layer", &Shape::Any),
]);
/// The settings that a container starts with.
const EXECUTION: Shape = Shape::Object(&[
    ("User", &Shape::Any),
    ("ExposedPorts", &NAMES),
    ("Env", &Shape::Any),
    ("Entrypoint", &Shape::Any),
    ("Cmd", &Shape::Any),
    ("Volumes", &NAMES),
    ("WorkingDir", &Shape::Any),
    ("Labels", &Shape::Map(&Shape::Any)),
    ("StopSignal", &Shape::Any),
    ("StopTimeout", &Shape::Any),
    ("ArgsEscaped", &Shape::Any),
    ("Healthcheck", &HEALTHCHECK),
    ("OnBuild", &Shape::Any),
    ("Shell", &Shape::Any),
    ("Hostname", &Shape::Any),
    ("Domainname", &Shape::Any),
    ("Image", &Shape::Any),
    ("NetworkDisabled", &Shape::Any),
    ("MacAddress", &Shape::Any),
    ("AttachStdin", &Shape::Any),
    ("AttachStdout", &Shape::Any),
    ("AttachStderr", &Shape::Any),
    ("Tty", &Shape::Any),
    ("OpenStdin", &Shape::Any),
    ("StdinOnce", &Shape::Any),
    ("Memory", &Shape::Any),
    ("MemorySwap", &Shape::Any),
    ("CpuShares", &Shape::Any),
    ("PortSpecs", &Shape::Any),
]);
/// Ports or folders: only the names carry information.
const NAMES: Shape = Shape::Map(&Shape::Any);
const HEALTHCHECK: Shape = Shape::Object(&[
    ("Test", &Shape::Any),
    ("Interval", &Shape::Any),
    ("Timeout", &Shape::Any),
    ("StartPeriod", &Shape::Any),
    ("StartInterval", &Shape::Any),
    ("Retries", &Shape::Any),
]);
