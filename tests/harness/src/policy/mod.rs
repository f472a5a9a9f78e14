//! `tests/data/policy-cases.tgz`: questions about policies with the verdicts of real programs, and the servers that
//! they want.

mod cases;
mod server;
mod world;

pub use cases::{Case, Want};
pub use server::{Content, Server, serve_folder, serve_registry};
pub use world::World;
