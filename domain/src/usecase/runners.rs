//! Which agent an order is for, and whether that agent can be held to the order. Starts nothing.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::port::{Agent, Agents, Circumstances, Objection};
use crate::task::near::near;
use crate::task::{Autonomy, Order, Runner};

/// Why a name means no agent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no runner named `{name}`")]
pub struct NoRunner {
    /// The name.
    pub name: String,
    /// Names like it, nearest first.
    pub near: Vec<String>,
}

/// The agent that `name` means.
///
/// # Errors
/// [`NoRunner`] if no agent has the name.
pub fn choose<'a>(agents: &'a dyn Agents, name: &str) -> Result<&'a dyn Agent, NoRunner> {
    let all = agents.all();
    if let Some(agent) = all.iter().find(|agent| agent.name() == name) {
        return Ok(*agent);
    }
    let near = near(name, all.iter().map(|agent| agent.name())).into_iter().map(ToOwned::to_owned);
    Err(NoRunner { name: name.to_owned(), near: near.collect() })
}

/// The levels of autonomy that `agent` can be held to here, and why not to the others, each reason once.
pub fn levels(agent: &dyn Agent, around: &Circumstances<'_>) -> (Vec<Autonomy>, Vec<Objection>) {
    let (mut levels, mut objections) = (Vec::new(), Vec::new());
    for level in agent.abilities().levels {
        match agent.objection(*level, around) {
            None => levels.push(*level),
            Some(objection) if objections.contains(&objection) => {}
            Some(objection) => objections.push(objection),
        }
    }
    (levels, objections)
}

/// Checks that `agent` can be held to what the order gives it.
///
/// # Errors
/// [`Objection`] if it cannot.
pub fn check(
    agent: &dyn Agent,
    order: &Order,
    around: &Circumstances<'_>,
) -> Result<(), Objection> {
    let Runner::Agent { name, autonomy } = &order.runner else { return Ok(()) };
    let levels = agent.abilities().levels;
    if !levels.contains(autonomy) {
        let words: Vec<&str> = levels.iter().map(|level| level.word()).collect();
        return Err(Objection {
            words: format!("{name} cannot be held to the autonomy `{}`", autonomy.word()),
            hint: format!("give it one of {}", words.join(", ")),
        });
    }
    agent.objection(*autonomy, around).map_or(Ok(()), Err)
}
