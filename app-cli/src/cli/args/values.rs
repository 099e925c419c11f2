//! Words of the command line that stand for values of the domain.

use std::ffi::OsString;
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use domain::task::{Autonomy, Reason, Status, Target, TaskName, Timestamp};

/// An autonomy level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutonomyArg(pub Autonomy);

impl ValueEnum for AutonomyArg {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Autonomy::None), Self(Autonomy::Low), Self(Autonomy::Medium), Self(Autonomy::High)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.word()))
    }
}

/// A status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusArg(pub Status);

impl ValueEnum for StatusArg {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(Status::Queued),
            Self(Status::Running),
            Self(Status::Completed),
            Self(Status::Error),
            Self(Status::Cancelled),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.word()))
    }
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SortArg {
    /// The one ordered last first
    #[default]
    Newest,
    /// The one ordered first first
    Oldest,
    /// The one that ended last first, and those that have not ended last
    Ended,
    /// The one that took longest first
    Longest,
    /// Those that run, those that wait, then the failed, the cancelled and the completed
    Status,
}

impl SortArg {
    /// The word for it on the command line.
    pub(crate) fn word(self) -> Option<String> {
        self.to_possible_value().map(|value| value.get_name().to_owned())
    }
}

/// A reason why a task ended badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonArg(pub Reason);

impl ValueEnum for ReasonArg {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [ReasonArg; Reason::ALL.len()] = {
            let mut all = [ReasonArg(Reason::Exit); Reason::ALL.len()];
            let mut index = 0;
            while index < all.len() {
                all[index] = ReasonArg(Reason::ALL[index]);
                index += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.word()))
    }
}

/// Reads a moment with its offset from UTC, as in `2026-11-23T08:00:00+01:00`.
///
/// # Errors
/// A sentence that names the form.
pub fn parse_moment(text: &str) -> Result<Timestamp, String> {
    let moment: jiff::Timestamp = text.parse().map_err(|_| {
        "write it with its offset, as in 2026-11-23T08:00:00+01:00 or 2026-11-23T07:00:00Z"
            .to_owned()
    })?;
    Ok(Timestamp::from_micros(moment.as_microsecond()))
}

/// Reads the name of a task.
///
/// # Errors
/// A sentence that names the form.
pub fn parse_name(text: &str) -> Result<TaskName, String> {
    TaskName::parse(text).map_err(|invalid| {
        format!("{invalid}; use letters, digits, `-`, `_` and `.`, and not what may be an id")
    })
}

/// Reads an option that `sbatch` gets as it is.
///
/// # Errors
/// A sentence that says why it gets none such.
pub fn parse_cluster_option(text: &str) -> Result<String, String> {
    use adapters_process::slurm::option;
    option::checked(text).map(ToOwned::to_owned).map_err(|refused| refused.to_string())
}

/// Reads where a task is to run.
///
/// # Errors
/// A sentence that names the forms, or what is wrong with a name.
pub fn parse_target(text: &str) -> Result<Target, String> {
    Target::parse(text).map_err(|invalid| invalid.to_string())
}

/// Reads a priority.
///
/// # Errors
/// A sentence that names the range.
pub fn parse_priority(text: &str) -> Result<i8, String> {
    text.parse().map_err(|_| "give a whole number from -128 to 127".to_owned())
}

/// A variable for a task's environment.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvArg {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl EnvArg {
    /// The name and the value, as the environment has them.
    pub fn pair(self) -> (OsString, OsString) {
        (self.name.into(), self.value.into())
    }
}

impl std::fmt::Debug for EnvArg {
    // Values are often secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=…", self.name)
    }
}

impl FromStr for EnvArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                if name.starts_with("TASK_BG_") || name.starts_with("__TASK_BG_") {
                    return Err(format!("`{name}` is set by task-bg itself"));
                }
                Ok(Self { name: name.to_owned(), value: value.to_owned() })
            }
            Some(_) | None => Err("write it as NAME=VALUE".to_owned()),
        }
    }
}
