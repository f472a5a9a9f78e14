//! Keys on tokens, as users meet them: the same suite over every module that is at hand, and the
//! rules of choosing tokens and keys, PINs and prompts, one by one; and tokens that fail.

mod apart;
mod certificates;
mod choosing;
mod desk;
mod faults;
mod kinds;
mod mechanisms;
mod objects;
mod passports;
mod pins;
mod prompts;
mod setup;
mod shown;
mod strays;
mod suite;
mod uris;
