//! Errors of resources among the others.

use super::error::Error;
use crate::broker;
use crate::ops::error::Error as OfOps;

impl From<Error> for OfOps {
    fn from(error: Error) -> Self {
        Self::Resource(Box::new(error))
    }
}

impl From<broker::Error> for OfOps {
    fn from(error: broker::Error) -> Self {
        Error::from(error).into()
    }
}
