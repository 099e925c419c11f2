//! What is done about an event, with the concrete adapters.

use adapters_fs::{DataDir, FileLifeLocks, FileStore, FileTranscripts};
use adapters_process::TASK_ID_VARIABLE;
use adapters_process::clock::SystemClock;
use domain::task::TaskId;
use domain::usecase::Trouble;
use domain::usecase::subagent_stop::{Stopped, from_inside, from_outside};

use crate::input::{Event, Kind};

/// Does what the event calls for.
pub(crate) async fn act(event: Event) -> Result<(), Trouble> {
    let lookup = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let Ok(dir) = DataDir::locate(&lookup) else { return Ok(()) };
    match event.kind {
        Kind::Other => Ok(()),
        Kind::SubagentStop => {
            let store = FileStore::open(dir.clone());
            let inside = lookup(TASK_ID_VARIABLE).and_then(|id| TaskId::parse(id.to_str()?).ok());
            if let Some(id) = inside {
                return from_inside(&store, &SystemClock, &id).await;
            }
            let stopped = Stopped {
                session: event.session,
                transcript: event.transcript,
                result: event.result,
                error: event.error,
            };
            let locks = FileLifeLocks::new(dir);
            from_outside(&store, &locks, &FileTranscripts, &SystemClock, stopped).await?;
            Ok(())
        }
    }
}
