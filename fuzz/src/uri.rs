//! PKCS#11 URIs: a printed URI reads back as the same, and ir-sign neither takes nor shows a PIN in it.

use ir_sign::key::uri::TokenUri;

const PIN: &str = "9f8e7d6c5b";

pub fn run(bytes: &[u8]) {
    let text = super::text(bytes);
    if let Ok(uri) = text.parse::<TokenUri>() {
        let printed = uri.to_string();
        assert_eq!(printed.parse().as_ref(), Ok(&uri), "printed as {printed}");
    }
    // libFuzzer finds the PIN in the program's comparisons.
    if text.contains(PIN) {
        return;
    }
    for separator in ["?", "&", ";"] {
        match format!("{text}{separator}pin-value={PIN}").parse::<TokenUri>() {
            Ok(_) => panic!("a PIN was taken from a URI"),
            Err(error) => assert!(!error.to_string().contains(PIN), "{error}"),
        }
    }
}
