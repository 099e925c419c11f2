//! The command line: its words, one short file a verb, and what is printed.
//!
//! A verb goes from its arguments to a use case of the domain and from the receipt to an answer. No
//! rule about tasks lives here.

pub mod args;
pub(crate) mod command;
pub(crate) mod view;
