//! The calls to a module, on `cryptoki-sys`. The only module with unsafe code.
//!
//! The values are those of the `cryptoki` crate; its calls are not used, because they cannot be made as
//! real modules want them:
//!
//! - The crate asks a module for its interfaces first, and gives up where that call is there and is
//!   refused (Luna). This module calls only `C_GetFunctionList`, which every module has to have.
//! - The crate asks again for ever where a module with no slots answers `CKR_BUFFER_TOO_SMALL`, and
//!   refuses a token whose clock holds no digits.
//! - The crate asks for a signature's length before it asks for the signature, which some modules refuse.
//! - A key that is always to be authenticated wants `C_SignInit`, `C_Login` and `C_Sign` one after the
//!   other, in one session.
//! - A module that cannot lock is to be called by one thread at a time.
//! - Reading a PIN from a descriptor, and keeping that from the programs that a module may start:
//!   without unsafe code a process cannot name a descriptor that it did not open itself.
#![allow(unsafe_code)]

mod call;
mod descriptor;
mod info;
mod library;
mod session;

pub use call::Refusal;
pub use descriptor::{keep_from_children, open_again};
pub use info::{LibraryInfo, SlotInfo, TokenInfo};
pub use library::Library;
pub use session::{Session, User, attribute};
