//! The commands on certificates, requests and revocation lists.

mod dispatch;
mod look;
mod make;
pub(super) use dispatch::run;
