//! DSSE envelopes: writing an accepted one again gives the same envelope.

use ir_sign::scheme::cosign::Envelope;

pub fn run(bytes: &[u8]) {
    let Ok(envelope) = Envelope::read(bytes) else {
        return;
    };
    assert_eq!(Envelope::read(&envelope.to_bytes()).as_ref(), Ok(&envelope));
    let message = envelope.message();
    assert!(message.starts_with(b"DSSEv1 ") && message.ends_with(&envelope.payload));
}
