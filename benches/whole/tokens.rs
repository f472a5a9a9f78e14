//! Keys on a token, against calls of only the token's own functions.
//!
//! The token is `SoftHSM`'s. It, the images and the signatures are in memory where there is such a
//! place: a disk is not what is measured.

use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use ir_sign::crypto::{Curve, P384Key, Prehash, Signature};

use super::bench::{Bench, against, measure_pairs, seconds, time};
use super::images::{MANY, ours, tags, unsigned};
use super::job::{Job, Pairs};
use super::layout::Packing;
use super::table::{NO_TARGET, Row};
use super::{Error, Place};

/// The label of the token and its key.
const TOKEN: &str = "BENCH";
const KEY: &str = "vendor";

/// The token's folder, which `softhsm/make-token` made. All else is put beside it.
fn folder() -> Result<PathBuf, Error> {
    let settings =
        std::env::var_os("SOFTHSM2_CONF").ok_or("there is no token: no SOFTHSM2_CONF")?;
    let token = Path::new(&settings).parent().ok_or("a file has a folder")?;
    Ok(token.parent().ok_or("a token has a folder")?.to_owned())
}

fn pin_file() -> Result<PathBuf, Error> {
    Ok(folder()?.join("token/pin"))
}

fn uri() -> Result<String, Error> {
    let pin = pin_file()?;
    Ok(format!(
        "pkcs11:token={TOKEN};object={KEY}?pin-source=file:{}",
        pin.display()
    ))
}

/// Whether there is a token to measure; says so if not.
fn is_there() -> bool {
    let there = std::env::var_os("SOFTHSM2_CONF").is_some();
    if !there {
        eprintln!("there is no token: keys on tokens are left out");
    }
    there
}

/// Makes the key, its endorsement, and images that nobody has signed.
pub fn make(place: &Place) -> Result<(), Error> {
    if !is_there() {
        return Ok(());
    }
    let folder = folder()?;
    let (public, endorsement) = (folder.join("vendor.pub"), folder.join("vendor.sig"));
    let text = |path: &Path| path.display().to_string();
    ours(
        place,
        &[
            "gen-key",
            "--pkcs11-uri",
            &uri()?,
            "--public",
            &text(&public),
        ],
    )?;
    ours(
        place,
        &[
            "endorse",
            "-k",
            "ca.prv",
            "-f",
            &text(&public),
            "-s",
            &text(&endorsement),
        ],
    )?;
    std::fs::copy(place.path("ca.pub"), folder.join("ca.pub"))?;
    unsigned(folder.join("unsigned"), Packing::Gzip, &[10_000], MANY)?;
    Ok(())
}

/// Measures keys on a token.
pub fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    if !is_there() {
        return Ok(());
    }
    let token = Token {
        folder: folder()?,
        uri: uri()?,
        bench_program: std::env::current_exe()?,
    };
    for (jobs, target) in [(1, 0.95), (2, 0.9)] {
        token.images(bench, jobs, target)?;
        token.verified(bench, jobs)?;
    }
    token.one_file(bench)
}

/// Where the token is, and who calls it for the reference.
struct Token {
    folder: PathBuf,
    uri: String,
    bench_program: PathBuf,
}

impl Token {
    /// So many signatures in so many sessions, and nothing else.
    fn raw(&self, count: u32, sessions: u32, then: &str) -> Job {
        let arguments = format!("--bench raw {count} {sessions} {then}");
        Job::new(&self.folder, &self.bench_program, &arguments)
    }

    fn images(&self, bench: &mut Bench<'_>, jobs: u32, target: f64) -> Result<(), Error> {
        let references = tags(MANY).join(" -d ");
        let sign = format!(
            "sign-image -q -r registry -a app -v {} -s vendor.sig -c ca.pub --jobs {jobs} -d {references}",
            self.uri
        );
        let sign = Job::new(&self.folder, &bench.place.program, &sign)
            .writes("registry/app")
            .starts_from("unsigned");
        let work = format!("`sign-image --jobs {jobs}`, {MANY} images, a key on a token");
        let reference = self.raw(MANY, jobs, "").times_itself("raw-time");
        let pairs = measure_pairs(&work, &sign, &reference, 11)?;
        let (row, rate) = against_raw(work, "an image", jobs, &pairs);
        bench.rows.push(Row {
            target: format!("≥ {target}"),
            met: rate >= target,
            ..row
        });
        Ok(())
    }

    /// The most that could be reached.
    fn verified(&self, bench: &mut Bench<'_>, jobs: u32) -> Result<(), Error> {
        let verified = self
            .raw(MANY, jobs, "verified")
            .times_itself("verified-time");
        let work = "`C_Sign` and verifying what it made, nothing else".to_owned();
        let reference = self.raw(MANY, jobs, "").times_itself("raw-time");
        let pairs = measure_pairs(&work, &verified, &reference, 11)?;
        let (row, _) = against_raw(work, "each", jobs, &pairs);
        bench.rows.push(row);
        Ok(())
    }

    fn one_file(&self, bench: &mut Bench<'_>) -> Result<(), Error> {
        let work = "`sign`, a small file, a key on a token";
        let sign = format!("sign -k {} -f ca.pub -s signature", self.uri);
        let sign = Job::new(&self.folder, &bench.place.program, &sign).writes("signature");
        let pairs = measure_pairs(work, &sign, &self.raw(1, 1, ""), 200)?;
        let more = pairs.median(|ours, raw| seconds(ours.wall) - seconds(raw.wall));
        bench.rows.push(Row {
            work: work.into(),
            ours: time(pairs.median(|ours, _| seconds(ours.wall))),
            reference: against(&pairs, "a process with these calls and no others"),
            ratio: format!("{}{}", if more < 0.0 { "" } else { "+" }, time(more)),
            target: "≤ 2 ms more".into(),
            met: more <= 2e-3,
        });
        bench.peak(work, &pairs);
        Ok(())
    }
}

/// A row without a target, and the part of the token's own rate.
fn against_raw(work: String, each: &str, sessions: u32, pairs: &Pairs) -> (Row, f64) {
    let plural = if sessions == 1 { "" } else { "s" };
    let of_one = |seconds: f64| time(seconds / f64::from(MANY));
    let ours = of_one(pairs.median(|ours, _| seconds(ours.wall)));
    let alone = of_one(pairs.median(|_, raw| seconds(raw.wall)));
    let rate = pairs.median(|ours, raw| seconds(raw.wall) / seconds(ours.wall));
    let row = Row {
        work,
        ours: format!("{ours} {each}"),
        reference: format!("{alone} (`C_Sign` alone, {sessions} session{plural})"),
        ratio: format!("{rate:.2} of its rate"),
        target: NO_TARGET.into(),
        met: true,
    };
    (row, rate)
}

/// The reference: opens the token, logs in, finds the key, and has it sign this many hashes in each
/// of its sessions' share. How long the signatures took goes to a file.
///
/// With `verified` it is the least that a signer has to do that lets no bad signature out: processors that no
/// session uses verify; where each is used, each session's thread does.
pub fn raw(count: &str, sessions: &str, verified: bool) -> Result<(), Error> {
    let (count, sessions): (usize, usize) = (count.parse()?, sessions.parse()?);
    let public = P384Key::from_spki(&std::fs::read("vendor.pub")?)?;
    let verify = |(prehash, signature): Made| assert!(public.verifies(&prehash, &signature));
    let module = std::env::var_os("PKCS11_MODULE_PATH").ok_or("there is no PKCS11_MODULE_PATH")?;
    let context = Pkcs11::new(Path::new(&module))?;
    context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let mut slot = None;
    for candidate in context.get_slots_with_initialized_token()? {
        if context.get_token_info(candidate)?.label().trim_end() == TOKEN {
            slot = Some(candidate);
        }
    }
    let slot = slot.ok_or("there is no token of that name")?;
    let pin = std::fs::read_to_string(pin_file()?)?;
    let mut open = vec![context.open_ro_session(slot)?];
    open[0].login(UserType::User, Some(&AuthPin::new(pin.trim_end().into())))?;
    while open.len() < sessions {
        open.push(context.open_ro_session(slot)?);
    }
    let wanted = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Label(KEY.into()),
    ];
    let key = *open[0]
        .find_objects(&wanted)?
        .first()
        .ok_or("there is no key")?;
    let start = Barrier::new(open.len() + 1);
    let share = count / sessions;
    // A session can be given to a thread, and not be shared.
    let apart = verified && thread::available_parallelism()?.get() > sessions;
    let (made, to_verify) = channel::<Made>();
    let worker = &|session: Session, made: Sender<Made>| {
        start.wait();
        let hand_over = |signature| match (verified, apart) {
            (false, _) => {}
            (true, false) => verify(signature),
            (true, true) => made.send(signature).expect("it is waited for"),
        };
        sign(&session, key, share, hand_over).map(|()| session)
    };
    let took = thread::scope(|scope| {
        let threads: Vec<_> = open
            .drain(..)
            .map(|session| {
                let made = made.clone();
                scope.spawn(move || worker(session, made))
            })
            .collect();
        drop(made);
        start.wait();
        let began = Instant::now();
        to_verify.into_iter().for_each(verify);
        for thread in threads {
            open.push(thread.join().expect("signing does not panic")?);
        }
        Ok::<_, cryptoki::error::Error>(began.elapsed())
    })?;
    let file = if verified {
        "verified-time"
    } else {
        "raw-time"
    };
    std::fs::write(file, took.as_nanos().to_string())?;
    drop(open);
    context.finalize()?;
    Ok(())
}

/// A signature and the content that it signs.
type Made = (Prehash, Signature);

fn sign(
    session: &Session,
    key: ObjectHandle,
    count: usize,
    hand_over: impl Fn(Made),
) -> Result<(), cryptoki::error::Error> {
    for n in 0..count {
        let prehash = Prehash::sha384(&n.to_le_bytes());
        let signature = session.sign(&Mechanism::Ecdsa, key, prehash.as_bytes())?;
        let signature = Signature::from_raw(Curve::P384, &signature);
        hand_over((prehash, signature.expect("in range")));
    }
    Ok(())
}
