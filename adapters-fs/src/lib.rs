//! The file store of task-bg: records, locks, logs and transcripts, as plain files in one folder.
//!
//! Everything this program remembers is what is written here; there is no daemon and no database.
//! [`DataDir`] names every path, [`FileStore`] keeps the records, [`FileLifeLocks`] knows who is
//! alive, [`FileLogs`] holds what agents wrote, [`FileNotices`] what parents were not told yet,
//! [`FileTranscripts`] reads what droid itself keeps of a session and [`FileDroids`] what defines its
//! named droids.
//! The crate never starts or signals a process, never prints, and never reads the environment (a
//! caller hands it the lookup); only times without a zone, which other programs wrote, are read in
//! the zone of the system.

pub mod data_dir;
mod disk;
pub mod droids;
pub mod env_file;
mod fault;
pub mod life_lock;
pub mod logs;
pub mod notices;
mod record;
pub mod store;
pub mod transcript;

pub use data_dir::{DataDir, NoHome};
pub use droids::FileDroids;
pub use life_lock::{ClaimedLife, FileLifeLocks};
pub use logs::{AgentFiles, FileLogs};
pub use notices::FileNotices;
pub use record::record_text;
pub use store::FileStore;
pub use transcript::FileTranscripts;
