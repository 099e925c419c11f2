//! What reads the event streams of agents, as a function of bytes, for fuzzers: it holds what the reader promises.
//!
//! It is there only with the feature `fuzzing`, which the folder `fuzz` and the tests of the whole program ask for.

use std::fs::File;
use std::io::Write as _;

use domain::port::{Agent, Agents as _};
use domain::run::AgentEvent;
use rustix::fs::MemfdFlags;

use crate::agents::event_stream::EventStream;
use crate::agents::registry::{Programs, Registry};

/// The stream of the agent `name`: it says the same however it is cut into pieces. The first byte says where.
///
/// # Panics
/// When the reader breaks a promise, nobody knows the agent, or there is no file in memory.
pub fn events(name: &str, bytes: &[u8]) {
    let Some((cut, stream)) = bytes.split_first() else { return };
    let registry = Registry::new(&Programs::default());
    let agent = registry.all().into_iter().find(|agent| agent.name() == name);
    let agent = agent.expect("an agent of this name");
    let at = stream.len() * usize::from(*cut) / 256;
    let whole = followed(agent, &[stream]);
    let pieces = followed(agent, &[&stream[..at], &stream[at..]]);
    assert_eq!(whole, pieces, "cut at {at}");
}

/// What the agent said, with each piece followed as soon as it is there.
fn followed(agent: &dyn Agent, pieces: &[&[u8]]) -> Vec<AgentEvent> {
    let memory = rustix::fs::memfd_create("events", MemfdFlags::CLOEXEC).expect("a file");
    let mut file = File::from(memory);
    let mut stream = EventStream::from(file.try_clone().expect("a descriptor"), 0, agent);
    let mut events = Vec::new();
    for piece in pieces {
        file.write_all(piece).expect("written");
        while stream.advance(&mut |event| events.push(event)).expect("read") {}
    }
    stream.finish(&mut |event| events.push(event));
    events
}
