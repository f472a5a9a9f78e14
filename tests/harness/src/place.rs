//! Where things are: the program under test, the source tree, and what tests read.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The program under test, which cargo built for the test program that runs.
pub fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        std::env::var("CARGO_BIN_EXE_ir-sign").unwrap_or_else(|_| {
            // Without cargo, say under gdb: the test program is in `deps`, and this one above it.
            let test = std::env::current_exe().expect("a process has a program");
            let beside = test.ancestors().nth(2).expect("a folder").join("ir-sign");
            assert!(beside.is_file(), "there is no {}", beside.display());
            beside
                .into_os_string()
                .into_string()
                .expect("a path of UTF-8")
        })
    })
}

/// The top of the source tree.
pub fn top() -> &'static Path {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    top.expect("the harness is two folders below the top")
}

/// A file of `tests/data`.
pub fn data(name: &str) -> PathBuf {
    top().join("tests/data").join(name)
}
