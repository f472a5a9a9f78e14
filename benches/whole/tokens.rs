//! Keys on a token, against what the token does when nothing but its own functions is called.
//!
//! The token is `SoftHSM`'s. It, the images and the signatures are in memory where there is such a
//! place: a disk is not what is measured.

use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

use super::inputs::{MANY, ours, tags, unsigned};
use super::job::Job;
use super::layout::Packing;
use super::rows::{Bench, against, measure_pairs, seconds, time};
use super::table::Row;
use super::{Error, Place};

/// What the token and its key are called.
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
    let (folder, uri) = (folder()?, uri()?);
    let bench_program = std::env::current_exe()?;
    let raw = |count: u32, sessions: u32| {
        let arguments = format!("--bench raw {count} {sessions}");
        Job::new(&folder, &bench_program, &arguments)
    };
    let program = bench.place.program.clone();
    let references = tags(MANY).join(" -d ");
    for (jobs, target) in [(1, 0.95), (2, 0.9)] {
        let sign = format!(
            "sign-image -q -r registry -a app -v {uri} -s vendor.sig -c ca.pub --jobs {jobs} -d {references}"
        );
        let sign = Job::new(&folder, &program, &sign)
            .writes("registry/app")
            .starts_from("unsigned");
        let plural = if jobs == 1 { "" } else { "s" };
        let work = format!("`sign-image --jobs {jobs}`, {MANY} images, a key on a token");
        let reference = raw(MANY, jobs).times_itself("raw-time");
        let pairs = measure_pairs(&work, &sign, &reference, 11)?;
        let rate = pairs.median(|ours, raw| seconds(raw.wall) / seconds(ours.wall));
        let each = pairs.median(|ours, _| seconds(ours.wall)) / f64::from(MANY);
        let alone = pairs.median(|_, raw| seconds(raw.wall)) / f64::from(MANY);
        bench.rows.push(Row {
            work,
            ours: format!("{} an image", time(each)),
            reference: format!("{} (`C_Sign` alone, {jobs} session{plural})", time(alone)),
            ratio: format!("{rate:.2} of its rate"),
            target: format!("≥ {target}"),
            met: rate >= target,
        });
    }
    let work = "`sign`, a small file, a key on a token";
    let sign = Job::new(
        &folder,
        &program,
        &format!("sign -k {uri} -f ca.pub -s signature"),
    );
    let pairs = measure_pairs(work, &sign.writes("signature"), &raw(1, 1), 200)?;
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

/// The reference: opens the token, logs in, finds the key, and has it sign this many hashes in each
/// of its sessions' share. How long the signatures took goes to a file.
pub fn raw(count: &str, sessions: &str) -> Result<(), Error> {
    let (count, sessions): (usize, usize) = (count.parse()?, sessions.parse()?);
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
    let worker = &|session: Session| {
        start.wait();
        sign(&session, key, share).map(|()| session)
    };
    let took = thread::scope(|scope| {
        let threads: Vec<_> = open
            .drain(..)
            .map(|session| scope.spawn(move || worker(session)))
            .collect();
        start.wait();
        let began = Instant::now();
        for thread in threads {
            open.push(thread.join().expect("signing does not panic")?);
        }
        Ok::<_, cryptoki::error::Error>(began.elapsed())
    })?;
    std::fs::write("raw-time", took.as_nanos().to_string())?;
    drop(open);
    context.finalize()?;
    Ok(())
}

fn sign(session: &Session, key: ObjectHandle, count: usize) -> Result<(), cryptoki::error::Error> {
    let mut hash = [7; 48];
    for n in 0..count {
        hash[..8].copy_from_slice(&n.to_le_bytes());
        let signature = session.sign(&Mechanism::Ecdsa, key, &hash)?;
        assert_eq!(signature.len(), 96);
    }
    Ok(())
}
