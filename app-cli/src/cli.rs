//! The command line: its words, one short file a verb, and what is printed.
//!
//! `args` reads the words, `command` takes a verb from its arguments to a use case of the domain
//! and from the receipt to an answer, `view` words the answer, `usage` words what is wrong with a command
//! line, and `help` has what the help says beside the options. No rule about tasks lives here.

pub mod args;
pub(crate) mod command;
<<<<<<< HEAD
pub(crate) mod help;
=======
pub(crate) mod completing;
>>>>>>> 7e1ccc5 (completions, man, --version: Tab knows ids and droids, man pages, and which commit this is)
pub(crate) mod usage;
pub(crate) mod view;
