//! What reads the input of a hook, as a function of bytes, for fuzzers.
//!
//! It is there only with the feature `fuzzing`, which the folder `fuzz` and the tests of the whole program ask for.

/// The input of a hook, whoever wrote it.
pub fn input(bytes: &[u8]) {
    drop(crate::input::decode(bytes));
}
