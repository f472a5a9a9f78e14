//! Drafts: the bytes that a signature is wanted of, and the change that the finished signature makes.

use crate::crypto::{Algorithm, PublicKey, Signature};
use crate::image::{Blob, Change};

use super::error::Error;

/// A way of signing. It never holds the private key: a draft can be carried to an offline signer.
pub trait SignScheme: Sync {
    /// The thing that it signs, with all that it has to know of it.
    type Subject: ?Sized;

    /// Drafts what makes the subject one that is signed by `key`.
    fn draft<'a>(&'a self, subject: &Self::Subject, key: &PublicKey) -> Result<Draft<'a>, Error>;
}

/// Bytes that a signature is wanted of.
#[derive(Clone, Debug)]
pub struct Message {
    /// How they are to be signed.
    pub by: Algorithm,
    /// The bytes.
    pub content: Blob,
}

/// What is to be signed, and what becomes of the image then.
pub struct Draft<'a> {
    messages: Vec<Message>,
    finish: Finish<'a>,
}

/// Makes the change of as many signatures as there are messages.
type Finish<'a> = Box<dyn FnOnce(&[Signature]) -> Change + Send + 'a>;

impl<'a> Draft<'a> {
    /// A draft of these messages. `finish` gets as many signatures, in the same order.
    pub fn new(
        messages: Vec<Message>,
        finish: impl FnOnce(&[Signature]) -> Change + Send + 'a,
    ) -> Self {
        Self {
            messages,
            finish: Box::new(finish),
        }
    }

    /// What is to be signed. There is nothing where the image carries signatures that are kept.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Signs each message with `sign`, and makes the change.
    pub fn finish<E>(
        self,
        mut sign: impl FnMut(&Message) -> Result<Signature, E>,
    ) -> Result<Change, E> {
        let signatures: Result<Vec<_>, E> = self.messages.iter().map(&mut sign).collect();
        Ok((self.finish)(&signatures?))
    }
}
