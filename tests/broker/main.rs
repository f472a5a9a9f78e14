//! Key brokers and encrypted layers. If a broker or the one who encrypts does anything wrong, ir-sign trusts nothing.

#[cfg(feature = "grpc")]
mod agent;
mod encrypted;
mod file;
#[cfg(feature = "grpc")]
mod grpc;
mod guide;
mod sealing;
#[cfg(feature = "grpc")]
mod server;
mod skopeo;
