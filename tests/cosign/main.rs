//! cosign's family: what is made here is held against the real programs, and what those make is verified here.

mod blobs;
mod desk;
mod docs;
mod hostile;
mod images;
mod offline;
mod refused;
