//! Fuzzes the entry `events_codex` of `app_cli::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| app_cli::fuzzing::run("events_codex", bytes));
