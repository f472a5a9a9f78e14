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
