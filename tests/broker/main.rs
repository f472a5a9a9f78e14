//! Key brokers and encrypted layers: whatever a broker, or whoever encrypts, does wrong leaves nothing trusted.

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
