//! A loaded module: its start and end, its slots and tokens.

use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::context::Function;
use cryptoki::error::{Rv, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::slot::Slot;
use cryptoki_sys as sys;

use super::call::{Refusal, check, missing, pin};
use super::info::{LibraryInfo, SlotInfo, TokenInfo};
use crate::key::pkcs11::words::code_name;
use crate::output;

/// The most slots that ir-sign believes a module to have, and the most mechanisms of a token.
const MOST: u64 = 4096;
/// Bytes of a token's label.
const LABEL: usize = 32;

/// A module's functions.
///
/// The library stays loaded as long as this lives.
pub struct Library {
    pub(super) functions: sys::CK_FUNCTION_LIST,
    /// Keeps the functions' code in memory.
    _code: sys::Pkcs11,
    /// Whether the module cannot lock, so that one thread at a time may call it.
    is_alone: AtomicBool,
    alone: Mutex<()>,
}

impl Library {
    /// Loads a module's functions. The module's own code runs when it is loaded, so standard output is redirected
    /// first.
    pub fn load(path: &Path) -> Result<Self, String> {
        output::keep_aside().map_err(|e| format!("standard output cannot be redirected: {e}"))?;
        // SAFETY: loading runs the library's initialisers; that the module is one to be trusted
        // with this is the user's word, who named it.
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
            _code: library,
            is_alone: AtomicBool::new(false),
            alone: Mutex::default(),
        })
    }

    /// The lock to hold during each call to a module that cannot lock.
    pub(super) fn call_lock(&self) -> Option<MutexGuard<'_, ()>> {
        let is_alone = self.is_alone.load(Ordering::Relaxed);
        is_alone.then(|| self.alone.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls `C_Initialize`; returns whether this call initialised the module. For a module that cannot lock, or
    /// that takes no arguments, a second call has none: that promises that no two threads call the module at once.
    pub fn start(&self) -> Result<bool, Refusal> {
        let mut arguments = sys::CK_C_INITIALIZE_ARGS {
            flags: sys::CKF_OS_LOCKING_OK,
            ..Default::default()
        };
        match self.initialize(&raw mut arguments) {
            Ok(()) => Ok(true),
            Err((_, RvError::CryptokiAlreadyInitialized)) => Ok(false),
            Err((_, RvError::CantLock | RvError::ArgumentsBad)) => {
                self.is_alone.store(true, Ordering::Relaxed);
                match self.initialize(ptr::null_mut()) {
                    // The first call initialised the module although it returned an error.
                    Ok(()) | Err((_, RvError::CryptokiAlreadyInitialized)) => Ok(true),
                    Err(other) => Err(other),
                }
            }
            Err(other) => Err(other),
        }
    }

    fn initialize(&self, arguments: *mut sys::CK_C_INITIALIZE_ARGS) -> Result<(), Refusal> {
        let initialize = { self.functions.C_Initialize }.ok_or(missing(Function::Initialize))?;
        let _lock = self.call_lock();
        // SAFETY: the module only reads the arguments, which live through the call and name no
        // functions of ours; none at all are allowed too.
        check(Function::Initialize, unsafe {
            initialize(arguments.cast())
        })
    }

    /// Calls `C_Finalize`, which ends all sessions. The run is over, or the module starts again: an error changes
    /// nothing.
    pub fn end(&self) {
        if let Some(finalize) = { self.functions.C_Finalize } {
            let _lock = self.call_lock();
            // SAFETY: the one argument is reserved and has to be null.
            let _ = unsafe { finalize(ptr::null_mut()) };
        }
    }

    /// `C_GetInfo`.
    pub fn info(&self) -> Result<LibraryInfo, Refusal> {
        let get = { self.functions.C_GetInfo }.ok_or(missing(Function::GetInfo))?;
        let mut info = sys::CK_INFO::default();
        let _lock = self.call_lock();
        // SAFETY: the module fills a structure of its own layout that lives through the call.
        check(Function::GetInfo, unsafe { get(&raw mut info) })?;
        Ok(info.into())
    }

    /// The slots that have a token, or all.
    pub fn slots(&self, with_token: bool) -> Result<Vec<Slot>, Refusal> {
        let present = sys::CK_BBOOL::from(with_token);
        let list = { self.functions.C_GetSlotList }.ok_or(missing(Function::GetSlotList))?;
        let ids = self.numbers(Function::GetSlotList, |numbers, count| {
            // SAFETY: there is room for as many ids as `count` says, or the list is null and the module
            // writes only the count.
            unsafe { list(present, numbers, count) }
        })?;
        let slots = ids.into_iter().map(Slot::try_from);
        Ok(slots.filter_map(Result::ok).collect())
    }

    /// The mechanisms that a token offers, without those that the crate does not know.
    pub fn mechanisms(&self, slot: Slot) -> Result<Vec<MechanismType>, Refusal> {
        let list =
            { self.functions.C_GetMechanismList }.ok_or(missing(Function::GetMechanismList))?;
        let kinds = self.numbers(Function::GetMechanismList, |numbers, count| {
            // SAFETY: as for the list of slots.
            unsafe { list(slot.into(), numbers, count) }
        })?;
        let kinds = kinds.into_iter().map(MechanismType::try_from);
        Ok(kinds.filter_map(Result::ok).collect())
    }

    /// Reads a list of numbers: first its length, then the numbers.
    fn numbers(
        &self,
        function: Function,
        list: impl Fn(*mut sys::CK_ULONG, *mut sys::CK_ULONG) -> sys::CK_RV,
    ) -> Result<Vec<sys::CK_ULONG>, Refusal> {
        let _lock = self.call_lock();
        // The list can grow between the two calls, so this tries again, a few times.
        for _ in 0..4 {
            let mut count = 0;
            check(function, list(ptr::null_mut(), &raw mut count))?;
            if count == 0 {
                return Ok(Vec::new());
            }
            if count > MOST {
                return Err((function, RvError::GeneralError));
            }
            // The check above makes it fit.
            let mut numbers = vec![0; usize::try_from(count).unwrap_or_default()];
            match Rv::from(list(numbers.as_mut_ptr(), &raw mut count)) {
                Rv::Ok => {
                    numbers.truncate(usize::try_from(count).unwrap_or(usize::MAX));
                    return Ok(numbers);
                }
                Rv::Error(RvError::BufferTooSmall) => {}
                Rv::Error(code) => return Err((function, code)),
            }
        }
        Err((function, RvError::BufferTooSmall))
    }

    /// The uses of a mechanism: `CKF_…` flags (PKCS #11 v2.40, section 3.3).
    pub fn mechanism_flags(&self, slot: Slot, kind: MechanismType) -> Result<u64, Refusal> {
        let get =
            { self.functions.C_GetMechanismInfo }.ok_or(missing(Function::GetMechanismInfo))?;
        let mut info = sys::CK_MECHANISM_INFO::default();
        let _lock = self.call_lock();
        // SAFETY: the module fills a structure of its own layout that lives through the call.
        check(Function::GetMechanismInfo, unsafe {
            get(slot.into(), kind.into(), &raw mut info)
        })?;
        Ok(info.flags)
    }

    /// `C_GetSlotInfo`.
    pub fn slot_info(&self, slot: Slot) -> Result<SlotInfo, Refusal> {
        let get = { self.functions.C_GetSlotInfo }.ok_or(missing(Function::GetSlotInfo))?;
        let mut info = sys::CK_SLOT_INFO::default();
        let _lock = self.call_lock();
        // SAFETY: the module fills a structure of its own layout that lives through the call.
        check(Function::GetSlotInfo, unsafe {
            get(slot.into(), &raw mut info)
        })?;
        Ok(info.into())
    }

    /// `CK_TOKEN_INFO` of the token in a slot.
    pub fn token_info(&self, slot: Slot) -> Result<TokenInfo, Refusal> {
        let get = { self.functions.C_GetTokenInfo }.ok_or(missing(Function::GetTokenInfo))?;
        let mut info = sys::CK_TOKEN_INFO::default();
        let _lock = self.call_lock();
        // SAFETY: the module fills a structure of its own layout that lives through the call.
        check(Function::GetTokenInfo, unsafe {
            get(slot.into(), &raw mut info)
        })?;
        Ok(info.into())
    }

    /// Initialises the token in a slot: all that was on it is gone. A label has at most 32 bytes.
    pub fn init_token(&self, slot: Slot, so_pin: &str, label: &str) -> Result<(), Refusal> {
        let init = { self.functions.C_InitToken }.ok_or(missing(Function::InitToken))?;
        let mut padded = [b' '; LABEL];
        let length = label.len().min(LABEL);
        padded[..length].copy_from_slice(&label.as_bytes()[..length]);
        let (pin, pin_length) = pin(so_pin);
        let _lock = self.call_lock();
        // SAFETY: the PIN and the 32 bytes of the label live through the call and are only read, whatever
        // the C types say.
        check(Function::InitToken, unsafe {
            init(slot.into(), pin, pin_length, padded.as_mut_ptr())
        })
    }
}
