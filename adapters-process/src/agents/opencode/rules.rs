//! What `OpenCode` may do, and how that is added to configuration of the user's.
//!
//! A rule of an agent counts before a rule for all agents, and of two rules the later counts. So the rules are
//! given for all agents, for the usual one, and for an agent of our own that no file knows, which works where a
//! level allows no commands. Nothing here reads a file.

use domain::task::{Autonomy, Order};
use serde_json::{Map, Value, json};

use super::TOOLS;
use crate::agents::tools;

/// The agent of our own: the usual one, with our rules alone.
pub(super) const AGENT: &str = "task-bg";

/// Whether the rules have to hold whatever the folder and the user have configured for the usual agent.
pub(super) fn are_strict(autonomy: Autonomy, order: &Order) -> bool {
    let restricted = order.briefing.as_ref().is_some_and(|given| given.tools.is_some());
    restricted || matches!(autonomy, Autonomy::None | Autonomy::Low)
}

/// What a level allows and denies. Below `high` nothing is allowed that the user's own rules forbid or ask for.
const fn of_level(autonomy: Autonomy) -> &'static [(&'static str, bool)] {
    match autonomy {
        Autonomy::None => &[
            ("edit", false),
            ("bash", false),
            ("webfetch", false),
            ("websearch", false),
            ("task", false),
            ("external_directory", false),
        ],
        // Another agent would work under rules of its own.
        Autonomy::Low => &[("bash", false), ("task", false), ("external_directory", false)],
        Autonomy::Medium => &[("external_directory", false)],
        Autonomy::High => &[("*", true)],
    }
}

/// Those of its droid's tools that it does not get on this level.
pub(super) fn withheld(autonomy: Autonomy, tools: &[String]) -> Vec<&str> {
    let denied = |name: &&str| of_level(autonomy).contains(&(*name, false));
    let is_withheld = |tool: &&str| {
        let known = TOOLS.iter().find(|(name, _)| name.eq_ignore_ascii_case(tool));
        known.is_some_and(|(_, theirs)| theirs.iter().all(denied))
    };
    tools.iter().map(String::as_str).filter(is_withheld).collect()
}

/// What it may do on a level, and with the tools that its droid is given.
pub(super) fn permissions(autonomy: Autonomy, order: &Order) -> Value {
    let level = of_level(autonomy);
    let word = |allowed: bool| Value::from(if allowed { "allow" } else { "deny" });
    let mut rules: Map<String, Value> =
        level.iter().map(|(tool, allowed)| ((*tool).to_owned(), word(*allowed))).collect();
    let tools = order.briefing.as_ref().and_then(|given| given.tools.as_deref());
    if let Some(tools) = tools {
        let (known, _) = tools::translated(tools, TOOLS);
        for tool in TOOLS.iter().flat_map(|(_, theirs)| *theirs) {
            if !known.contains(tool) {
                rules.insert((*tool).to_owned(), word(false));
            }
        }
    }
    Value::Object(rules)
}

/// The configuration that carries these rules, and names a file with instructions.
pub(super) fn configuration(permissions: &Value, instructions: Option<&str>) -> Value {
    let mut agents = json!({ "build": { "permission": permissions } });
    agents[AGENT] = json!({ "mode": "primary", "permission": permissions });
    let mut config = json!({ "agent": agents });
    if let Some(file) = instructions {
        config["instructions"] = json!([file]);
    }
    config
}

/// Theirs with ours added: objects are merged and lists are joined, and otherwise ours counts. What is ours comes
/// last, because of two rules the later counts.
pub(super) fn merged(theirs: Value, ours: Value) -> Value {
    match (theirs, ours) {
        (Value::Object(mut theirs), Value::Object(ours)) => {
            for (key, value) in ours {
                let value = match theirs.shift_remove(&key) {
                    Some(old) => merged(old, value),
                    None => value,
                };
                theirs.insert(key, value);
            }
            Value::Object(theirs)
        }
        (Value::Array(mut theirs), Value::Array(ours)) => {
            theirs.extend(ours);
            Value::Array(theirs)
        }
        (_, ours) => ours,
    }
}

/// The object that a variable of the user's holds; `None` where it holds none.
pub(super) fn object(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}
