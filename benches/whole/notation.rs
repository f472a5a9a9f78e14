//! notation's commands, against notation.

use std::fs;

use super::Error;
use super::bench::{Bench, measure_pairs, peer};
use super::images::MANY;
use super::job::Job;

/// A root, an intermediate and a signer, whose keys are P-384.
const P384: &str = "
gen-key -o p384-root.key
cert root -k p384-root.key --subject C=PT,ST=Lisboa,O=Bench,CN=Root --path-len 1 --days 9 -o p384-root.crt
gen-key -o p384-ca.key
cert request -k p384-ca.key --subject C=PT,ST=Lisboa,O=Bench,CN=CA -o p384-ca.csr
cert issue --request p384-ca.csr --profile ca --ca-cert p384-root.crt -x p384-root.key --days 8 -o p384-ca.crt --chain p384-cas.crt
gen-key -o p384.key
cert request -k p384.key --subject C=PT,ST=Lisboa,O=Bench,CN=Signer -o p384.csr
cert issue --request p384.csr --profile signer --ca-cert p384-cas.crt -x p384-ca.key --days 7 -o p384.crt --chain p384-chain.crt";

/// A root and a signer, whose keys are RSA-4096, as the guides of platforms make them.
const RSA: &str = "
openssl req -x509 -newkey rsa:4096 -noenc -keyout rsa-root.key -out rsa-root.crt -days 9 \
  -subj /C=PT/ST=Lisboa/O=Bench/CN=Root \
  -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign
openssl req -newkey rsa:4096 -noenc -keyout rsa.key -out rsa.csr -subj /C=PT/ST=Lisboa/O=Bench/CN=Signer
printf '%s\n' basicConstraints=critical,CA:false keyUsage=critical,digitalSignature extendedKeyUsage=codeSigning > rsa.ext
openssl x509 -req -in rsa.csr -CA rsa-root.crt -CAkey rsa-root.key -extfile rsa.ext -days 8 -out rsa.crt
cat rsa.crt rsa-root.crt > rsa-chain.crt
openssl pkcs8 -topk8 -nocrypt -inform DER -in p384.key -out p384.pem";

/// Signing and verifying images in layouts.
pub fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    let Some(notation) = peer("sid", "notation") else {
        return Ok(());
    };
    let notation = notation.display().to_string();
    configure(bench)?;
    let home = bench.place.path("notation");
    let at_home = |job: Job| {
        job.env("NOTATION_CONFIG", home.join("config"))
            .env("NOTATION_CACHE", home.join("cache"))
            .env("NOTATION_EXPERIMENTAL", "1")
            .env("HOME", &home)
    };

    for (key, target) in [("rsa", Some(1.0)), ("p384", None)] {
        let name = if key == "rsa" {
            "an RSA-4096"
        } else {
            "a P-384"
        };
        let work = format!("`notation sign`, {name} key in a file, in a layout");
        let sign = |who: &str| format!("sign --key {key} --oci-layout signed-{who}:v0");
        let job = |job: Job, who: &str| {
            at_home(job)
                .writes(&format!("signed-{who}"))
                .starts_from("registry/small")
        };
        let ours = job(bench.ours(&format!("notation {}", sign("ours"))), "ours");
        let theirs = job(
            bench.command(&format!("{notation} {}", sign("theirs"))),
            "theirs",
        );
        let pairs = measure_pairs(&work, &ours, &theirs, 40)?;
        bench.ratio(&work, &pairs, NOTATION, target);
        bench.peak(&work, &pairs);
    }

    for (app, key, name, target) in [
        ("small", "p384", "a P-384 signer below two CAs", Some(0.35)),
        (
            "gzip-1",
            "rsa",
            "an RSA-4096 signer below one, 1 GB of layers",
            None,
        ),
    ] {
        let work = format!("`notation verify` in a layout, {name}");
        let layout = format!("signed-{app}");
        bench
            .shell(&format!("cp -r registry/{app} {layout}"))
            .run()?;
        at_home(bench.ours(&format!(
            "notation sign -q --key {key} --oci-layout {layout}:v0"
        )))
        .run()?;
        let verify = format!("verify --oci-layout {layout}:v0 --scope local/bench");
        let ours = at_home(bench.ours(&format!("notation {verify}")));
        let theirs = at_home(bench.command(&format!("{notation} {verify}")));
        let pairs = measure_pairs(&work, &ours, &theirs, 40)?;
        bench.ratio(&work, &pairs, NOTATION, target);
        bench.peak(&work, &pairs);
    }

    let work = format!("`notation verify`, {MANY} images of one signer in one process");
    let names: Vec<_> = (0..MANY).map(|n| format!("oci:signed-many:v{n}")).collect();
    let names = names.join(" ");
    bench.shell("cp -r registry/many signed-many").run()?;
    at_home(bench.ours(&format!("notation sign -q --key p384 {names}"))).run()?;
    let ours = at_home(bench.ours(&format!("notation verify {names}")));
    let pairs = measure_pairs(&work, &ours, &bench.command("true"), 7)?;
    bench.each(&work, &pairs, 1.0);
    bench.peak(&work, &pairs);
    Ok(())
}

const NOTATION: &str = "`notation` 1.3";

/// Writes a configuration that both programs read: two keys, both roots, and a policy that trusts them.
fn configure(bench: &Bench<'_>) -> Result<(), Error> {
    for line in P384.lines().filter(|line| !line.is_empty()) {
        // A name with spaces would be several words.
        bench.ours(line).run()?;
    }
    bench.shell(RSA.trim_start()).run()?;
    let home = bench.place.path("notation/config");
    let store = home.join("truststore/x509/ca/bench");
    fs::create_dir_all(&store)?;
    for root in ["p384-root.crt", "rsa-root.crt"] {
        fs::copy(bench.place.path(root), store.join(root))?;
    }
    let key = |name: &str, file: &str| {
        format!(
            r#"{{"name":"{name}","keyPath":"{}","certPath":"{}"}}"#,
            bench.place.path(file).display(),
            bench.place.path(&format!("{name}-chain.crt")).display()
        )
    };
    let keys = [key("rsa", "rsa.key"), key("p384", "p384.pem")].join(",");
    let list = format!(r#"{{"default":"rsa","keys":[{keys}]}}"#);
    fs::write(home.join("signingkeys.json"), list)?;
    let policy = r#"{"version":"1.0","trustPolicies":[{"name":"bench","registryScopes":["*"],
        "signatureVerification":{"level":"strict"},"trustStores":["ca:bench"],"trustedIdentities":["*"]}]}"#;
    fs::write(home.join("trustpolicy.json"), policy)?;
    Ok(())
}
