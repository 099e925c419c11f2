//! Options that `sbatch` gets as they are, but for those with which a task would not be ours any more.
//!
//! What a job is called, where its words go, how it starts and what ends it are decided here; an abbreviation of such an
//! option counts as the option, as it does for `sbatch`.

/// The options that are refused: what would break our hold on a job, and what `--on`, `--cwd`, `--timeout`, `--hold`,
/// `--after` and their like say in our own words.
const REFUSED: [&str; 31] = [
    "export",
    "export-file",
    "get-user-env",
    "output",
    "error",
    "input",
    "requeue",
    "no-requeue",
    "wrap",
    "parsable",
    "quiet",
    "array",
    "job-name",
    "comment",
    "chdir",
    "time",
    "time-min",
    "signal",
    "wait",
    "open-mode",
    "hold",
    "begin",
    "dependency",
    "kill-on-invalid-dep",
    "partition",
    "nice",
    "uid",
    "test-only",
    "help",
    "usage",
    "version",
];
/// The same with one letter.
const LETTERS: &str = "oeiaJDtWHbdphVQ";

/// Letters of `sbatch` that take no value.
const FLAGS: &str = "IOksuvX";

/// An option that is passed on.
///
/// # Errors
/// [`Refused`] if it is not.
pub fn checked(text: &str) -> Result<&str, Refused> {
    if text.chars().any(char::is_control) || text.len() > 1024 {
        return Err(Refused::Odd);
    }
    if let Some(long) = text.strip_prefix("--") {
        let written = long.split('=').next().unwrap_or(long);
        let name = written.split(char::is_whitespace).next().unwrap_or(written);
        if name.is_empty() || name.starts_with('-') {
            return Err(Refused::NoOption);
        }
        let is_one_word = name.len() == written.len();
        let name = name.replace('_', "-").to_ascii_lowercase();
        // `sbatch` takes any beginning that fits one option alone, so whatever may be one of these is none of yours.
        return match REFUSED.iter().find(|known| known.starts_with(&name)) {
            Some(known) => Err(Refused::Ours { name: format!("--{known}") }),
            None if is_one_word => Ok(text),
            None => Err(Refused::NoOption),
        };
    }
    let letters = text.strip_prefix('-').ok_or(Refused::NoOption)?;
    // Behind a letter without a value stands another one.
    for (place, letter) in letters.char_indices() {
        if LETTERS.contains(letter) {
            return Err(Refused::Ours { name: format!("-{letter}") });
        }
        if !letter.is_ascii_alphabetic() {
            return if place == 0 { Err(Refused::NoOption) } else { Ok(text) };
        }
        if !FLAGS.contains(letter) {
            return Ok(text);
        }
    }
    if letters.is_empty() { Err(Refused::NoOption) } else { Ok(text) }
}

/// Why an option is not passed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It decides what task-bg decides itself.
    #[error("task-bg decides about `{name}` itself")]
    Ours {
        /// The option.
        name: String,
    },
    /// It is no option.
    #[error(
        "give an option of `sbatch` with its value behind an equals sign, as in `--gres=gpu:1`"
    )]
    NoOption,
    /// It cannot stand on a command line.
    #[error("it has control characters, or more than 1024 bytes")]
    Odd,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_our_hold_on_a_job_is_refused_however_it_is_written() {
        for text in [
            "--export=NONE",
            "--exp=NONE",
            "--output=x",
            "--out=x",
            "-ox",
            "-o",
            "--wrap=x",
            "--array=1-3",
            "-a1",
            "--job-name=x",
            "-Jx",
            "--time=1",
            "-t1",
            "--requeue",
            "--signal=B:9",
            "--open-mode=truncate",
            "--wait",
            "-W",
            "--comment=x",
            "--chdir=/",
            "-D/",
            "--parsable",
            // A quiet `sbatch` does not say which number the job has.
            "--quiet",
            "-Q",
            "-kQ",
            "--export_file=x",
            "--EXPORT=x",
            "--ou=x",
            "--ch=/",
            "--ar=1-3",
            "--wr=x",
            "--export NONE",
            "--job-name x=y",
            "-so/tmp/x",
            "-QOHo",
        ] {
            assert!(
                matches!(checked(text), Err(Refused::Ours { .. })),
                "{text}: {:?}",
                checked(text)
            );
        }
        for text in ["", "x", "-", "--", "---x", "gres=gpu:1", "-1", "/bin/sh", "--gres gpu:1"] {
            assert_eq!(checked(text), Err(Refused::NoOption), "{text}");
        }
        assert_eq!(checked("--gres=a\nb"), Err(Refused::Odd));
    }

    #[test]
    fn what_asks_for_more_of_a_node_is_passed_on() {
        for text in [
            "--gres=gpu:1",
            "--mem=8G",
            "-c4",
            "--cpus-per-task=4",
            "--qos=low",
            "-A",
            "--account=x",
            "-wnode1",
            "-s",
            "-ks",
            "-sc4",
            "-xnode[1-2],other",
            "--constraint=a b",
        ] {
            assert_eq!(checked(text), Ok(text));
        }
    }
}
