//! Kits in memory, for tests of use cases, in the folder of the life locks.
//!
//! Each operation is one step here and several on disk; the tests of the adapter cut those short.

use alloc::boxed::Box;
use async_trait::async_trait;

use super::memory_locks::{MemoryLocks, Shared, open};
use crate::port::{Environment, Fault, Further, Kit, Kits};
use crate::task::TaskId;
use crate::task::droid::Instructions;

/// The kits in a folder in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryKits {
    folder: Shared,
}

impl MemoryKits {
    /// The kits in the folder of these life locks.
    pub fn beside(locks: &MemoryLocks) -> Self {
        Self { folder: locks.folder.clone() }
    }
}

#[async_trait]
impl Kits for MemoryKits {
    async fn keep(&self, id: &TaskId, kit: &Kit) -> Result<(), Fault> {
        let mut folder = open(&self.folder);
        if let Some(instructions) = &kit.instructions {
            folder.instructed.insert(id.clone(), instructions.clone());
        }
        folder.kept.insert(id.clone(), kit.environment.clone());
        Ok(())
    }

    async fn make_durable(&self, _ids: &[TaskId]) -> Result<(), Fault> {
        // The power does not fail in memory.
        Ok(())
    }

    async fn instruct(&self, id: &TaskId, instructions: &Instructions) -> Result<(), Fault> {
        open(&self.folder).instructed.insert(id.clone(), instructions.clone());
        Ok(())
    }

    async fn kept(&self, id: &TaskId) -> Result<Environment, Fault> {
        let kept = open(&self.folder).kept.get(id).cloned();
        kept.ok_or_else(|| fault("reading the environment", "it is not there"))
    }

    async fn keeps(&self, id: &TaskId) -> Result<bool, Fault> {
        Ok(open(&self.folder).kept.contains_key(id))
    }

    async fn keep_for_next(&self, id: &TaskId, environment: &Environment) -> Result<(), Fault> {
        open(&self.folder).again.insert(id.clone(), environment.clone());
        Ok(())
    }

    async fn begin(&self, id: &TaskId, further: Further) -> Result<(), Fault> {
        let mut folder = open(&self.folder);
        match (folder.kept.remove(id), further) {
            (Some(environment), Further::KeepForNext) => {
                folder.again.insert(id.clone(), environment);
            }
            (Some(_), Further::Forget) | (None, _) => {}
        }
        Ok(())
    }

    async fn pass_on(&self, from: &TaskId, to: &TaskId) -> Result<(), Fault> {
        let mut folder = open(&self.folder);
        if let Some(instructions) = folder.instructed.get(from).cloned() {
            folder.instructed.entry(to.clone()).or_insert(instructions);
        }
        match folder.again.remove(from).or_else(|| folder.kept.remove(from)) {
            Some(environment) => {
                folder.kept.insert(to.clone(), environment);
            }
            None if folder.kept.contains_key(to) || folder.again.contains_key(to) => {}
            None => return Err(fault("passing on the environment", "no environment is kept")),
        }
        Ok(())
    }

    async fn forget(&self, id: &TaskId) -> Result<(), Fault> {
        open(&self.folder).forget(id);
        Ok(())
    }
}

fn fault(step: &str, reason: &str) -> Fault {
    Fault::of(step, reason)
}
