//! What becomes of layouts, keys and memory when a run is disturbed: killed, out of power, without room
//! or threads, among other runs, or looked at from outside.

mod concurrency;
mod disks;
mod hardening;
mod memory;
mod points;
mod zeroize;
