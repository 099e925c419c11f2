//! Where everything is: the only place that builds a path of the store.
//!
//! A [`DataDir`] turns ids into paths; `Entry`, `ActiveEntry` and `NoticeSign` say what the names in
//! its folders stand for. It makes the folders and keeps them private; it never reads or writes a
//! file.

pub(crate) mod asides;
mod folders;
mod jobs;
mod logs;
mod moved;
mod names;
mod no_home;
pub(crate) mod ownership;
mod preparing;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::task::{NO_PARENT, SessionId, TaskId, TaskName};

use names::{
    AGAIN, ENVIRONMENT, INPUT, INSTRUCTIONS, KEY_LOCK, MAX_FILE_NAME, PROGRESS, REMAINS, REPORT,
    RESERVE, TEMP,
};
pub use no_home::NoHome;
pub use ownership::Unfit;

pub(crate) use names::fnv;
pub(crate) use names::{ActiveEntry, Entry, Named, NoticeSign, RECORD, is_key_lock, of_input};
use names::{percent_encoded, percent_encoded_within};

/// The folder of the store, below droid's own.
const STORE: &str = ".factory/.omd/background-tasks";
/// How many shard locks there are. Fixed for ever: every program that shares the store must agree.
const SHARDS: u32 = 16;
/// What the name of a note begins with that says which session a process is.
const CALLER: &str = "session-";

/// The folder of a store, and the name of everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir {
    place: Arc<moved::Place>,
}

impl DataDir {
    /// The store in the folder `root`, whether or not it is there yet.
    pub fn at(root: PathBuf) -> Self {
        Self { place: Arc::new(moved::Place::of(root)) }
    }

    /// The store that the environment, looked up through `env`, names: `$TASK_BG_DIR`, else below
    /// `$FACTORY_HOME_OVERRIDE`, else below `$HOME`. A variable that is empty counts as not set.
    ///
    /// # Errors
    /// [`NoHome`] if none is set, or the first that is set is no absolute path. The current folder
    /// is never taken instead.
    pub fn locate(env: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, NoHome> {
        let places = [("TASK_BG_DIR", ""), ("FACTORY_HOME_OVERRIDE", STORE), ("HOME", STORE)];
        for (variable, below) in places {
            let Some(folder) = env(variable).filter(|folder| !folder.is_empty()) else { continue };
            let path = PathBuf::from(folder);
            if !path.is_absolute() {
                return Err(NoHome::Relative { variable, path });
            }
            return Ok(Self::at(if below.is_empty() { path } else { path.join(below) }));
        }
        Err(NoHome::Unset)
    }

    /// Refuses a folder that is no place for a store of ours: one of another user, unless `anybodys` says that
    /// whose it is does not matter, and one that is open to others and holds what belongs to no store. A
    /// folder that is not there yet is fit. Changes nothing.
    ///
    /// # Errors
    /// [`Unfit`] says why.
    pub fn check(&self, anybodys: bool) -> Result<(), Unfit> {
        ownership::check(self.root(), anybodys)
    }

    /// Has root, where the store belongs to another user, give that user whatever it makes there from here on.
    /// [`check`](Self::check) does so as well.
    pub fn serve_owner(&self) {
        ownership::serve(self.root());
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        self.place.now()
    }

    /// The record of a task.
    pub fn record(&self, id: &TaskId) -> PathBuf {
        self.root().join(format!("{id}{RECORD}"))
    }

    /// What a command reads as its standard input, where its launcher was given that as a stream.
    pub(crate) fn input(&self, id: &TaskId) -> PathBuf {
        self.root().join(format!("{id}{INPUT}"))
    }

    /// The folder of the life locks: one entry for each task that has not finished.
    pub fn active(&self) -> PathBuf {
        self.root().join(".active")
    }

    /// The life lock of a task.
    pub fn life_lock(&self, id: &TaskId) -> PathBuf {
        self.active().join(id.as_str())
    }

    /// What the agent of a task is told besides its prompt, until the task has ended.
    pub fn instructions(&self, id: &TaskId) -> PathBuf {
        self.active().join(format!("{id}{INSTRUCTIONS}"))
    }

    /// What the agent of a task does, where the record is too long for the store to write it again
    /// each time.
    pub(crate) fn progress(&self, id: &TaskId) -> PathBuf {
        self.active().join(format!("{id}{PROGRESS}"))
    }

    /// The room that is set aside for the ending of a task.
    pub(crate) fn reserve(&self, id: &TaskId) -> PathBuf {
        self.active().join(format!("{id}{RESERVE}"))
    }

    /// The note that the host keeps something for an ended task that could not be removed yet.
    pub(crate) fn remains(&self, id: &TaskId) -> PathBuf {
        self.active().join(format!("{id}{REMAINS}"))
    }

    /// A report about a task that could not be recorded when it came.
    pub(crate) fn report(&self, id: &TaskId) -> PathBuf {
        self.active().join(format!("{id}{REPORT}"))
    }

    /// The environment kept for a task that waits in the queue.
    pub fn environment(&self, id: &TaskId) -> PathBuf {
        self.active().join(format!("{id}{ENVIRONMENT}"))
    }

    /// The environment kept for the attempt that may follow a task.
    pub(crate) fn again_environment(&self, id: &TaskId) -> PathBuf {
        self.active().join(format!("{id}{AGAIN}"))
    }

    /// A file that agents have to find, told apart by its content, so that it never changes.
    pub(crate) fn attachment(&self, stem: &str, extension: &str, content: &str) -> PathBuf {
        self.agents().join(format!("{stem}-{:08x}.{extension}", fnv(content)))
    }

    fn agents(&self) -> PathBuf {
        self.root().join(".agents")
    }

    /// What versions programs say they are.
    pub(crate) fn versions(&self) -> PathBuf {
        self.agents().join("versions")
    }

    /// The note which session of an agent the process `pid` is.
    pub(crate) fn caller(&self, pid: u32) -> PathBuf {
        self.agents().join(format!("{CALLER}{pid}"))
    }

    /// The processes of which there is such a note; none where the folder cannot be read.
    pub(crate) fn callers(&self) -> Vec<u32> {
        let Ok(folder) = std::fs::read_dir(self.agents()) else { return Vec::new() };
        let pid = |name: OsString| name.to_str()?.strip_prefix(CALLER)?.parse().ok();
        folder.flatten().filter_map(|entry| pid(entry.file_name())).collect()
    }

    /// The folder of the queue: one entry for each task that waits.
    pub fn queue(&self) -> PathBuf {
        self.root().join(".queue")
    }

    /// The entry of the queue with this name.
    pub(crate) fn queue_entry(&self, name: &str) -> PathBuf {
        self.queue().join(name)
    }

    /// The entry of a key: which task has it. `None` if the key is too long for a file name.
    pub(crate) fn key(&self, key: &str) -> Option<PathBuf> {
        let name = percent_encoded(key);
        (name.len() <= MAX_FILE_NAME).then(|| self.keys().join(name))
    }

    /// The mark of the folder of the keys in which all entries are.
    pub(crate) fn whole_keys(&self) -> PathBuf {
        self.keys().join(".whole")
    }

    /// The folder of the keys.
    pub(crate) fn keys(&self) -> PathBuf {
        self.root().join(".keys")
    }

    /// The lock that spans one look-up of a key and the launch that may follow. Its file is there
    /// while somebody holds it, or after its holder died. The entry of a key never begins with a
    /// dot.
    pub(crate) fn key_lock(&self, key: &str) -> PathBuf {
        let name = percent_encoded_within(key, MAX_FILE_NAME - 1 - KEY_LOCK.len());
        self.keys().join(format!(".{name}{KEY_LOCK}"))
    }

    /// The entry of a task's name: which task has it.
    pub(crate) fn name(&self, name: &TaskName) -> PathBuf {
        self.names().join(percent_encoded(name.as_str()))
    }

    /// The folder of the names of tasks.
    pub(crate) fn names(&self) -> PathBuf {
        self.root().join(".names")
    }

    /// The file whose presence means that nobody is admitted.
    pub(crate) fn queue_pause(&self) -> PathBuf {
        self.queue().join(".paused")
    }

    /// The symbolic link that says how many tasks of this store may run at once. It leads nowhere.
    pub(crate) fn queue_limit(&self) -> PathBuf {
        self.queue().join(".limit")
    }

    /// The lock under which queued tasks are admitted.
    pub(crate) fn gate(&self) -> PathBuf {
        self.locks().join("gate")
    }

    /// Where the worktree of a task is made: beside the store, so that nobody who goes through the
    /// store's files meets a whole repository.
    pub fn worktree(&self, id: &TaskId) -> PathBuf {
        self.worktrees().join(id.as_str())
    }

    fn worktrees(&self) -> PathBuf {
        self.beside().join("worktrees")
    }

    /// The note of a worktree that is being made for a task without a record.
    pub(crate) fn beginning(&self, id: &TaskId) -> PathBuf {
        self.beginnings().join(id.as_str())
    }

    /// The folder of these notes. It is in the store: another one may have its worktrees in the same folder.
    pub(crate) fn beginnings(&self) -> PathBuf {
        self.root().join(".begun")
    }

    /// The folder with the names of other machines.
    pub(crate) fn hosts(&self) -> PathBuf {
        self.root().join(".hosts")
    }

    /// The name of another machine.
    pub(crate) fn host(&self, host: &str) -> PathBuf {
        self.hosts().join(host)
    }

    /// The settings that hold for this store.
    pub fn settings(&self) -> PathBuf {
        self.beside().join("task-bg.toml")
    }

    /// The folder that the store's own folder is in.
    fn beside(&self) -> &Path {
        self.root().parent().unwrap_or(self.root())
    }

    /// The lock that spans one change of a task's record. It is shared by all tasks of its shard,
    /// and never deleted.
    pub fn shard(&self, id: &TaskId) -> PathBuf {
        self.shard_of(id.as_str())
    }

    /// The index entry of a session: which tasks work in it. `None` if its name is too long for a
    /// file; such a session is found by looking.
    pub fn session(&self, session: &SessionId) -> Option<PathBuf> {
        let name = percent_encoded(session.as_str());
        (name.len() <= MAX_FILE_NAME).then(|| self.sessions().join(name))
    }

    /// The lock that spans one change of a session's index entry.
    pub(crate) fn session_shard(&self, session: &SessionId) -> PathBuf {
        self.shard_of(session.as_str())
    }

    /// The folder of the session index.
    pub(crate) fn sessions(&self) -> PathBuf {
        self.root().join(".sessions")
    }

    /// The file that says which records were seen, beside the session index. No session has that name: in
    /// an entry of the index a dot is encoded.
    pub(crate) fn seen(&self) -> PathBuf {
        self.sessions().join(".seen")
    }

    /// The file of the outlines of ended tasks, beside the session index as well.
    pub(crate) fn outlines(&self) -> PathBuf {
        self.sessions().join(".outlines")
    }

    /// Which tasks the rule that removes ended ones looked at last.
    pub(crate) fn round(&self) -> PathBuf {
        self.sessions().join(".round")
    }

    /// The folder of the bells of those that wait.
    pub(crate) fn waiters(&self) -> PathBuf {
        self.root().join(".waiters")
    }

    /// The bell of this name; one that is being hung has the name of a [`temp`](Self::temp).
    pub(crate) fn bell(&self, name: &OsStr) -> PathBuf {
        self.waiters().join(name)
    }

    /// The entry called `name` of a folder that was listed.
    pub(crate) fn entry(folder: &Path, name: &OsStr) -> PathBuf {
        folder.join(name)
    }

    /// The folder of what parents have not been told yet.
    pub(crate) fn notices(&self) -> PathBuf {
        self.root().join(".notices")
    }

    /// The folder of what `parent` has not been told yet.
    pub(crate) fn notices_of(&self, parent: &SessionId) -> PathBuf {
        self.notices().join(percent_encoded_within(parent.as_str(), MAX_FILE_NAME))
    }

    /// The folder of what was collected of tasks that no session launched, by the word that stands for none.
    pub(crate) fn notices_of_none(&self) -> PathBuf {
        self.notices().join(NO_PARENT)
    }

    /// The file in such a folder that notes the task `id`, or a mark beside it.
    pub(crate) fn notice(folder: &Path, id: &TaskId, sign: NoticeSign) -> PathBuf {
        folder.join(format!("{id}{}", sign.ending()))
    }

    /// The lock that is held while `parent` is told something. Never deleted.
    pub(crate) fn notice_lock(&self, parent: &SessionId) -> PathBuf {
        self.locks().join(format!("notices-{:02}", fnv(parent.as_str()) % SHARDS))
    }

    pub(crate) fn locks(&self) -> PathBuf {
        self.root().join(".locks")
    }

    /// A name beside `target` for what will replace it: another one at each call. It begins with a
    /// dot, so it is no task's name, and does not end in `.json`.
    pub fn temp(&self, target: &Path) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = target.parent().unwrap_or(self.root());
        folder.join(format!(".{}-{number}{TEMP}", process::id()))
    }

    /// A name beside `path` for what is put aside from there.
    pub(crate) fn aside(path: &Path, number: u32) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!("{}{}-{number}", asides::ASIDE, name.trim_start_matches('.')))
    }

    fn shard_of(&self, name: &str) -> PathBuf {
        self.locks().join(format!("{:02}", fnv(name) % SHARDS))
    }
}

#[cfg(test)]
mod tests;
