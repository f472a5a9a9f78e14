//! Finding out who signed an image.

use crate::image::Image;
use crate::report::Candidate;

/// A way to find out who signed an image.
pub trait VerifyScheme: Sync {
    /// The rules that [`VerifyScheme::verify`] checks, in order.
    fn rules(&self) -> Vec<&'static str>;

    /// Examines each signature on `image`: one outcome a rule.
    fn verify(&self, image: &Image) -> Vec<Candidate>;
}
