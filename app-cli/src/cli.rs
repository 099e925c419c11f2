//! The command line: its words, one short file a verb, and what is printed.
//!
//! `args` reads the words, `command` takes a verb from its arguments to a use case of the domain
//! and from the receipt to an answer, `view` words the answer, `usage` words what is wrong with a command
//! line, `help` has what the help says beside the options, and `completing` what may follow at a Tab. No rule about tasks lives here.

pub mod args;
pub(crate) mod command;
pub(crate) mod completing;
pub(crate) mod help;
pub(crate) mod usage;
pub(crate) mod view;
