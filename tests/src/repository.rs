//! A git repository in a sandbox, with one commit. Nothing here knows what a test does with it.

use std::fs;

use crate::sandbox::Sandbox;

/// The sandbox, with its folder a repository in which `it` was committed on `main`, by somebody whom git knows.
///
/// # Panics
///
/// When there is no git, or it cannot make one.
#[must_use]
pub fn with_repository(sandbox: Sandbox) -> Sandbox {
    make(&sandbox);
    sandbox
}

/// Makes the folder of a sandbox such a repository.
///
/// # Panics
///
/// When there is no git, or it cannot make one.
pub fn make(sandbox: &Sandbox) {
    fs::write(sandbox.home().join(".gitconfig"), "[user]\n\tname = A\n\temail = a@example.org\n")
        .expect("a file in the sandbox");
    let script = "git init -q -b main . && echo one > it && git add . && git commit -q -m first";
    sandbox.shell(script).ok().done();
}
