//! The file store of task-bg: records, locks, logs and transcripts, as plain files in one folder.
//!
//! Everything that task-bg remembers is in these files; there is no daemon and no database. [`DataDir`] names every
//! path. [`FileStore`] keeps the records, [`FileLifeLocks`] knows who looks after a task, [`FileQueue`] keeps the order
//! of those that wait, [`FileKits`] what a task starts with, [`FileKeys`] which task has which key, [`FileLogs`] what
//! agents wrote, and [`FileNotices`] what parents were not told yet. [`FileTranscripts`] reads what droid itself keeps
//! of a session, [`FileDroids`] finds the definitions of named droids, and [`hook_settings`] and [`mcp_settings`] edit
//! the settings of an agent.
//!
//! The crate never starts or signals a process and never prints. It reads no environment variable either: a caller
//! hands it the lookup. Only for times without a zone, which other programs wrote, it reads the zone of the system.

pub mod beginnings;
mod bell;
pub mod callers;
pub mod data_dir;
mod disk;
pub mod droids;
pub mod effect;
pub mod env_file;
pub mod factory_dir;
mod fault;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod hook_settings;
pub mod hosts;
pub mod inspection;
pub mod job_files;
pub mod keys;
pub mod kits;
pub mod life_lock;
mod lock_holder;
pub mod logs;
pub mod mcp_settings;
pub mod notices;
mod plain_file;
pub mod queue;
mod record;
pub mod store;
pub mod transcript;
pub mod versions;

pub use beginnings::{Beginning, FileBeginnings};
pub use callers::FileCallers;
pub use data_dir::{DataDir, NoHome, Unfit};
pub use droids::FileDroids;
pub use factory_dir::FactoryDir;
pub use fault::cause_of;
pub use hosts::FileHosts;
pub use job_files::FileJobs;
pub use keys::FileKeys;
pub use kits::FileKits;
pub use life_lock::{ClaimedLife, FileLifeLocks};
pub use logs::{AgentFiles, FileLogs};
pub use notices::FileNotices;
pub use plain_file::{open_plain, text_of};
pub use queue::{FileQueue, limit_of};
pub use record::{record_members, record_part, record_text, task_of};
pub use store::FileStore;
pub use transcript::FileTranscripts;
pub use versions::FileVersions;
