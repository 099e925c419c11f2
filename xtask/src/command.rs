//! Starting programs: run one in sight, read what one says, or hold one that must not be left behind.
//!
//! Every function waits for its child, on every path. Main type: [`Guarded`].

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::failure::{During, Failure};

/// Runs `command` in sight of the reader, after the line that names it.
///
/// # Errors
///
/// When it cannot be started or does not succeed.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    println!("$ {}", shown(command));
    let status = command.status().during(format_args!("starting `{}`", shown(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` ended with {status}", shown(command))))
}

/// Runs `command` out of sight, with nothing on its standard input, and gives what it printed, whatever its end.
///
/// # Errors
///
/// When it cannot be started.
pub(crate) fn observe(command: &mut Command) -> Result<Output, Failure> {
    let output = command.stdin(Stdio::null()).output();
    output.during(format_args!("starting `{}`", shown(command)))
}

/// Runs `command` out of sight and gives its standard output.
///
/// # Errors
///
/// When it cannot be started or does not succeed; the failure shows its last words.
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    let output = observe(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let (status, words) = (output.status, last_words(&output));
    Err(Failure::new(format!("`{}` ended with {status}: {words}", shown(command))))
}

/// Whether `command` can be started and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    observe(command).is_ok_and(|output| output.status.success())
}

/// The last lines a program printed: those on standard error, else those on standard output.
pub(crate) fn last_words(output: &Output) -> String {
    const LINES: usize = 4;
    let text = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
    let text = String::from_utf8_lossy(text.trim_ascii()).into_owned();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("; ")
}

/// The command as one would type it: the program by its name, wherever it is.
pub(crate) fn shown(command: &Command) -> String {
    let program = command.get_program();
    let program = Path::new(program).file_name().unwrap_or(program);
    let words = std::iter::once(program).chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A running child that is killed and waited for when this value goes.
#[derive(Debug)]
#[must_use = "dropping it ends the child"]
pub(crate) struct Guarded(Child);

impl Guarded {
    /// Starts `command`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self, Failure> {
        command.spawn().map(Self).during(format_args!("starting `{}`", shown(command)))
    }

    /// Whether it has ended by itself; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<String> {
        match self.0.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Guarded, capture, shown};

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/some/where/task-bg");
        command.args(["launch", "two words", "it's", ""]);
        assert_eq!(shown(&command), r"task-bg launch 'two words' 'it'\''s' ''");
    }

    #[test]
    fn a_failure_shows_the_last_words() {
        let failure = capture(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        assert!(failure.to_string().ends_with("exit status: 3: why"), "{failure}");
    }

    #[test]
    fn a_guarded_child_does_not_outlive_its_guard() {
        let child = Guarded::spawn(Command::new("sleep").arg("60")).unwrap();
        let proc = format!("/proc/{}", child.0.id());
        drop(child);
        assert!(!std::path::Path::new(&proc).exists());
    }
}
