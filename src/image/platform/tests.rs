//! How platforms are read, printed and compared.

use super::*;
use proptest::prelude::*;

fn platform(text: &str) -> Platform {
    text.parse().expect(text)
}

#[test]
fn a_platform_serves_in_every_spelling() {
    for (ours, wanted, serves) in [
        ("linux/amd64", "linux/amd64", true),
        ("linux/x86_64", "linux/amd64", true),
        ("Linux/X86-64", "linux/amd64", true),
        ("linux/amd64", "linux/x86_64", true),
        ("linux/amd64/v1", "linux/amd64/v1", true),
        ("linux/amd64", "linux/amd64/v1", true),
        ("linux/amd64/v3", "linux/amd64", true),
        ("linux/amd64/v3", "linux/amd64/v2", false),
        ("linux/amd64", "linux/amd64/v3", false),
        ("linux/aarch64", "linux/arm64", true),
        ("linux/arm64", "linux/arm64/v8", true),
        ("linux/arm64/8", "linux/arm64/v8", true),
        ("linux/arm64/v9", "linux/arm64/v8", false),
        ("linux/arm64/9.0", "linux/arm64/v9", true),
        ("linux/arm", "linux/arm/v7", true),
        ("linux/armhf", "linux/arm/v7", true),
        ("linux/armel", "linux/arm/v6", true),
        ("linux/arm/v6", "linux/armhf", false),
        ("linux/arm/6", "linux/arm/v6", true),
        ("linux/arm/v6", "linux/arm", true),
        ("linux/arm/v6", "linux/arm/v7", false),
        ("linux/i386", "linux/386", true),
        ("macos/arm64", "darwin/arm64", true),
        ("windows/amd64", "linux/amd64", false),
        ("linux/s390x", "linux/amd64", false),
        ("windows(10.0.17763.1)/amd64", "windows/amd64", true),
        (
            "windows(10.0.17763.1)/amd64",
            "windows(10.0.17763.1)/x86_64",
            true,
        ),
        (
            "windows(10.0.17763.1)/amd64",
            "windows(10.0.17763)/amd64",
            true,
        ),
        (
            "windows(10.0.17763.10)/amd64",
            "windows(10.0.17763.1)/amd64",
            false,
        ),
        (
            "windows(10.0.17763)/amd64",
            "windows(10.0.17763.1)/amd64",
            false,
        ),
        ("windows/amd64", "windows(10.0.17763.1)/amd64", false),
        ("windows(1+b+a)/amd64", "windows(+a+b)/amd64", true),
        ("windows(1+a)/amd64", "windows(1)/amd64", true),
        ("windows(1)/amd64", "windows(1+a)/amd64", false),
    ] {
        let (ours, wanted) = (platform(ours), platform(wanted));
        assert_eq!(ours.serves(&wanted), serves, "{ours} for {wanted}");
    }
    let anywhere = Platform {
        os: String::new(),
        ..platform("linux/amd64")
    };
    assert!(anywhere.serves(&platform("linux/amd64")));
}

/// The last two columns: whether the entry holds for such a config, and whether another entry says all of it.
#[test]
fn an_entry_holds_where_all_that_it_states_does() {
    for (entry, other, holds, stated) in [
        ("linux/amd64", "linux/amd64", true, true),
        ("linux/x86_64", "Linux/amd64", true, true),
        ("linux/arm64", "linux/aarch64/v8", true, true),
        ("linux/arm64/v8", "linux/arm64", true, false),
        ("linux/arm/v6", "linux/arm", true, false),
        ("linux/arm/v6", "linux/arm/v7", false, false),
        ("linux/armhf", "linux/arm/v6", false, false),
        ("linux/armhf", "linux/arm/v7", true, true),
        ("linux/arm", "linux/arm/v6", true, true),
        ("linux/amd64/v1", "linux/amd64/v3", false, false),
        ("linux/amd64", "linux/arm64", false, false),
        ("windows/amd64", "windows(10.0.1)/amd64", true, true),
        ("windows(10.0.1)/amd64", "windows(10.0.1)/amd64", true, true),
        (
            "windows(10.0.1)/amd64",
            "windows(10.0.1.7)/amd64",
            false,
            false,
        ),
        ("windows(10.0.1)/amd64", "windows/amd64", true, false),
        ("windows(10.0.1)/amd64", "linux/amd64", false, false),
        ("windows(10.0.1+a)/amd64", "windows/amd64", false, false),
        ("windows(+b+a)/amd64", "windows(2+a+b+a)/amd64", true, true),
        ("windows(+a)/amd64", "windows(2+a+b)/amd64", false, false),
        ("windows(+a)/amd64", "windows/amd64", false, false),
    ] {
        let (entry, other) = (platform(entry), platform(other));
        assert_eq!(entry.holds_for(&other), holds, "{entry} for {other}");
        assert_eq!(entry.is_stated_by(&other), stated, "{entry} by {other}");
    }
    let nothing = Platform::default();
    assert!(nothing.is_stated_by(&platform("linux/amd64")) && nothing.is_empty());
    assert!(!platform("linux/amd64").holds_for(&nothing));
}

#[test]
fn common_values_are_stated_by_both() {
    let texts = [
        "linux/arm64/v8",
        "linux/aarch64",
        "linux/arm64/8",
        "linux/armhf",
        "linux/arm/v7",
        "linux/arm/v6",
        "linux/amd64/v3",
        "windows(10.0.1+a)/amd64",
        "windows(10.0.1+b)/x86_64",
        "windows(10.0.2+a)/amd64",
    ];
    for a in texts.map(platform) {
        for b in texts.map(platform) {
            let common = a.common(&b);
            assert!(common.is_stated_by(&a), "{common} by {a}");
            assert!(common.is_stated_by(&b), "{common} by {b}");
            // The common platform is exactly the values that both state.
            for c in texts.map(platform) {
                let both = c.is_stated_by(&a) && c.is_stated_by(&b);
                assert_eq!(c.is_stated_by(&common), both, "{c} by {a} and {b}");
            }
        }
    }
}

#[test]
fn other_text_is_not_taken_for_a_platform() {
    for text in [
        "linux",
        "linux/",
        "/amd64",
        "a/b/c/d",
        "linux()/amd64",
        "linux(1/amd64",
        "linux(1+)/amd64",
        "linux(1)x/amd64",
        "linux(%4)/amd64",
        "linux(%zz)/amd64",
        "linux(%+1)/amd64",
        "linux/(1)",
        "a)/b",
    ] {
        assert!(text.parse::<Platform>().is_err(), "{text} was taken");
    }
}

#[test]
fn unstated_values_are_open() {
    for (ours, wanted, open) in [
        ("windows/amd64", "windows(10.0.1)/amd64", true),
        ("windows/arm64", "windows(10.0.1)/amd64", false),
        ("windows(10.0.1)/amd64", "windows(10.0.2)/amd64", false),
        ("windows(10.0.1)/amd64", "windows(10.0.1+a)/amd64", true),
        ("windows(10.0.1)/amd64", "windows(10.0.2+a)/amd64", false),
        ("linux/arm", "linux/arm/v6", true),
        ("linux/armhf", "linux/arm/v6", false),
        ("linux/arm", "linux/arm", false),
    ] {
        let (ours, wanted) = (platform(ours), platform(wanted));
        assert_eq!(ours.leaves_open(&wanted), open, "{ours} for {wanted}");
    }
    for os in ["linux", ""] {
        let ours = Platform {
            os: os.into(),
            ..Platform::default()
        };
        assert!(ours.leaves_open(&platform("linux/amd64")), "{ours}");
    }
}

proptest! {
    #[test]
    fn platforms_print_as_they_were_read(text in "[a-z0-9/]{0,20}") {
        if let Ok(platform) = text.parse::<Platform>() {
            prop_assert_eq!(platform.to_string(), text);
        }
    }

    #[test]
    fn platforms_are_read_as_they_were_printed(
        version in "\\PC{0,6}",
        features in proptest::collection::vec("[a-c%+()/]{0,3}", 0..4),
    ) {
        let platform = Platform {
            os_version: (!version.is_empty()).then_some(version),
            os_features: OsFeatures::of(&features),
            ..platform("windows/amd64")
        };
        prop_assert_eq!(platform.to_string().parse(), Ok(platform));
    }
}
