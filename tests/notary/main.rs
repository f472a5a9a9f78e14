//! Notary Project's family: real notation verifies our output, and ir-sign verifies its output.

mod both_ways;
mod cache;
mod certificates;
mod commands;
mod configuration;
mod desk;
mod docs;
mod envelopes;
mod hostile;
mod hostile_policies;
mod issuing;
mod peers;
mod pki;
mod plugin;
mod policies;
mod revocation;
mod revocation_lists;
mod signer;
mod trust;
mod vectors;
mod workflow;
