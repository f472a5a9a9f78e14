//! The calls in a session.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use cryptoki::context::Function;
use cryptoki::error::{Error as CryptokiError, Rv, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::slot::Slot;
use cryptoki_sys as sys;

use super::call::{Refusal, check, missing, pin};
use super::library::Library;

/// Room for a signature: more than any key's, so that a wrong length shows.
const ROOM: usize = 2048;
/// Room for an attribute's value in the first call: enough for most.
const VALUE: usize = 256;
/// The largest value of an attribute that is read: more than any certificate.
const MOST_VALUE: u64 = 1 << 20;
/// How many objects one call asks for.
const OBJECTS: usize = 64;

/// Who logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The security officer.
    SecurityOfficer,
    /// The user of the keys.
    Owner,
    /// The user, for the signature that has begun.
    ForSignature,
}

/// An open session; dropping it closes the session. One thread at a time uses it.
pub struct Session {
    library: Arc<Library>,
    handle: sys::CK_SESSION_HANDLE,
    may_write: bool,
    /// Sessions move between threads, and no two threads share one.
    _unshared: PhantomData<Cell<()>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(close) = { self.library.functions.C_CloseSession } {
            let _lock = self.library.call_lock();
            // SAFETY: a number is passed, and nothing else. A session that is gone already is closed.
            let _ = unsafe { close(self.handle) };
        }
    }
}

impl Session {
    /// Opens a session with the token in a slot, which may write or only reads.
    pub fn open(library: &Arc<Library>, slot: Slot, may_write: bool) -> Result<Self, Refusal> {
        let open = { library.functions.C_OpenSession }.ok_or(missing(Function::OpenSession))?;
        let flags = if may_write {
            sys::CKF_SERIAL_SESSION | sys::CKF_RW_SESSION
        } else {
            sys::CKF_SERIAL_SESSION
        };
        let mut handle = 0;
        let lock = library.call_lock();
        // SAFETY: no callback is given, so the module has nothing to call; the handle is written to a
        // number that lives through the call.
        check(Function::OpenSession, unsafe {
            open(slot.into(), flags, ptr::null_mut(), None, &raw mut handle)
        })?;
        drop(lock);
        Ok(Self {
            library: Arc::clone(library),
            handle,
            may_write,
            _unshared: PhantomData,
        })
    }

    /// Whether it is a read-write session.
    pub const fn may_write(&self) -> bool {
        self.may_write
    }

    /// Whether nobody is logged in here.
    pub fn is_public(&self) -> Result<bool, Refusal> {
        let get =
            { self.library.functions.C_GetSessionInfo }.ok_or(missing(Function::GetSessionInfo))?;
        let mut info = sys::CK_SESSION_INFO::default();
        let _lock = self.library.call_lock();
        // SAFETY: the module fills a structure of its own layout that lives through the call.
        check(Function::GetSessionInfo, unsafe {
            get(self.handle, &raw mut info)
        })?;
        let state = info.state;
        Ok(matches!(
            state,
            sys::CKS_RO_PUBLIC_SESSION | sys::CKS_RW_PUBLIC_SESSION
        ))
    }

    /// Logs in, with a PIN or, without one, on the token's own PIN pad.
    pub fn log_in(&self, user: User, with: Option<&str>) -> Result<(), Refusal> {
        let login = { self.library.functions.C_Login }.ok_or(missing(Function::Login))?;
        let user = match user {
            User::SecurityOfficer => sys::CKU_SO,
            User::Owner => sys::CKU_USER,
            User::ForSignature => sys::CKU_CONTEXT_SPECIFIC,
        };
        let (pin, length) = with.map_or((ptr::null_mut(), 0), pin);
        let _lock = self.library.call_lock();
        // SAFETY: pointer and length are of one text that lives through the call, or null and 0 for
        // the PIN pad. The module only reads the PIN, whatever the C type says.
        check(Function::Login, unsafe {
            login(self.handle, user, pin, length)
        })
    }

    /// Sets the user's PIN, as the security officer.
    pub fn init_pin(&self, user_pin: &str) -> Result<(), Refusal> {
        let init = { self.library.functions.C_InitPIN }.ok_or(missing(Function::InitPIN))?;
        let (pin, length) = pin(user_pin);
        let _lock = self.library.call_lock();
        // SAFETY: as for a login.
        check(Function::InitPIN, unsafe { init(self.handle, pin, length) })
    }

    /// The objects that have all these attributes.
    pub fn find_objects(&self, template: &[Attribute]) -> Result<Vec<ObjectHandle>, Refusal> {
        let functions = &self.library.functions;
        let begin = { functions.C_FindObjectsInit }.ok_or(missing(Function::FindObjectsInit))?;
        let next = { functions.C_FindObjects }.ok_or(missing(Function::FindObjects))?;
        let end = { functions.C_FindObjectsFinal }.ok_or(missing(Function::FindObjectsFinal))?;
        let mut template = as_sys(template);
        let _lock = self.library.call_lock();
        // SAFETY: each attribute points at what the caller's lives through the call and is only read.
        check(Function::FindObjectsInit, unsafe {
            begin(
                self.handle,
                template.as_mut_ptr(),
                template.len() as sys::CK_ULONG,
            )
        })?;
        let mut all = Vec::new();
        let searched = loop {
            let mut found = [0; OBJECTS];
            let mut count = 0;
            // SAFETY: there is room for as many handles as the module is told.
            let answer = unsafe {
                next(
                    self.handle,
                    found.as_mut_ptr(),
                    OBJECTS as sys::CK_ULONG,
                    &raw mut count,
                )
            };
            let count = usize::try_from(count).unwrap_or(OBJECTS).min(OBJECTS);
            if let Err(refusal) = check(Function::FindObjects, answer) {
                break Err(refusal);
            }
            if count == 0 {
                break Ok(());
            }
            all.extend(found[..count].iter().map(|handle| object(*handle)));
        };
        // SAFETY: a number is passed, and nothing else.
        let _ = unsafe { end(self.handle) };
        // If the search has not ended, the next operation fails and shows it.
        searched.map(|()| all)
    }

    /// The values of those of these attributes that the object has and gives.
    pub fn attributes(
        &self,
        object: ObjectHandle,
        wanted: &[AttributeType],
    ) -> Result<Vec<(AttributeType, Vec<u8>)>, Refusal> {
        let mut values = vec![vec![0; VALUE]; wanted.len()];
        let (lengths, too_small) = self.fill(object, wanted, &mut values)?;
        let mut given = Vec::new();
        for ((kind, mut value), length) in wanted.iter().zip(values).zip(lengths) {
            match length {
                Some(length) => {
                    value.truncate(length);
                    given.push((*kind, value));
                }
                None if too_small => {
                    if let Some(value) = self.large(object, *kind)? {
                        given.push((*kind, value));
                    }
                }
                None => {}
            }
        }
        Ok(given)
    }

    /// One attribute whose length is asked for first.
    fn large(&self, object: ObjectHandle, kind: AttributeType) -> Result<Option<Vec<u8>>, Refusal> {
        let mut template = [sys::CK_ATTRIBUTE {
            type_: kind.into(),
            pValue: ptr::null_mut(),
            ulValueLen: 0,
        }];
        self.get(object, &mut template)?;
        let length = template[0].ulValueLen;
        if length == sys::CK_UNAVAILABLE_INFORMATION || length > MOST_VALUE {
            return Ok(None);
        }
        let mut values = [vec![0; usize::try_from(length).unwrap_or(0)]];
        let (lengths, _) = self.fill(object, &[kind], &mut values)?;
        let [mut value] = values;
        Ok(lengths.first().copied().flatten().map(|length| {
            value.truncate(length);
            value
        }))
    }

    /// Fills the buffers; the length of each value that was given, and whether one had no room.
    fn fill(
        &self,
        object: ObjectHandle,
        wanted: &[AttributeType],
        values: &mut [Vec<u8>],
    ) -> Result<(Vec<Option<usize>>, bool), Refusal> {
        let mut template: Vec<sys::CK_ATTRIBUTE> = wanted
            .iter()
            .zip(values.iter_mut())
            .map(|(kind, value)| sys::CK_ATTRIBUTE {
                type_: (*kind).into(),
                pValue: value.as_mut_ptr().cast(),
                ulValueLen: value.len() as sys::CK_ULONG,
            })
            .collect();
        let too_small = self.get(object, &mut template)?;
        let lengths = template.iter().zip(values.iter()).map(|(read, value)| {
            // A length beyond the buffer is not believed.
            usize::try_from(read.ulValueLen)
                .ok()
                .filter(|length| *length <= value.len())
        });
        Ok((lengths.collect(), too_small))
    }

    /// `C_GetAttributeValue`; whether a buffer was too small. That an attribute is not there, or not
    /// given, is not a refusal.
    fn get(
        &self,
        object: ObjectHandle,
        template: &mut [sys::CK_ATTRIBUTE],
    ) -> Result<bool, Refusal> {
        let get = { self.library.functions.C_GetAttributeValue }
            .ok_or(missing(Function::GetAttributeValue))?;
        let _lock = self.library.call_lock();
        // SAFETY: each attribute has a buffer of the length that it says, or none and asks for the length.
        let answer = unsafe {
            get(
                self.handle,
                object.handle(),
                template.as_mut_ptr(),
                template.len() as sys::CK_ULONG,
            )
        };
        match Rv::from(answer) {
            // The module returns one of several errors: this asks for each missing attribute by itself again.
            Rv::Ok | Rv::Error(RvError::AttributeSensitive | RvError::AttributeTypeInvalid) => {
                Ok(false)
            }
            Rv::Error(RvError::BufferTooSmall) => Ok(true),
            Rv::Error(code) => Err((Function::GetAttributeValue, code)),
        }
    }

    /// Makes a key pair; the public and the private half.
    pub fn generate_key_pair(
        &self,
        kind: MechanismType,
        public: &[Attribute],
        private: &[Attribute],
    ) -> Result<(ObjectHandle, ObjectHandle), Refusal> {
        let generate = { self.library.functions.C_GenerateKeyPair }
            .ok_or(missing(Function::GenerateKeyPair))?;
        let mut mechanism = without_parameter(kind);
        let (mut public, mut private) = (as_sys(public), as_sys(private));
        let (mut of_public, mut of_private) = (0, 0);
        let _lock = self.library.call_lock();
        // SAFETY: mechanism and attributes live through the call and are only read; the handles are
        // written to numbers that live through it.
        check(Function::GenerateKeyPair, unsafe {
            generate(
                self.handle,
                &raw mut mechanism,
                public.as_mut_ptr(),
                public.len() as sys::CK_ULONG,
                private.as_mut_ptr(),
                private.len() as sys::CK_ULONG,
                &raw mut of_public,
                &raw mut of_private,
            )
        })?;
        Ok((object(of_public), object(of_private)))
    }

    /// Makes an object of these attributes.
    pub fn create_object(&self, template: &[Attribute]) -> Result<ObjectHandle, Refusal> {
        let create =
            { self.library.functions.C_CreateObject }.ok_or(missing(Function::CreateObject))?;
        let mut template = as_sys(template);
        let mut handle = 0;
        let _lock = self.library.call_lock();
        // SAFETY: as for a key pair.
        check(Function::CreateObject, unsafe {
            create(
                self.handle,
                template.as_mut_ptr(),
                template.len() as sys::CK_ULONG,
                &raw mut handle,
            )
        })?;
        Ok(object(handle))
    }

    /// Removes an object.
    pub fn destroy_object(&self, object: ObjectHandle) -> Result<(), Refusal> {
        let destroy =
            { self.library.functions.C_DestroyObject }.ok_or(missing(Function::DestroyObject))?;
        let _lock = self.library.call_lock();
        // SAFETY: two numbers are passed, and nothing else.
        check(Function::DestroyObject, unsafe {
            destroy(self.handle, object.handle())
        })
    }

    /// Begins a signature. A login for it, where the key asks for one, and [`Session::sign`] have to
    /// follow with nothing in between.
    pub fn begin_signature(
        &self,
        mechanism: &Mechanism<'_>,
        key: ObjectHandle,
    ) -> Result<(), Refusal> {
        let init = { self.library.functions.C_SignInit }.ok_or(missing(Function::SignInit))?;
        let mut mechanism = sys::CK_MECHANISM::from(mechanism);
        let _lock = self.library.call_lock();
        // SAFETY: the handles are the module's own; the mechanism and its parameter, which is the caller's, live
        // through the call and are only read.
        check(Function::SignInit, unsafe {
            init(self.handle, &raw mut mechanism, key.handle())
        })
    }

    /// Completes the signature that has begun, over a hash, or over the message for a mechanism that hashes.
    /// Returns the token's bytes, of any length. One call with enough room asks for them: some modules do not tell
    /// the length first.
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        let sign = { self.library.functions.C_Sign }.ok_or(missing(Function::Sign))?;
        let mut signature = vec![0; ROOM];
        let mut length = ROOM as sys::CK_ULONG;
        let _lock = self.library.call_lock();
        // SAFETY: the data is only read; `length` says how much room the signature has.
        check(Function::Sign, unsafe {
            sign(
                self.handle,
                data.as_ptr().cast_mut(),
                data.len() as sys::CK_ULONG,
                signature.as_mut_ptr(),
                &raw mut length,
            )
        })?;
        signature.truncate(usize::try_from(length).unwrap_or(ROOM));
        Ok(signature)
    }
}

/// An attribute with its value; refused where the value is none that its kind can have.
pub fn attribute(kind: AttributeType, value: &mut [u8]) -> Result<Attribute, CryptokiError> {
    sys::CK_ATTRIBUTE {
        type_: kind.into(),
        pValue: value.as_mut_ptr().cast(),
        ulValueLen: value.len() as sys::CK_ULONG,
    }
    .try_into()
}

/// The attributes as the module reads them. They point into the caller's.
fn as_sys(attributes: &[Attribute]) -> Vec<sys::CK_ATTRIBUTE> {
    attributes.iter().map(Into::into).collect()
}

fn without_parameter(kind: MechanismType) -> sys::CK_MECHANISM {
    sys::CK_MECHANISM {
        mechanism: kind.into(),
        pParameter: ptr::null_mut(),
        ulParameterLen: 0,
    }
}

fn object(handle: sys::CK_OBJECT_HANDLE) -> ObjectHandle {
    // SAFETY: a number that the module gave; it goes only to the module.
    unsafe { ObjectHandle::new_from_raw(handle) }
}
