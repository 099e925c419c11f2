//! Fuzzes the entry `events_droid` of `app_cli::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| app_cli::fuzzing::run("events_droid", bytes));
