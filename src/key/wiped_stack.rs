//! Work on secrets on a part of the stack that is wiped afterwards.

use std::cell::Cell;

use zeroize::Zeroize;

use crate::secret;

/// Does `work` on a part of the stack that is locked, and overwrites that part. Its result must hold
/// secrets on the heap only.
///
/// The arithmetic wipes what it owns, but copies that the compiler made while values were
/// moved stay in dead stack frames until something lies over them.
pub(super) fn on_wiped_stack<T>(work: impl FnOnce() -> T) -> T {
    // A frame of its own: what was inlined into the caller would lie above the part that is wiped.
    #[inline(never)]
    fn call<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    if !STACK_LOCKED.replace(true) {
        stack(|frame| secret::lock(frame));
    }
    let result = call(work);
    stack(Zeroize::zeroize);
    overwrite_registers();
    result
}

/// Copies zeros of each length. The C library copies by way of vector registers, where the bytes of secrets that it
/// copied last would stay.
fn overwrite_registers() {
    const LONGEST: usize = 4096;
    let zeros = [0u8; LONGEST];
    let mut copy = [0u8; LONGEST];
    let mut length = LONGEST;
    while length > 0 {
        let length_now = std::hint::black_box(length);
        copy[..length_now].copy_from_slice(std::hint::black_box(&zeros[..length_now]));
        std::hint::black_box(&mut copy);
        length /= 2;
    }
}

thread_local! {
    static STACK_LOCKED: Cell<bool> = const { Cell::new(false) };
}

/// Shows the part of the stack that the caller's next call will use.
#[inline(never)]
#[allow(clippy::large_stack_arrays)] // The size is the point.
fn stack(look: impl FnOnce(&mut [u8])) {
    let mut frame = [0u8; 96 * 1024];
    look(&mut frame);
    std::hint::black_box(&mut frame);
}
