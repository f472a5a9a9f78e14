//! The info structures of a module, its slots and its tokens, with the padding removed from texts.

use cryptoki_sys as sys;

/// Information on a module (PKCS #11 v2.40, section 3.1, `CK_INFO`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LibraryInfo {
    /// Who made it.
    pub manufacturer: String,
    /// Its description.
    pub description: String,
    /// Its major and minor version.
    pub version: (u8, u8),
}

/// Information on a slot (PKCS #11 v2.40, section 3.2, `CK_SLOT_INFO`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Its description.
    pub description: String,
    /// Who made it.
    pub manufacturer: String,
    /// Whether it says that it is hardware.
    pub is_hardware: bool,
}

/// Information on a token (PKCS #11 v2.40, section 3.2, `CK_TOKEN_INFO`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its label.
    pub label: String,
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// `CKF_…` flags.
    pub flags: u64,
    /// The shortest and the longest PIN.
    pub pin_length: (u64, u64),
    /// Major and minor version of the hardware.
    pub hardware: (u8, u8),
    /// Major and minor version of the firmware.
    pub firmware: (u8, u8),
}

impl TokenInfo {
    /// Whether a flag is set.
    pub const fn has(&self, flag: u64) -> bool {
        self.flags & flag != 0
    }
}

impl From<sys::CK_INFO> for LibraryInfo {
    fn from(info: sys::CK_INFO) -> Self {
        Self {
            manufacturer: unpadded(&info.manufacturerID),
            description: unpadded(&info.libraryDescription),
            version: version(info.libraryVersion),
        }
    }
}

impl From<sys::CK_SLOT_INFO> for SlotInfo {
    fn from(info: sys::CK_SLOT_INFO) -> Self {
        Self {
            description: unpadded(&info.slotDescription),
            manufacturer: unpadded(&info.manufacturerID),
            is_hardware: info.flags & sys::CKF_HW_SLOT != 0,
        }
    }
}

impl From<sys::CK_TOKEN_INFO> for TokenInfo {
    fn from(info: sys::CK_TOKEN_INFO) -> Self {
        Self {
            label: unpadded(&info.label),
            manufacturer: unpadded(&info.manufacturerID),
            model: unpadded(&info.model),
            serial: unpadded(&info.serialNumber),
            flags: info.flags,
            pin_length: (info.ulMinPinLen, info.ulMaxPinLen),
            hardware: version(info.hardwareVersion),
            firmware: version(info.firmwareVersion),
        }
    }
}

const fn version(version: sys::CK_VERSION) -> (u8, u8) {
    (version.major, version.minor)
}

/// A text field without its padding: spaces (PKCS #11 v2.40, section 3.1), or zero bytes as some
/// tokens have them.
fn unpadded(field: &[u8]) -> String {
    let text = field.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim_end_matches(' ').into()
}
