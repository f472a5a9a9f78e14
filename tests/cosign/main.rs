//! cosign's family: the real programs verify our output, and ir-sign verifies theirs.

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
mod local;
mod offline;
mod refused;
mod replace;
