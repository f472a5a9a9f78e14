//! Rings and messages that were changed: gpg takes whatever ours still takes, with the same content and key.

use std::collections::BTreeSet;

use ir_sign::scheme::simple::Rules;

use crate::gpg::{DAY, FEBRUARY, Gpg, MARCH, gpg_takes, judge, ours};

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }
}

/// The packets of bytes, each with its header: of both forms, with whole lengths.
pub fn packets(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(first) = bytes.first() {
        let number = |at: &[u8]| at.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        let length = match (first & 0x40 != 0, first & 3, bytes[1]) {
            (false, 3, _) => bytes.len(),
            (false, power, _) => {
                let end = 1 + (1 << power);
                end + number(&bytes[1..end])
            }
            (true, _, short @ 0..192) => 2 + usize::from(short),
            (true, _, high @ 192..224) => {
                3 + (usize::from(high - 192) << 8) + usize::from(bytes[2]) + 192
            }
            (true, _, 255) => 6 + number(&bytes[2..6]),
            // In parts: to the end.
            (true, ..) => bytes.len(),
        };
        let (packet, rest) = bytes.split_at(length);
        all.push(packet.to_vec());
        bytes = rest;
    }
    all
}

/// A ring and a message that are taken.
struct Seed {
    ring: Vec<u8>,
    message: Vec<u8>,
}

/// Keys with user IDs, subkeys, revocations and changed dates, and what they signed.
fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (kind, subkey) in [
        ("ed25519", "nistp256"),
        ("nistp384", "ed25519"),
        ("rsa2048", "nistp521"),
    ] {
        let mut gpg = Gpg::new();
        let key = gpg.key_for(kind, "sign", "1y");
        gpg.run(&format!("--quick-add-uid {key} second@x.example"), "");
        let subkey = gpg.subkey(&key, subkey, "1y");
        let revoked = gpg.subkey(&key, "ed25519", "never");
        gpg.at(FEBRUARY);
        gpg.run(&format!("--quick-set-expire {key} 6m"), "");
        let signed = [&key, &subkey, &revoked].map(|key| {
            gpg.sign(&format!(
                "--compress-algo none --set-filename x --local-user {key}!"
            ))
        });
        let packed = gpg.sign("");
        let before = gpg.export(&[]);
        gpg.edit(&key, &["key 2", "revkey", "y", "0", "", "y"]);
        gpg.run(&format!("--quick-revoke-uid {key} second@x.example"), "");
        let after = gpg.export(&[]);
        gpg.revoke(&key);
        let dead = gpg.export(&[]);
        for message in signed.into_iter().chain([packed]) {
            for ring in [&before, &after, &dead] {
                let (ring, message) = (ring.clone(), message.clone());
                seeds.push(Seed { ring, message });
            }
        }
    }
    seeds
}

/// Changes a byte, or some.
fn bytes_changed(bytes: &mut Vec<u8>, dice: &mut Dice) {
    if bytes.is_empty() {
        return;
    }
    let at = dice.below(bytes.len());
    match dice.below(5) {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes[at] = dice.next().to_le_bytes()[0],
        2 => bytes[at] = bytes[at].wrapping_add(1),
        3 => drop(bytes.remove(at)),
        _ => bytes.insert(at, dice.next().to_le_bytes()[0]),
    }
}

/// Drops, doubles, moves, or brings in packets.
fn packets_changed(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let mut all = packets(bytes);
    let others = packets(other);
    for _ in 0..=dice.below(3) {
        if all.is_empty() {
            break;
        }
        let (one, two) = (dice.below(all.len()), dice.below(all.len()));
        match dice.below(6) {
            0 => drop(all.remove(one)),
            1 => all.insert(two, all[one].clone()),
            2 => all.swap(one, two),
            3 => all.insert(one, others[dice.below(others.len())].clone()),
            4 => all[one].clone_from(&others[dice.below(others.len())]),
            // The end of a packet, where a signature has what it does not sign.
            _ => {
                let packet = &mut all[one];
                let at = packet.len() - 1 - dice.below(packet.len().min(120));
                packet[at] ^= 1 << dice.below(8);
            }
        }
    }
    *bytes = all.concat();
}

#[test]
fn gpg_takes_each_changed_ring_and_message_that_ours_takes() {
    let seeds = seeds();
    let seed = std::env::var("IR_SIGN_FUZZ_SEED").ok();
    let mut dice = Dice(seed.map_or(20, |n| n.parse().expect("a number")));
    let (mut asked, mut taken, mut findings) = (BTreeSet::new(), 0, Vec::new());
    for round in 0..rounds() {
        let seed = &seeds[dice.below(seeds.len())];
        let other = &seeds[dice.below(seeds.len())];
        let (mut ring, mut message) = (seed.ring.clone(), seed.message.clone());
        match round % 4 {
            0 => bytes_changed(&mut ring, &mut dice),
            1 => bytes_changed(&mut message, &mut dice),
            2 => packets_changed(&mut ring, &other.ring, &mut dice),
            _ => packets_changed(&mut message, &other.message, &mut dice),
        }
        // The keys are there for half a year more.
        let now = MARCH + 40 * DAY * dice.below(8) as u64;
        let lax = ours(&ring, &message, now, Rules::ImageRs);
        let Ok(claim) = ours(&ring, &message, now, Rules::Gpg) else {
            assert!(lax.is_err() || !lax.expect("it is taken").doubts.is_empty());
            continue;
        };
        taken += 1;
        if !asked.insert((ring.clone(), message.clone(), now)) {
            continue;
        }
        match gpg_takes(&ring, &message, now) {
            Ok(said) => assert_eq!(said.key, claim.key),
            Err(said) => findings.push(kept(&ring, &message, now, &said)),
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    // Else nothing was compared.
    assert!(taken > rounds() / 50, "{taken}");
    assert!(asked.len() > rounds() / 100, "{}", asked.len());
}

/// Changes that are tried; `IR_SIGN_FUZZ_SECONDS` makes them more.
fn rounds() -> usize {
    let seconds = std::env::var("IR_SIGN_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(1, |n| n.parse().expect("a number of seconds"));
    2_000 * seconds
}

/// Keeps what gpg does not take and ours does, and says where.
fn kept(ring: &[u8], message: &[u8], now: u64, said: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder").keep();
    harness::write(folder.join("ring"), ring);
    harness::write(folder.join("message"), message);
    format!("gpg does not take {} at {now}:\n{said}", folder.display())
}

#[test]
fn the_seeds_are_judged_as_gpg_judges_them() {
    let mut taken = 0;
    for Seed { ring, message } in seeds() {
        for now in [MARCH, MARCH + 300 * DAY] {
            let verdicts = judge(&ring, &message, now);
            assert_eq!(verdicts.gpg.is_ok(), verdicts.ours.is_ok());
            taken += usize::from(verdicts.ours.is_ok());
        }
    }
    assert!(taken > 15, "{taken}");
}
