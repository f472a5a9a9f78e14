//! Images in a registry on this machine, against skopeo, and cosign's commands against cosign.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::bench::{Bench, measure_pairs, memory, peer};
use super::job::{Job, Pairs};
use super::policy;
use super::{Error, Place};

/// The most memory that work in registries should take.
const MEMORY: u64 = 32_000_000;

/// Debian's docker-registry, with its files among the inputs.
struct Registry {
    child: Child,
    host: String,
}

impl Registry {
    fn start(place: &Place) -> Result<Self, Error> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"127.0.0.1:{port}\", secret: x}}\n",
            place.path("registry-files").display(),
        );
        let file = place.path("registry.yml");
        fs::write(&file, settings)?;
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > until {
                return Err("docker-registry does not start".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        let host = format!("127.0.0.1:{port}");
        Ok(Self { child, host })
    }

    fn name(&self, repository: &str) -> String {
        format!("docker://{}/bench/{repository}:v0", self.host)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn peak(bench: &mut Bench<'_>, work: &str, pairs: &Pairs) {
    bench.rows.push(memory(work, pairs.peak(), MEMORY));
}

/// Verifying and copying images.
pub fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    let registry = Registry::start(bench.place)?;
    for (app, repository) in [("small", "small"), ("gzip-4", "large")] {
        let to = registry.name(repository);
        bench
            .ours(&format!("copy -q oci:registry/{app}:v0 {to}"))
            .run()?;
    }
    let (small, large) = (registry.name("small"), registry.name("large"));
    let newer = peer("sid", "skopeo");
    let newer = newer.map(|path| path.display().to_string());
    if let Some(skopeo) = &newer {
        let work = "`verify-image --config-only` of a small image in a registry";
        let ours = bench.ours(&format!("verify-image --config-only -c ca.pub {small}"));
        let inspect = format!("{skopeo} inspect --tls-verify=false {small}");
        let pairs = measure_pairs(work, &ours, &bench.command(&inspect), 40)?;
        bench.ratio(work, &pairs, "`skopeo inspect` 1.22", Some(0.5));
        peak(bench, work, &pairs);

        let work = "`verify-image`, 1 GB in 4 gzip layers in a registry, everything verified";
        let ours = bench.ours(&format!("verify-image -c ca.pub {large}"));
        let copy = format!("{skopeo} copy -q --src-tls-verify=false {large} oci:copied:v0");
        let copied = bench.command(&copy);
        let copied = copied.then(bench.ours("verify-image -c ca.pub oci:copied:v0"));
        let pairs = measure_pairs(work, &ours, &copied.writes("copied"), 5)?;
        let name = "`skopeo copy` 1.22 to a layout, and `verify-image` there";
        bench.ratio(work, &pairs, name, Some(0.7));
        peak(bench, work, &pairs);
    }
    let older = Some("skopeo".to_owned());
    let skopeos = [(newer, "1.22", 1.0, 0.7), (older, "of Debian 12", 0.7, 0.7)];
    for (skopeo, version, most_in, most_out) in skopeos {
        let Some(skopeo) = skopeo else { continue };
        let work = "`copy`, the same image, from the registry into a layout";
        let ours = bench.ours(&format!("copy -q {large} oci:ours:v0"));
        let copy = format!("{skopeo} copy -q --src-tls-verify=false {large} oci:theirs:v0");
        let theirs = bench.command(&copy).writes("theirs");
        let pairs = measure_pairs(work, &ours.writes("ours"), &theirs, 5)?;
        bench.ratio(
            work,
            &pairs,
            &format!("`skopeo copy` {version}"),
            Some(most_in),
        );
        peak(bench, work, &pairs);

        let work = "`copy`, the same image, from a layout into the registry";
        // Into a repository of its own each time: nothing is there. root's skopeo remembers where blobs are, and would
        // take them from the repository before: it gets an empty memory.
        let program = bench.place.program.display();
        let to = format!("docker://{}/push/$RANDOM$RANDOM:v0", registry.host);
        let ours = bench.shell(&format!("{program} copy -q oci:registry/gzip-4:v0 {to}"));
        let theirs = bench.shell(&format!(
            "unshare -m sh -c \"mount -t tmpfs none /var/lib/containers/cache && \
             exec {skopeo} copy -q --dest-tls-verify=false oci:registry/gzip-4:v0 {to}\""
        ));
        let pairs = measure_pairs(work, &ours, &theirs, 5)?;
        bench.ratio(
            work,
            &pairs,
            &format!("`skopeo copy` {version}"),
            Some(most_out),
        );
        peak(bench, work, &pairs);
    }
    if let Some(crane) = peer("sid", "crane") {
        let work = "`copy`, the same image, from a layout into the registry";
        let program = bench.place.program.display();
        let to = format!("{}/push/$RANDOM$RANDOM:v0", registry.host);
        let ours = bench.shell(&format!(
            "{program} copy -q oci:registry/gzip-4:v0 docker://{to}"
        ));
        let crane = crane.display();
        let theirs = bench.shell(&format!("{crane} push registry/gzip-4 {to}"));
        let pairs = measure_pairs(work, &ours, &theirs, 5)?;
        bench.ratio(
            work,
            &pairs,
            "`crane push`, which checks nothing",
            Some(1.25),
        );
    }
    fleet(bench, &registry)
}

/// All tags of a repository in one process.
fn fleet(bench: &mut Bench<'_>, registry: &Registry) -> Result<(), Error> {
    let work =
        format!("`verify-image --all --config-only --json-lines`, {IMAGES} tags of a repository");
    copy_many(bench, registry)?;
    let repository = format!("docker://{}/bench/many", registry.host);
    let ours = bench.ours(&format!(
        "verify-image --all --config-only --json-lines -c ca.pub {repository}"
    ));
    let mut text = String::new();
    let layout = bench.place.path("registry/many");
    let index: serde_json::Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let manifests = index["manifests"].as_array().ok_or("no images")?;
    for (n, entry) in manifests.iter().enumerate() {
        let digest = entry["digest"].as_str().ok_or("no digest")?;
        let manifest = fs::read(layout.join("blobs").join(digest.replace(':', "/")))?;
        let manifest: serde_json::Value = serde_json::from_slice(&manifest)?;
        let config = manifest["config"]["digest"].as_str().ok_or("no config")?;
        for path in [format!("manifests/v{n}"), format!("blobs/{config}")] {
            request(&mut text, registry, &path)?;
        }
    }
    let pairs = measure_pairs(&work, &ours, &curl(bench, &text)?, 7)?;
    bench.ratio(&work, &pairs, CURL, Some(1.3));
    peak(bench, &work, &pairs);
    Ok(())
}

const CURL: &str = "the same requests by `curl --parallel`, which checks nothing";

/// Adds a request to a file of curl's.
fn request(text: &mut String, registry: &Registry, path: &str) -> Result<(), Error> {
    let host = &registry.host;
    writeln!(
        text,
        "url = \"http://{host}/v2/bench/many/{path}\"\noutput = /dev/null"
    )?;
    Ok(())
}

fn curl(bench: &Bench<'_>, requests: &str) -> Result<Job, Error> {
    fs::write(bench.place.path("urls"), requests)?;
    let accept = "Accept: application/vnd.oci.image.manifest.v1+json";
    Ok(bench.shell(&format!(
        "curl -s --parallel --parallel-max 6 -H '{accept}' --config urls"
    )))
}

fn copy_many(bench: &Bench<'_>, registry: &Registry) -> Result<(), Error> {
    let copy = format!(
        "seq 0 {} | xargs -P 4 -I N {} copy -q oci:registry/many:vN docker://{}/bench/many:vN",
        IMAGES - 1,
        bench.place.program.display(),
        registry.host
    );
    bench.shell(&copy).run()?;
    Ok(())
}

/// cosign's commands.
pub fn cosign(bench: &mut Bench<'_>) -> Result<(), Error> {
    let Some(cosign) = peer("sid", "cosign") else {
        return Ok(());
    };
    let cosign = cosign.display();
    let registry = Registry::start(bench.place)?;
    let image = registry.name("signed");
    bench
        .ours(&format!("copy -q oci:registry/small:v0 {image}"))
        .run()?;
    let image = image.replace("docker://", "");
    let env = "COSIGN_PASSWORD= HOME=$PWD";
    let prepare = format!(
        "openssl ecparam -name prime256v1 -genkey -noout -outform DER -out p256.der; \
         openssl ec -inform DER -in p256.der -pubout -out p256.pub; \
         openssl ec -inform DER -in p256.der -out p256.pem; \
         {env} {cosign} import-key-pair -y --key p256.pem --output-key-prefix theirs; \
         {env} {cosign} signing-config create --out config.json; \
         {env} {cosign} trusted-root create --out root.json"
    );
    bench.shell(&prepare).run()?;
    bench
        .ours(&format!("cosign sign -q --key p256.der {image}"))
        .run()?;

    let work = "`cosign verify` of a small image in a registry";
    let ours = bench.ours(&format!("cosign verify -q --key p256.pub {image}"));
    let theirs = bench.shell(&format!(
        "{env} {cosign} verify --key p256.pub --insecure-ignore-tlog=true --allow-http-registry {image}"
    ));
    let pairs = measure_pairs(work, &ours, &theirs, 20)?;
    bench.ratio(work, &pairs, "`cosign verify` 3", Some(0.3));
    peak(bench, work, &pairs);

    let work = "`cosign sign` of a small image, both forms and both hashes of a P-384 key";
    let program = bench.place.program.display().to_string();
    // Each signs an image that nobody has signed.
    let fresh = |name: &str| {
        format!(
            "n=$RANDOM$RANDOM; {program} copy -q oci:registry/small:v0 docker://{}/{name}/$n:v0;",
            registry.host
        )
    };
    let ours = bench.shell(&format!(
        "{} s=$(date +%s%N); {program} cosign sign -q --key vendor.prv {}/ours/$n:v0 >/dev/null; \
         printf %s $(( $(date +%s%N) - s )) > took",
        fresh("ours"),
        registry.host
    ));
    let theirs = bench.shell(&format!(
        "{} s=$(date +%s%N); {env} {cosign} sign --key theirs.key --signing-config config.json \
         --trusted-root root.json -y --allow-http-registry {}/theirs/$n:v0; \
         printf %s $(( $(date +%s%N) - s )) > took",
        fresh("theirs"),
        registry.host
    ));
    let (ours, theirs) = (ours.times_itself("took"), theirs.times_itself("took"));
    let pairs = measure_pairs(work, &ours, &theirs, 20)?;
    bench.ratio(
        work,
        &pairs,
        "`cosign sign` 3, one bundle of a P-256 key",
        Some(0.5),
    );

    let work = "`cosign verify-blob` of a file of 1 GiB";
    bench
        .ours("cosign sign-blob -q --key p256.der --bundle file.bundle file")
        .run()?;
    let ours = bench.ours("cosign verify-blob -q --key p256.pub --bundle file.bundle file");
    let theirs = bench.shell(&format!(
        "{env} {cosign} verify-blob --key p256.pub --bundle file.bundle --insecure-ignore-tlog=true file"
    ));
    let pairs = measure_pairs(work, &ours, &theirs, 7)?;
    bench.ratio(work, &pairs, "`cosign verify-blob` 3", Some(0.5));
    peak(bench, work, &pairs);

    if let Some(skopeo) = peer("sid", "skopeo") {
        policy::measure(bench, &skopeo, &registry.name("signed"))?;
    }
    many(bench, &registry)
}

/// How many images of one repository are verified in one process.
const IMAGES: usize = 1000;

fn many(bench: &mut Bench<'_>, registry: &Registry) -> Result<(), Error> {
    let work = format!("`cosign verify`, {IMAGES} images of one repository in one process");
    let repository = format!("{}/bench/many", registry.host);
    copy_many(bench, registry)?;
    let names: Vec<_> = (0..IMAGES).map(|n| format!("{repository}:v{n}")).collect();
    let names = names.join(" ");
    let sign = format!("cosign sign -q --key p256.der --new-bundle-format=false {names}");
    bench.ours(&sign).run()?;
    let ours = bench.ours(&format!(
        "cosign verify -q --key p256.pub --new-bundle-format=false {names}"
    ));
    // The same requests: the manifest, the signatures' manifest, and the payload.
    let mut text = String::new();
    for n in 0..IMAGES {
        let name = format!("{repository}:v{n}");
        let tag = bench.output(&format!("cosign triangulate {name}"))?;
        let tag = tag.trim().rsplit(':').next().unwrap_or_default().to_owned();
        let layer = bench.output(&format!("cosign tree --json {name}"))?;
        let layer: serde_json::Value = serde_json::from_str(&layer)?;
        let layer = layer["artifacts"][0]["layers"][0]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        for path in [
            format!("manifests/v{n}"),
            format!("manifests/{tag}"),
            format!("blobs/{layer}"),
        ] {
            request(&mut text, registry, &path)?;
        }
    }
    let pairs = measure_pairs(&work, &ours, &curl(bench, &text)?, 7)?;
    bench.ratio(&work, &pairs, CURL, Some(1.3));
    peak(bench, &work, &pairs);
    Ok(())
}
