//! The statements of revocation lists about the certificates of a chain.

use std::time::{Duration, SystemTime};

use ir_sign::trust::notary::{Lists, Revocations, Standing};
use ir_sign::x509::RevocationList;

use crate::signer::Signer;

/// A list that a CA of the folder signs, made by `cert crl`.
fn list(signer: &Signer, ca: &str, name: &str, more: &str) -> RevocationList {
    let sandbox = &signer.sandbox;
    sandbox
        .run(&format!(
            "cert crl --ca-cert {ca}.crt -x {ca}.key --days 3 -o {name}.crl {more}"
        ))
        .exits(0);
    RevocationList::read(&sandbox.read(format!("{name}.crl"))).expect("a list")
}

#[test]
fn a_list_counts_if_the_issuer_signed_it_and_it_is_not_stale() {
    let signer = Signer::new();
    let [leaf, ca, root] = &*signer.chain else {
        panic!("three certificates");
    };
    let now = SystemTime::now() + Duration::from_secs(5);
    let of = |lists: &[RevocationList], at| Lists(lists).standing(leaf, ca, at);
    let good = list(&signer, "ca", "good", "");
    let of_root = list(&signer, "root", "root", "");
    let revoked = list(&signer, "ca", "revoked", "--revoke leaf.crt=keyCompromise");
    // The same names, and other keys.
    let other = Signer::new();
    let foreign = list(&other, "ca", "foreign", "");
    assert_eq!(of(&[], now), Standing::Unknown);
    assert_eq!(of(std::slice::from_ref(&of_root), now), Standing::Unknown);
    assert_eq!(of(std::slice::from_ref(&good), now), Standing::Good);
    let standing = Lists(std::slice::from_ref(&of_root)).standing(ca, root, now);
    assert_eq!(standing, Standing::Good);
    let says = |lists: &[RevocationList], at| match of(lists, at) {
        Standing::Revoked(reason) => format!("revoked {reason}"),
        Standing::Unusable(reason) => format!("unusable {reason}"),
        other => format!("{other:?}"),
    };
    let reason = says(std::slice::from_ref(&revoked), now);
    assert!(reason.starts_with("revoked since 20"), "{reason}");
    assert!(reason.ends_with(", keyCompromise"), "{reason}");
    // Of two lists that count the one counts that revokes, in whatever order.
    for lists in [
        [good.clone(), revoked.clone()],
        [revoked.clone(), good.clone()],
    ] {
        assert!(says(&lists, now).starts_with("revoked"));
    }
    let day = Duration::from_hours(24);
    let reason = says(std::slice::from_ref(&good), now + 4 * day);
    assert!(reason.contains("stale"), "{reason}");
    let reason = says(std::slice::from_ref(&good), now - day);
    assert!(reason.contains("not valid before"), "{reason}");
    let reason = says(std::slice::from_ref(&foreign), now);
    assert!(reason.starts_with("unusable"), "{reason}");
    // One that does not count takes nothing from one that does.
    for lists in [[foreign.clone(), good.clone()], [good, foreign]] {
        assert_eq!(of(&lists, now), Standing::Good);
    }
}
