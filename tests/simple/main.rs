//! Simple signing held against real gpg, which makes all keys and signatures here: ours never takes what gpg does not take.

mod gpg;
mod messages;
mod mutated;
mod rings;
mod standing;
