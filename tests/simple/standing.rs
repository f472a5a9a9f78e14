//! The statements of a ring about its keys: expiry, revocation, subkeys, flags, and how dates of keys and signatures go
//! together.

use ir_sign::scheme::simple::{Doubt, Refusal, Rules, rule};

use crate::gpg::{DAY, FEBRUARY, Gpg, JANUARY, MARCH, Verdicts, gpg_takes, judge, ours, says};
use crate::mutated::packets;

/// gpg and ours by its rules refuse; image-rs does not mind, and ours by its rules warns of exactly this.
#[track_caller]
fn doubted(verdicts: Verdicts, doubt: Doubt) {
    assert!(verdicts.gpg.is_err(), "{:?}", verdicts.gpg);
    let error = verdicts.ours.expect_err("ours refuses it too");
    assert!(
        matches!(&error, Refusal::Doubt { doubt: found, .. } if *found == doubt),
        "{error}"
    );
    assert_eq!(error.rule(), rule::VALID);
    let claim = verdicts.image_rs.expect("image-rs does not mind");
    assert_eq!(claim.doubts, [doubt]);
}

/// gpg takes it, and so does ours; image-rs takes no subkeys.
#[track_caller]
fn taken_of_subkey(verdicts: Verdicts, primary: &str, subkey: &str) {
    let taken = verdicts.gpg.unwrap_or_else(|said| panic!("gpg:\n{said}"));
    let claim = verdicts.ours.expect("ours takes it too");
    assert_eq!((&*claim.primary, &*claim.key), (primary, subkey));
    assert_eq!(taken.key, subkey);
    let error = verdicts.image_rs.expect_err("image-rs takes none");
    says(
        &error,
        "it is a subkey, and image-rs takes only primary keys",
    );
}

/// gpg and ours by both rules refuse what a subkey signed.
#[track_caller]
fn refused_of_subkey(verdicts: Verdicts, reason: &str) {
    assert!(verdicts.gpg.is_err(), "{:?}", verdicts.gpg);
    says(&verdicts.ours.expect_err("ours refuses it too"), reason);
    verdicts.image_rs.expect_err("image-rs takes no subkeys");
}

#[test]
fn an_expired_key_is_refused() {
    let mut gpg = Gpg::new();
    gpg.key_for("ed25519", "sign", "2m");
    let message = gpg.at(FEBRUARY).sign("");
    let ring = gpg.export(&[]);
    judge(&ring, &message, JANUARY + 59 * DAY).taken();
    doubted(
        judge(&ring, &message, JANUARY + 61 * DAY),
        Doubt::KeyExpired,
    );
    // The newest word of the key counts.
    let key = gpg.fingerprints().remove(0);
    gpg.run(&format!("--quick-set-expire {key} never"), "");
    judge(&gpg.export(&[]), &message, JANUARY + 61 * DAY).taken();
    gpg.at(FEBRUARY + DAY)
        .run(&format!("--quick-set-expire {key} 1w"), "");
    let ring = gpg.export(&[]);
    judge(&ring, &message, FEBRUARY + 7 * DAY).taken();
    doubted(
        judge(&ring, &message, FEBRUARY + 9 * DAY),
        Doubt::KeyExpired,
    );
}

#[test]
fn the_second_at_which_keys_and_signatures_expire_is_gpgs() {
    let gpg = Gpg::new();
    let key = gpg.key_for("ed25519", "sign", "seconds=1000");
    let message = gpg.sign(&format!(
        "--default-sig-expire seconds=500 --local-user {key}"
    ));
    let ring = gpg.export(&[]);
    for (now, doubt) in [
        (499, None),
        (500, Some(Doubt::SignatureExpired)),
        (501, Some(Doubt::SignatureExpired)),
    ] {
        let verdicts = judge(&ring, &message, JANUARY + now);
        match doubt {
            None => drop(verdicts.taken()),
            Some(doubt) => doubted(verdicts, doubt),
        }
    }
    let message = gpg.sign("");
    for (now, is_taken) in [(999, true), (1000, true), (1001, false)] {
        let verdicts = judge(&ring, &message, JANUARY + now);
        if is_taken {
            verdicts.taken();
        } else {
            doubted(verdicts, Doubt::KeyExpired);
        }
    }
}

#[test]
fn an_expired_signature_is_refused() {
    let mut gpg = Gpg::new();
    gpg.key("nistp384");
    let message = gpg.at(FEBRUARY).sign("--default-sig-expire 1m");
    let ring = gpg.export(&[]);
    judge(&ring, &message, FEBRUARY + 20 * DAY).taken();
    doubted(
        judge(&ring, &message, FEBRUARY + 40 * DAY),
        Doubt::SignatureExpired,
    );
}

#[test]
fn a_revoked_key_is_refused_whenever_it_was_revoked() {
    for kind in ["rsa2048", "ed25519"] {
        let mut gpg = Gpg::new();
        let key = gpg.key(kind);
        let message = gpg.at(FEBRUARY).sign("");
        let before = gpg.export(&[]);
        gpg.revoke(&key);
        doubted(judge(&gpg.export(&[]), &message, MARCH), Doubt::KeyRevoked);
        // A revocation that is not in the ring is not known.
        judge(&before, &message, MARCH).taken();
        // Both copies of the key are one.
        let both = [gpg.export(&[]), before].concat();
        doubted(judge(&both, &message, MARCH), Doubt::KeyRevoked);
    }
}

#[test]
fn a_signing_subkey_signs_for_its_primary_key() {
    for kind in ["rsa2048", "nistp256", "nistp384", "nistp521", "ed25519"] {
        let mut gpg = Gpg::new();
        let primary = gpg.key_for("ed25519", "cert", "never");
        let subkey = gpg.subkey(&primary, kind, "never");
        let message = gpg.at(FEBRUARY).sign("");
        let verdicts = judge(&gpg.export(&[]), &message, MARCH);
        taken_of_subkey(verdicts, &primary, &subkey);
    }
}

#[test]
fn a_subkey_that_is_expired_or_revoked_is_refused() {
    let mut gpg = Gpg::new();
    let primary = gpg.key("ed25519");
    let subkey = gpg.subkey(&primary, "nistp256", "2m");
    let message = gpg.at(FEBRUARY).sign(&format!("--local-user {subkey}!"));
    let ring = gpg.export(&[]);
    let verdicts = judge(&ring, &message, JANUARY + 50 * DAY);
    taken_of_subkey(verdicts, &primary, &subkey);
    let verdicts = judge(&ring, &message, JANUARY + 70 * DAY);
    refused_of_subkey(verdicts, "its key has expired");
    // The primary key's own signatures still hold.
    let own = gpg.sign(&format!("--local-user {primary}!"));
    judge(&ring, &own, MARCH).taken();
    gpg.edit(&primary, &["key 1", "revkey", "y", "0", "", "y"]);
    let ring = gpg.export(&[]);
    let verdicts = judge(&ring, &message, JANUARY + 50 * DAY);
    refused_of_subkey(verdicts, "its key is revoked");
    judge(&ring, &own, MARCH).taken();
}

#[test]
fn a_subkey_falls_with_its_primary_key() {
    let mut gpg = Gpg::new();
    let primary = gpg.key_for("ed25519", "cert", "2m");
    let subkey = gpg.subkey(&primary, "nistp256", "never");
    let message = gpg.at(FEBRUARY).sign("");
    let ring = gpg.export(&[]);
    let verdicts = judge(&ring, &message, JANUARY + 50 * DAY);
    taken_of_subkey(verdicts, &primary, &subkey);
    let verdicts = judge(&ring, &message, JANUARY + 70 * DAY);
    refused_of_subkey(verdicts, "its key has expired");
    gpg.revoke(&primary);
    let verdicts = judge(&gpg.export(&[]), &message, JANUARY + 50 * DAY);
    refused_of_subkey(verdicts, "its key is revoked");
}

#[test]
fn a_subkey_that_is_not_for_signing_is_refused() {
    let mut gpg = Gpg::new();
    let primary = gpg.key_for("ed25519", "cert", "never");
    let subkey = gpg.subkey(&primary, "ed25519", "never");
    let message = gpg.at(FEBRUARY).sign("");
    // From signing to authentication.
    gpg.edit(&primary, &["key 1", "change-usage", "s", "a", "q"]);
    let verdicts = judge(&gpg.export(&[]), &message, MARCH);
    assert!(verdicts.ours.is_err(), "{subkey}");
}

#[test]
fn a_primary_key_that_no_longer_signs_data_is_refused() {
    let mut gpg = Gpg::new();
    let key = gpg.key("ed25519");
    let message = gpg.at(FEBRUARY).sign("");
    judge(&gpg.export(&[]), &message, MARCH).taken();
    gpg.at(FEBRUARY + DAY)
        .edit(&key, &["change-usage", "s", "q"]);
    let verdicts = judge(&gpg.export(&[]), &message, MARCH);
    let error = verdicts.ours.expect_err("its flags say so");
    says(&error, "its flags do not say that it signs data");
}

#[test]
fn a_signature_made_before_its_key_is_refused() {
    let mut gpg = Gpg::new();
    gpg.at(FEBRUARY).key("ed25519");
    let message = gpg.at(JANUARY).sign("");
    doubted(judge(&gpg.export(&[]), &message, MARCH), Doubt::BeforeKey);
}

#[test]
fn a_signature_from_the_future_is_refused_though_gpg_takes_it() {
    let mut gpg = Gpg::new();
    gpg.key("ed25519");
    let ring = gpg.export(&[]);
    let message = gpg.at(MARCH).sign("");
    for ahead in [0, 299] {
        judge(&ring, &message, MARCH - ahead).taken();
    }
    let verdicts = judge(&ring, &message, FEBRUARY);
    assert!(verdicts.gpg.is_ok());
    let error = verdicts.ours.expect_err("it is from the future");
    says(&error, "the signature was made in the future");
    let claim = verdicts.image_rs.expect("image-rs does not mind");
    assert_eq!(claim.doubts, [Doubt::FromTheFuture]);
}

#[test]
fn a_key_from_the_future_is_refused() {
    let mut gpg = Gpg::new();
    gpg.at(MARCH).key("ed25519");
    let message = gpg.sign("");
    let verdicts = judge(&gpg.export(&[]), &message, FEBRUARY);
    let error = verdicts.ours.expect_err("its key is from the future");
    assert!(verdicts.gpg.is_err(), "{error}");
}

#[test]
fn several_user_ids_and_their_revocations_are_read() {
    let mut gpg = Gpg::new();
    let key = gpg.key("ed25519");
    gpg.run(&format!("--quick-add-uid {key} second@x.example"), "");
    let message = gpg.at(FEBRUARY).sign("");
    judge(&gpg.export(&[]), &message, MARCH).taken();
    gpg.run(&format!("--quick-revoke-uid {key} second@x.example"), "");
    judge(&gpg.export(&[]), &message, MARCH).taken();
    gpg.run(&format!("--quick-add-uid {key} third@x.example"), "");
    gpg.run(&format!("--quick-revoke-uid {key} 0@x.example"), "");
    judge(&gpg.export(&[]), &message, MARCH).taken();
}

#[test]
fn signatures_of_others_on_a_key_change_nothing() {
    let mut gpg = Gpg::new();
    let (one, two) = (gpg.key("ed25519"), gpg.key("nistp256"));
    gpg.at(FEBRUARY);
    gpg.run(&format!("--local-user {two} --quick-sign-key {one}"), "");
    let message = gpg.sign(&format!("--local-user {one}"));
    judge(&gpg.export(&[&one]), &message, MARCH).taken();
    judge(&gpg.export(&[]), &message, MARCH).taken();
    // The certificate of another key, put behind this one, vouches for nothing here.
    let mixed = [gpg.export(&[&two]), gpg.export(&[&one])].concat();
    judge(&mixed, &message, MARCH).taken();
}

#[test]
fn a_key_that_vouches_for_itself_with_sha_1_alone_is_refused() {
    let mut gpg = Gpg::new();
    gpg.run(
        "--cert-digest-algo SHA1 --quick-generate-key 0@x.example rsa2048 sign never",
        "",
    );
    let message = gpg.at(FEBRUARY).sign("--digest-algo SHA256");
    let verdicts = judge(&gpg.export(&[]), &message, MARCH);
    verdicts.taken_by_gpg_alone("no user ID of its own with a hash that counts");
}

#[test]
fn a_revocation_counts_whatever_is_changed_of_its_unsigned_bytes() {
    let mut gpg = Gpg::new();
    let key = gpg.key("ed25519");
    let message = gpg.at(FEBRUARY).sign("");
    gpg.revoke(&key);
    let packets = packets(&gpg.export(&[]));
    // Behind the primary key.
    let revocation = &packets[1];
    assert_eq!((revocation[0] >> 2 & 15, revocation[3]), (2, 0x20));
    let mut taken = 0;
    for at in 0..revocation.len() {
        let mut changed = packets.clone();
        changed[1][at] ^= 1;
        let ring = changed.concat();
        if ours(&ring, &message, MARCH, Rules::Gpg).is_ok() {
            taken += 1;
            let said = gpg_takes(&ring, &message, MARCH);
            assert!(said.is_ok(), "byte {at}: {said:?}");
        }
    }
    // Some are signed: a revocation with another of these is none.
    assert!(taken > 50, "{taken}");
}
