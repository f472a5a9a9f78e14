//! Questions of this project's own making, which real skopeo answers beside ir-sign: names in signatures against names
//! that are asked for, configurations of signature storage, and oddities of lookasides and folders.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use harness::oci::digest;
use harness::peers;
use harness::policy::{Case, Content, Server, serve_registry};
use harness::{Run, limited, temp_dir, tool};
use serde_json::json;

use crate::desk::{complaints, ir_sign, skopeo, world};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry with images that are signed by names of all kinds.
struct Names {
    server: Server,
    key: String,
    /// The repositories, each with the name in its signature and the image's digest.
    signed: Vec<(String, String, String)>,
}

/// Both programs let the image in, or neither does.
fn same_as_skopeo(cases: &[Case]) {
    if peers::skopeo122().is_none() {
        return;
    }
    let complaints = complaints(cases, |case| {
        let theirs = skopeo(peers::skopeo122()?, case);
        let ours = ir_sign(case, &[]);
        let lets_in = theirs.status == 0;
        let is_same = match ours.status {
            0 => lets_in,
            1 | 3 => !lets_in || case.stricter,
            _ => false,
        };
        (!is_same).then(|| {
            format!(
                "{}: skopeo {}, ir-sign {}\n{}{}",
                case.id, theirs.status, ours.status, theirs.stderr, ours.stderr
            )
        })
    });
    assert!(
        complaints.is_empty(),
        "{} of {}:\n{}",
        complaints.len(),
        cases.len(),
        complaints.join("\n")
    );
}

/// Signs a file with openssl's key, under SHA-256, and returns base64.
fn signed(folder: &Path, payload: &[u8]) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    fs::write(folder.join("payload"), payload).expect("written");
    let (key, out, payload) = (at("key.pem"), at("signature"), at("payload"));
    tool(
        "openssl",
        ["dgst", "-sha256", "-sign", &key, "-out", &out, &payload],
    );
    let run = tool("openssl", ["base64", "-A", "-in", &out]);
    run.stdout.trim().to_owned()
}

fn add(content: &mut Content, repository: &str, name: &str, kind: Option<&str>, bytes: &[u8]) {
    let value = (kind.map(str::to_owned), bytes.to_vec());
    content.insert((repository.to_owned(), name.to_owned()), value.clone());
    content.insert((repository.to_owned(), digest(bytes)), value);
}

/// An image of its own for a repository, with the tags `v1` and `latest`; returns its digest.
fn image(content: &mut Content, repository: &str) -> String {
    let config = json!({
        "architecture": "amd64", "os": "linux", "author": repository,
        "rootfs": { "type": "layers", "diff_ids": [] }, "config": {},
    })
    .to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": config.len(), "digest": digest(config.as_bytes()),
        },
        "layers": [],
    })
    .to_string();
    add(content, repository, "config", None, config.as_bytes());
    for tag in ["v1", "latest"] {
        add(
            content,
            repository,
            tag,
            Some(MANIFEST),
            manifest.as_bytes(),
        );
    }
    digest(manifest.as_bytes())
}

fn sign(content: &mut Content, repository: &str, image: &str, name: &str, folder: &Path) {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": name },
            "image": { "docker-manifest-digest": image },
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string();
    let layer = json!({
        "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
        "size": payload.len(),
        "digest": digest(payload.as_bytes()),
        "annotations": {
            "dev.cosignproject.cosign/signature": signed(folder, payload.as_bytes()),
        },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": 2, "digest": digest(b"{}"),
        },
        "layers": [layer],
    })
    .to_string();
    let tag = format!("{}.sig", image.replace(':', "-"));
    add(content, repository, "empty", None, b"{}");
    add(content, repository, "payload", None, payload.as_bytes());
    add(
        content,
        repository,
        &tag,
        Some(MANIFEST),
        manifest.as_bytes(),
    );
}

impl Names {
    fn make() -> Self {
        // A free port: names in signatures have it.
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address").port()
        };
        let host = format!("127.0.0.1:{port}");
        let folder = temp_dir();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let key = world().text("own.pub");
        tool(
            "openssl",
            [
                "ecparam",
                "-name",
                "secp384r1",
                "-genkey",
                "-noout",
                "-out",
                &at("key.pem"),
            ],
        );
        tool(
            "openssl",
            ["ec", "-in", &at("key.pem"), "-pubout", "-out", &key],
        );
        let mut content = Content::new();
        let mut all = Vec::new();
        let names = [
            "@:v1",
            "@",
            "@:latest",
            "@:v2",
            "@@D",
            "@:v1@D",
            "up.example/team/app:v1",
            "up.example/team/app",
            "app:v1",
            "docker.io/library/app:v1",
            "",
            "UPPER",
            "@/more:v1",
            "@:v1 ",
            "up.example/team/other:v1",
        ];
        for (n, name) in names.into_iter().enumerate() {
            let repository = format!("team/app{n}");
            let image = image(&mut content, &repository);
            let whole = format!("{host}/{repository}");
            let name = match name.strip_prefix('@') {
                Some(rest) => format!("{whole}{}", rest.replace("@D", &format!("@{image}"))),
                None => name.to_owned(),
            };
            sign(&mut content, &repository, &image, &name, folder.path());
            all.push((whole, name, image));
        }
        Self {
            server: serve_registry(port, content),
            key,
            signed: all,
        }
    }
}

/// The registry, which goes when the process does.
fn names() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(Names::make)
}

#[test]
fn names_in_signatures_are_admitted_as_skopeo_admits_them() {
    let names = names();
    let host = names.server.host();
    let mut cases = Vec::new();
    for (repository, signed_as, image) in &names.signed {
        let identities = [
            String::new(),
            r#"{"type":"matchExact"}"#.into(),
            r#"{"type":"matchRepoDigestOrExact"}"#.into(),
            r#"{"type":"matchRepository"}"#.into(),
            r#"{"type":"exactReference","dockerReference":"up.example/team/app:v1"}"#.into(),
            r#"{"type":"exactRepository","dockerRepository":"up.example/team/app:v9"}"#.into(),
            format!(r#"{{"type":"exactRepository","dockerRepository":"{repository}"}}"#),
            format!(
                r#"{{"type":"remapIdentity","prefix":"{repository}","signedPrefix":"up.example/team/app"}}"#
            ),
            format!(
                r#"{{"type":"remapIdentity","prefix":"{host}/tea","signedPrefix":"up.example"}}"#
            ),
        ];
        for (n, identity) in identities.iter().enumerate() {
            let asked = [
                format!("docker://{repository}:v1"),
                format!("docker://{repository}@{image}"),
            ];
            // Without a tag it is the tag latest, which the first identities alone tell from v1.
            let latest = (n < 3).then(|| format!("docker://{repository}"));
            for image in asked.into_iter().chain(latest) {
                let wanted = match identity.as_str() {
                    "" => String::new(),
                    identity => format!(r#","signedIdentity":{identity}"#),
                };
                let policy = format!(
                    r#"{{"default":[{{"type":"sigstoreSigned","keyPath":"{}"{wanted}}}]}}"#,
                    names.key
                );
                let id = format!("{image}, signed as {signed_as:?}, {identity}");
                cases.push(Case::to_skopeo(&id, &image, "on", &policy));
            }
        }
    }
    assert!(cases.len() > 250, "{}", cases.len());
    same_as_skopeo(&cases);
}

/// Makes a folder of configurations, and returns its name below `rd`.
fn configured(name: &str, files: &[(&str, &str)]) -> String {
    let name = format!("own-{name}");
    let folder = world().path("rd").join(&name);
    fs::create_dir_all(&folder).expect("a folder");
    for (file, text) in files {
        fs::write(folder.join(file), world().filled(text)).expect("written");
    }
    name
}

const BY_G1: &str =
    r#"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"@D@/k/g1.gpg"}]}"#;
const BY_A: &str = r#"{"default":[{"type":"sigstoreSigned","keyPath":"@D@/k/a.pub","signedIdentity":{"type":"matchRepository"}}]}"#;

#[test]
#[expect(clippy::too_many_lines, reason = "one case a line")]
fn signature_storage_is_configured_as_for_skopeo() {
    const LOOK: &str = "lookaside: file://@D@/look";
    const ON: &str = "use-sigstore-attachments: true";
    let host = "127.0.0.1:25917";
    let folders: Vec<Vec<(&str, String)>> = vec![
        vec![(
            "a.yaml",
            format!("docker:\n  {host}/lab:\n    {LOOK}\n    {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("docker:\n  {host}/la:\n    {LOOK}\n    {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("docker:\n  {host}/lab/g1:\n    {LOOK}\n  {host}/lab/a:\n    {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("docker:\n  {host}/lab/g1:v1:\n    {LOOK}\n  {host}/lab/a:v2:\n    {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("docker:\n  127.0.0.1:\n    {LOOK}\n    {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("docker:\n  '*.0.0.1':\n    {LOOK}\n    {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("docker:\n  '*.0.0.1:25917':\n    {LOOK}\n    {ON}\n"),
        )],
        vec![("a.yaml", format!("docker:\n  '':\n    {LOOK}\n    {ON}\n"))],
        vec![(
            "a.yaml",
            format!("docker:\n  {host}/:\n    {LOOK}\n    {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!(
                "default-docker:\n  {LOOK}\n  {ON}\ndocker:\n  {host}/lab:\n    use-sigstore-attachments: false\n"
            ),
        )],
        vec![(
            "a.yaml",
            format!(
                "default-docker:\n  {LOOK}\n  {ON}\ndocker:\n  {host}/lab:\n    lookaside: file:///nowhere\n"
            ),
        )],
        vec![(
            "a.yaml",
            format!(
                "default-docker:\n  {LOOK}\n  {ON}\ndocker:\n  {host}/lab:\n    lookaside: ''\n"
            ),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  sigstore: file://@D@/look\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  sigstore: file:///nowhere\n  {LOOK}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside-staging: file://@D@/look\n  {ON}\n"),
        )],
        vec![
            ("a.yaml", format!("default-docker:\n  {LOOK}\n")),
            ("b.yaml", format!("docker:\n  {host}:\n    {ON}\n")),
        ],
        vec![
            ("a.yaml", format!("default-docker:\n  {LOOK}\n")),
            ("b.yaml", format!("docker:\n  {host}:\n    {ON}\n")),
            ("c.yaml", format!("docker:\n  {host}:\n    {LOOK}\n")),
        ],
        vec![
            ("a.yaml", format!("default-docker:\n  {LOOK}\n  {ON}\n")),
            ("b.yaml", "default-docker: {}\n".into()),
        ],
        vec![
            ("a.yaml", format!("default-docker:\n  {LOOK}\n  {ON}\n")),
            ("b.yaml", "docker: {}\n".into()),
        ],
        vec![(
            "a.yaml",
            "default-docker:\n  use-sigstore-attachments: 1\n".into(),
        )],
        vec![(
            "a.yaml",
            "default-docker:\n  use-sigstore-attachments: on\n".into(),
        )],
        vec![(
            "a.yaml",
            "default-docker:\n  use-sigstore-attachments: \"true\"\n".into(),
        )],
        vec![(
            "a.yaml",
            "default-docker:\n  use-sigstore-attachments: True\n".into(),
        )],
        vec![(
            "a.yaml",
            "default-docker:\n  use-sigstore-attachments:\n".into(),
        )],
        vec![("a.yaml", "default-docker:\n\tlookaside: x\n".into())],
        vec![("a.yaml", "[]\n".into())],
        vec![("a.yaml", "x\n".into())],
        vec![("a.yaml", "null\n".into())],
        vec![("a.yaml", "docker: []\n".into())],
        vec![("a.yaml", "default-docker: x\n".into())],
        vec![("a.yaml", "default-docker:\n  lookaside: [x]\n".into())],
        vec![(
            "a.yaml",
            format!("default-docker: &x\n  {LOOK}\n  {ON}\ndocker:\n  {host}: *x\n"),
        )],
        vec![("a.yaml", format!("default-docker:\n  {LOOK}\n  {LOOK}\n"))],
        vec![(
            "a.yaml",
            "{\"default-docker\":{\"lookaside\":\"file://@D@/look\",\"use-sigstore-attachments\":true}}".to_string(),
        )],
        vec![
            ("a.yaml", format!("default-docker:\n  {LOOK}\n  {ON}\n")),
            ("b.json", "{".into()),
            (".yaml", "docker:\n".into()),
        ],
        vec![(".a.yaml", format!("default-docker:\n  {LOOK}\n  {ON}\n"))],
        vec![("a.YAML", format!("default-docker:\n  {LOOK}\n  {ON}\n"))],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: file://@D@/look?x#y\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: file:@D@/look\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: FILE://@D@/look\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: file://@D@/loo%6b\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: 'file://@D@/look%zz'\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: file://@D@/k/../look/.\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: file://@D@/k/a.pub\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: http://@LOOK@/\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: http://@LOOK@/?x=y\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: http://127.0.0.1:1/\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: ftp://@LOOK@/\n  {ON}\n"),
        )],
        vec![(
            "a.yaml",
            format!("default-docker:\n  lookaside: look\n  {ON}\n"),
        )],
    ];
    let mut cases = Vec::new();
    for (n, files) in folders.iter().enumerate() {
        let texts: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, &**text)).collect();
        let name = configured(&format!("storage-{n}"), &texts);
        let policies = [
            ("g1", BY_G1),
            ("a", BY_A),
            ("none", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#),
        ];
        for (image, policy) in policies {
            let id = format!("{image}: {files:?}");
            let image = format!("docker://{host}/lab/{image}:v1");
            cases.push(Case::to_skopeo(&id, &image, &name, &world().filled(policy)));
        }
    }
    assert!(cases.len() > 140, "{}", cases.len());
    same_as_skopeo(&cases);
}

#[test]
fn odd_files_of_a_lookaside_are_taken_as_skopeo_takes_them() {
    let host = "127.0.0.1:25917";
    let find = |repository: &str| {
        let start = format!("{repository}@");
        let folder = fs::read_dir(world().path("look/lab")).expect("lookasides");
        let found = folder.map(|entry| entry.expect("an entry").path());
        let mut found = found.filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(&start))
        });
        found.next().expect("it is there")
    };
    let (good, of_g2) = (find("g1"), find("g2"));
    let good_name = good.file_name().expect("a name").to_owned();
    let good = fs::read(good.join("signature-1")).expect("a signature");
    let of_g2 = fs::read(of_g2.join("signature-1")).expect("a signature");
    let with = |start: &[u8], bytes: &[u8]| [start, bytes].concat();
    #[expect(clippy::type_complexity, reason = "a table")]
    let oddities: Vec<(&str, Vec<(usize, Vec<u8>)>)> = vec![
        ("as it is", vec![(1, good.clone())]),
        ("from 2", vec![(2, good.clone())]),
        (
            "another's first",
            vec![(1, of_g2.clone()), (2, good.clone())],
        ),
        (
            "another's second",
            vec![(1, good.clone()), (2, of_g2.clone())],
        ),
        ("another's alone", vec![(1, of_g2.clone())]),
        ("nothing second", vec![(1, good.clone()), (2, Vec::new())]),
        (
            "garbage second",
            vec![(1, good.clone()), (2, b"garbage".to_vec())],
        ),
        (
            "garbage behind a gap",
            vec![(1, good.clone()), (3, b"garbage".to_vec())],
        ),
        (
            "marked as simple",
            vec![(1, with(b"\0simple-signing\n", &good))],
        ),
        ("marked as another", vec![(1, with(b"\0other\n", &good))]),
        ("marked and cut", vec![(1, b"\0simple-signing".to_vec())]),
        (
            "sigstore, not JSON, second",
            vec![(1, good.clone()), (2, b"\0sigstore-json\nx".to_vec())],
        ),
        (
            "sigstore, empty object, second",
            vec![(1, good.clone()), (2, b"\0sigstore-json\n{}".to_vec())],
        ),
        ("cut", vec![(1, good[..good.len() - 10].to_vec())]),
        ("more behind", vec![(1, with(&good, b"x"))]),
        ("twice in one", vec![(1, with(&good, &good))]),
        (
            "a byte changed",
            vec![(1, {
                let mut bytes = good.clone();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                bytes
            })],
        ),
        ("a reserved packet", vec![(1, with(b"\xc0", &good))]),
        (
            "an armoured one",
            vec![(
                1,
                b"-----BEGIN PGP MESSAGE-----\n\n-----END PGP MESSAGE-----\n".to_vec(),
            )],
        ),
    ];
    let mut cases = Vec::new();
    for (n, (id, files)) in oddities.iter().enumerate() {
        let base = world().path(format!("own-look-{n}"));
        let folder = base.join("lab").join(&good_name);
        fs::create_dir_all(&folder).expect("folders");
        for (number, bytes) in files {
            fs::write(folder.join(format!("signature-{number}")), bytes).expect("written");
        }
        let text = format!("default-docker:\n  lookaside: file://{}\n", base.display());
        let name = configured(&format!("look-{n}"), &[("x.yaml", &text)]);
        {
            let image = format!("docker://{host}/lab/g1:v1");
            cases.push(Case::to_skopeo(id, &image, &name, &world().filled(BY_G1)));
        }
    }
    same_as_skopeo(&cases);
}

#[test]
fn folders_of_skopeo_s_are_judged_as_skopeo_judges_them() {
    let Some(mut copy) = peers::skopeo122() else {
        return;
    };
    let host = "127.0.0.1:25917";
    let folder = temp_dir();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let anything = at("anything.json");
    fs::write(
        &anything,
        r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
    )
    .expect("written");
    let script = format!(
        "set -e; for image in a g1 ab; do \"$0\" \"$@\" docker://{host}/lab/$image:v1 dir:{}-$image; done; \
         \"$0\" \"$@\" --all docker://{host}/lab/idx-all:v1 dir:{}-idx-all",
        at("dir"),
        at("dir")
    );
    let program = copy.get_program().to_owned();
    let arguments: Vec<_> = copy.get_args().map(ToOwned::to_owned).collect();
    copy = limited("sh");
    copy.args(["-c", &script]).arg(program).args(arguments);
    copy.args([
        "--policy",
        &anything,
        "--registries.d",
        &world().text("rd/on"),
        "copy",
        "-q",
    ]);
    copy.arg("--src-tls-verify=false");
    Run::of(&mut copy).ok();
    // A signature that skopeo did not write, and one behind a gap.
    for (name, of) in [("gap", "signature-3"), ("garbage", "signature-2")] {
        let (from, to) = (at("dir-a"), at(&format!("dir-{name}")));
        tool("cp", ["-r", &from, &to]);
        fs::write(Path::new(&to).join(of), "garbage").expect("written");
    }
    let mut cases = Vec::new();
    let by_a = |identity: &str| {
        let text = format!(
            r#"{{"default":[{{"type":"sigstoreSigned","keyPath":"@D@/k/a.pub"{identity}}}]}}"#
        );
        world().filled(&text)
    };
    let by_g1 = |identity: &str| {
        let text = format!(
            r#"{{"default":[{{"type":"signedBy","keyType":"GPGKeys","keyPath":"@D@/k/g1.gpg"{identity}}}]}}"#
        );
        world().filled(&text)
    };
    for image in ["a", "g1", "ab", "idx-all", "gap", "garbage"] {
        let repository = match image {
            "gap" | "garbage" => format!("{host}/lab/a"),
            image => format!("{host}/lab/{image}"),
        };
        for identity in [
            String::new(),
            r#","signedIdentity":{"type":"matchExact"}"#.into(),
            r#","signedIdentity":{"type":"matchRepository"}"#.into(),
            format!(
                r#","signedIdentity":{{"type":"exactReference","dockerReference":"{repository}:v1"}}"#
            ),
            format!(
                r#","signedIdentity":{{"type":"exactReference","dockerReference":"{repository}:v2"}}"#
            ),
            format!(
                r#","signedIdentity":{{"type":"exactRepository","dockerRepository":"{repository}"}}"#
            ),
            format!(
                r#","signedIdentity":{{"type":"remapIdentity","prefix":"{host}","signedPrefix":"{host}"}}"#
            ),
        ] {
            for policy in [by_a(&identity), by_g1(&identity)] {
                let name = format!("dir:{}", at(&format!("dir-{image}")));
                let id = format!("{image}: {policy}");
                cases.push(Case::to_skopeo(&id, &name, "on", &policy));
            }
        }
    }
    same_as_skopeo(&cases);
}
