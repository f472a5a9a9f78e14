//! The measurements, their references, and the aims.

use super::bench::{Bench, MEMORY, measure_pairs, memory};
use super::images::MANY;
use super::job::Job;
use super::table::Row;
use super::{Error, Place, notation, registry, tokens};

type Part = fn(&mut Bench<'_>) -> Result<(), Error>;

/// The parts of the bench, by the names they are asked for.
const PARTS: [(&str, Part); 10] = [
    ("config-only", |bench| bench.config_only()),
    ("all", |bench| bench.all()),
    ("sign", |bench| bench.sign()),
    ("extract", |bench| bench.extract()),
    ("gzip", |bench| bench.gzip()),
    ("zstd", |bench| bench.zstd()),
    ("tokens", tokens::measure),
    ("registry", registry::measure),
    ("cosign", registry::cosign),
    ("notation", notation::measure),
];

/// Measures the wanted parts, or all.
pub fn measure(place: &Place, wanted: &[&str]) -> Result<Vec<Row>, Error> {
    if let Some(unknown) = wanted.iter().find(|w| PARTS.iter().all(|p| p.0 != **w)) {
        let names = PARTS.map(|part| part.0).join(", ");
        return Err(format!("there is no part {unknown}; there are {names}").into());
    }
    let mut bench = Bench {
        place,
        rows: Vec::new(),
        peaks: Vec::new(),
    };
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.contains(&name) {
            part(&mut bench)?;
        }
    }
    let peaks = bench.peaks.into_iter();
    bench
        .rows
        .extend(peaks.map(|(work, peak)| memory(&work, peak, MEMORY)));
    Ok(bench.rows)
}

impl Bench<'_> {
    fn config_only(&mut self) -> Result<(), Error> {
        let work = "`verify-image --config-only`, a small image";
        let ours = self.ours("verify-image -r registry -a small -c ca.pub --config-only");

        let pairs = measure_pairs(work, &ours, &self.command("true"), 400)?;
        self.more(work, &pairs, "`true`", 1.5e-3);

        let openssl = |key: &str, signature: &str, file: &str| {
            self.command(&format!(
                "openssl dgst -sha384 -verify {key} -keyform DER -signature {signature} {file}"
            ))
        };
        let twice = openssl("ca.pub", "vendor.sig", "vendor.pub").then(openssl(
            "vendor.pub",
            "config.sig",
            "config",
        ));
        let pairs = measure_pairs(work, &ours, &twice, 100)?;
        self.ratio(
            work,
            &pairs,
            "two runs of `openssl dgst -sha384 -verify`",
            Some(0.5),
        );
        self.peak(work, &pairs);
        Ok(())
    }

    fn all(&mut self) -> Result<(), Error> {
        let work = format!("`verify-image --all`, {MANY} images of one vendor");
        let ours = self.ours("verify-image -r registry -a many -c ca.pub --all");
        let pairs = measure_pairs(&work, &ours, &self.command("true"), 20)?;
        self.each(&work, &pairs, 0.4);
        self.peak(&work, &pairs);
        Ok(())
    }

    fn sign(&mut self) -> Result<(), Error> {
        let arguments = "sign -k vendor.prv -f file -s file.sig";
        let mut builds = vec![("`sign`, a file of 1 GiB", self.ours(arguments))];
        if let Some(program) = std::env::var_os("IR_SIGN_PLAIN") {
            let program = std::path::absolute(program)?;
            let build = Job::new(&self.place.root, &program, arguments);
            builds.push((
                "`sign`, a file of 1 GiB, without the feature `openssl`",
                build,
            ));
        }
        for (work, ours) in builds {
            let openssl = "dgst -sha384 -sign vendor.prv -keyform DER -out file.openssl file";
            let openssl = self.command(&format!("openssl {openssl}"));
            let openssl = openssl.writes("file.openssl");
            let pairs = measure_pairs(work, &ours.writes("file.sig"), &openssl, 11)?;
            self.ratio(work, &pairs, "`openssl dgst -sha384 -sign`", Some(1.0));
            self.peak(work, &pairs);
        }
        Ok(())
    }

    fn extract(&mut self) -> Result<(), Error> {
        if self.ours("extract-sign-image --help").run().is_err() {
            eprintln!("this program has no extract-sign-image: left out");
            return Ok(());
        }
        let work = "`extract-sign-image`, 1 GB of uncompressed layers, everything verified";
        std::fs::create_dir_all(self.place.path("extracted"))?;
        let ours = "extract-sign-image -r extracted -f archive.tar -a app \
                    -v vendor.prv -s vendor.sig -c ca.pub";
        let ours = self.ours(ours).writes("extracted/app");
        let references = [
            (
                "mkdir unpacked; tar xf archive.tar -C unpacked",
                "`tar xf`, which leaves the writing for later",
                Some(1.1),
            ),
            (
                "mkdir unpacked; tar xf archive.tar -C unpacked; sync -f unpacked",
                "`tar xf` and `sync -f`, as durable as ours",
                Some(1.1),
            ),
            (
                "mkdir unpacked; dd if=archive.tar of=unpacked/copy bs=1M conv=fsync status=none & \
                 openssl dgst -sha256 archive.tar; wait $!",
                "`dd conv=fsync` beside `openssl dgst -sha256`: the least work",
                None,
            ),
        ];
        for (script, name, target) in references {
            let tar = self.shell(script).writes("unpacked");
            let pairs = measure_pairs(work, &ours, &tar, 15)?;
            self.ratio(work, &pairs, name, target);
            self.peak(work, &pairs);
        }
        Ok(())
    }

    fn gzip(&mut self) -> Result<(), Error> {
        for layers in [1, 2] {
            let app = format!("gzip-{layers}");
            let plural = if layers == 1 { "" } else { "s" };
            let work = format!("`verify-image`, 1 GB in {layers} gzip layer{plural}");
            let script = format!("for f in {app}-layer-*; do gzip -dc < $f | sha256sum; done");
            let pairs = measure_pairs(&work, &self.verify(&app), &self.shell(&script), 7)?;
            self.ratio(&work, &pairs, "`gzip -dc \\| sha256sum`", Some(1.0));
            self.peak(&work, &pairs);
        }
        Ok(())
    }

    fn zstd(&mut self) -> Result<(), Error> {
        let work = "`verify-image`, 2 zstd layers with a window of 8 MiB";
        let pairs = measure_pairs(work, &self.verify("zstd-2"), &self.command("true"), 5)?;
        self.peak(work, &pairs);
        Ok(())
    }

    fn verify(&self, app: &str) -> Job {
        self.ours(&format!("verify-image -r registry -a {app} -c ca.pub"))
    }
}
