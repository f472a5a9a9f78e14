//! Every tag of a repository, decided one by one.

use serde_json::Value;

use crate::desk::Desk;

/// The lines of a run, and the totals, which are the last line.
fn lines(text: &str) -> (Vec<Value>, Value) {
    let parse = |line| serde_json::from_str(line).expect("a line of JSON");
    let mut lines: Vec<Value> = text.lines().map(parse).collect();
    let mut totals = lines.pop().expect("totals");
    (lines, totals["totals"].take())
}

/// A repository with an index, three of its images under tags of their own, and an image that nobody signs.
fn repository() -> (Desk, String) {
    let desk = Desk::new();
    desk.key("p384", "secp384r1");
    for (tag, platform) in [("a", "linux/amd64"), ("b", "linux/arm64")] {
        let to = desk.name(tag);
        desk.run(&format!(
            "copy --platform {platform} oci:multi:multi docker://{to}"
        ))
        .ok();
    }
    harness::unpack("umoci", &desk.sandbox.path("umoci"));
    let other = desk.name("other");
    desk.run(&format!("copy oci:umoci:latest docker://{other}"))
        .ok();
    for tag in ["1", "a", "b"] {
        let name = desk.name(tag);
        desk.run(&format!("cosign sign --key p384.pem {name}")).ok();
    }
    let name = desk.name("1");
    let name = name.strip_suffix(":1").expect("a tag").to_owned();
    (desk, name)
}

#[test]
fn every_tag_is_decided_and_shards_share_them_out() {
    let (desk, name) = repository();
    let verify = |more: &str| {
        desk.run(&format!(
            "cosign verify --key p384.pub --all --json-lines {more} {name}"
        ))
    };
    let (all, totals) = lines(&verify("").exits(1).stdout);
    assert_eq!(all.len(), 4);
    let trusted = all.iter().filter(|line| line["trusted"] == true).count();
    assert_eq!(trusted, 3);
    assert_eq!(
        (&totals["images"], &totals["trusted"], &totals["refused"]),
        (&4.into(), &3.into(), &1.into())
    );
    let mut digests = Vec::new();
    for shard in 0..3 {
        let run = verify(&format!("--shard {shard}/3"));
        let (some, totals) = lines(&run.stdout);
        assert_eq!(totals["in_other_shards"], 4 - some.len());
        assert_eq!(totals["shard"], format!("{shard}/3"));
        digests.extend(some.iter().map(|line| line["digest"].to_string()));
    }
    digests.sort();
    let mut of_all: Vec<_> = all.iter().map(|line| line["digest"].to_string()).collect();
    of_all.sort();
    assert_eq!(digests, of_all);
    // For people, too.
    desk.run(&format!("cosign verify --key p384.pub --all {name}"))
        .exits(1)
        .says("4 images: 3 trusted, 1 refused, 0 undecided");
    let attested = format!("cosign verify-attestation --key p384.pub --all --json-lines {name}");
    let (all, totals) = lines(&desk.run(&attested).exits(1).stdout);
    assert_eq!((all.len(), &totals["refused"]), (4, &4.into()));
}

#[test]
fn a_tag_that_is_gone_or_a_list_of_tags_that_is_not_there_is_no_pass() {
    let (desk, name) = repository();
    desk.run(&format!("cosign verify --key p384.pub --all {name}:1"))
        .exits(2)
        .says("leave the tag or digest out, or --all");
    desk.run(&format!("cosign verify --key p384.pub --all {name}-none"))
        .exits(1)
        .says("no image in it has a tag");
    desk.run(&format!(
        "cosign verify --key p384.pub --shard 3/3 {name}:1"
    ))
    .exits(2)
    .says("shards count from 0");
    let both = format!("cosign verify --key p384.pub --json-lines {name}:1 {name}:none");
    let (all, totals) = lines(&desk.run(&both).exits(3).stdout);
    assert_eq!(all[0]["trusted"], true);
    assert_eq!(all[1]["error"]["status"], 3);
    assert_eq!(totals["undecided"], 1);
    assert_eq!(totals["status"], 3);
}
