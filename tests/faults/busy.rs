//! A token that many images wait for.

use std::collections::BTreeSet;

use crate::scene::Scene;

/// To wake a thread so that it can sign would leave the token idle meanwhile: who has signed signs
/// what waits, too. All the images' hashes wait here before the first signature is there.
#[test]
fn a_token_goes_from_one_signature_to_the_next_on_the_same_thread() {
    let image =
        "sign-image -r registry -a multi -d multi --all-platforms -v KEY:vendor -s v.sig -c ca.pub";
    for jobs in [1, 2] {
        let scene = Scene::new();
        let endorsed = scene.plainly("endorse -k KEY:ca -f vendor.pub -s v.sig");
        assert_eq!(endorsed.status, Some(0), "{endorsed:?}");
        let ran = scene.run("slow=C_SignInit:300", &format!("{image} --jobs {jobs}"));
        assert_eq!(
            (ran.status, ran.calls("C_SignInit")),
            (Some(0), 3),
            "{ran:?}"
        );
        let calls = ran.log.entries.iter();
        let signed = calls.filter(|call| call.function == "C_SignInit");
        let threads: BTreeSet<u64> = signed.map(|call| call.thread).collect();
        assert_eq!(threads.len(), jobs, "{ran:?}");
    }
}

/// While the token signs the first image, the others are read and hashed, however many wait for it already.
#[test]
fn images_are_read_while_the_token_signs() {
    let scene = Scene::new();
    let endorsed = scene.plainly("endorse -k KEY:ca -f vendor.pub -s v.sig");
    assert_eq!(endorsed.status, Some(0), "{endorsed:?}");
    let ran = scene.run(
        "slow=C_SignInit:1500",
        "sign-image -r registry -a multi -d multi --all-platforms -v KEY:vendor -s v.sig -c ca.pub --verbose --verbose",
    );
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let begun: Vec<u64> = ran
        .stderr
        .lines()
        .filter_map(|line| line.split_once(" ms: layers of "))
        .map(|(at, _)| at.parse().expect("milliseconds"))
        .collect();
    assert_eq!(begun.len(), 3, "{ran:?}");
    // Two signatures take twice as long.
    assert!(begun[2] < begun[0] + 1500, "{begun:?}");
}
