//! Recognising software tokens by their own info.
//!
//! A token itself states its maker and model, and some software says that its slot is hardware (opencryptoki and
//! tpm2-pkcs11 always, `BouncyHsm` where it is set so). So this finds software that somebody chose by mistake, but not
//! software that hides: `SECURITY.md` says so.

/// A program: its maker begins with the first, its model with the second. The texts come from their sources or from
/// other people's listings, in small letters and with single blanks.
const KNOWN: [(&str, &str); 23] = [
    ("softhsm", ""),           // "SoftHSM project", "SoftHSM v2"
    ("", "softhsm"),           // also its forks
    ("kryoptic", ""),          // "Kryoptic Project", "v1" or "FIPS-140-3 v1"
    ("mozilla", ""),           // "Mozilla Foundation", "NSS 3"
    ("", "nss"),               // also Kryoptic on NSS's database
    ("ibm", "soft"),           // opencryptoki: "IBM", "Soft"
    ("ibm", "ibm soft"),       // opencryptoki before 3.9: "IBM Corp.", "IBM SoftTok"
    ("ibm", "ica"),            // opencryptoki: keys are in the host's files and memory
    ("ibm", "ibm ica"),        // the same before 3.9
    ("ibm", "sw tpm"),         // tpm2-pkcs11 on swtpm: "IBM", "SW   TPM"
    ("", "sw tpm"),            // libtpms under another maker's name
    ("msft", "xcg ftpm"), // Microsoft's TPM simulator; chips of another maker say this model too
    ("vmw", ""),          // a virtual machine's TPM is a program of the host
    ("amzn", ""),         // the same
    ("goog", "vtpm"),     // the same
    ("pkcs#11 kit", ""),  // p11-kit's trust module
    ("gnome keyring", ""), // gnome-keyring
    ("pkcs11interop", ""), // pkcs11-mock: "Pkcs11Interop Project", "Mock token"
    ("wolfpkcs11", ""),   // wolfPKCS11
    ("wolfssl", ""),      // its older versions
    ("bouncyhsm", ""),    // "BouncyHsm", "BouncyHsm Token"
    ("opencryptoki", ""), // some packages of it
    ("test manufacturer", ""), // p11-kit's and GnuTLS's mocks
];

/// Words in the models of software only. Not "emulated": real cards say "PKCS#15 emulated".
const WORDS: [&str; 8] = [
    "software",
    "softtoken",
    "softtok",
    "simulator",
    "simulation",
    "emulator",
    "mock",
    "virtual",
];

/// Whether a token's info is that of software.
pub(super) fn is_program(manufacturer: &str, model: &str) -> bool {
    let (maker, model) = (normal(manufacturer), normal(model));
    let known = KNOWN
        .iter()
        .any(|(of, named)| maker.starts_with(of) && model.starts_with(named));
    known || model.split(' ').any(|word| WORDS.contains(&word))
}

/// A text in small letters, without the blanks and zero bytes that pad it and that TPMs put within it.
fn normal(text: &str) -> String {
    let text = text.replace('\0', " ").to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::is_program;

    #[test]
    fn versions_of_programs_are_recognised() {
        for (manufacturer, model) in [
            ("SoftHSM project", "SoftHSM v2"),
            ("Kryoptic Project", "v1"),
            ("Kryoptic Project", "FIPS-140-3 v1"),
            ("Mozilla Foundation", "NSS 3"),
            ("IBM", "Soft"),
            ("IBM Corp.", "IBM SoftTok"),
            ("IBM", "ICA"),
            ("IBM", "SW   TPM"),
            (
                "IBM                             ",
                "SW   TPM\0\0\0\0\0\0\0\0",
            ),
            ("MSFT", "xCG fTPM"),
            ("VMW", "VMware TPM"),
            ("PKCS#11 Kit", "p11-kit-trust"),
            ("Gnome Keyring", "1.0"),
            ("Pkcs11Interop Project", "Mock token"),
            ("wolfpkcs11", "wolfpkcs11"),
            ("BouncyHsm", "BouncyHsm Token"),
            ("TEST MANUFACTURER", "TEST MODEL"),
            ("Somebody", "HSM Simulator"),
        ] {
            assert!(is_program(manufacturer, model), "{manufacturer}, {model}");
        }
    }

    #[test]
    fn devices_are_not_taken_for_programs() {
        for (manufacturer, model) in [
            ("SafeNet", "LunaSA 7.4.0"),
            ("Yubico", "YubiHSM"),
            ("Yubico (www.yubico.com)", "YubiKey YK5"),
            ("nCipher Corp. Ltd", ""),
            ("Utimaco IS GmbH", "CryptoServer"),
            ("www.CardContact.de", "PKCS#15 emulated"),
            ("piv_II", "PKCS#15 emulated"),
            ("IBM", "EP11"),
            ("IBM", "CCA"),
            ("Infineon", "SLB9670"),
            ("STMicro", ""),
            ("CROS", "xCG fTPM"),
            ("Microsoft", "Pluton"),
            ("Cavium Software Networks", "NITROX-HSM"),
        ] {
            assert!(!is_program(manufacturer, model), "{manufacturer}, {model}");
        }
    }
}
