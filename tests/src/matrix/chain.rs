//! Agents of several kinds in one batch: each is handed what the one before it found.

use std::fs;

use serde_json::{Value, json};

use super::agent::{Agent, Kind};

/// The agent that is here besides those of [`Kind`], and works where nothing else is said.
const DROID: &str = "droid";

/// Chains all these agents, after droid where it is here, and returns their names; a panic says what did not hold.
pub(super) fn play(kinds: &[&'static Kind]) -> Option<String> {
    let agent = Agent::among(kinds.first()?, kinds)?;
    let droid = Agent::droid_is_here().then_some((DROID, None));
    let others = kinds.iter().map(|kind| (kind.name, kind.model()));
    let links: Vec<_> = droid.into_iter().chain(others).collect();
    let mut plan = String::new();
    for (at, (name, model)) in links.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| links[at].0);
        let handed = before.map(|before| format!("Handed on: {{{{task:{before}.result}}}}.\n"));
        let mut line = json!({
            "name": name,
            "description": format!("the part of {name}"),
            "runner": name,
            "prompt": format!("{}{}SAY:found by {name}", part(name), handed.unwrap_or_default()),
            "after": before.into_iter().collect::<Vec<_>>(),
        });
        if let Some(model) = model {
            line["model"] = json!(model);
        }
        plan.push_str(&format!("{line}\n"));
    }
    fs::write(agent.sandbox().work().join("plan.jsonl"), plan).expect("a file in the sandbox");
    let asked = agent.asked_since(0).len();
    let answer = agent.sandbox().task_bg(["batch", "plan.jsonl"]).ok().json();
    let mut before: Option<&str> = None;
    for ((name, _), launched) in links.iter().zip(answer["launched"].as_array().expect("a list")) {
        let record = agent.ended(launched["taskId"].as_str().expect("an id"));
        assert_eq!(record["result"], Value::from(format!("found by {name}")), "{record}");
        if let Some(before) = before {
            let handed = format!("Handed on: found by {before}.");
            let is_told =
                |asked: &String| asked.contains(part(name).trim()) && asked.contains(&handed);
            let is_told = agent.asked_since(asked).iter().any(is_told);
            assert!(is_told, "the model of {name} was not shown what {before} found");
        }
        before = Some(name);
    }
    Some(links.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))
}

/// The words by which the requests for one of them are known.
fn part(name: &str) -> String {
    format!("This is the part of {name}.\n")
}
