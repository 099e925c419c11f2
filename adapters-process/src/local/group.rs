//! Control groups: one for each task, where the kernel's second hierarchy lets us make one.
//!
//! A group knows its processes whatever they do to their environments, sessions and parents. "Not populated" proves that
//! nothing is left, `cgroup.kill` ends what forks faster than any walk, and `cpu.stat` says whether anybody computes. None of
//! this needs a controller. Groups of tasks lie side by side, also that of a task which a task launched.
//!
//! The kernel lets nobody move a process before it has waited for all processors, some 10 ms, so a supervisor answers first
//! and moves its agent then: see `gathering`. Until all of a task is in its group, the group proves nothing; that it is the
//! sticky bit of its folder says, also to whoever comes after a dead supervisor.
//!
//! A record may name any path, so a group is only touched under the name that its task gives it, in that hierarchy. Where
//! no group can be made, [`super::tree`] finds what it can. Nothing here decides when anything is ended.

mod gathering;
mod sweeping;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use domain::port::Doomed;
use domain::task::TaskId;
use rustix::fs::{Mode, OFlags};

use super::proc_file;
use crate::effect::effect;
pub(super) use gathering::has_one_child;
pub use sweeping::remove_forsaken;

/// Where the second hierarchy is: beside the first ones, or alone.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
/// What the kernel calls the file system of the second hierarchy (`CGROUP2_SUPER_MAGIC`).
const MAGIC: i64 = 0x6367_7270;
/// The file of a group that lists its processes, and takes those that are to be in it.
const PROCS: &str = "cgroup.procs";
/// The file of a group that says whether its processes run.
const FREEZE: &str = "cgroup.freeze";
/// What the name of every group of ours begins with, before the id of its task.
const PREFIX: &str = "task-bg-";
/// The permissions of the folder of a group that a task is not wholly in yet, and of one that it is in.
const MODES: (u32, u32) = (0o755, 0o1755);
/// How deep groups within a group are looked at.
const DEPTH: usize = 16;

/// Where tasks that this process launches get their groups.
///
/// # Errors
/// Why they get none, for people.
pub fn availability() -> Result<String, String> {
    let place = Place::own()?;
    let probe = place.base.join(format!("{PREFIX}probe-{}", std::process::id()));
    let made = fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe));
    made.map_err(|error| format!("`{}`: {error}", place.base.display()))?;
    Ok(place.base.display().to_string())
}

/// The group of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    folder: PathBuf,
}

/// Where a process makes groups: the group that it is in, or that in which the group of its task lies.
#[derive(Clone, Debug)]
pub(super) struct Place {
    base: PathBuf,
    /// Whether this process is in the group of a task.
    within: bool,
}

impl Place {
    /// The place of this process, found once; why there is none, for people.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn own() -> Result<Self, String> {
        static OWN: OnceLock<Result<Place, String>> = OnceLock::new();
        OWN.get_or_init(Self::find).clone()
    }

    fn find() -> Result<Self, String> {
        let file = "/proc/self/cgroup";
        let text = proc_file::text(file).map_err(|error| format!("`{file}`: {error}"))?;
        let own = text.lines().find_map(|line| line.strip_prefix("0::/"));
        let own = own.ok_or("this process is in no group of the second hierarchy")?;
        let (path, within) = outside(Path::new(own)).ok_or("its group lies outside")?;
        // Joined part by part: an empty path would leave a slash behind.
        let mounted =
            MOUNTS.iter().map(|mount| Path::new(mount).components().chain(path.components()));
        let mut mounted = mounted.map(Iterator::collect::<PathBuf>);
        let base = mounted.find(|base| is_second(base));
        let base =
            base.ok_or_else(|| format!("no cgroup2 is mounted at {}", MOUNTS.join(" or ")))?;
        Ok(Self { base, within })
    }

    /// Leaves the group of a task: a supervisor that was launched from there belongs to no task.
    pub(super) fn leave(&self) -> io::Result<()> {
        if self.within { tell(&self.base.join(PROCS), "0") } else { Ok(()) }
    }

    /// Makes the group of a task, in which nobody is yet.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn make(&self, id: &TaskId) -> io::Result<Group> {
        let group = self.of(id);
        match effect("make a control group", || fs::create_dir(&group.folder)) {
            // One that is there already is as good, and proves as little.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => group.set_mode(MODES.0),
            made => made,
        }?;
        Ok(group)
    }

    /// The group of a task here, whether or not it is there.
    pub(super) fn of(&self, id: &TaskId) -> Group {
        Group { folder: self.base.join(name(id)) }
    }
}

fn name(id: &TaskId) -> String {
    format!("{PREFIX}{id}")
}

/// The group that holds those of the tasks, from the path of a process's own, and whether these differ. `None` if the
/// process is in a group that cannot be named here.
fn outside(own: &Path) -> Option<(PathBuf, bool)> {
    let mut path = PathBuf::new();
    for part in own.components() {
        let Component::Normal(part) = part else { return None };
        if part.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            return Some((path, true));
        }
        path.push(part);
    }
    Some((path, false))
}

/// Whether a folder is a group of the second hierarchy.
fn is_second(folder: &Path) -> bool {
    #[expect(clippy::unnecessary_cast, reason = "the type differs from machine to machine")]
    rustix::fs::statfs(folder).is_ok_and(|found| found.f_type as i64 == MAGIC)
}

impl Group {
    /// The group that the record of a task names, if it can be that of this task.
    pub(super) fn of(task: &Doomed) -> Option<Self> {
        let folder = PathBuf::from(task.group.as_deref()?);
        let plain = folder
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::RootDir));
        let named = folder.file_name().is_some_and(|last| last == name(&task.id).as_str());
        let there = MOUNTS.iter().any(|mount| folder.starts_with(mount));
        (plain && named && there && is_second(folder.parent()?)).then_some(Self { folder })
    }

    /// The same, or where the record of a task names none, that which the task would have here.
    pub(super) fn of_or_here(task: &Doomed) -> Option<Self> {
        Self::of(task).or_else(|| Some(Place::own().ok()?.of(&task.id)))
    }

    /// Its folder, as a record names it; `None` where that is no text.
    pub(super) fn path(&self) -> Option<String> {
        self.folder.to_str().map(ToOwned::to_owned)
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        effect("mark a control group", || {
            fs::set_permissions(&self.folder, fs::Permissions::from_mode(mode))
        })
    }

    /// Whether all of the task has been in it once, so that it knows whatever the task has started since.
    pub(super) fn is_whole(&self) -> bool {
        fs::metadata(&self.folder).is_ok_and(|it| it.permissions().mode() & 0o7777 == MODES.1)
    }

    /// Whether any process of the task is in it or below it. `None` if nobody can tell, as where the task is not wholly
    /// in it. One that is gone had none.
    pub(super) fn is_populated(&self) -> Option<bool> {
        match proc_file::text(self.folder.join("cgroup.events")) {
            Ok(text) if text.lines().any(|line| line == "populated 0") => {
                self.is_whole().then_some(false)
            }
            Ok(_) => Some(true),
            Err(error) if is_gone(&error) => Some(false),
            Err(_) => None,
        }
    }

    /// Whether certainly no process is in it or below it.
    pub(super) fn is_empty(&self) -> bool {
        self.is_populated() == Some(false)
    }

    /// The numbers of the processes in it and below it.
    pub(super) fn members(&self) -> Vec<u32> {
        let mut found = Vec::new();
        each_below(&self.folder, DEPTH, &mut |folder| {
            let text = proc_file::text(folder.join(PROCS)).unwrap_or_default();
            // A process of another namespace has the number 0 here.
            let numbers = text.lines().filter_map(|line| line.parse::<u32>().ok());
            found.extend(numbers.filter(|pid| *pid != 0));
        });
        found
    }

    /// Microseconds that its processes have spent on a processor, with those that have ended. `None` if nobody can tell.
    pub(super) fn spent(&self) -> Option<u64> {
        if !self.is_whole() {
            return None;
        }
        let text = proc_file::text(self.folder.join("cpu.stat")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("usage_usec "))?.parse().ok()
    }

    /// Lets nothing in it run until it goes on; returns whether that worked. A group that a task is not wholly in stays as it is.
    pub(super) fn rest(&self) -> bool {
        self.is_whole() && tell(&self.folder.join(FREEZE), "1").is_ok()
    }

    /// Whether what is in it is kept from running.
    pub(super) fn rests(&self) -> bool {
        proc_file::text(self.folder.join(FREEZE)).is_ok_and(|text| text.trim_end() == "1")
    }

    /// Lets what is in it run again, and says whether it does: nothing rests in a group that is gone.
    pub(super) fn go_on(&self) -> bool {
        tell(&self.folder.join(FREEZE), "0").map_or_else(|error| is_gone(&error), |()| true)
    }

    /// Kills all that is in it and below it, but those processes that `is_foreign` says belong elsewhere: they are put
    /// beside it first. Nothing in it runs from the first step on, so nothing is started meanwhile.
    pub(super) fn kill(&self, is_foreign: impl Fn(u32) -> bool) {
        // One that cannot be frozen is killed all the same.
        let frozen = tell(&self.folder.join(FREEZE), "1").is_ok();
        for pid in self.members().into_iter().filter(|pid| is_foreign(*pid)) {
            self.put_beside(pid);
        }
        let killed = tell(&self.folder.join("cgroup.kill"), "1").is_ok();
        if frozen && !killed {
            self.go_on();
        }
    }

    /// Puts a process that belongs elsewhere beside it. One that is gone needs none of that.
    fn put_beside(&self, pid: u32) {
        if let Some(base) = self.folder.parent() {
            tell(&base.join(PROCS), &pid.to_string()).unwrap_or_default();
        }
    }
}

/// Writes into a file of the kernel's, which is never made.
fn tell(file: &Path, text: &str) -> io::Result<()> {
    effect("write to a control group", || {
        let file = rustix::fs::open(file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        File::from(file).write_all(text.as_bytes())
    })
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error())
}

/// Calls `see` for the folder and those below it, outermost first.
fn each_below(folder: &Path, depth: usize, see: &mut dyn FnMut(&Path)) {
    see(folder);
    let Some(depth) = depth.checked_sub(1) else { return };
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            each_below(&entry.path(), depth, see);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str) -> TaskId {
        TaskId::parse(name).expect("an id")
    }

    #[test]
    fn a_process_in_the_group_of_a_task_makes_groups_beside_it() {
        let places = [
            ("", "", false),
            ("user.slice/app", "user.slice/app", false),
            ("task-bg-bg_1", "", true),
            ("a/task-bg-bg_1/inner", "a", true),
        ];
        for (own, base, within) in places {
            assert_eq!(outside(Path::new(own)), Some((base.into(), within)), "{own}");
        }
        assert_eq!(outside(Path::new("../b")), None);
    }

    /// A record is a file that anybody may have written: `cgroup.kill` of a group that it names could end everything.
    #[test]
    fn a_group_that_a_record_names_is_touched_only_if_it_can_be_that_of_its_task() {
        let named = |group: &str| {
            let doomed = Doomed { group: Some(group.into()), ..Doomed::named(task("bg_1")) };
            Group::of(&doomed)
        };
        for group in [
            "/sys/fs/cgroup",
            "/sys/fs/cgroup/unified",
            "/sys/fs/cgroup/unified/task-bg-bg_2",
            "/sys/fs/cgroup/unified/task-bg-bg_1/..",
            "/sys/fs/cgroup/unified/../task-bg-bg_1",
            "/tmp/task-bg-bg_1",
            "task-bg-bg_1",
            "",
        ] {
            assert_eq!(named(group), None, "{group}");
        }
    }

    #[test]
    fn what_was_put_into_a_group_is_found_and_killed_there() {
        let Ok(place) = Place::own() else { return };
        let id = task(&format!("bg_group_{}", std::process::id()));
        let Ok(group) = place.make(&id) else { return };
        assert_eq!(group.is_populated(), None, "nobody was in it, so it proves nothing");
        let mut child =
            std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
        group.take_in(child.id()).expect("it lives");
        group.set_mode(MODES.1).expect("it is ours");
        assert_eq!((group.is_populated(), group.members()), (Some(true), vec![child.id()]));
        let doomed = Doomed { group: group.path(), ..Doomed::named(id) };
        assert_eq!(Group::of(&doomed).as_ref(), Some(&group));
        group.remove();
        assert_eq!(group.is_populated(), Some(true), "one that is populated stays");
        group.kill(|_| false);
        child.wait().expect("it was killed");
        assert_eq!(group.is_populated(), Some(false));
        group.remove();
        assert!(!group.folder.exists());
        assert_eq!(group.is_populated(), Some(false), "one that is gone has none");
    }
}
