//! Descriptors that somebody else opened.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::io::{Errno, FdFlags};

/// Closes a descriptor in the programs that this process may start. Fails for one that is not open.
pub fn keep_from_children(number: u32) -> io::Result<()> {
    let kept = on_descriptor(number, |fd| rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC));
    Ok(kept?)
}

/// Duplicates a descriptor; both share one offset.
pub fn open_again(number: u32) -> io::Result<File> {
    let fd = on_descriptor(number, |fd| rustix::io::fcntl_dupfd_cloexec(fd, 3))?;
    Ok(fd.into())
}

fn on_descriptor<T>(
    number: u32,
    call: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<T>,
) -> rustix::io::Result<T> {
    let number = i32::try_from(number).map_err(|_| Errno::BADF)?;
    // SAFETY: the number is not negative. It is used for one system call, which fails if it is not an open
    // descriptor, and neither closes the file nor takes it from whoever has it.
    call(unsafe { BorrowedFd::borrow_raw(number) })
}
