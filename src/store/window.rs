//! Unpacking zstd with one bounded window for all streams.
//!
//! If each layer had its own window, the allocator would keep the freed window for the thread that used it: two threads
//! that take turns would hold two. So a reader has one window, and an archive hands its own window to the reader.

use std::fmt;
use std::io::{self, BufRead};

use zstd::stream::read::Decoder;
use zstd::zstd_safe::{DCtx, ResetDirective, get_error_name};

/// A window that unpacks one stream after another. It takes memory from the first stream on.
#[derive(Default)]
pub struct Window(Option<DCtx<'static>>);

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").finish_non_exhaustive()
    }
}

impl Window {
    /// Unpacks a stream of frames that ask for a window of at most `most` bytes, rounded down to a power of two.
    pub(super) fn unpack<R: BufRead>(
        &mut self,
        packed: R,
        most: u64,
    ) -> io::Result<Decoder<'_, R>> {
        let context = self.0.get_or_insert_with(DCtx::default);
        // The previous user of the window may have stopped in the middle of a frame.
        context
            .reset(ResetDirective::SessionOnly)
            .map_err(|code| io::Error::other(get_error_name(code)))?;
        let mut decoder = Decoder::with_context(packed, context);
        decoder.window_log_max(most.ilog2())?;
        Ok(decoder)
    }
}

/// The reason why unpacking failed; zstd's own message about windows does not name the size.
pub(super) fn reason(error: &io::Error, most: u64) -> String {
    match error.to_string() {
        text if text.contains("requires too much memory") => {
            let most = 1_u64 << most.ilog2();
            let most = match most >> 20 {
                0 => format!("{} KiB", most >> 10),
                whole => format!("{whole} MiB"),
            };
            format!(
                "it asks for a zstd window of more than {most}, the limit; --max-zstd-window raises it"
            )
        }
        text => text,
    }
}
