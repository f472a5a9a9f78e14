//! A PKCS#11 module for tests: it forwards every call to a real module, except where a plan says otherwise.
//!
//! The shared library takes all it needs from the environment, read at `C_Initialize` (and before the first
//! call). A plan that differs from the one before starts from nothing; with the same plan the counts go on,
//! so that a program that begins again after an error does not meet the same "third call" twice.
//!
//! | variable | |
//! |---|---|
//! | `FAULTY_MODULE_REAL` | the real module's path |
//! | `FAULTY_MODULE_PLAN` | the plan; none changes nothing |
//! | `FAULTY_MODULE_LOG` | a file to which each call appends a line, see [`log`] |
//! | `FAULTY_MODULE_PIN_FILE` | the user PIN, which a PIN pad or a login for one signature is compared with |
//! | `FAULTY_MODULE_SO_PIN_FILE` | the same for the security officer |
//! | `FAULTY_MODULE_RESERVED` | a string for the reserved argument of the real `C_Initialize`, as NSS wants |
//!
//! # Plans
//!
//! Rules separated by `;`. Blanks around a rule do not count. A rule that is unknown, malformed or there
//! twice makes `C_Initialize` say so on standard error and give `CKR_GENERAL_ERROR`.
//!
//! ```text
//! plan     = [ rule *( ";" rule ) ]
//! rule     = function [ when ] "=" [ "after:" ] ckr  ; this answer; after: the real call is made first
//!          | "kill@" N | "kill-after@" N             ; SIGKILL before or after the N-th call of the process
//!          | "removed@" function "@" N               ; the token is gone from this call on
//!          | "removed-once@" function "@" N          ; the same, and back at the next C_Initialize
//!          | "dead-session@" function "@" N          ; CKR_SESSION_HANDLE_INVALID, all sessions closed
//!          | "sign" [ when ] "=" ( "flip" | "other" | "short" | "long" | "empty" | "der" | "zero" | "max" | "lie" )
//!          | "point=" ( "raw" | "bare" | "bit-string" | "long-form" | "compressed" | "garbage" | "off-curve" | "other" | "infinity" | "empty" )
//!          | "attr-missing=" cka | "attr=" cka ":" *( HEX HEX )
//!          | "no-public-object" | "no-private-object" | "twins"
//!          | "always-authenticate" | "pin-pad" | "cant-lock" | "no-length-query" | "one-session" | "prints"
//!          | "flags+=" ckf *( "|" ckf ) | "flags-=" ckf *( "|" ckf )
//!          | ( "label" | "serial" ) [ "@" N ] "=" text  ; from the N-th C_GetTokenInfo on
//!          | "mechanisms=" [ ckm *( "," ckm ) ]
//!          | "zero-slots" | "slots-buffer-too-small" | "mechanisms-buffer-too-small"
//!          | "bad-clock" | "unpadded" | "nul-padded"
//!          | "slow=" function ":" milliseconds
//!          | "held@" function "@" N "=" path           ; this call waits until there is a file of this name
//!          | "only-once=" path                         ; of all processes, one gives an answer of the plan, once
//! when     = "@" N [ "+" ]                           ; the N-th call of that function, with + all from it on
//! function = "C_" name                               ; ckr, cka, ckf, ckm: a name of v2.40 or "0x" and digits
//! ```
//!
//! Numbers start from 1. Of two answers for one call the first holds; `removed` and `dead-session` come
//! before answers. `C_GetFunctionList` counts as a call. A signature that is said to have failed has ended.
//!
//! - `sign@N` counts signatures that were made, not calls. `other` is a valid signature over other data,
//!   `short` and `long` are one byte off, `der` is the same signature in DER, `zero` and `max` have all bits
//!   equal, `lie` claims to have written more than there was room for.
//! - `point` changes `CKA_EC_POINT` where the object has one: the uncompressed point without its DER header
//!   (`raw`), or in DER compressed, off the curve by one bit, the curve's generator (`other`), infinity;
//!   `garbage` and `empty` are not DER at all.
//! - A point in other wrappings: X and Y alone (`bare`), a DER BIT STRING, DER with its length in two bytes.
//! - `cant-lock` refuses a `C_Initialize` with arguments; two calls at the same time end the process.
//! - `no-length-query` refuses to say how long a signature will be; `one-session` is all that a slot has.
//! - `prints` writes to standard output at each call, at once and when the process ends, and has a program
//!   write there too.
//! - `C_GetInterface` is there and always gives `CKR_FUNCTION_NOT_SUPPORTED`.
//! - `attr` goes for all objects, whether the real ones have the attribute or not; `attr-missing` wins over it.
//! - `twins` reports each private key a second time under another handle that works as well.
//! - `always-authenticate` goes for all private keys: `C_Sign` gives `CKR_USER_NOT_LOGGED_IN` unless a login
//!   for this signature came right after `C_SignInit`, with nothing else in that session in between.
//! - With `pin-pad`, calls without a PIN take it from the files; those with one give `CKR_ARGUMENTS_BAD`.
//! - A call that is `held` makes a file of this name with `.waits` behind it, by which a test knows that it has come.
//! - With `only-once`, the process that gives an answer makes the file; where the file is, calls are the real ones.
//! - `unpadded` text ends in a NUL with stale bytes behind it, as after `strcpy`.
//! - The `…-buffer-too-small` rules say how many there are, and then that any buffer is too small.

mod attributes;
mod calls;
pub mod log;
mod names;
mod objects;
mod pins;
mod plan;
mod sessions;
mod signing;
mod state;
mod token;

use std::path::PathBuf;

pub use calls::entry;
pub use names::{FUNCTIONS, ckr_name, ckr_names};

/// The shared library that cargo built beside the running test.
pub fn library() -> PathBuf {
    let test = std::env::current_exe().expect("a process has a program");
    let name = format!(
        "{}faulty_module{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let mut places = test.ancestors().skip(1).take(2).flat_map(|dir| {
        let deps = dir.join("deps");
        [dir.join(&name), deps.join(&name)]
    });
    places
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("there is no {name} beside {}", test.display()))
}
