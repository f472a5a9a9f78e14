//! The largest documents that are accepted take no more memory than is promised.
//!
//! The kernel counts what a parent has in memory as its child's peak, so the runs are started by
//! this program started anew, which has nothing in its memory yet.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use harness::oci::{self, CONFIG, INDEX, LAYER, MANIFEST, Maker, blob_path, digest, hex, with_tag};
use harness::{Scene, limited, write};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wait4::Wait4;

/// The most memory that any run should take.
const PEAK: u64 = 24_000_000;
/// The least memory that an optimised build needs to print its version.
const BARE: u64 = 5_500_000;

/// The most that a run of this build may take: one without optimisation has more of itself in memory
/// (the more the more it does, and `--version` does little), and of what it works on.
fn most() -> u64 {
    if cfg!(debug_assertions) {
        let bare = peak(&["--version".to_owned()], 0).expect("it runs");
        return bare.max(BARE) + PEAK - BARE + 7_000_000;
    }
    PEAK
}
/// A document's most bytes, less what signing adds.
const BYTES: usize = (4 << 20) - 2000;
/// The most members and items of a document, less what signing adds.
const VALUES: usize = (48 << 10) - 16;

/// A document on its way to a file.
struct Document {
    file: BufWriter<File>,
    hash: Sha256,
    size: usize,
}

impl Document {
    fn add(&mut self, text: &str) {
        self.file.write_all(text.as_bytes()).expect("it is written");
        self.hash.update(text);
        self.size += text.len();
    }

    /// Adds a string that fills the document up, but for this many bytes.
    fn fill(&mut self, rest: usize, with: &str) {
        self.fill_to(BYTES - rest, with);
    }

    fn fill_to(&mut self, size: usize, with: &str) {
        self.add("\"");
        let pieces = (size - self.size - 1) / with.len();
        let chunk = with.repeat(1000);
        for _ in 0..pieces / 1000 {
            self.add(&chunk);
        }
        self.add(&with.repeat(pieces % 1000));
        self.add("\"");
    }
}

/// Writes a document among the blobs, and says its digest and size.
fn document(layout: &Path, make: impl FnOnce(&mut Document)) -> (String, usize) {
    let path = layout.join("document");
    let mut document = Document {
        file: BufWriter::new(File::create(&path).expect("a file")),
        hash: Sha256::new(),
        size: 0,
    };
    make(&mut document);
    document.file.flush().expect("it is written");
    assert!(document.size <= BYTES, "{}", document.size);
    let digest = format!("sha256:{}", hex(&document.hash.finalize()));
    fs::rename(path, blob_path(layout, &digest)).expect("it has its name");
    (digest, document.size)
}

fn descriptor(media_type: &str, (digest, size): &(String, usize)) -> String {
    format!("\"mediaType\":\"{media_type}\",\"digest\":\"{digest}\",\"size\":{size}")
}

fn small(layout: &Path, text: &str) -> (String, usize) {
    document(layout, |document| document.add(text))
}

fn config(diff_ids: usize) -> String {
    let id = format!("\"{}\"", digest(b"layer"));
    let ids = vec![id; diff_ids].join(",");
    format!(
        "\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[{ids}]}}"
    )
}

const VERSION: &str = "\"schemaVersion\":2";

/// A layout with one image, tagged `good`, of which each document can be another one.
struct Case {
    config: fn(&mut Document),
    manifest: fn(&mut Document, config: &str, layer: &str),
    index: fn(&mut Document, entry: &str),
    /// Whether an index lists absent blobs.
    lacks: bool,
}

fn plain_config(document: &mut Document) {
    document.add(&format!("{{{}}}", config(1)));
}

fn plain_manifest(document: &mut Document, config: &str, layer: &str) {
    document.add(&format!(
        "{{{VERSION},\"config\":{{{config}}},\"layers\":[{{{layer}}}]}}"
    ));
}

fn plain_index(document: &mut Document, entry: &str) {
    document.add(&format!("{{{VERSION},\"manifests\":[{{{entry}}}]}}"));
}

/// As many members as there may be, each with another name and no value.
fn annotations(document: &mut Document, taken: usize) {
    document.add("\"annotations\":{\"\":\"\"");
    for n in 0..VALUES - taken {
        document.add(&format!(",\"{n:x}\":\"\""));
    }
    document.add("}");
}

/// Entries, each with this many members and items in all, up to what fits.
fn entries(document: &mut Document, each: usize, entry: impl Fn(usize) -> String) {
    let mut n = 0;
    while (n + 1) * each + 20 < VALUES && document.size < BYTES - 1000 {
        document.add(",");
        document.add(&entry(n));
        n += 1;
    }
}

fn run(case: &Case) {
    run_with(case, most(), |_, _| Vec::new());
}

/// With further entries in `index.json`, which lead to what `more` writes.
fn run_with(case: &Case, most: u64, more: impl FnOnce(&Path, &str) -> Vec<String>) {
    let scene = Scene::new();
    let layout = scene.app("app");
    fs::create_dir_all(layout.join("blobs/sha256")).expect("folders");
    write(
        layout.join("oci-layout"),
        "{\"imageLayoutVersion\":\"1.0.0\"}",
    );
    let layer = descriptor(LAYER, &small(&layout, "layer"));
    let config = descriptor(CONFIG, &document(&layout, case.config));
    let manifest = document(&layout, |d| (case.manifest)(d, &config, &layer));
    let manifest = descriptor(MANIFEST, &manifest);
    let tag = "\"annotations\":{\"org.opencontainers.image.ref.name\":\"good\"}";
    let mut entry = format!("{manifest},{tag}");
    for nested in more(&layout, &manifest) {
        entry = format!("{entry}}},{{{nested}");
    }
    let index = document(&layout, |d| (case.index)(d, &entry));
    fs::rename(blob_path(&layout, &index.0), layout.join("index.json")).expect("an index");
    let good = ["-d", "good"];
    if case.lacks {
        let refused = ("prune that is refused", scene.prune_args("app"));
        measure_ending(1, most, &[refused]);
    }
    let absent = ["--absent", "all"].map(str::to_owned).to_vec();
    measure(
        most,
        &[
            ("sign-image", scene.sign_args("app", &good)),
            ("sign-image again", scene.sign_args("app", &good)),
            ("verify-image", scene.verify_args("app", &good)),
            ("prune", [scene.prune_args("app"), absent].concat()),
            ("inspect-image", {
                let registry = scene.text("registry");
                ["inspect-image", "-r", &registry, "-a", "app"]
                    .map(str::to_owned)
                    .to_vec()
            }),
        ],
    );
}

/// Runs the commands; none may take more than this.
fn measure(most: u64, runs: &[(&str, Vec<String>)]) {
    measure_ending(0, most, runs);
}

/// The same of commands that end with a status.
fn measure_ending(status: i32, most: u64, runs: &[(&str, Vec<String>)]) {
    let mut told = format!("{most} bytes are allowed\n");
    for (what, args) in runs {
        let peak = peak(args, status).unwrap_or_else(|said| panic!("{what}: {said}"));
        writeln!(told, "{what} took {peak} bytes").expect("text");
        if peak > most {
            told.push_str("TOO MUCH\n");
        }
    }
    println!("{told}");
    assert!(!told.contains("TOO MUCH"), "\n{told}");
}

/// Runs the program from a process of its own, and returns its peak memory or its message.
fn peak(args: &[String], status: i32) -> Result<u64, String> {
    let launcher = std::env::current_exe().expect("this program");
    let run = Command::new(launcher)
        .args(["--exact", "memory::launched", "--nocapture"])
        .env(LAUNCH, args.join("\n"))
        .env(STATUS, status.to_string())
        .output()
        .expect("it starts");
    let output = String::from_utf8_lossy(&run.stdout);
    let peak = output.split_once(MARK).and_then(|(_, rest)| {
        let digits = rest.split(' ').next()?;
        digits.parse().ok()
    });
    let said = String::from_utf8_lossy(&run.stderr);
    peak.ok_or_else(|| format!("{output}{said}").chars().take(2000).collect())
}

const LAUNCH: &str = "IR_SIGN_TEST_LAUNCH";
const STATUS: &str = "IR_SIGN_TEST_STATUS";
const MARK: &str = "peak: ";

/// Not a test of its own: what [`peak`] starts.
#[test]
fn launched() {
    let Ok(args) = std::env::var(LAUNCH) else {
        return;
    };
    // Set to measure another build of the program.
    let program = std::env::var("IR_SIGN").unwrap_or_else(|_| harness::program().to_owned());
    let mut command = limited(program);
    command.args(args.split('\n')).stdout(Stdio::null());
    let used = command
        .spawn()
        .expect("it starts")
        .wait4()
        .expect("it ends");
    let status = std::env::var(STATUS).map_or(0, |text| text.parse().expect("a number"));
    assert_eq!(used.status.code(), Some(status));
    println!("{MARK}{} ", used.rusage.maxrss);
}

const PLAIN: Case = Case {
    config: plain_config,
    manifest: plain_manifest,
    index: plain_index,
    lacks: false,
};

#[test]
fn a_small_image() {
    run(&PLAIN);
}

/// Packed with a window of 8 MiB, all of which is used.
fn with_window(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.window_log(23).expect("a window");
    encoder.write_all(content).expect("packed");
    encoder.finish().expect("packed")
}

/// Packs a layout as an archive of each kind, into files that are named by their endings.
fn archives(layout: &Path, scene: &Scene) -> [String; 3] {
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_dir_all(".", layout).expect("packed");
    let tar = tar.into_inner().expect("packed");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).expect("packed");
    let gzip = gzip.finish().expect("packed");
    let zstd = with_window(&tar);
    [("a.tar", tar), ("a.tar.gz", gzip), ("a.tar.zst", zstd)].map(|(name, bytes)| {
        write(scene.path(name), bytes);
        scene.text(name)
    })
}

/// An image with layers that want the largest window, and documents with so much in them. What its
/// runs may take.
fn with_windows(long: usize, most: u64) {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    // Content that packs badly: small layers are not unpacked several at a time.
    let noise = |seed: u32, length: u32| -> Vec<u8> {
        let scattered = (0..length).map(|n| n.wrapping_add(seed).wrapping_mul(2_654_435_761));
        scattered.map(|n| (n ^ n >> 15).to_be_bytes()[1]).collect()
    };
    let contents = [1, 2, 3].map(|seed| noise(seed << 28, 12 << 20));
    let unpacked: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let mut layers: Vec<_> = unpacked
        .iter()
        .map(|content| maker.blob(&format!("{LAYER}+zstd"), &with_window(content)))
        .collect();
    let plain = noise(0, 9 << 20);
    layers.push(maker.blob(LAYER, &plain));
    let unpacked: Vec<&[u8]> = unpacked.into_iter().chain([plain.as_slice()]).collect();
    let text = "x".repeat(long);
    let mut config: Value = oci::parse(&oci::blob(&maker.dir, &maker.config(&unpacked)));
    config["x"] = text.clone().into();
    let config = maker.blob(CONFIG, config.to_string().as_bytes());
    let mut manifest = oci::parse(&oci::blob(&maker.dir, &maker.manifest(&config, &layers)));
    manifest["x"] = text.clone().into();
    let entry = with_tag(maker.document(&manifest), "good");
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry], "x": text });
    write(maker.dir.join("index.json"), index.to_string());
    let archives = archives(&maker.dir, &scene);
    let mut runs = vec![
        ("sign-image", scene.sign_args("app", &[])),
        ("verify-image", scene.verify_args("app", &[])),
    ];
    for archive in &archives {
        let mut args = scene.sign_args("new", &["--force", "-f", archive]);
        "extract-sign-image".clone_into(&mut args[0]);
        runs.push((archive, args));
    }
    measure(most, &runs);
}

#[test]
fn layers_with_the_largest_windows() {
    with_windows(100_000, most());
}

/// The memory of a window comes on top of that of the largest documents.
#[test]
fn the_largest_windows_and_large_documents() {
    with_windows(2_100_000, most() + (9 << 20));
}

/// A layer with folders of these names.
fn folders(names: impl Iterator<Item = String>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for name in names {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(0o755);
        tar.append_data(&mut header, name, std::io::empty())
            .expect("packed");
    }
    tar.into_inner().expect("packed")
}

/// The notes on layers, by which a run tells whether a realm can unpack them, are short, or the run keeps none.
#[test]
fn layers_of_many_names_and_of_deep_folders() {
    let deep = |n: usize| {
        let parts: Vec<_> = (0..400).map(|depth| format!("{n}.{depth}")).collect();
        parts.join("/")
    };
    let many = folders((0..100_000).map(|n| format!("folder-{}/{n}", n % 100)));
    let more = folders((0..900).map(deep));
    for layer in [many, more] {
        let scene = Scene::new();
        let maker = Maker::new(scene.app("app"));
        let config = maker.config(&[&layer[..]]);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&layer).expect("packed");
        let packed = packed.finish().expect("packed");
        drop(layer);
        let image = maker.manifest(&config, &[maker.blob(&format!("{LAYER}+gzip"), &packed)]);
        maker.index(&[with_tag(image, "good")]);
        let registry = scene.text("registry");
        let inspect = ["inspect-image", "-r", &registry, "-a", "app"].map(str::to_owned);
        let runs = [
            ("sign-image", scene.sign_args("app", &[])),
            ("inspect-image", inspect.to_vec()),
        ];
        measure(most(), &runs);
        // The config has no history.
        let verify = scene.verify_args("app", &["--for-realms"]);
        measure_ending(1, most(), &[("verify-image", verify)]);
    }
}

#[test]
fn an_index_of_many_bare_entries() {
    run(&Case {
        index: |document, entry| {
            document.add(&format!("{{{VERSION},\"manifests\":[{{{entry}}}"));
            entries(document, 4, |n| {
                let absent = (digest(&n.to_le_bytes()), n);
                format!("{{{}}}", descriptor(MANIFEST, &absent))
            });
            document.add("],\"annotations\":{\"\":");
            document.fill(2, "x");
            document.add("}}");
        },
        lacks: true,
        ..PLAIN
    });
}

#[test]
fn an_index_of_many_entries_with_all_there_is() {
    run(&Case {
        index: |document, entry| {
            document.add(&format!("{{{VERSION},\"manifests\":[{{{entry}}}"));
            entries(document, 11, |n| {
                let absent = descriptor(INDEX, &(digest(&n.to_le_bytes()), n));
                let tag = format!("\"org.opencontainers.image.ref.name\":\"{n}\"");
                let platform =
                    "\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}";
                format!("{{{absent},\"annotations\":{{{tag}}},{platform},\"data\":\"{n:020}\"}}")
            });
            document.add("]}");
        },
        lacks: true,
        ..PLAIN
    });
}

#[test]
fn an_index_of_many_annotations() {
    run(&Case {
        index: |document, entry| {
            document.add(&format!("{{{VERSION},\"manifests\":[{{{entry}}}],"));
            annotations(document, 16);
            document.add("}");
        },
        ..PLAIN
    });
}

#[test]
fn an_entry_of_many_annotations() {
    run(&Case {
        index: |document, entry| {
            let absent = descriptor(MANIFEST, &(digest(b"absent"), 1));
            document.add(&format!(
                "{{{VERSION},\"manifests\":[{{{entry}}},{{{absent},"
            ));
            annotations(document, 20);
            document.add("}]}");
        },
        lacks: true,
        ..PLAIN
    });
}

#[test]
fn an_index_of_one_long_text() {
    run(&Case {
        index: |document, entry| {
            document.add(&format!("{{{VERSION},\"manifests\":[{{{entry}}}],\"x\":"));
            document.fill(1, "\\n");
            document.add("}");
        },
        ..PLAIN
    });
}

/// Two indexes that lead to the image, as large together as they may be.
fn two_indexes(fill: fn(&mut Document, size: usize)) {
    // Texts and entries of both are there at a time, and what one thread gave back another may not get.
    let case = Case {
        lacks: true,
        ..PLAIN
    };
    run_with(&case, most() + 4_000_000, |layout, manifest| {
        let sizes = [BYTES * 3 / 4, BYTES / 4 - 3000];
        let nested = sizes.map(|size| {
            let index = document(layout, |document| {
                document.add(&format!("{{{VERSION},\"manifests\":[{{{manifest}}},"));
                fill(document, size);
            });
            descriptor(INDEX, &index)
        });
        nested.into()
    });
}

#[test]
fn two_indexes_of_long_text() {
    two_indexes(|document, size| {
        let absent = descriptor(MANIFEST, &(digest(b"absent"), 3 << 20));
        document.add(&format!("{{{absent},\"data\":"));
        document.fill_to(size - 3, "x");
        document.add("}]}");
    });
}

#[test]
fn two_indexes_of_many_entries() {
    two_indexes(|document, size| {
        let mut n = 0;
        while n < 6000 && document.size + 1000 < size {
            let absent = descriptor(INDEX, &(digest(&(size + n).to_le_bytes()), n));
            document.add(&format!("{{{absent}}},"));
            n += 1;
        }
        let absent = descriptor(INDEX, &(digest(b"absent"), 1));
        document.add(&format!("{{{absent}}}],\"annotations\":{{\"\":"));
        document.fill_to(size - 2, "x");
        document.add("}}");
    });
}

#[test]
fn a_manifest_of_many_layers() {
    const MANY: usize = 12_000;
    run(&Case {
        config: |document| document.add(&format!("{{{}}}", config(MANY))),
        manifest: |document, config, layer| {
            document.add(&format!(
                "{{{VERSION},\"config\":{{{config}}},\"layers\":[{{{layer}}}"
            ));
            for _ in 1..MANY {
                document.add(&format!(",{{{layer}}}"));
            }
            document.add("]}");
        },
        ..PLAIN
    });
}

#[test]
fn a_manifest_of_many_annotations() {
    run(&Case {
        manifest: |document, config, layer| {
            document.add(&format!(
                "{{{VERSION},\"config\":{{{config}}},\"layers\":[{{{layer}}}],"
            ));
            annotations(document, 16);
            document.add("}");
        },
        ..PLAIN
    });
}

/// The most that a config may have beside the largest manifest, and a manifest beside the largest config.
const REST: usize = (1 << 19) - 1000;

fn long_config(document: &mut Document, size: usize) {
    document.add(&format!("{{{},\"x\":", config(1)));
    document.fill_to(size, "\\n");
    document.add("}");
}

fn long_manifest(document: &mut Document, config: &str, layer: &str, size: usize, with: &str) {
    document.add(&format!(
        "{{{VERSION},\"config\":{{{config}}},\"layers\":[{{{layer}}}],\"annotations\":{{\"x\":"
    ));
    document.fill_to(size, with);
    document.add("}}");
}

#[test]
fn a_manifest_of_one_long_annotation() {
    run(&Case {
        config: |document| long_config(document, REST),
        manifest: |document, config, layer| {
            long_manifest(document, config, layer, BYTES - 10, "x");
        },
        ..PLAIN
    });
}

#[test]
fn a_manifest_of_one_long_annotation_of_escapes() {
    run(&Case {
        config: |document| long_config(document, REST),
        manifest: |document, config, layer| {
            long_manifest(document, config, layer, BYTES - 10, "\\n");
        },
        ..PLAIN
    });
}

#[test]
fn a_config_of_one_long_text() {
    run(&Case {
        config: |document| long_config(document, BYTES - 10),
        manifest: |document, config, layer| {
            long_manifest(document, config, layer, REST, "x");
        },
        ..PLAIN
    });
}

/// An error may have to quote them.
#[test]
fn a_long_text_in_the_wrong_place() {
    let scene = Scene::new();
    let layout = Maker::new(scene.app("app")).dir;
    let registry = scene.text("registry");
    let inspect = ["inspect-image", "-r", &registry, "-a", "app"].map(str::to_owned);
    let runs = [
        ("sign-image", scene.sign_args("app", &[])),
        ("verify-image", scene.verify_args("app", &[])),
        ("prune", scene.prune_args("app")),
        ("inspect-image", inspect.to_vec()),
    ];
    for (before, after) in [
        (r#"{"schemaVersion":"#, r#","manifests":[]}"#),
        (r#"{"schemaVersion":2,"manifests":"#, "}"),
        (r#"{"schemaVersion":2,"manifests":["#, "]}"),
        (
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","size":1,"digest":"#,
            "}]}",
        ),
    ] {
        // One that is longer where it is quoted, and one in which a PIN is looked for.
        for with in ["\u{7f}", "%41"] {
            let text = with.repeat((BYTES - 200) / with.len());
            write(
                layout.join("index.json"),
                format!("{before}\"{text}\"{after}"),
            );
            measure_ending(1, most(), &runs);
        }
    }
}
