//! A network that consists of loopback and nothing else, as the kernel gives it.
//!
//! With it an end-to-end run cannot reach anybody, and needs no fixed port. It never touches the network that it was
//! started in. Main type: [`Namespace`].

use std::env;
use std::ffi::OsString;
use std::process::Command;

use crate::command::{last_words, observe};

/// A way to make a network namespace that was seen to work here.
#[derive(Debug)]
pub(crate) struct Namespace {
    flag: &'static str,
}

impl Namespace {
    /// Tries the ways there are: as root, then as an ordinary user with a user namespace.
    ///
    /// # Errors
    ///
    /// Why none works, as words for a reader.
    pub(crate) fn find() -> Result<Self, String> {
        let mut why = String::new();
        for flag in ["-n", "-rn"] {
            let namespace = Self { flag };
            let mut probe = namespace.command();
            probe.args(["ip", "link", "set", "lo", "up"]).env("PATH", path_with_ip());
            match observe(&mut probe) {
                Ok(output) if output.status.success() => return Ok(namespace),
                Ok(output) => why = last_words(&output),
                Err(failure) => why = failure.to_string(),
            }
        }
        Err(format!("no network namespace is to be had: {why}"))
    }

    /// A command that runs the words added to it in a fresh namespace, whose loopback is still down.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("unshare");
        command.arg(self.flag);
        command
    }
}

fn path_with_ip() -> OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}
