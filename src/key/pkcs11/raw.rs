//! The calls that the `cryptoki` crate cannot make as they have to be made, on `cryptoki-sys`. The
//! only module with unsafe code.
//!
//! - Listing slots: the crate asks again for ever where a module with no slots answers
//!   `CKR_BUFFER_TOO_SMALL`.
//! - Token information: the crate refuses a token whose clock holds no digits.
//! - Reading a PIN from a descriptor, and keeping that from the programs that a module may start:
//!   without unsafe code a process cannot name a descriptor that it did not open itself.
//! - Signing with a key that is always to be authenticated: `C_SignInit`, `C_Login` and `C_Sign`
//!   have to follow one another, and the crate makes one call of the first and the last.
//!
//! The functions are the module's own, beside those that the crate has. p11-kit's proxy and client
//! hand out another instance of themselves each time, which knows nothing of the crate's sessions
//! ([`Raw::is_initialized`]). Such an instance is started, and has its sessions, by itself: see
//! [`super::apart`].
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::ptr;

use cryptoki::context::Function;
use cryptoki::error::{Rv, RvError};
use cryptoki::slot::Slot;
use cryptoki_sys as sys;
use rustix::io::{Errno, FdFlags};

use super::error::code_name;

/// A function of the module and what it answered.
pub type Refusal = (Function, RvError);

/// A session, of the crate's or of [`Raw::open`].
pub type SessionHandle = sys::CK_SESSION_HANDLE;
/// An object, as the instance knows it that the session is of.
pub type KeyHandle = sys::CK_OBJECT_HANDLE;

/// No module has more slots than this; one that says so is not believed.
const MOST_SLOTS: u64 = 4096;
/// Room for a signature: more than any curve's, so that one of a wrong length is seen as it is.
const ROOM: usize = 512;

/// A module's functions.
///
/// The library stays loaded as long as this lives.
pub struct Raw {
    functions: sys::CK_FUNCTION_LIST,
    /// Keeps the functions' code in memory.
    _library: sys::Pkcs11,
}

/// What a token says of itself (PKCS #11 v2.40, section 3.2, `CK_TOKEN_INFO`). The texts are
/// without their padding.
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

impl From<&cryptoki::slot::TokenInfo> for TokenInfo {
    fn from(info: &cryptoki::slot::TokenInfo) -> Self {
        let flags = [
            (info.rng(), sys::CKF_RNG),
            (info.write_protected(), sys::CKF_WRITE_PROTECTED),
            (info.login_required(), sys::CKF_LOGIN_REQUIRED),
            (info.user_pin_initialized(), sys::CKF_USER_PIN_INITIALIZED),
            (
                info.protected_authentication_path(),
                sys::CKF_PROTECTED_AUTHENTICATION_PATH,
            ),
            (info.token_initialized(), sys::CKF_TOKEN_INITIALIZED),
            (info.user_pin_count_low(), sys::CKF_USER_PIN_COUNT_LOW),
            (info.user_pin_final_try(), sys::CKF_USER_PIN_FINAL_TRY),
            (info.user_pin_locked(), sys::CKF_USER_PIN_LOCKED),
            (
                info.user_pin_to_be_changed(),
                sys::CKF_USER_PIN_TO_BE_CHANGED,
            ),
            (info.so_pin_count_low(), sys::CKF_SO_PIN_COUNT_LOW),
            (info.so_pin_final_try(), sys::CKF_SO_PIN_FINAL_TRY),
            (info.so_pin_locked(), sys::CKF_SO_PIN_LOCKED),
            (info.so_pin_to_be_changed(), sys::CKF_SO_PIN_TO_BE_CHANGED),
            (info.error_state(), sys::CKF_ERROR_STATE),
            (info.clock_on_token(), sys::CKF_CLOCK_ON_TOKEN),
            (
                info.dual_crypto_operations(),
                sys::CKF_DUAL_CRYPTO_OPERATIONS,
            ),
        ];
        let set = flags.iter().filter(|(is_set, _)| *is_set);
        let version = |v: cryptoki::types::Version| (v.major(), v.minor());
        Self {
            label: unpadded(info.label().as_bytes()),
            manufacturer: unpadded(info.manufacturer_id().as_bytes()),
            model: unpadded(info.model().as_bytes()),
            serial: unpadded(info.serial_number().as_bytes()),
            flags: set.fold(0, |flags, (_, flag)| flags | flag),
            pin_length: (info.min_pin_length() as u64, info.max_pin_length() as u64),
            hardware: version(info.hardware_version()),
            firmware: version(info.firmware_version()),
        }
    }
}

impl Raw {
    /// Loads a module's functions. The module's own code runs when it is loaded.
    pub fn load(path: &Path) -> Result<Self, String> {
        // SAFETY: loading runs the library's initialisers; that the module is one to be trusted
        // with this is the user's word, who named it. `Pkcs11::new` resolves symbols only.
        let library = unsafe { sys::Pkcs11::new(path) }.map_err(|e| e.to_string())?;
        if library.C_GetFunctionList.is_err() {
            return Err("it has no function C_GetFunctionList: it is not a PKCS#11 module".into());
        }
        let mut list: *mut sys::CK_FUNCTION_LIST = ptr::null_mut();
        // SAFETY: the symbol was found, and has the specification's signature; it is given a
        // pointer to a pointer that lives through the call.
        let answer = unsafe { library.C_GetFunctionList(&raw mut list) };
        if let Rv::Error(code) = Rv::from(answer) {
            return Err(format!("C_GetFunctionList gave {}", code_name(&code)));
        }
        if list.is_null() {
            return Err("C_GetFunctionList gives no functions".into());
        }
        // SAFETY: the module gave a pointer to its list, which lives as long as the module is
        // loaded. It is read once, without assuming an alignment, for the structure is packed on
        // some platforms.
        let functions = unsafe { ptr::read_unaligned(list) };
        Ok(Self {
            functions,
            _library: library,
        })
    }

    /// The slots that have a token, or all.
    pub fn slots(&self, with_token: bool) -> Result<Vec<Slot>, Refusal> {
        let present = sys::CK_BBOOL::from(with_token);
        let refusal = |code| (Function::GetSlotList, code);
        let list = { self.functions.C_GetSlotList }.ok_or(missing(Function::GetSlotList))?;
        // The number can grow between the two calls. That is believed a few times, not for ever.
        for _ in 0..4 {
            let mut count = 0;
            // SAFETY: with a null list the module writes the count alone.
            check(Function::GetSlotList, unsafe {
                list(present, ptr::null_mut(), &raw mut count)
            })?;
            if count == 0 {
                return Ok(Vec::new());
            }
            if count > MOST_SLOTS {
                return Err(refusal(RvError::GeneralError));
            }
            // The check above makes it fit.
            let mut ids = vec![0; usize::try_from(count).unwrap_or_default()];
            // SAFETY: there is room for `count` ids, and the module is told so.
            let answer = unsafe { list(present, ids.as_mut_ptr(), &raw mut count) };
            match Rv::from(answer) {
                Rv::Ok => {
                    ids.truncate(usize::try_from(count).unwrap_or(usize::MAX));
                    let slots = ids.into_iter().map(Slot::try_from);
                    return Ok(slots.filter_map(Result::ok).collect());
                }
                Rv::Error(RvError::BufferTooSmall) => {}
                Rv::Error(code) => return Err(refusal(code)),
            }
        }
        Err(refusal(RvError::BufferTooSmall))
    }

    /// What the token in a slot says of itself.
    pub fn token_info(&self, slot: Slot) -> Result<TokenInfo, Refusal> {
        let get = { self.functions.C_GetTokenInfo }.ok_or(missing(Function::GetTokenInfo))?;
        let mut info = sys::CK_TOKEN_INFO::default();
        // SAFETY: the module fills a structure of its own layout that lives through the call.
        check(Function::GetTokenInfo, unsafe {
            get(slot.into(), &raw mut info)
        })?;
        let version = |v: sys::CK_VERSION| (v.major, v.minor);
        Ok(TokenInfo {
            label: unpadded(&info.label),
            manufacturer: unpadded(&info.manufacturerID),
            model: unpadded(&info.model),
            serial: unpadded(&info.serialNumber),
            flags: info.flags,
            pin_length: (info.ulMinPinLen, info.ulMaxPinLen),
            hardware: version(info.hardwareVersion),
            firmware: version(info.firmwareVersion),
        })
    }

    /// Whether these functions share their state with those that the module was initialised by.
    pub fn is_initialized(&self) -> bool {
        let mut info = sys::CK_INFO::default();
        let Some(get) = ({ self.functions.C_GetInfo }) else {
            return false;
        };
        // SAFETY: the module fills a structure of its own layout that lives through the call.
        unsafe { get(&raw mut info) != sys::CKR_CRYPTOKI_NOT_INITIALIZED }
    }

    /// `C_Initialize`, for functions that share nothing with the crate's.
    pub fn start(&self) -> Result<(), Refusal> {
        let initialize = { self.functions.C_Initialize }.ok_or(missing(Function::Initialize))?;
        let mut arguments = sys::CK_C_INITIALIZE_ARGS {
            flags: sys::CKF_OS_LOCKING_OK,
            ..Default::default()
        };
        // SAFETY: the module only reads the arguments, which live through the call and name no
        // functions of ours.
        check(Function::Initialize, unsafe {
            initialize((&raw mut arguments).cast())
        })
    }

    /// `C_Finalize`, after [`Raw::start`]. All sessions of [`Raw::open`] end with it.
    pub fn end(&self) {
        if let Some(finalize) = { self.functions.C_Finalize } {
            // SAFETY: the one argument is reserved and has to be null. The run is over, or the module
            // is started again: there is nothing to do about a refusal.
            let _ = unsafe { finalize(ptr::null_mut()) };
        }
    }

    /// Opens a session that only reads.
    pub fn open(&self, slot: Slot) -> Result<SessionHandle, Refusal> {
        let open = { self.functions.C_OpenSession }.ok_or(missing(Function::OpenSession))?;
        let mut session = 0;
        // SAFETY: no callback is given, so the module has nothing to call; the handle is written to a
        // number that lives through the call.
        check(Function::OpenSession, unsafe {
            open(
                slot.into(),
                sys::CKF_SERIAL_SESSION,
                ptr::null_mut(),
                None,
                &raw mut session,
            )
        })?;
        Ok(session)
    }

    /// Closes a session of [`Raw::open`], and with the last one logs out.
    pub fn close(&self, session: SessionHandle) {
        if let Some(close) = { self.functions.C_CloseSession } {
            // SAFETY: a number is passed, and nothing else. A session that is gone already is closed.
            let _ = unsafe { close(session) };
        }
    }

    /// The private keys with this label and id, two at most. An empty one is not searched for.
    pub fn private_keys(
        &self,
        session: SessionHandle,
        label: &[u8],
        id: &[u8],
    ) -> Result<Vec<KeyHandle>, Refusal> {
        let begin =
            { self.functions.C_FindObjectsInit }.ok_or(missing(Function::FindObjectsInit))?;
        let next = { self.functions.C_FindObjects }.ok_or(missing(Function::FindObjects))?;
        let end =
            { self.functions.C_FindObjectsFinal }.ok_or(missing(Function::FindObjectsFinal))?;
        let mut class: sys::CK_OBJECT_CLASS = sys::CKO_PRIVATE_KEY;
        let mut template = vec![sys::CK_ATTRIBUTE {
            type_: sys::CKA_CLASS,
            pValue: (&raw mut class).cast(),
            ulValueLen: size_of_val(&class) as sys::CK_ULONG,
        }];
        for (kind, value) in [(sys::CKA_LABEL, label), (sys::CKA_ID, id)] {
            if !value.is_empty() {
                template.push(sys::CK_ATTRIBUTE {
                    type_: kind,
                    pValue: value.as_ptr().cast_mut().cast(),
                    ulValueLen: value.len() as sys::CK_ULONG,
                });
            }
        }
        // SAFETY: each attribute points at a number or bytes that live through the call and are only read.
        check(Function::FindObjectsInit, unsafe {
            begin(
                session,
                template.as_mut_ptr(),
                template.len() as sys::CK_ULONG,
            )
        })?;
        let mut found = [0; 2];
        let mut count = 0;
        // SAFETY: there is room for two handles, and the module is told so.
        let searched = check(Function::FindObjects, unsafe {
            next(session, found.as_mut_ptr(), 2, &raw mut count)
        });
        // SAFETY: a number is passed, and nothing else.
        let ended = check(Function::FindObjectsFinal, unsafe { end(session) });
        searched.and(ended)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(found.into_iter().take(count).collect())
    }

    /// Begins a signature with `CKM_ECDSA`. [`Raw::authenticate`], where the key asks for it, and
    /// [`Raw::sign`] have to follow with nothing in between.
    pub fn begin(&self, session: SessionHandle, key: KeyHandle) -> Result<(), Refusal> {
        let init = { self.functions.C_SignInit }.ok_or(missing(Function::SignInit))?;
        let mut mechanism = sys::CK_MECHANISM {
            mechanism: sys::CKM_ECDSA,
            pParameter: ptr::null_mut(),
            ulParameterLen: 0,
        };
        // SAFETY: the handles are the module's own; the mechanism lives through the call and has no
        // parameter.
        check(Function::SignInit, unsafe {
            init(session, &raw mut mechanism, key)
        })
    }

    /// The user's login, with a PIN or on the token's own PIN pad.
    pub fn log_in(&self, session: SessionHandle, pin: Option<&str>) -> Result<(), Refusal> {
        self.login(session, sys::CKU_USER, pin)
    }

    /// The login for the signature that has begun, in the same ways.
    pub fn authenticate(&self, session: SessionHandle, pin: Option<&str>) -> Result<(), Refusal> {
        self.login(session, sys::CKU_CONTEXT_SPECIFIC, pin)
    }

    fn login(
        &self,
        session: SessionHandle,
        user: sys::CK_USER_TYPE,
        pin: Option<&str>,
    ) -> Result<(), Refusal> {
        let login = { self.functions.C_Login }.ok_or(missing(Function::Login))?;
        let (pin, length) = pin.map_or((ptr::null_mut(), 0), |pin| {
            (pin.as_ptr().cast_mut(), pin.len() as sys::CK_ULONG)
        });
        // SAFETY: pointer and length are of one text that lives through the call, or null and 0 for
        // the PIN pad. The module only reads the PIN, whatever the C type says.
        check(Function::Login, unsafe {
            login(session, user, pin.cast(), length)
        })
    }

    /// Ends the signature that has begun, with this hash. What the token gave, whatever its length.
    pub fn sign(&self, session: SessionHandle, hash: &[u8]) -> Result<Vec<u8>, Refusal> {
        let sign = { self.functions.C_Sign }.ok_or(missing(Function::Sign))?;
        let mut signature = vec![0; ROOM];
        let mut length = ROOM as sys::CK_ULONG;
        // SAFETY: the hash is only read; `length` says how much room the signature has.
        check(Function::Sign, unsafe {
            sign(
                session,
                hash.as_ptr().cast_mut(),
                hash.len() as sys::CK_ULONG,
                signature.as_mut_ptr(),
                &raw mut length,
            )
        })?;
        signature.truncate(usize::try_from(length).unwrap_or(ROOM));
        Ok(signature)
    }
}

/// Closes a descriptor in the programs that this process may start. Fails for one that is not open.
pub fn keep_from_children(number: u32) -> io::Result<()> {
    let kept = on_descriptor(number, |fd| rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC));
    Ok(kept?)
}

/// Another descriptor of what is open under a number; both stand at the same place in it.
pub fn open_again(number: u32) -> io::Result<File> {
    let fd = on_descriptor(number, |fd| rustix::io::fcntl_dupfd_cloexec(fd, 3))?;
    Ok(fd.into())
}

fn on_descriptor<T>(
    number: u32,
    call: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<T>,
) -> rustix::io::Result<T> {
    let number = i32::try_from(number).map_err(|_| Errno::BADF)?;
    // SAFETY: the number is not negative. It is used for one system call, which fails if it is no open
    // descriptor, and neither closes the file nor takes it from whoever has it.
    call(unsafe { BorrowedFd::borrow_raw(number) })
}

/// A function that the module leaves out of its list.
const fn missing(function: Function) -> Refusal {
    (function, RvError::FunctionNotSupported)
}

fn check(function: Function, answer: sys::CK_RV) -> Result<(), Refusal> {
    match Rv::from(answer) {
        Rv::Ok => Ok(()),
        Rv::Error(code) => Err((function, code)),
    }
}

/// A text field without its padding: spaces (PKCS #11 v2.40, section 3.1), or zero bytes as some
/// tokens have them.
fn unpadded(field: &[u8]) -> String {
    let text = field.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim_end_matches(' ').into()
}
