//! Unpacking zstd with one bounded window that is used again.
//!
//! A window of its own for each layer would be freed to the thread that had it and stay there: two
//! threads that take turns would hold two. So a reader has one, and an archive hands its own on.

use std::fmt;
use std::io::{self, BufRead};

use zstd::stream::read::Decoder;
use zstd::zstd_safe::{DCtx, ResetDirective, get_error_name};

/// A window to unpack with, one stream after another. It takes memory from the first of them on.
#[derive(Default)]
pub struct Window(Option<DCtx<'static>>);

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").finish_non_exhaustive()
    }
}

impl Window {
    /// Unpacks a stream of frames that ask for a window of so many bytes at most, rounded down to a power of two.
    pub(super) fn unpack<R: BufRead>(
        &mut self,
        packed: R,
        most: u64,
    ) -> io::Result<Decoder<'_, R>> {
        let context = self.0.get_or_insert_with(DCtx::default);
        // Whoever had it before may have stopped in the midst of a frame.
        context
            .reset(ResetDirective::SessionOnly)
            .map_err(|code| io::Error::other(get_error_name(code)))?;
        let mut decoder = Decoder::with_context(packed, context);
        decoder.window_log_max(most.ilog2())?;
        Ok(decoder)
    }
}

/// The error of unpacking; zstd's own message about windows does not name the size.
pub(super) fn reason(error: &io::Error, most: u64) -> String {
    match error.to_string() {
        text if text.contains("requires too much memory") => {
            let most = 1_u64 << most.ilog2();
            let most = match most >> 20 {
                0 => format!("{} KiB", most >> 10),
                whole => format!("{whole} MiB"),
            };
            format!(
                "it asks for a zstd window of more than {most}, the most that is given; --max-zstd-window raises that"
            )
        }
        text => text,
    }
}
