//! docker's list of images beside `index.json`: both have to lead to the same images.

use serde_json::{Value, json};

use harness::oci::{self, Maker, blob_path, with_tag};
use harness::{Run, Scene, ir_sign, read, same, snapshot, tool, write};

const RULE: &str = "image.docker-list";
const NAME: &str = "io.containerd.image.name";

/// An app with two images.
struct Two {
    scene: Scene,
    /// Their configs, by where they lie.
    configs: [String; 2],
}

fn named(mut entry: Value, name: &str) -> Value {
    entry["annotations"][NAME] = json!(name);
    entry
}

impl Two {
    /// The entries are those that `list` makes of the two.
    fn new(list: impl FnOnce([Value; 2]) -> Vec<Value>) -> Self {
        let scene = Scene::new();
        let maker = Maker::new(scene.app("app"));
        let images =
            ["good", "evil"].map(|content| maker.image("", content.as_bytes(), content.as_bytes()));
        let configs = [0, 1].map(|n: usize| {
            let manifest = oci::parse(&oci::blob(maker.dir(), &images[n]));
            let digest = manifest["config"]["digest"].as_str().expect("a digest");
            format!("blobs/{}", digest.replace(':', "/"))
        });
        maker.index(&list(images));
        Self { scene, configs }
    }

    /// With the first one alone in `index.json`.
    fn one() -> Self {
        Self::new(|[good, _]| vec![named(with_tag(good, "1"), "docker.io/library/x:1")])
    }

    fn put(&self, file: &str, bytes: impl AsRef<[u8]>) {
        write(self.scene.app("app").join(file), bytes);
    }

    /// Writes docker's list: configs with names.
    fn list(&self, images: &[(&str, Option<&str>)]) {
        let image = |(config, tag): &(&str, Option<&str>)| json!({ "Config": config, "RepoTags": tag.map(|tag| [tag]), "Layers": [] });
        let images: Vec<_> = images.iter().map(image).collect();
        self.put("manifest.json", Value::from(images).to_string());
    }

    fn extract(&self, more: &[&str]) -> Run {
        let (archive, app) = (self.scene.text("x.tar"), self.scene.text("registry/app"));
        tool("tar", ["-cf", &archive, "-C", &app, "."]);
        let mut args = self.scene.sign_args("other", more);
        args[0] = "extract-sign-image".into();
        args.extend(["-f".into(), archive]);
        ir_sign(args)
    }

    #[track_caller]
    fn refused(&self, more: &[&str], parts: &[&str]) {
        let before = snapshot(&self.scene.registry());
        self.extract(more).exits(1).says(parts);
        let parts = [parts, &[RULE]].concat();
        self.scene.refused("app", more, &parts);
        same(&before, &snapshot(&self.scene.registry()));
    }

    #[track_caller]
    fn taken(&self, more: &[&str]) {
        self.extract(more).ok();
        self.scene.sign("app", more).ok();
        let run = self.scene.verify("app", more).ok();
        run.says(&[&format!("passed      {RULE}")]);
    }
}

#[test]
fn a_list_of_the_same_images_is_taken_whatever_its_files_are_called() {
    let two = Two::one();
    let [good, _] = &two.configs;
    two.list(&[(good, Some("x:1"))]);
    two.taken(&[]);
    let two = Two::one();
    let [good, _] = &two.configs;
    let bytes = read(two.scene.app("app").join(good));
    two.put("config.json", &bytes);
    two.list(&[("./config.json", Some("x:1"))]);
    two.taken(&[]);
    let two = Two::one();
    two.list(&[]);
    two.taken(&[]);
    // Of an image for several platforms docker's list has one.
    let two = Two::new(|images| {
        let platforms = ["amd64", "arm64"];
        let listed: Vec<_> = images
            .into_iter()
            .zip(platforms)
            .map(|(mut image, cpu)| {
                image["platform"] = json!({ "os": "linux", "architecture": cpu });
                image
            })
            .collect();
        let index = json!({ "schemaVersion": 2, "mediaType": oci::INDEX, "manifests": listed });
        let entry = json!({
            "mediaType": oci::INDEX,
            "digest": oci::digest(index.to_string().as_bytes()),
            "size": index.to_string().len(),
        });
        vec![with_tag(entry, "1"), json!({ "index": index })]
    });
    let index = oci::index(&two.scene.app("app"));
    let [entry, nested] = &oci::entries(&index)[..] else {
        panic!("{index}");
    };
    let digest = entry["digest"].as_str().expect("a digest");
    write(
        blob_path(&two.scene.app("app"), digest),
        nested["index"].to_string(),
    );
    Maker::new(two.scene.app("app")).index(std::slice::from_ref(entry));
    let [_, second] = &two.configs;
    two.list(&[(second, Some("x:1"))]);
    two.taken(&["--platform", "linux/amd64"]);
}

#[test]
fn an_image_that_only_dockers_list_has_is_refused() {
    let two = Two::one();
    let [good, evil] = two.configs.clone();
    let other = [
        "manifest.json has x:1 with config",
        "leads to no image with that config",
    ];
    two.list(&[(&evil, Some("x:1"))]);
    two.refused(&[], &other);
    two.list(&[(&good, Some("x:1")), (&evil, None)]);
    two.refused(&["-d", "1"], &["leads to no image with that config"]);
    // By what it holds, not by its name.
    let bytes = read(two.scene.app("app").join(&evil));
    let hex = good.rsplit('/').next().expect("a digest");
    two.put(&format!("{hex}.json"), &bytes);
    two.list(&[(&format!("{hex}.json"), Some("x:1"))]);
    two.refused(&[], &other);
    two.list(&[("none.json", Some("x:1"))]);
    two.refused(&[], &["manifest.json", "none.json"]);
    for bad in ["{}", "[", r#"[{"Config":"a","config":"b"}]"#] {
        two.put("manifest.json", bad);
        two.refused(&[], &["manifest.json"]);
    }
}

#[test]
fn a_name_that_means_another_image_to_docker_is_refused() {
    for with_names in [true, false] {
        let two = Two::new(|[first, second]| {
            let entries = [with_tag(first, "1"), with_tag(second, "2")];
            let names = ["docker.io/library/x:1", "docker.io/library/x:2"];
            let both = entries.into_iter().zip(names);
            both.map(|(entry, name)| {
                if with_names {
                    named(entry, name)
                } else {
                    entry
                }
            })
            .collect()
        });
        let [first, second] = two.configs.clone();
        two.list(&[(&second, Some("x:1")), (&first, Some("x:2"))]);
        two.refused(
            &["-d", "1"],
            &["x:1", "index.json has that name for another image"],
        );
        two.list(&[(&first, Some("x:1")), (&second, Some("x:2"))]);
        two.taken(&["-d", "1"]);
    }
    // An entry without a tag is not meant where another one has a tag.
    let two = Two::new(|[first, second]| vec![with_tag(first, "1"), second]);
    let [_, second] = two.configs.clone();
    two.list(&[(&second, Some("y:3"))]);
    two.refused(&[], &["none of the images that have a tag in index.json"]);
}

#[test]
fn a_list_that_is_added_to_a_signed_layout_is_seen() {
    let two = Two::one();
    let [_, evil] = two.configs.clone();
    two.scene.sign("app", &[]).ok();
    two.scene.verify("app", &[]).ok();
    for more in [&[][..], &["-d", "1"], &["--all"], &["--config-only"]] {
        two.list(&[(&evil, Some("x:1"))]);
        let failed = format!("FAILED      {RULE}: ");
        two.scene.verify("app", more).exits(1).says(&[&failed]);
        std::fs::remove_file(two.scene.app("app").join("manifest.json")).expect("removed");
        let run = two.scene.verify("app", more).ok();
        assert!(
            !run.stderr.contains(RULE) && !run.stdout.contains(RULE),
            "{run:?}"
        );
    }
}

#[test]
fn lists_that_only_old_engines_read_are_refused() {
    for list in ["repositories", "blobs/json"] {
        let two = Two::one();
        two.put(list, "{}");
        two.refused(&[], &[list, "old engines"]);
        // Where there is a newer one they do not read it.
        let [good, _] = &two.configs;
        two.list(&[(good, Some("x:1"))]);
        two.taken(&[]);
    }
}

#[test]
fn an_index_of_nothing_beside_dockers_list_is_an_archive_of_its_images() {
    for nothing in ["null", "[]"] {
        let two = Two::one();
        let index = format!(r#"{{"schemaVersion":2,"manifests":{nothing}}}"#);
        two.put("index.json", &index);
        two.extract(&[]).exits(1).says(&["holds no image"]);
        let [good, _] = &two.configs;
        let layer = oci::digest(b"good").replace(':', "/");
        let image =
            json!([{ "Config": good, "RepoTags": null, "Layers": [format!("blobs/{layer}")] }]);
        two.put("manifest.json", image.to_string());
        let signed = two.extract(&[]).ok().stdout;
        let entries = oci::index(&two.scene.app("other"));
        assert_eq!(oci::entries(&entries)[0]["digest"], signed.trim_end());
        two.scene.verify("other", &[]).ok();
    }
}
