//! A PKCS#11 program in a few lines, in a process of its own: a module has one state a process.

use std::ffi::c_void;
use std::path::Path;
use std::process::{Command, Output};
use std::ptr::null_mut;

use cryptoki_sys::*;
use faulty_module::ckr_name;
use faulty_module::log::Log;

use harness::tokens::{Fixture, Kind};

/// Tells a child which test it is to run.
const CHILD: &str = "FAULTY_MODULE_TEST_CHILD";

/// The end of a child.
pub struct Ran {
    pub fixture: Fixture,
    pub output: Output,
    pub log: Log,
}

/// Runs `body` in a child with a fresh token behind the faulty module; the parent gets what came of it.
pub fn child(test: &str, plan: &str, body: impl FnOnce()) -> Option<Ran> {
    if std::env::var(CHILD).is_ok_and(|child| child == test) {
        body();
        return None;
    }
    let fixture = Fixture::of(Kind::SoftHsm)?;
    fixture.generate("my-key", "0a");
    let planned = fixture.planned(plan);
    let output = Command::new(std::env::current_exe().expect("a test has a program"))
        .args([test, "--exact", "--nocapture"])
        .envs(planned.env)
        .env(CHILD, test)
        .output()
        .expect("a test runs");
    let log = Log::read(&planned.log).expect("is a log");
    Some(Ran {
        fixture,
        output,
        log,
    })
}

/// As [`child`], and it has to pass.
pub fn passes(test: &str, plan: &str, body: impl FnOnce()) -> Option<Ran> {
    let ran = child(test, plan, body)?;
    let said = [&ran.output.stdout[..], &ran.output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(ran.output.status.success(), "{said}");
    Some(ran)
}

/// The user PIN of the child's token.
pub fn pin() -> Vec<u8> {
    let path = std::env::var_os("FAULTY_MODULE_PIN_FILE").expect("the parent sets it");
    std::fs::read(Path::new(&path)).expect("the fixture wrote it")
}

/// Takes another plan from the next `C_Initialize` on.
pub fn plan(text: &str) {
    // SAFETY: a child runs one test, whose thread is the only one that uses the environment.
    unsafe { std::env::set_var("FAULTY_MODULE_PLAN", text) };
}

pub struct Module(&'static CK_FUNCTION_LIST);

/// Calls a function; the answer is its name.
macro_rules! ask {
    ($module:expr, $name:ident($($arg:expr),* $(,)?)) => {{
        let function = $module.list().$name.expect("the module has all functions");
        // SAFETY: the test hands out pointers to what lives longer than the call, with the right lengths.
        faulty_module::ckr_name(unsafe { function($($arg),*) })
    }};
}
pub(crate) use ask;

/// The length of something for PKCS#11.
pub fn length<T>(of: &[T]) -> CK_ULONG {
    of.len() as CK_ULONG
}

impl Module {
    pub fn load() -> Self {
        type Get = unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV;
        // SAFETY: the module of this crate, whose loading does nothing.
        let library = unsafe { libloading::Library::new(faulty_module::library()) };
        let library = Box::leak(Box::new(library.expect("cargo built it")));
        // SAFETY: the module's entry, with its signature in the standard.
        let get = unsafe { library.get::<Get>(b"C_GetFunctionList\0") }.expect("is the entry");
        let mut list = null_mut();
        // SAFETY: a place for one pointer.
        assert_eq!(ckr_name(unsafe { get(&raw mut list) }), "CKR_OK");
        // SAFETY: the library stays loaded, and the list is constant.
        Self(unsafe { &*list })
    }

    pub fn list(&self) -> &'static CK_FUNCTION_LIST {
        self.0
    }

    pub fn initialize(&self) -> String {
        ask!(self, C_Initialize(null_mut()))
    }

    pub fn finalize(&self) -> String {
        ask!(self, C_Finalize(null_mut()))
    }

    /// Begins again with another plan.
    pub fn restart(&self, text: &str) {
        self.finalize();
        plan(text);
        assert_eq!(self.initialize(), "CKR_OK", "{text}");
    }

    pub fn slots(&self, present: CK_BBOOL) -> (String, CK_ULONG, Vec<CK_SLOT_ID>) {
        let mut slots = vec![0; 10];
        let mut count = length(&slots);
        let answer = ask!(
            self,
            C_GetSlotList(present, slots.as_mut_ptr(), &raw mut count)
        );
        slots.truncate(usize::try_from(count).expect("is small"));
        (answer, count, slots)
    }

    /// The slot of the token; `SoftHSM` always has an empty one behind it.
    pub fn slot(&self) -> CK_SLOT_ID {
        self.slots(CK_TRUE).2[0]
    }

    pub fn open(&self) -> (String, CK_SESSION_HANDLE) {
        let mut session = 0;
        let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
        let answer = ask!(
            self,
            C_OpenSession(self.slot(), flags, null_mut(), None, &raw mut session)
        );
        (answer, session)
    }

    pub fn login(&self, session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: &[u8]) -> String {
        let mut pin = pin.to_vec();
        ask!(self, C_Login(session, user, pin.as_mut_ptr(), length(&pin)))
    }

    /// A session that is logged in.
    pub fn ready(&self) -> CK_SESSION_HANDLE {
        let (answer, session) = self.open();
        assert_eq!(answer, "CKR_OK");
        assert_eq!(self.login(session, CKU_USER, &pin()), "CKR_OK");
        session
    }

    /// All objects of a class, asked for one by one.
    pub fn find(&self, session: CK_SESSION_HANDLE, mut class: CK_OBJECT_CLASS) -> Vec<CK_ULONG> {
        let mut template = [CK_ATTRIBUTE {
            type_: CKA_CLASS,
            pValue: (&raw mut class).cast(),
            ulValueLen: size_of::<CK_OBJECT_CLASS>() as CK_ULONG,
        }];
        let begun = ask!(
            self,
            C_FindObjectsInit(session, template.as_mut_ptr(), length(&template))
        );
        assert_eq!(begun, "CKR_OK");
        let mut found = Vec::new();
        loop {
            let (mut object, mut count) = (0, 0);
            let answer = ask!(
                self,
                C_FindObjects(session, &raw mut object, 1, &raw mut count)
            );
            assert_eq!(answer, "CKR_OK");
            if count == 0 {
                break;
            }
            found.push(object);
        }
        assert_eq!(ask!(self, C_FindObjectsFinal(session)), "CKR_OK");
        found
    }

    pub fn key(&self, session: CK_SESSION_HANDLE) -> CK_OBJECT_HANDLE {
        self.find(session, CKO_PRIVATE_KEY)[0]
    }

    /// Attributes of an object: the answer, and each with its value where it has one.
    pub fn read(
        &self,
        session: CK_SESSION_HANDLE,
        object: CK_OBJECT_HANDLE,
        wanted: &[CK_ATTRIBUTE_TYPE],
    ) -> (String, Vec<Option<Vec<u8>>>) {
        let mut values = vec![[0_u8; 256]; wanted.len()];
        let mut template: Vec<_> = wanted
            .iter()
            .zip(&mut values)
            .map(|(wanted, value)| CK_ATTRIBUTE {
                type_: *wanted,
                pValue: value.as_mut_ptr().cast::<c_void>(),
                ulValueLen: length(&value[..]),
            })
            .collect();
        let answer = ask!(
            self,
            C_GetAttributeValue(session, object, template.as_mut_ptr(), length(&template))
        );
        let read = template.iter().zip(&values).map(|(attribute, value)| {
            let length = usize::try_from(attribute.ulValueLen).ok();
            length
                .and_then(|length| value.get(..length))
                .map(<[u8]>::to_vec)
        });
        (answer, read.collect())
    }

    pub fn sign_init(&self, session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) -> String {
        let mut ecdsa = ecdsa();
        ask!(self, C_SignInit(session, &raw mut ecdsa, key))
    }

    /// `C_Sign` with room for so many bytes: the answer, the length that came back, and the bytes.
    pub fn sign_into(&self, session: CK_SESSION_HANDLE, room: usize) -> (String, usize, Vec<u8>) {
        let (mut data, mut signature) = (DIGEST, vec![0; room]);
        let mut count = length(&signature);
        let (from, to) = (data.as_mut_ptr(), signature.as_mut_ptr());
        let answer = ask!(self, C_Sign(session, from, 48, to, &raw mut count));
        let count = usize::try_from(count).expect("is a length");
        signature.truncate(count);
        (answer, count, signature)
    }

    pub fn sign(&self, session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) -> (String, Vec<u8>) {
        match self.sign_init(session, key) {
            begun if begun != "CKR_OK" => (begun, Vec::new()),
            _ => {
                let (answer, _, signature) = self.sign_into(session, 200);
                (answer, signature)
            }
        }
    }

    /// Whether the token says that a signature is good.
    pub fn verify(&self, session: CK_SESSION_HANDLE, digest: &[u8], signature: &[u8]) -> bool {
        let key = self.find(session, CKO_PUBLIC_KEY)[0];
        let mut ecdsa = ecdsa();
        assert_eq!(
            ask!(self, C_VerifyInit(session, &raw mut ecdsa, key)),
            "CKR_OK"
        );
        let (mut digest, mut signature) = (digest.to_vec(), signature.to_vec());
        let (data, made) = (digest.as_mut_ptr(), signature.as_mut_ptr());
        ask!(
            self,
            C_Verify(session, data, length(&digest), made, length(&signature))
        ) == "CKR_OK"
    }

    pub fn token_info(&self) -> (String, CK_TOKEN_INFO) {
        let mut info = CK_TOKEN_INFO::default();
        (ask!(self, C_GetTokenInfo(self.slot(), &raw mut info)), info)
    }
}

/// The signed bytes.
pub const DIGEST: [u8; 48] = [0x5a; 48];

fn ecdsa() -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism: CKM_ECDSA,
        pParameter: null_mut(),
        ulParameterLen: 0,
    }
}
