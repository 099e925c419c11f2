//! What is said of a machine that did not answer, and what can be done about it.

use domain::port::remotes::{Silence, Unheard};

use super::{Failure, Kind};

impl Failure {
    /// That another machine did not answer, with what can be done about it.
    pub(crate) fn of_silence(unheard: &Unheard) -> Self {
        let host = &unheard.host;
        let failure = Self::of(Kind::LaunchFailed, unheard);
        match &unheard.why {
            Silence::NoSsh { .. } => failure.hint("install ssh, or put its folder on PATH"),
            Silence::Unreachable(why) | Silence::Cut(why) => {
                failure.hint(to_get_in(host, &why.to_lowercase()))
            }
            Silence::TooSlow(_) => {
                failure.hint(format!("try `ssh -o BatchMode=yes {host} true` to see what it needs"))
            }
            Silence::NoProgram => {
                failure.hint(format!("run `task-bg hosts add {host}` to copy this one there"))
            }
            Silence::OtherVersion(_) => failure.hint(format!(
                "run `task-bg hosts` to see which it has, `task-bg hosts add {host}` to copy this one there"
            )),
            Silence::Garbled(_) | Silence::Failed(_) => {
                failure.hint(format!("try `ssh {host} task-bg doctor` to see what is wrong there"))
            }
        }
    }
}

/// What helps where a machine turned ssh away, by what it said.
fn to_get_in(host: &str, why: &str) -> String {
    if why.contains("host key verification failed") || why.contains("identification has changed") {
        return format!(
            "run `ssh {host}` by hand to see its key, and accept it if it is the right one"
        );
    }
    if why.contains("permission denied") || why.contains("too many authentication failures") {
        return format!(
            "run `ssh {host}` by hand: it has to log in without a question; `ssh-copy-id {host}` takes your key there, \
             `ssh-add` unlocks one that has a passphrase"
        );
    }
    if why.contains("could not resolve hostname") {
        return format!("correct the name, or give `{host}` a `HostName` in ~/.ssh/config");
    }
    format!("try `ssh -o BatchMode=yes {host} true` to see what it needs")
}
