//! Notary Project's family: what is made here is held against real notation, and what that makes is verified here.

mod certificates;
mod commands;
mod issuing;
mod peers;
mod configuration;
mod desk;
mod pki;
mod revocation_lists;
mod envelopes;
mod signer;
mod trust;
mod vectors;
