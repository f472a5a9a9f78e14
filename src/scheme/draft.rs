//! Drafts: the bytes to sign, and the change that the finished signatures make.

use crate::crypto::{Algorithm, PublicKey, Signature};
use crate::image::{Blob, Change};

use super::error::Error;

/// A way of signing. It never holds the private key: a draft can be carried to an offline signer.
pub trait SignScheme: Sync {
    /// The subject, with everything that the scheme needs to know about it.
    type Subject: ?Sized;

    /// Drafts the change that makes the subject one signed by `key`.
    fn draft<'a>(&'a self, subject: &Self::Subject, key: &PublicKey) -> Result<Draft<'a>, Error>;
}

/// Bytes to sign.
#[derive(Clone, Debug)]
pub struct Message {
    /// How they are to be signed.
    pub by: Algorithm,
    /// The bytes.
    pub content: Blob,
}

/// The messages to sign, and the change of the image that follows.
pub struct Draft<'a> {
    messages: Vec<Message>,
    finish: Finish<'a>,
}

/// Makes the change from one signature a message.
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

    /// The messages to sign; none where the image keeps the signatures that it carries.
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
