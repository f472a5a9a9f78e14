//! Policies, against skopeo, and against policies with fewer scopes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Error;
use super::bench::{Bench, measure_pairs};

/// How much longer a policy of very many scopes may take, in seconds.
const MORE: f64 = 0.005;

/// Asks about an image in a registry, signed by the key `p256.pub`.
pub fn measure(bench: &mut Bench<'_>, skopeo: &Path, image: &str) -> Result<(), Error> {
    let skopeo = skopeo.display();
    let root = bench.place.root.clone();
    fs::create_dir_all(root.join("registries.d"))?;
    let text = "default-docker:\n  use-sigstore-attachments: true\n";
    fs::write(root.join("registries.d/x.yaml"), text)?;
    let key = bench.place.path("p256.pub");
    let requirement = format!(
        r#"{{"type":"sigstoreSigned","keyPath":"{}","signedIdentity":{{"type":"matchRepository"}}}}"#,
        key.display()
    );
    let policy = |scopes: usize| {
        let mut text = String::from(r#"{"default":[{"type":"reject"}],"transports":{"docker":{"#);
        for n in 1..scopes {
            let _ = write!(
                text,
                "\"registry-{n}.example.com/team/app\":[{requirement}],"
            );
        }
        text + &format!("\"\":[{requirement}]}}}}}}")
    };
    for scopes in [10, 10_000] {
        fs::write(root.join(format!("policy-{scopes}.json")), policy(scopes))?;
    }
    let ours = |scopes| {
        format!("policy check -q --policy policy-{scopes}.json --registries.d registries.d {image}")
    };
    let work = "`policy check` of a small image in a registry";
    let theirs = format!(
        "{skopeo} --policy policy-10.json --registries.d registries.d copy -q --src-tls-verify=false {image} dir:theirs"
    );
    let theirs = bench.command(&theirs).writes("theirs");
    let pairs = measure_pairs(work, &bench.ours(&ours(10)), &theirs, 20)?;
    bench.ratio(work, &pairs, "`skopeo copy --policy` 1.22", Some(0.3));

    let work = "`policy check`, a policy of 10,000 scopes";
    let (many, few) = (bench.ours(&ours(10_000)), bench.ours(&ours(10)));
    let pairs = measure_pairs(work, &many, &few, 40)?;
    bench.more(work, &pairs, "one of 10 scopes", MORE);
    Ok(())
}
