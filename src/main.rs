//! The `ir-sign` program.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ir_sign::cli::main()
}
