#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ir_sign_fuzz::run("signing_keys", bytes));
