//! Telling who signed an image.

use crate::image::Image;
use crate::report::{Check, Signatory};

/// What a scheme found out about an image.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Its checks, in order.
    pub checks: Vec<Check>,
    /// The parties whose signatures hold.
    pub signatories: Vec<Signatory>,
}

/// A way of telling who signed an image.
pub trait VerifyScheme: Sync {
    /// The rules that [`VerifyScheme::verify`] checks, in order.
    fn rules(&self) -> Vec<&'static str>;

    /// Checks the signatures on `image`: one outcome a rule.
    fn verify(&self, image: &Image) -> Findings;
}
