//! Do policies decide as the programs decide whose they are: skopeo 1.18 and 1.22, and image-rs.

#[allow(dead_code, reason = "the tests of brokers use all of it")]
#[path = "../broker/agent.rs"]
mod agent;
mod agents;
mod cases;
mod desk;
mod own;
mod reports;
