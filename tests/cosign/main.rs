//! cosign's family: what is made here is held against the real programs, and what those make is verified here.

mod blobs;
mod desk;
mod docs;
mod elsewhere;
mod fleet;
mod hostile;
mod images;
mod keys;
mod keys_forms;
mod keys_hostile;
mod keys_peers;
mod keys_tokens;
mod offline;
mod refused;
mod replace;
