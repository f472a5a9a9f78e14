//! PKCS#11 URIs (RFC 7512) are read strictly, and as other programs read them.

use std::process::Command;

use ir_sign::key::pin::PinSource;
use ir_sign::key::uri::TokenUri;

fn parse(text: &str) -> Result<TokenUri, String> {
    text.parse()
        .map_err(|e: ir_sign::key::uri::UriError| e.to_string())
}

#[test]
fn rule_1_every_attribute_is_read_and_decoded() {
    let uri = parse(
        "PKCS11:token=My%20token;manufacturer=Me;serial=00%2F1;model=M+1;library-manufacturer=L;\
         library-description=D;library-version=3.1;slot-manufacturer=S;slot-description=a:b;\
         slot-id=7;object=k&1;id=%01%02a%ff;type=private\
         ?pin-source=file:/a/b?c&module-name=n&module-path=/x/y.so",
    )
    .expect("a URI");
    assert_eq!(uri.token.as_deref(), Some("My token"));
    assert_eq!(uri.serial.as_deref(), Some("00/1"));
    assert_eq!(uri.model.as_deref(), Some("M+1"));
    assert_eq!(uri.library_version, Some((3, 1)));
    assert_eq!(uri.slot_id, Some(7));
    assert_eq!(uri.object.as_deref(), Some("k&1"));
    assert_eq!(uri.id.as_deref(), Some(&[1, 2, b'a', 255][..]));
    assert_eq!(
        uri.module_path.as_deref(),
        Some(std::path::Path::new("/x/y.so"))
    );
    assert!(parse("pkcs11:").is_ok());
    // The grammar allows an empty query.
    for (empty, same) in [
        ("pkcs11:?", "pkcs11:"),
        ("pkcs11:token=a?", "pkcs11:token=a"),
    ] {
        assert_eq!(parse(empty), parse(same), "{empty}");
        assert!(parse(empty).is_ok(), "{empty}");
    }
    for (source, path) in [
        ("file:/x", "/x"),
        ("file:x/y", "x/y"),
        ("file:///x", "/x"),
        ("file:////x", "//x"),
        ("file://localhost/x", "/x"),
        ("file://LOCALHOST//x", "//x"),
        ("file:localhost/x", "localhost/x"),
        ("file:/localhost/x", "/localhost/x"),
    ] {
        let file = PinSource::File(path.into());
        let uri = parse(&format!("pkcs11:?pin-source={source}")).expect(source);
        assert_eq!(uri.pin_source, Some(file.clone()), "{source}");
        assert_eq!(source.parse(), Ok(file), "{source}");
    }
    assert_eq!(
        parse("pkcs11:library-version=3")
            .expect("a URI")
            .library_version,
        Some((3, 0))
    );
}

#[test]
fn rule_1_what_is_duplicate_unknown_misplaced_or_badly_escaped_is_named() {
    for (text, says) in [
        ("pkcs12:token=a", "does not start with pkcs11:"),
        ("pkcs11:token=a;token=b", "\"token\" is given twice"),
        (
            "pkcs11:object=a;id=%01;object=a",
            "\"object\" is given twice",
        ),
        ("pkcs11:tokn=a", "\"tokn\" is not known"),
        ("pkcs11:Token=a", "\"Token\" is not known"),
        ("pkcs11:x-vendor=a", "\"x-vendor\" is not known"),
        (
            "pkcs11:pin-source=file:a",
            "\"pin-source\" belongs behind the question mark",
        ),
        (
            "pkcs11:?token=a",
            "\"token\" belongs before the question mark",
        ),
        (
            "pkcs11:token=%4",
            "\"token\" has a % that two hexadecimal digits do not follow",
        ),
        ("pkcs11:token=%4g", "\"token\" has a %"),
        ("pkcs11:id=%", "\"id\" has a %"),
        (
            "pkcs11:token=a b",
            "\"token\" has a character that has to be written as %20",
        ),
        ("pkcs11:token=a/b", "written as %2F"),
        ("pkcs11:token=a#b", "written as %23"),
        ("pkcs11:token=\u{e9}", "written as %C3"),
        ("pkcs11:token=%ff", "\"token\" is not UTF-8"),
        ("pkcs11:object=", "\"object\" is empty"),
        ("pkcs11:id=", "\"id\" is empty"),
        ("pkcs11:type=key", "\"type\" has to be"),
        ("pkcs11:slot-id=0x1", "\"slot-id\" has to be"),
        ("pkcs11:slot-id=-1", "\"slot-id\" has to be"),
        (
            "pkcs11:slot-id=99999999999999999999",
            "\"slot-id\" has to be",
        ),
        (
            "pkcs11:library-version=1.2.3",
            "\"library-version\" has to be",
        ),
        (
            "pkcs11:library-version=256",
            "\"library-version\" has to be",
        ),
        ("pkcs11:token", "not NAME=VALUE"),
        ("pkcs11:token=a;", "not NAME=VALUE"),
        ("pkcs11:;token=a", "not NAME=VALUE"),
        ("pkcs11:token=a?&", "not NAME=VALUE"),
        ("pkcs11:?module-path=a&", "not NAME=VALUE"),
        ("pkcs11:?module-path=", "\"module-path\" is empty"),
        ("pkcs11:?pin-value=1", "pin-value"),
        ("pkcs11:object=a&pin-value=1", "puts the PIN where others"),
        (
            "pkcs11:?module-path=a?pin-value=1",
            "puts the PIN where others",
        ),
        (
            "pkcs11:?pin-value=1&pin-source=file:a",
            "exclude each other",
        ),
        ("pkcs11:?pin-source=%7Ccat", "never run"),
        ("pkcs11:?pin-source=fd:3", "in a URI the form is file:PATH"),
        ("pkcs11:?pin-source=file://", "the forms are file:PATH"),
        (
            "pkcs11:?pin-source=file://localhost",
            "the forms are file:PATH",
        ),
        (
            "pkcs11:?pin-source=file://host/x",
            "names another machine's file",
        ),
        (
            "pkcs11:?pin-source=file://run/pin",
            "the form is file:PATH or file:///PATH",
        ),
        (
            "pkcs11:?pin-source=file://localhos/x",
            "names another machine's file",
        ),
        (
            "pkcs11:?pin-source=file://localhost:1/x",
            "names another machine's file",
        ),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn rule_1_what_is_printed_is_read_as_the_same() {
    for text in [
        "pkcs11:",
        "pkcs11:token=a%20b;object=c",
        "pkcs11:id=%00%FF;object=%E2%82%AC;type=private?pin-source=file:/a%3Fb&module-path=/x",
        "pkcs11:slot-id=0;library-version=1.2",
        "pkcs11:?pin-source=//run/pin",
        "pkcs11:?pin-source=file:////run/pin",
        "pkcs11:?pin-source=file://localhost/run/pin",
        "pkcs11:?pin-source=file://localhost//run/pin",
        "pkcs11:?pin-source=file:localhost/run/pin",
        "pkcs11:token=a?",
    ] {
        let uri = parse(text).expect(text);
        assert_eq!(parse(&uri.to_string()).as_ref(), Ok(&uri), "{text} {uri}");
    }
}

proptest::proptest! {
    #[test]
    fn rule_1_no_text_makes_the_parser_fall_and_what_is_read_is_printed_back(text in "(pkcs11:|)[ -~\u{e9}%;=&?]{0,80}") {
        if let Ok(uri) = parse(&text) {
            assert_eq!(parse(&uri.to_string()), Ok(uri));
        }
    }

    #[test]
    fn rule_1_any_label_and_id_survive(label in "\\PC{1,40}", id in proptest::collection::vec(0u8.., 1..40)) {
        let uri = TokenUri { object: Some(label), id: Some(id), ..TokenUri::default() };
        assert_eq!(parse(&uri.to_string()), Ok(uri));
    }
}

/// The URIs that `p11tool` prints for a token and its keys are read, and name the same objects.
#[test]
fn rule_1_the_uris_of_p11tool_and_p11_kit_name_the_same_keys() {
    let desk = crate::desk::Desk::new();
    desk.token.generate("key & co", "010aff");
    let module = desk.token.module.display().to_string();
    let run = |command: &mut Command| {
        let output = command.output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let listed = run(desk
        .token
        .command("p11tool")
        .args([
            "--provider",
            &module,
            "--list-privkeys",
            "--login",
            "--only-urls",
        ])
        .arg(format!("pkcs11:token={}", "test%20token"))
        .env("GNUTLS_PIN", desk.token.pin()));
    let theirs = listed
        .lines()
        .find(|line| line.starts_with("pkcs11:"))
        .expect("a URI");
    let uri = parse(theirs).expect(theirs);
    assert_eq!(uri.object.as_deref(), Some("key & co"));
    assert_eq!(uri.id.as_deref(), Some(&[1, 10, 255][..]));
    let pin = desk.token.pin_file.display();
    desk.ir_with([
        "extract-public",
        "-i",
        &format!("{theirs}?pin-source=file:{pin}"),
        "-o",
        "k.pub",
    ])
    .exits(0);
    // And ours is read by p11tool.
    let ours = desk.ir("token keys {} --json").exits(0).json();
    let ours = ours["keys"][0]["uri"].as_str().expect("a URI").to_owned();
    let shown = run(desk
        .token
        .command("p11tool")
        .args([
            "--provider",
            &module,
            "--list-all",
            "--login",
            "--only-urls",
            &ours,
        ])
        .env("GNUTLS_PIN", desk.token.pin()));
    assert!(shown.contains("object=key"), "{ours}: {shown}");
}
