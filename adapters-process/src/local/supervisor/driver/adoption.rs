//! Taking over a task whose supervisor was killed while its agent worked.
//!
//! The machine is the one of every supervisor. It is told what the agent has said so far, and how long it has worked; from
//! then on it is driven as any other. Of the agent's exit nothing is known but that it came. Starts no process.

use domain::run::machine::{Charge, Input, Machine, Output, Recorded};
use domain::task::{Event, ProcessId};
use domain::usecase::autopsy::append_missing;

use super::{Driver, Following, LOOKS, moment};
use crate::agents::event_log;
use crate::local::group::Group;
use crate::local::identity;

impl Driver<'_> {
    /// Goes on where the supervisor before was killed, and records that this process, `own`, supervises the task.
    pub(in super::super) async fn take_over(&mut self, own: ProcessId) {
        // It may rest since its supervisor was killed.
        self.agent.group.iter().for_each(Group::go_on);
        let charge = Charge::of(self.held.task.order());
        let worked = identity::age(&self.agent.process);
        self.machine = Machine::new(charge, moment(self.post)).after(worked);
        let mut events = Vec::new();
        self.stream = self.agent.decoder.and_then(|adapter| {
            let file = self.post.files.events_reader.try_clone().ok()?;
            let stream = event_log::so_far(file, adapter, &mut |event| events.push(event)).ok()?;
            Some(Following { stream, pause: LOOKS.0 })
        });
        let mut said = Vec::new();
        for event in events {
            let outputs = self.machine.step(moment(self.post), Input::Said(event));
            said.extend(outputs.into_iter().filter_map(|output| match output {
                Output::Show(text) => Some(text),
                Output::Apply(_) | Output::Stop { .. } | Output::SleepUntil(_) | Output::Done => {
                    None
                }
            }));
        }
        append_missing(self.post.world, self.id(), &said).await;
        (self.heartbeat.ticks, self.heartbeat.written) = (self.ticks(), self.written());
        self.adopted = Some(own);
        self.record_adoption().await;
    }

    /// Records that this process supervises the task, if that is not recorded yet. Whoever holds the life lock of a
    /// running task is its supervisor, whatever the record says.
    pub(super) async fn record_adoption(&mut self) {
        let Some(supervisor) = self.adopted.take() else { return };
        let event = Event::Adopted { supervisor: supervisor.clone() };
        if self.apply(event).await == Recorded::Failed {
            self.adopted = Some(supervisor);
        }
    }
}
