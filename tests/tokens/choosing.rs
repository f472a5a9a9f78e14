//! Choosing a module, a token and a key: exactly one, or an error that lists the choices.

use crate::desk::Desk;
use harness::tokens::{Fixture, Kind};

/// A desk whose token directory holds a second token, `other`, with the same PINs.
fn two_tokens() -> Desk {
    let desk = Desk::new();
    let pins = [
        desk.token.so_pin_file.display().to_string(),
        desk.token.pin_file.display().to_string(),
    ];
    desk.ir(&format!(
        "token init --label other --so-pin-source file:{} --new-pin-source file:{}",
        pins[0], pins[1]
    ))
    .exits(0);
    desk
}

/// Other programs print the padding of a token's texts as part of its URI.
#[test]
fn rule_5_padding_counts_neither_in_a_uri_nor_on_a_token() {
    let desk = two_tokens();
    desk.make("key");
    let pin = format!("--pin-source file:{}", desk.token.pin_file.display());
    let padded = [
        "token=test%20token%20%20",
        "token=test%20token%00%00%00",
        "token=test%20token%20%00%20",
        "token=test%20token%00stale",
        "token=%20test%20token",
        "token=test%20token;model=SoftHSM%20v2%00%00%00%00%00%00",
        "token=test%20token;manufacturer=SoftHSM%20project%20%20%20",
        "token=test%20token;slot-manufacturer=SoftHSM%20project%20%00",
        "token=test%20token;library-manufacturer=SoftHSM%00",
        "token=test%20token;library-description=Implementation%20of%20PKCS11%20%20",
    ];
    for uri in padded {
        for plan in ["", "nul-padded", "unpadded"] {
            let sign = format!("sign -k pkcs11:{uri};object=key -f ca.pub -s out --force {pin}");
            let (run, _) = desk.planned(plan, &sign);
            assert_eq!(run.status, 0, "{uri} {plan}: {run:?}");
        }
    }
    for uri in [
        "token=test%20%20token",
        "token=test",
        "token=test%20tokens",
        "token=stale%00test%20token",
    ] {
        desk.ir(&format!("token list pkcs11:{uri}"))
            .exits(3)
            .says("there is no token for");
    }
    // The token to be erased is compared in the same way.
    let init = "token init --so-pin-source file:so --new-pin-source file:so --label new";
    desk.write("so", desk.token.so_pin());
    desk.ir(&format!("{init} pkcs11:token=other%20%20%00 --erase other"))
        .exits(0);
}

#[test]
fn rule_5_exactly_one_token_matches_or_the_error_lists_them() {
    let desk = two_tokens();
    let pin = format!("--pin-source file:{}", desk.token.pin_file.display());
    let several = desk
        .ir(&format!("gen-key --pkcs11-uri pkcs11:object=k {pin}"))
        .exits(3)
        .says("there are 2 tokens for pkcs11:object=k")
        .says("token=other");
    assert!(several.stderr.contains("token=test%20token"), "{several:?}");
    assert!(several.stderr.contains("hint: name one by its serial"));
    desk.ir(&format!(
        "gen-key --pkcs11-uri pkcs11:token=nobody;object=k {pin}"
    ))
    .exits(3)
    .says("there is no token for pkcs11:token=nobody;object=k")
    .says("token=other");
    desk.ir(&format!(
        "gen-key --pkcs11-uri pkcs11:token=other;object=k {pin}"
    ))
    .exits(0);
    // By serial number, manufacturer and model too.
    let listed = desk.ir("token list --json").exits(0).json();
    let tokens = listed["slots"].as_array().expect("slots").iter();
    let other = tokens
        .map(|slot| (&slot["id"], &slot["token"]))
        .find(|(_, token)| token["label"] == "other");
    let (slot, other) = other.expect("it is there");
    let serial = other["serial"].as_str().expect("a serial number");
    for uri in [
        format!("pkcs11:serial={serial};object=k"),
        format!(
            "pkcs11:serial={serial};model=SoftHSM%20v2;manufacturer=SoftHSM%20project;object=k"
        ),
        format!("pkcs11:slot-id={slot};object=k"),
        "pkcs11:token=other;library-manufacturer=SoftHSM;library-version=2.6;object=k".to_owned(),
    ] {
        desk.ir(&format!("extract-public -i {uri} -o k.pub {pin}"))
            .exits(0);
    }
    for uri in [
        format!("pkcs11:serial={serial};token=test%20token;object=k"),
        format!("pkcs11:serial={serial};model=SoftHSM;object=k"),
        "pkcs11:slot-id=99;object=k".to_owned(),
        "pkcs11:token=other;library-version=9.9;object=k".to_owned(),
        "pkcs11:token=other;slot-description=x;object=k".to_owned(),
        "pkcs11:token=OTHER;object=k".to_owned(),
    ] {
        desk.ir(&format!("extract-public -i {uri} -o none.pub {pin}"))
            .exits(3)
            .says("there is no token");
    }
    assert!(!desk.has("none.pub"));
}

#[test]
fn rule_6_a_key_matches_id_and_label_where_both_are_given() {
    let desk = Desk::new();
    desk.token.generate("first", "01");
    desk.token.generate("second", "02");
    let key = |attributes: &str| {
        let uri = desk.token.uri("x");
        let uri = uri.replace("object=x", attributes);
        desk.ir_with(["extract-public", "-i", &uri, "-o", "found.pub", "--force"])
    };
    key("object=first").exits(0);
    key("id=%01").exits(0);
    key("id=%01;object=first").exits(0);
    key("id=%01;object=first;type=private").exits(0);
    let run = key("id=%02;object=first")
        .exits(3)
        .says("there is no private key");
    assert!(run.stderr.contains("id=%01;object=first"), "{run:?}");
    assert!(run.stderr.contains("id=%02;object=second"), "{run:?}");
    key("object=third").exits(3).says("there is no private key");
    key("object=First").exits(3).says("there is no private key");
    key("id=%01%00").exits(3).says("there is no private key");
    key("type=private")
        .exits(2)
        .says("names no key")
        .says("object=second");
    key("type=cert;object=first")
        .exits(2)
        .says("has a type that is not private");
}

#[test]
fn rule_6_several_keys_of_one_name_are_an_error_that_lists_them() {
    let desk = Desk::new();
    desk.token.generate("twin", "01");
    desk.token.generate("twin", "02");
    desk.write("letter", "x");
    let run = desk
        .ir("sign -k {twin} -f letter -s s")
        .exits(3)
        .says("there are 2 private keys")
        .says("hint: name one by label and id");
    assert!(
        run.stderr.contains("id=%01") && run.stderr.contains("id=%02"),
        "{run:?}"
    );
    assert!(!desk.has("s"));
    let uri = desk.token.uri("twin").replace(";object", ";id=%02;object");
    desk.ir_with(["sign", "-k", &uri, "-f", "letter", "-s", "s"])
        .exits(0);
}

#[test]
fn rule_7_a_public_object_without_a_private_one_is_no_key() {
    let desk = Desk::new();
    desk.token.generate("lost", "07");
    desk.token
        .log_in(&["--delete-object", "--type", "privkey", "--id", "07"])
        .output()
        .expect("pkcs11-tool runs");
    desk.ir("extract-public -i {lost} -o lost.pub")
        .exits(3)
        .says("there is no private key")
        .says("a public key without its private half is not a key");
    assert!(!desk.has("lost.pub"));
    desk.ir("gen-key --pkcs11-uri {lost}")
        .exits(1)
        .says("type=public")
        .says("as after an interrupted gen-key")
        .says("--label LABEL) or take another label");
    let id = desk.token.uri("free").replace(";object", ";id=%07;object");
    desk.ir_with(["gen-key", "--pkcs11-uri", &id])
        .exits(1)
        .says("the id is in use already")
        .says("--id HEX), or take another id");
}

#[test]
fn a_vendor_and_a_ca_on_two_tokens_and_two_modules() {
    if let Some(other) = Fixture::of(Kind::Kryoptic) {
        let desk = Desk::new();
        desk.make("vendor-key");
        let ca = Desk::with(other);
        ca.make("root");
        let with =
            |desk: &Desk, uri: String| format!("{uri}&module-path={}", desk.token.module.display());
        harness::unpack("umoci", &desk.path("registry/hello"));
        let mut command = desk.token.command(harness::program());
        let run = command
            .envs(ca.token.env.iter().cloned())
            .current_dir(desk.root())
            .args(["sign-image", "-r", "registry", "-a", "hello", "-v"])
            .arg(with(&desk, desk.token.uri("vendor-key")))
            .arg("-x")
            .arg(with(&ca, ca.token.uri("root")))
            .output()
            .expect("the program starts");
        harness::Run::from(run).exits(0);
        let public = ca.path("root.pub").display().to_string();
        desk.ir(&format!("verify-image -r registry -a hello -c {public}"))
            .exits(0);
    }
    // SoftHSM has one token directory a process: both tokens are in it.
    let desk = two_tokens();
    let uri = |token: &str, key: &str| {
        let pin = desk.token.pin_file.display();
        format!("pkcs11:token={token};object={key}?pin-source=file:{pin}")
    };
    desk.make("vendor-key");
    desk.ir(&format!(
        "gen-key --pkcs11-uri {} --public root.pub",
        uri("other", "root")
    ))
    .exits(0);
    harness::unpack("umoci", &desk.path("registry/hello"));
    desk.ir(&format!(
        "sign-image -r registry -a hello -v {{vendor-key}} -x {}",
        uri("other", "root")
    ))
    .exits(0);
    desk.ir("verify-image -r registry -a hello -c root.pub --vendor vendor-key.pub")
        .exits(0);
}

#[test]
fn one_session_and_one_login_serve_all_keys_of_a_token() {
    let desk = Desk::new();
    desk.make("root");
    desk.make("vendor-key");
    harness::unpack("multi", &desk.path("registry/multi"));
    let (run, planned) = desk.planned(
        "",
        "sign-image -r registry -a multi -d multi --all-platforms -v {vendor-key} -x {root}",
    );
    assert_eq!(run.exits(0).stdout.lines().count(), 3);
    let log = faulty_module::log::Log::read(&planned.log).expect("a log");
    for (function, times) in [
        ("C_Initialize", 1),
        ("C_OpenSession", 1),
        ("C_Login", 1),
        ("C_Logout", 0),
        ("C_Finalize", 1),
    ] {
        assert_eq!(log.count(function), times, "{function}");
    }
    // Three images and the endorsement, each asked for its length first.
    assert_eq!(log.count("C_SignInit"), 4);
    assert_eq!(
        log.entries.last().map(|e| e.function.as_str()),
        Some("C_Finalize")
    );
}

#[test]
fn a_module_is_the_flags_then_the_uris_then_the_environments() {
    let desk = Desk::new();
    desk.make("key");
    let uri = desk.token.uri("key");
    let module = desk.token.module.display().to_string();
    let run = |environment: &str, more: &[&str], uri: &str| {
        let mut command = desk.token.command(harness::program());
        command
            .current_dir(desk.root())
            .env("PKCS11_MODULE_PATH", environment)
            .args(["extract-public", "-o", "key.pub", "-i", uri])
            .args(more);
        harness::Run::from(command.output().expect("the program starts"))
    };
    let with_path = format!("{uri}&module-path={module}");
    let with_wrong = format!("{uri}&module-path=/nowhere/module.so");
    run("/nowhere/module.so", &[], &with_path).exits(0);
    run(&module, &[], &with_wrong)
        .exits(3)
        .says("PKCS#11 module /nowhere/module.so: No such file");
    run("/nowhere/a.so", &["--pkcs11-module", &module], &with_wrong).exits(0);
    run(
        &module,
        &["--pkcs11-module", "/nowhere/module.so"],
        &with_path,
    )
    .exits(3);
    run(&module, &[], &format!("{uri}&module-name=softhsm2")).exits(0);
    run(&module, &[], &format!("{uri}&module-name=LibSoftHSM2")).exits(0);
    run(&module, &[], &format!("{uri}&module-name=opensc"))
        .exits(3)
        .says("the URI asks for the module named opensc");
    // A variable that is empty names none.
    run("", &[], &format!("{uri}&module-name=softhsm2"))
        .exits(3)
        .says("PKCS#11 module p11-kit-proxy.so: the URI asks for the module named softhsm2")
        .says("name the file with --pkcs11-module PATH");
    // A library that is not a module, and a file that is not a library.
    desk.write("text", "not a library");
    run(&desk.path("text").display().to_string(), &[], &uri)
        .exits(3)
        .says("file too short");
    run("libz.so.1", &[], &uri)
        .exits(3)
        .says("it is not a PKCS#11 module")
        .says("hint: name the token's module");
    // A module that is one, and whose settings are not there.
    let mut command = desk.command(harness::program());
    command
        .env("SOFTHSM2_CONF", desk.path("none.conf"))
        .env("PKCS11_MODULE_PATH", &module)
        .args(["token", "list"]);
    let lost: harness::Run = command.output().expect("the program starts").into();
    lost.exits(3)
        .says("C_Initialize gave CKR_GENERAL_ERROR")
        .says("hint: the module is there; see that what it needs is too");
}

/// Tokens of one label, serial number, model and maker are two tokens all the same: neither the
/// session nor a PIN of one is used for the other.
#[test]
fn rule_5_tokens_that_only_their_slot_tells_apart_are_two() {
    let desk = Desk::new();
    desk.write("a", desk.token.pin());
    desk.write("b", "11223344");
    desk.write("so", "87654321");
    desk.ir("token init --label other --so-pin-source file:so --new-pin-source file:b")
        .exits(0);
    for (token, pin) in [("test%20token", "a"), ("other", "b")] {
        let uri = format!("pkcs11:token={token};object=k");
        desk.ir(&format!(
            "gen-key --pkcs11-uri {uri} --pin-source file:{pin} --public {pin}.pub"
        ))
        .exits(0);
    }
    let listed = desk.ir("token list --json").exits(0).json();
    let slot = |label: &str| {
        let mut slots = listed["slots"].as_array().expect("slots").iter();
        let slot = slots.find(|slot| slot["token"]["label"] == label);
        slot.expect("it is there")["id"].to_string()
    };
    let key =
        |label: &str, source: &str| format!("pkcs11:slot-id={};object=k{source}", slot(label));
    let same = "label=same;serial=1";
    // The printed URI names one of them.
    for (label, source) in [("test token", "a"), ("other", "b")] {
        let slot = format!("slot-id={};", slot(label));
        let of_token = desk.planned(same, "token list").0.exits(0);
        assert!(of_token.stdout.contains(&slot), "{of_token:?}");
        let uri = key(label, "");
        let of_key = desk.planned(
            same,
            &format!("token keys {uri} --pin-source file:{source}"),
        );
        let printed = of_key.0.exits(0).stdout;
        let printed = printed.lines().next().expect("a URI");
        assert!(printed.contains(&slot), "{printed}");
        let extract =
            format!("extract-public -i {printed} --pin-source file:{source} -o again.pub");
        desk.planned(same, &extract).0.exits(0);
        assert_eq!(desk.read("again.pub"), desk.read(format!("{source}.pub")));
        std::fs::remove_file(desk.path("again.pub")).expect("it was written");
        desk.planned(same, "token keys pkcs11:token=same --pin-source file:a")
            .0
            .exits(3)
            .says(&slot)
            .says("by its slot-id if nothing differs");
    }
    harness::unpack("umoci", &desk.path("registry/hello"));
    let image = |a: &str, b: &str| {
        format!(
            "sign-image -r registry -a hello -v {} -x {}",
            key("test token", a),
            key("other", b)
        )
    };
    // One token's PIN is only for that token, whether it comes from the command line or is kept.
    let log = |path: &std::path::Path| faulty_module::log::Log::read(path).expect("a log");
    let (run, planned) = desk.planned(same, &format!("{} --pin-source file:a", image("", "")));
    run.exits(2)
        .says("one token's PIN is never sent to another");
    assert_eq!(log(&planned.log).count("C_Login"), 1);
    let own = image("?pin-source=file:a", "?pin-source=file:b");
    // It is not taken for the other after a new start of the module either.
    let again = format!("{same};dead-session@C_Sign@2");
    for (plan, more) in [(same, ""), (same, " --keep-pin"), (again.as_str(), "")] {
        let _ = std::fs::remove_dir_all(desk.path("registry/hello"));
        harness::unpack("umoci", &desk.path("registry/hello"));
        let (run, planned) = desk.planned(plan, &format!("{own}{more}"));
        run.exits(0);
        assert_eq!(log(&planned.log).attempts_after_pin_error(), 0, "{plan}");
        desk.ir("verify-image -r registry -a hello --all -c b.pub --vendor a.pub")
            .exits(0);
    }
}
