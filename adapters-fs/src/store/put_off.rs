//! Reports that came while somebody else held the lock of a record for too long, in files beside the records.
//!
//! A hook has two seconds. Where it cannot record in these what a subagent found, it leaves that here, without a lock,
//! and whoever looks at the task next records it. Nothing here changes a record.

use domain::port::StoreError;
use domain::task::{Report, TaskId};
use serde::{Deserialize, Serialize};

use super::FileStore;
use crate::disk::{self, Found};

/// What the file says.
#[derive(Serialize, Deserialize)]
struct Content {
    result: String,
    error: Option<String>,
}

impl FileStore {
    pub(super) fn keep_report(&self, id: &TaskId, report: &Report) -> Result<(), StoreError> {
        let path = self.dir.report(id);
        let content = Content { result: report.result.clone(), error: report.error.clone() };
        let kept = serde_json::to_vec(&content).map_err(Into::into).and_then(|content| {
            let write = |temp: &std::path::Path| self.disk.write_new(temp, &content);
            let temp = disk::prepared(&self.dir, || disk::unnamed(&self.dir, &path, write))?;
            self.disk.rename(&temp, &path).map(drop).inspect_err(|_| {
                self.disk.remove(&temp).unwrap_or_default();
            })
        });
        kept.map_err(|error| self.failed("writing", &path, &error))
    }

    pub(super) fn kept_report(&self, id: &TaskId) -> Option<Report> {
        let Ok(Found::Plain(content)) = self.disk.read(&self.dir.report(id)) else { return None };
        let Content { result, error } = serde_json::from_slice(&content).ok()?;
        Some(Report { result, error })
    }
}
