//! From each error of the program to a failure: its kind, and what its reader can do about it.
//!
//! Each match is complete, so that a new error cannot be forgotten. Nothing is worded here that the error
//! says itself.

use std::fs::FileType;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use adapters_fs::hook_settings::HookSettingsError;
use adapters_fs::{NoHome, Unfit};
use domain::port::{ClusterFailure, Fault, LaunchFailure, StoreError, StoreFailure, WorktreeError};
use domain::task::Refusal;
use domain::task::droid::NoDroid;
use domain::usecase::Trouble;
use domain::usecase::diff::DiffError;
use domain::usecase::launch::LaunchError;
use domain::usecase::resolve::ResolveError;
use domain::usecase::runners::NoRunner;

use super::{Failure, Kind, advice};
use crate::kit::environment;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { .. } => {
                Self::of(Kind::NotFound, &error).hint("run `task-bg list` to see the ids")
            }
            StoreError::Unreadable { .. } => Self::of(Kind::Unreadable, &error)
                .hint("the file was left as it is; `task-bg list` names all that cannot be read"),
            StoreError::Exists { .. } => Self::of(Kind::Unexpected, &error).hint("try once more"),
            StoreError::Refused { id, refusal } => {
                let failure = Self::of(refused(refusal), &error).about(id);
                match refusal {
                    Refusal::AlreadyEnded { .. } => failure
                        .hint(format!("run `task-bg output --result {id}` to see what it found")),
                    Refusal::BeingCancelled { .. } | Refusal::NotEnded => {
                        failure.hint(format!("run `task-bg wait {id}` to wait for its end"))
                    }
                    Refusal::AlreadyStarted
                    | Refusal::NotElsewhere
                    | Refusal::KeptElsewhere { .. }
                    | Refusal::NotHeld
                    | Refusal::NotStarted
                    | Refusal::NotExpired { .. } => failure,
                    Refusal::AlreadyRetried { next } => {
                        failure.hint(format!("run `task-bg wait {next}` to wait for that attempt"))
                    }
                }
            }
            StoreError::Failed { failure: StoreFailure::Busy { holder, .. }, .. } => {
                let hint =
                    "another program holds the lock; see who has the file open, then try again";
                Self::of(Kind::StoreUnavailable, &error).hint(to_free_a_lock(holder, hint))
            }
            StoreError::Failed {
                failure:
                    StoreFailure::Full(fault)
                    | StoreFailure::ReadOnly(fault)
                    | StoreFailure::Fault(fault),
                ..
            } => {
                let hint = advice::for_store(&fault.reason);
                Self::of(Kind::StoreUnavailable, &error).hint(hint)
            }
        }
    }
}

/// What helps where a lock is held for too long, by who holds it.
fn to_free_a_lock(holder: &str, otherwise: &str) -> String {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    match holder.strip_prefix("process ").map(digits) {
        Some(pid) if holder.contains("stopped") => {
            format!("let it go on with `kill -CONT {pid}`, or end it, then try again")
        }
        Some(pid) => format!("wait for process {pid}, or end it, then try again"),
        None => otherwise.to_owned(),
    }
}

/// The kind of a refusal.
pub(crate) const fn refused(refusal: &Refusal) -> Kind {
    match refusal {
        Refusal::AlreadyEnded { .. } | Refusal::BeingCancelled { .. } => Kind::AlreadyEnded,
        Refusal::AlreadyStarted
        | Refusal::AlreadyRetried { .. }
        | Refusal::NotElsewhere
        | Refusal::KeptElsewhere { .. }
        | Refusal::NotHeld
        | Refusal::NotStarted
        | Refusal::NotEnded
        | Refusal::NotExpired { .. } => Kind::WrongState,
    }
}

impl From<Fault> for Failure {
    fn from(error: Fault) -> Self {
        Self::of(Kind::StoreUnavailable, &error).hint(advice::for_store(&error.reason))
    }
}

impl From<Trouble> for Failure {
    fn from(error: Trouble) -> Self {
        match error {
            Trouble::Store(error) => error.into(),
            Trouble::Fault(error) => error.into(),
            Trouble::Elsewhere { ref id, ref host } => {
                Self::of(Kind::WrongState, &error).hint(format!(
                    "run the command on `{host}`: it alone can judge and stop its tasks; if that machine is no more, `task-bg complete {id}` ends this one"
                ))
            }
            Trouble::Copied { ref store, .. } => Self::of(Kind::WrongState, &error).hint(format!(
                "this one is a copy, or was restored: run the command with `{}={store}`, or end its processes by hand",
                environment::DIR
            )),
            Trouble::Unanswered { ref id, ref holder } => {
                let hint = format!(
                    "its supervisor may be stopped: `task-bg status {id}` and `task-bg doctor` name it; one in another PID \
                     namespace is not seen from here, and ends the task by itself"
                );
                Self::of(Kind::Unexpected, &error).hint(to_free_a_lock(holder, &hint))
            }
            Trouble::Unrecorded { id, error: cause } => {
                let whole = Trouble::Unrecorded { id, error: cause.clone() };
                let hints = Self::from(cause).hints;
                Self { hints, ..Self::of(Kind::StoreUnavailable, &whole) }
            }
            Trouble::NotAdmitted { ref failure, .. } => {
                let hint = advice::by_reason(&failure.to_string());
                let hint = hint.unwrap_or_else(|| "the next command tries it again".to_owned());
                Self::of(Kind::LaunchFailed, &error).hint(hint)
            }
            Trouble::AtCluster { ref failure, .. } | Trouble::JobLeft { ref failure, .. } => {
                Self::of(Kind::Unexpected, &error).hint(of_cluster(failure))
            }
            Trouble::AtNode { ref id, .. } | Trouble::NotYet { ref id } => {
                Self::of(Kind::Unexpected, &error).hint(format!(
                    "it ends as cancelled once its node or Slurm says that it is over; `task-bg status {id}` tells"
                ))
            }
            Trouble::QueueBusy { ref holder } => {
                let hint = "see who has `.locks/gate` in the store open, and whether it is stopped";
                Self::of(Kind::StoreUnavailable, &error).hint(to_free_a_lock(holder, hint))
            }
        }
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Store(error) => error.into(),
            ResolveError::Invalid { invalid, .. } => {
                // The original's wording alone; what it cannot be goes into the hint.
                Self::new(Kind::NotFound, error.to_string()).hint(format!(
                    "that cannot be an id: {invalid}; run `task-bg list` to see the ids"
                ))
            }
            ResolveError::NoPlace { .. } => Self::of(Kind::NotFound, &error).hint(
                "`@1` is the newest task, `@2` the one before; run `task-bg list` to see the ids",
            ),
            ResolveError::NotFound { .. } => {
                Self::of(Kind::NotFound, &error).hint("run `task-bg list` to see the ids")
            }
            ResolveError::Ambiguous { .. } => {
                Self::of(Kind::Ambiguous, &error).hint("give more of the id")
            }
        }
    }
}

/// What somebody can do whose task a cluster did not take.
fn of_cluster(failure: &ClusterFailure) -> String {
    match failure {
        ClusterFailure::Absent { .. } => {
            "run it on a machine from which jobs are submitted, or use `--on local`".to_owned()
        }
        ClusterFailure::Unreachable(_) | ClusterFailure::Lost(_) => {
            "`task-bg doctor --on slurm` says whether the controller answers; then try again"
                .to_owned()
        }
        ClusterFailure::Refused(_) => {
            "`task-bg doctor --on slurm` names the partitions and licences that there are"
                .to_owned()
        }
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Trouble(trouble) => trouble.into(),
            LaunchError::NotStarted { ref id, ref failure, ref next } => {
                // Whoever knows what was to be started adds how to have its program.
                let hint = match failure {
                    LaunchFailure::NotFound { program } => {
                        format!("install `{program}`, or put its folder on PATH")
                    }
                    LaunchFailure::Cluster(failure) => of_cluster(failure),
                    // In a root made by hand; nothing else that a supervisor needs can be missing.
                    LaunchFailure::Supervisor(reason) if reason.contains("No such file") => {
                        "mount /proc, and make /dev/null: task-bg needs both".to_owned()
                    }
                    LaunchFailure::NotStarted { reason, .. }
                    | LaunchFailure::Supervisor(reason)
                    | LaunchFailure::NoProcess(reason) => {
                        advice::by_reason(reason).unwrap_or_else(|| {
                            format!("run `task-bg status {id}` to see what was recorded")
                        })
                    }
                };
                let mut failed = Self::of(Kind::LaunchFailed, &error).hint(hint);
                failed = failed.about(id);
                if let Some(next) = next {
                    failed.facts.push(("retriedAs", next.to_string()));
                    failed = failed.hint(format!("it is tried once more as {next}"));
                }
                failed
            }
        }
    }
}

impl From<NoDroid> for Failure {
    fn from(error: NoDroid) -> Self {
        let list = "run `task-bg droids` to see which droids there are";
        let failure = Self::of(Kind::Usage, &error);
        match error {
            NoDroid::Unknown { near, .. } if near.is_empty() => failure.hint(list),
            NoDroid::Unknown { near, .. } => {
                let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
                failure.hint(format!("did you mean {}? {list}", near.join(" or ")))
            }
            NoDroid::Unreadable { .. } => failure.hint(format!("mend the file, or {list}")),
        }
    }
}

impl From<NoRunner> for Failure {
    fn from(error: NoRunner) -> Self {
        let list = "run `task-bg runners` to see which runners there are";
        let failure = Self::of(Kind::Usage, &error);
        if error.near.is_empty() {
            return failure.hint(list);
        }
        failure.hint(format!("did you mean `{}`? {list}", error.near.join("` or `")))
    }
}

impl From<WorktreeError> for Failure {
    fn from(error: WorktreeError) -> Self {
        let (kind, hint) = match &error {
            WorktreeError::NoRepository { .. } => {
                (Kind::Usage, "name a folder in a repository with --cwd, or leave out --worktree")
            }
            WorktreeError::Bare { .. } => {
                (Kind::Usage, "name a folder of a repository with files, with --cwd DIR")
            }
            WorktreeError::NoCommit { .. } => (Kind::Usage, "make a first commit, then try again"),
            WorktreeError::BadName { .. } => {
                (Kind::Usage, "use letters, digits, `-`, `_` and `/`, as in --worktree=fix-login")
            }
            WorktreeError::Taken { .. } | WorktreeError::InTheWay { .. } => {
                (Kind::Usage, "give another name, or none: then it is the task's id")
            }
            WorktreeError::TooLong { .. } => (Kind::Usage, "give a shorter name"),
            WorktreeError::Occupied { .. } => (Kind::Usage, "move it away, then try again"),
            WorktreeError::Busy { .. } => {
                (Kind::Unexpected, "see which git or task-bg still works in that repository")
            }
            WorktreeError::NoGit => (Kind::Usage, "install git, or put its folder on PATH"),
            WorktreeError::Unlinked { .. } => (
                Kind::WrongState,
                "move the folder away: then `task-bg retry` makes the worktree anew on its branch",
            ),
            WorktreeError::Gone { .. } | WorktreeError::Replaced { .. } => {
                (Kind::WrongState, "look at its branch, if that is still there")
            }
            WorktreeError::BranchGone { .. } => {
                (Kind::Usage, "launch it anew, with --worktree for a worktree of its own")
            }
            WorktreeError::CheckedOut { .. } => {
                (Kind::Usage, "check out another branch there, then try again")
            }
            WorktreeError::Fault(fault) => {
                let by_hand = "try the git command by hand to see what it needs";
                let hint = advice::by_reason(&fault.reason).unwrap_or_else(|| by_hand.to_owned());
                return Self::of(Kind::Unexpected, &error).hint(hint);
            }
        };
        Self::of(kind, &error).hint(hint)
    }
}

impl From<DiffError> for Failure {
    fn from(error: DiffError) -> Self {
        match error {
            DiffError::NotIsolated { .. } => Self::of(Kind::WrongState, &error)
                .hint("launch with --worktree to keep what a task changes apart"),
            DiffError::Trouble(error) => error.into(),
            DiffError::Worktree(error) => error.into(),
        }
    }
}

impl From<NoHome> for Failure {
    fn from(error: NoHome) -> Self {
        Self::of(Kind::StoreUnavailable, &error)
            .hint(format!("set `{}` to an absolute path", environment::DIR))
    }
}

impl From<Unfit> for Failure {
    fn from(error: Unfit) -> Self {
        let hint = match &error {
            Unfit::Foreign { owner, .. } => format!(
                "run it as that user, as in `sudo -u '#{owner}' task-bg list`, set `{}` to a folder of yours, or `{}=1` if you mean it",
                environment::DIR,
                environment::ANY_OWNER
            ),
            Unfit::Planted { path, owner } => format!(
                "look at it and remove it, or run `sudo chown -R <you> {}` if user {owner} is you; a store is safest in a folder that nobody else can write to",
                path.display()
            ),
            // Nobody is told to move a device away, or anything else that is not the user's own.
            Unfit::NoFolder { path, .. } if !is_own_file(path) => {
                format!("set `{}` to a folder, which is made if it is not there", environment::DIR)
            }
            Unfit::NoFolder { path, .. } => format!(
                "put the store back where it was, or move that away, and a new store is made: `mv {0} {0}.old`; or set \
                 `{1}`",
                path.display(),
                environment::DIR
            ),
            Unfit::Shared { path } => format!(
                "set `{}` to a folder of its own, such as `{}`",
                environment::DIR,
                path.join("task-bg").display()
            ),
        };
        Self::of(Kind::StoreUnavailable, &error).hint(hint)
    }
}

/// Whether there is a file of the user's own, a pipe or a link, and no device.
fn is_own_file(path: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let is_device = |kind: FileType| kind.is_char_device() || kind.is_block_device();
    let found = path.symlink_metadata();
    found.is_ok_and(|found| !is_device(found.file_type()) && found.uid() == own)
}

impl From<HookSettingsError> for Failure {
    fn from(error: HookSettingsError) -> Self {
        let by_hand = "run `task-bg hooks print` to see what to add by hand";
        let hint = match &error {
            HookSettingsError::Broken { .. } => {
                format!("mend that place, then try again, or {by_hand}")
            }
            HookSettingsError::Odd { .. } => by_hand.to_owned(),
            HookSettingsError::Io { .. } => {
                format!("check the owner and the mode of the file and its folder, or {by_hand}")
            }
        };
        Self::of(Kind::SettingsRefused, &error).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::super::markdown;
    use super::*;
    use domain::task::{Status, TaskId};

    #[test]
    fn the_table_names_every_exit_code_once_a_word() {
        let table = markdown();
        for kind in Kind::ALL {
            assert_eq!(table.matches(&format!("`{}`", kind.word())).count(), 1);
        }
    }

    #[test]
    fn a_refusal_is_worded_with_its_cause_and_says_what_to_do() {
        let id = TaskId::parse("bg_1").expect("an id");
        let refusal = Refusal::AlreadyEnded { status: Status::Completed, at: None };
        let failure = Failure::from(StoreError::Refused { id, refusal });
        assert_eq!(failure.kind.exit_code(), 4);
        assert_eq!(
            failure.sentence(),
            "task bg_1 cannot be changed: it has already ended: completed"
        );
        assert_eq!(failure.hints.len(), 1);
    }
}
