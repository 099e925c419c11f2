//! The file store of task-bg: records, locks, logs and transcripts, as plain files in one folder.
//!
//! Everything this program remembers is what is written here; there is no daemon and no database.
//! [`DataDir`] names every path, [`FileStore`] keeps the records, [`FileLifeLocks`] knows who is
//! alive, [`FileQueue`] who waits, [`FileKits`] keeps what the start of a task needs besides its
//! record, [`FileKeys`] which task has which key, [`FileLogs`] holds what agents wrote, [`FileNotices`] what parents were not told yet,
//! [`FileTranscripts`] reads what droid itself keeps of a session and [`FileDroids`] what defines its
//! named droids; [`hook_settings`] edits the one thing that is not ours, an agent's settings.
//! The crate never starts or signals a process, never prints, and never reads the environment (a
//! caller hands it the lookup); only times without a zone, which other programs wrote, are read in
//! the zone of the system.

pub mod data_dir;
mod disk;
pub mod droids;
pub mod env_file;
pub mod factory_dir;
mod fault;
pub mod hook_settings;
pub mod inspection;
pub mod keys;
pub mod kits;
pub mod life_lock;
pub mod logs;
pub mod notices;
pub mod queue;
mod record;
pub mod store;
pub mod transcript;

pub use data_dir::{DataDir, NoHome};
pub use droids::FileDroids;
pub use factory_dir::FactoryDir;
pub use keys::FileKeys;
pub use kits::FileKits;
pub use life_lock::{ClaimedLife, FileLifeLocks};
pub use logs::{AgentFiles, FileLogs};
pub use notices::FileNotices;
pub use queue::FileQueue;
pub use record::record_text;
pub use store::FileStore;
pub use transcript::FileTranscripts;
