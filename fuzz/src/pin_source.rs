//! Sources of PINs, on a command line and in a URI: a printed source reads back as the same.

use ir_sign::key::pin::PinSource;

pub fn run(bytes: &[u8]) {
    let text = super::text(bytes);
    for source in [text.parse(), PinSource::from_uri(text)]
        .into_iter()
        .flatten()
    {
        let printed = source.to_string();
        assert_eq!(
            printed.parse().as_ref(),
            Ok(&source),
            "printed as {printed}"
        );
        if let PinSource::File(path) = &source {
            assert!(!path.as_os_str().is_empty(), "a file without a name");
        }
    }
}
