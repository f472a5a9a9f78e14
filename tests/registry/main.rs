//! Registries: each rule for them has a test that names it (`r33_…` proves rule R33), against a server that does what
//! it is told, and against real registries.

mod auth;
mod ferro;
mod fleet;
mod good;
mod halves;
mod lists;
mod newcomer;
mod peers;
mod program;
mod pushes;
mod reading;
mod redirects;
mod server;
mod signatures;
mod signing;
mod stick;
mod tls;
mod trouble;
mod writing;
