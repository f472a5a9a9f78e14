//! The shared parts of the tests: the program under test and its runs, folders, layouts and tokens.
//!
//! Nothing here uses the code under test: the tests hold it against what is read and made here.

mod folder;
mod place;
mod run;
mod sandbox;
mod scene;

pub mod builders;
pub mod der;
pub mod distribution;
pub mod ferro;
mod hex;
pub mod oci;
pub mod peers;
pub mod policy;
pub mod strace;
pub mod terminal;
pub mod tokens;

pub use folder::{Snapshot, read, same, set_mode, snapshot, temp_dir, write};
pub use hex::{hex, unhex};
pub use place::{data, program, top};
pub use run::{Run, Texts, ir_sign, limited, tool};
pub use sandbox::{Sandbox, copy_keys, unpack};
pub use scene::{FIXTURES, Fixture, Scene, is_at_a_lock, waits_for_a_lock};
