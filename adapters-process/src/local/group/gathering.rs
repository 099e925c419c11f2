//! Putting an agent into the group of its task after it was started.
//!
//! The agent works meanwhile, so what it has started by then is looked for below the supervisor, which inherits its orphans, and is
//! put into the group as well; what it starts from then on is born there. Nothing is left outside once looks find nobody
//! there: a process outside is a child of one outside, of the agent, or of the supervisor. Where looks go on finding somebody,
//! the group is not marked, and so proves nothing.

use std::collections::BTreeSet;
use std::io;

use domain::task::TaskId;

use super::{Group, MODES, PROCS, tell};
use crate::local::freezing::children_of;
use crate::local::identity::Stat;
use crate::local::proc_file;
use crate::local::tree::Allegiance;

/// How often what the agent has started is looked for.
const MOST_LOOKS: u32 = 64;
/// How many looks in a row have to find nobody outside, where the agent has started anything.
const QUIET_LOOKS: u32 = 2;

impl Group {
    /// Puts the agent and all that it has started into this group. Afterwards the group is whole, or is not marked so. To be
    /// called by the agent's supervisor.
    pub(in crate::local) fn gather(&self, agent: u32, id: &TaskId) {
        let is_in = self.take_in(agent).is_ok();
        // What an agent has left that is over by now is outside.
        let is_over = || !Stat::of(agent).is_some_and(|stat| stat.lives());
        if (is_in && is_alone(agent)) || ((is_in || is_over()) && self.take_in_below(id)) {
            self.set_mode(MODES.1).unwrap_or_default();
        }
    }

    /// Puts one process into this group.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn take_in(&self, pid: u32) -> io::Result<()> {
        tell(&self.folder.join(PROCS), &pid.to_string())
    }

    /// Puts what the agent has started into this group; whether all of it is there.
    fn take_in_below(&self, id: &TaskId) -> bool {
        let mut quiet = 0;
        for _ in 0..MOST_LOOKS {
            let Some(outside) = self.outside(id) else { return false };
            quiet = if outside.is_empty() { quiet + 1 } else { 0 };
            if quiet == QUIET_LOOKS {
                return true;
            }
            for pid in outside {
                // One that is gone was found by this look, and so there is another.
                self.take_in(pid).unwrap_or_default();
                // The supervisor of another task that had not said so before.
                if Allegiance::of(pid).is_to_another(id) {
                    self.put_beside(pid);
                }
            }
        }
        false
    }

    /// The processes of the task that are not in this group. `None` if nobody can tell.
    fn outside(&self, id: &TaskId) -> Option<Vec<u32>> {
        let members: BTreeSet<u32> = self.members().into_iter().collect();
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        let mut next = children_of(std::process::id())?;
        while let Some(pid) = next.pop() {
            if !seen.insert(pid) || Allegiance::of(pid).is_to_another(id) {
                continue;
            }
            // A zombie is in no group, and has handed on its children.
            if !Stat::of(pid).is_some_and(|stat| stat.lives()) {
                continue;
            }
            if !members.contains(&pid) {
                found.push(pid);
            }
            next.extend(children_of(pid).unwrap_or_default());
        }
        Some(found)
    }
}

/// Whether the calling process has no child but the agent, or nobody can tell.
pub(in crate::local) fn has_one_child(agent: u32) -> bool {
    own_children().is_none_or(|children| children == [agent])
}

/// Whether the agent is the only process below this one. The agent's children are looked at first: those of one that ends
/// between both looks are this process's by the second.
fn is_alone(agent: u32) -> bool {
    children_of(agent).is_some_and(|below| below.is_empty()) && own_children() == Some(vec![agent])
}

/// The children of the calling process, which has no thread but this.
fn own_children() -> Option<Vec<u32>> {
    let text = proc_file::text("/proc/thread-self/children").ok()?;
    Some(text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect())
}
