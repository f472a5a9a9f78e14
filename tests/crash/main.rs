//! The state of layouts, keys and memory after something disturbs a run: a kill, a power failure, no room or threads,
//! other runs, or a look from outside.

mod concurrency;
mod disks;
mod hardening;
mod memory;
mod points;
mod zeroize;
