//! A token that many images wait for.

use super::scene::Scene;

/// All the images' hashes wait here before the first signature is there.
#[test]
fn a_token_makes_no_more_signatures_at_a_time_than_jobs_are_allowed() {
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
        // A signature has a session of its own.
        let sessions = ran.calls("C_OpenSession");
        assert!((1..=jobs).contains(&sessions), "{ran:?}");
        assert_eq!(ran.calls("C_Login"), 1, "{ran:?}");
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
