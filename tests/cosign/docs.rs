//! The commands of docs/cosign.md, as they stand there.

use harness::Sandbox;

use crate::desk::Desk;

/// The blocks of the page that are commands of this program and want neither a token nor another program.
fn blocks() -> Vec<String> {
    let page = harness::top().join("docs/cosign.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let blocks = page.split("```text\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().expect("an end").to_owned());
    let ours = |block: &String| block.contains("ir-sign ") && !block.contains("pkcs11:");
    blocks.filter(ours).collect()
}

#[test]
fn each_command_of_the_page_works_as_it_stands_there() {
    let desk = Desk::new();
    let sandbox: &Sandbox = &desk.sandbox;
    sandbox.write("sbom.json", b"{}");
    sandbox.write("app.tar", b"app");
    let name = desk.name("1");
    desk.run(&format!(
        "copy docker://{name} docker://{}",
        desk.name("1.0")
    ))
    .ok();
    let blocks = blocks();
    assert!(blocks.len() >= 4, "{}", blocks.len());
    for block in blocks {
        // Another program reads the output further.
        let own = block.replace(" \\\n  | jq -r .payload | base64 -d", "");
        let own = own.replace("registry.example.com/team/app:1.0", &desk.name("1.0"));
        let script = format!("set -e\nexport COSIGN_PASSWORD=\n{own}");
        sandbox.shell(&script, "").ok();
    }
}
