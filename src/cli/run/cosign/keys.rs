//! Key pairs: made, imported, and their public halves.

use serde_json::json;

use crate::cli::args::cosign::{GenerateKeyPair, ImportKeyPair, PublicKeyOf};
use crate::cli::console::{Console, Outcome, print};
use crate::cli::context::{passphrases, passphrases_by_flag, warn_if_open};
use crate::cli::run::cosign::common::ring_of;
use crate::cli::run::token::new_key_json;
use crate::cli::run::written::{not_beside_json, shown, written};
use crate::cli::show;
use crate::cli::status::Status;
use crate::crypto::PublicKey;
use crate::files::Written;
use crate::key::KeyRef;
use crate::ops::key_pairs::{
    GenerateOnToken, GeneratePair, ImportPair, Pair, PairFiles, PublicHalf, pem,
};
use crate::text::plain;

pub(super) fn generate(args: GenerateKeyPair, console: &Console) -> Outcome {
    let files = PairFiles::new(&args.output_key_prefix);
    let curve = args.curve.into();
    let Some(uri) = args.key else {
        let request = GeneratePair {
            files,
            curve,
            force: args.force,
        };
        let pair = request.run(&passphrases(&args.passphrase, console))?;
        console.note(&format!(
            "made private key {}",
            shown(&request.files.private)
        ));
        return tell(&pair, &request.files, console);
    };
    let ring = ring_of(&args.tokens, [uri.pin_source.as_ref()], console)?;
    let request = GenerateOnToken {
        uri,
        public: files.public.clone(),
        curve,
        force: args.force,
    };
    let pair = request.run(&ring)?;
    tell(&pair, &files, console)
}

pub(super) fn import(args: ImportKeyPair, console: &Console) -> Outcome {
    warn_if_open(&KeyRef::File(args.key.clone()), console);
    let request = ImportPair {
        from: args.key,
        files: PairFiles::new(&args.output_key_prefix),
        force: args.force,
    };
    let of_old = passphrases_by_flag(
        "--key-passphrase-source",
        args.key_passphrase_source.as_ref(),
        console,
    );
    let pair = request.run(&of_old, &passphrases(&args.passphrase, console))?;
    console.note(&format!(
        "wrote {} with the private key of {}",
        shown(&request.files.private),
        shown(&request.from)
    ));
    tell(&pair, &request.files, console)
}

/// Tells of a pair that is there.
fn tell(pair: &Pair, files: &PairFiles, console: &Console) -> Outcome {
    if let Some(new) = &pair.on_token {
        console.note(&format!("made private key {}", plain(&new.uri.to_string())));
        for oddity in &new.oddities {
            console.warn(&format!("the token says of the key that it made: {oddity}"));
        }
    }
    if pair.unprotected {
        console.warn(&format!(
            "{} is encrypted with an empty passphrase, which protects nothing",
            shown(&files.private)
        ));
    }
    console.note(&match pair.written {
        Written::New => format!("wrote its public key {}", shown(&files.public)),
        Written::Same => written(&files.public, Written::Same),
    });
    note(&pair.key, console);
    if let Some(new) = &pair.on_token {
        console.result(&new.uri.to_string())?;
    }
    console.json(|| {
        let private = files.private.display().to_string();
        let on_token = pair.on_token.as_ref();
        json!({
            "key": on_token.map_or(private, |new| new.uri.to_string()),
            "token": on_token.map(new_key_json),
            "public": files.public.display().to_string(),
            "kind": pair.key.kind().to_string(),
            "fingerprint": show::fingerprint(&pair.key.fingerprint()),
        })
    })?;
    Ok(Status::Done)
}

fn note(key: &PublicKey, console: &Console) {
    console.note(&format!(
        "{}, fingerprint {}",
        key.kind(),
        key.fingerprint()
    ));
}

pub(super) fn public_key(args: PublicKeyOf, console: &Console) -> Outcome {
    if let Some(output) = &args.outfile {
        not_beside_json("public key file", output, console)?;
    }
    warn_if_open(&args.key, console);
    let ring = ring_of(&args.tokens, [args.key.pin_source()], console)?;
    let request = PublicHalf {
        key: args.key,
        output: args.outfile,
        force: args.force,
    };
    let (key, how) = request.run(&ring, &passphrases(&args.passphrase, console))?;
    if let (Some(output), Some(how)) = (&request.output, how) {
        console.note(&written(output, how));
    }
    note(&key, console);
    if request.output.is_none() && !console.settings.json {
        print(pem(&key).as_bytes())?;
    }
    console.json(|| {
        json!({
            "public": request.output.as_ref().map(|output| output.display().to_string()),
            "changed": how.map(|how| how == Written::New),
            "pem": pem(&key),
            "kind": key.kind().to_string(),
            "fingerprint": show::fingerprint(&key.fingerprint()),
        })
    })?;
    Ok(Status::Done)
}
