//! Taking over a task whose supervisor was killed while its agent worked.
//!
//! The machine is the one of every supervisor. It is told what the agent has said so far, and how long it has worked; from
//! then on it is driven as any other. Of the agent's exit nothing is known but that it came. Starts no process.

use std::time::{Duration, Instant};

use domain::run::machine::{Charge, Input, Machine, Output, Recorded};
use domain::task::{Event, ProcessId};
use domain::usecase::autopsy::append_missing;

use super::super::haste;
use super::{Driver, Following, LOOKS, moment};
use crate::agents::event_log;
use crate::local::identity;

/// The pause before it is tried again to record that a task is taken over: whoever holds the lock may be a process of the
/// task itself, and has to run to let go of it.
const AGAIN: Duration = Duration::from_secs(2);

impl Driver<'_> {
    /// Goes on where the supervisor before was killed, and records that this process, `own`, supervises the task.
    pub(in super::super) async fn take_over(&mut self, own: ProcessId) {
        haste::calm(&self.agent.process);
        // What is done here may wait for a lock of the store, and nobody looks at the logs meanwhile.
        self.rest_until_first_look();
        self.keep_bound_early();
        self.lookout = self.look_out_for_found();
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
        self.adopted = Some((own, Instant::now()));
        self.record_adoption().await;
    }

    /// Records that this process supervises the task, if that is not recorded yet. Whoever holds the life lock of a
    /// running task is its supervisor, whatever the record says.
    pub(super) async fn record_adoption(&mut self) {
        let Some((supervisor, _)) = self.adopted.take_if(|(_, next)| *next <= Instant::now())
        else {
            return;
        };
        let event = Event::Adopted { supervisor: supervisor.clone() };
        if self.apply(event).await == Recorded::Failed {
            self.adopted = Some((supervisor, Instant::now() + AGAIN));
        }
    }
}
