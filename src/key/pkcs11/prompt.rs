//! How a person is asked for a PIN.

use crate::key::pin::{Pin, PinError};

/// Asks a person for a PIN.
pub trait Prompt: Send + Sync {
    /// Asks for the PIN of the token; `reason` says what for when it is not the login.
    fn ask(&self, token: &str, reason: Option<&str>) -> Result<Pin, PinError>;

    /// Tells the person that the token's own PIN pad waits for them.
    fn pad(&self, token: &str);

    /// Tells the person something about the token that they should know.
    fn warn(&self, text: &str);

    /// Tells the person what is going on.
    fn notify(&self, text: &str);
}

/// Nobody to ask.
#[derive(Debug)]
pub struct NoPrompt;

impl Prompt for NoPrompt {
    fn ask(&self, _: &str, _: Option<&str>) -> Result<Pin, PinError> {
        Err(PinError::Nobody)
    }

    fn pad(&self, _: &str) {}

    fn warn(&self, _: &str) {}

    fn notify(&self, _: &str) {}
}
