//! Who knows one agent from another: the adapters below `agents/`, and nobody else.
//!
//! The rule looks at shipped code for an agent's name that stands alone in a string, and for the default name. The two
//! tables list the files that have to spell a name all the same; but no file outside the adapters decides anything by
//! one, neither in a pattern nor in a comparison. Comments, tests and names within longer texts are free.

use crate::tidy::source::{Literal, Source};
use crate::tidy::{Finding, SHIPPED, Tree, excepted};

/// The agents that there are adapters for, or will be.
const NAMES: &[&str] = &["droid", "claude", "codex", "gemini", "opencode"];

/// Where the adapters are.
const ADAPTERS: &str = "adapters-process/src/agents";

/// The files that may spell a name, by how their path begins, and why.
const SPELLERS: &[(&str, &str)] = &[
    ("domain/src/task/agent_name.rs", "the name of the agent that is meant where none is named"),
    ("adapters-fs/src/factory_dir.rs", "the folder that has the name of its agent"),
    ("adapters-fs/src/record.rs", "the key of a named droid's definition in a record"),
    ("app-cli/src/kit/settings/table.rs", "the setting that says which program droid is"),
    ("app-cli/src/cli/command/batch/line.rs", "the field for the name of a droid"),
    ("app-cli/src/cli/completing.rs", "the option that names a droid"),
    ("adapters-process/src/remote/wire.rs", "the field for the name of a droid"),
    ("app-cli/src/cli/command/config.rs", "the same setting, shown"),
    ("app-cli/src/cli/view/report.rs", "the column of named droids"),
    ("app-cli/src/cli/view/status.rs", "the column of named droids"),
];

/// Files that may do what others may not, by how their path begins, each with the reason.
type Allowed = &'static [(&'static str, &'static str)];

/// What gives the default name.
const DEFAULT: &str = "AgentName::droid()";

/// The files that may ask for the default name, by how their path begins, and why.
const DEFAULTERS: &[(&str, &str)] =
    &[("app-cli/src/kit/settings.rs", "an order that names no agent is for this one")];

/// Finds places outside the adapters that know one agent from another.
pub(crate) fn agents(tree: &Tree<'_>) -> Vec<Finding> {
    let sources = tree.of(SHIPPED).filter(|source| !source.path().starts_with(ADAPTERS));
    let both = |source| [spelled(source, SPELLERS), defaulted(source, DEFAULTERS)].concat();
    sources.flat_map(both).collect()
}

/// The exceptions that excuse nothing.
#[cfg(test)]
pub(super) fn idle(tree: &Tree<'_>) -> Vec<String> {
    let spellers = super::idle(SPELLERS, tree, |source| spelled(source, &[]));
    [spellers, super::idle(DEFAULTERS, tree, |source| defaulted(source, &[]))].concat()
}

fn spelled(source: &Source, allowed: Allowed) -> Vec<Finding> {
    let is_name = |literal: &&Literal| {
        source.is_shipped(literal.quote) && NAMES.contains(&literal.value.as_str())
    };
    let found = source.literals().iter().filter(is_name).filter_map(|literal| {
        let name = &literal.value;
        let end = literal.quote + name.len() + 2;
        place(source, literal.quote, end, allowed, &format!("the agent's name {name:?}"))
    });
    found.collect()
}

fn defaulted(source: &Source, allowed: Allowed) -> Vec<Finding> {
    let found = source.shipped(DEFAULT).filter_map(|at| {
        place(source, at, at + DEFAULT.len(), allowed, &format!("the default name `{DEFAULT}`"))
    });
    found.collect()
}

/// The finding about `what`, which stands between two offsets; `None` where it may stand there.
fn place(
    source: &Source,
    start: usize,
    end: usize,
    allowed: Allowed,
    what: &str,
) -> Option<Finding> {
    if decides(source.code(), start, end) {
        let words = format!("{what} decides something: ask the agent through its port");
        return Some(source.finding(start, words));
    }
    if excepted(allowed, source.path()) {
        return None;
    }
    let words = format!(
        "{what} outside `{ADAPTERS}`: let the agent's adapter say what is special about it, \
         or give the file its line and its reason in `xtask/src/tidy/agents.rs`"
    );
    Some(source.finding(start, words))
}

/// Whether what stands between the two offsets is part of a pattern or of a comparison.
fn decides(code: &str, start: usize, end: usize) -> bool {
    let before = &code[..start];
    let statement = before.rfind([';', '{', '}']).map_or(before, |at| &before[at..]);
    let compared = |text: &str| ["==", "!="].iter().any(|sign| text.ends_with(sign));
    let after = code[end..].trim_start_matches(|c: char| c == ')' || c.is_whitespace());
    compared(before.trim_end_matches(|c: char| c == '&' || c.is_whitespace()))
        || statement.contains("matches!(")
        || statement.contains(" let ") && after.starts_with('=')
        || ["=>", "==", "!=", "| "].iter().any(|sign| after.starts_with(sign))
}

#[cfg(test)]
mod tests {
    use super::{DEFAULTERS, SPELLERS, defaulted, spelled};
    use crate::tidy::source::Source;

    fn found(path: &str, text: &str) -> Vec<String> {
        let source = Source::new(path, text);
        [spelled(&source, SPELLERS), defaulted(&source, DEFAULTERS)]
            .concat()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_name_alone_in_a_string_is_found_and_others_are_not() {
        let text = "f(\"codex\"); // \"codex\"\nf(\"droid is gone\");\n\
            #[cfg(test)]\nmod tests { const X: &str = \"claude\"; }";
        let findings = found("app-cli/src/cli/command/wait.rs", text);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains("wait.rs:1: the agent's name \"codex\" outside"));
        assert_eq!(found("domain/src/run/ending.rs", "let name = AgentName::droid();").len(), 1);
    }

    #[test]
    fn a_file_with_a_reason_may_spell_a_name_and_not_decide_by_it() {
        let path = "app-cli/src/cli/view/status.rs";
        assert!(found(path, "row(\"droid\", name)").is_empty());
        for text in [
            "match name { \"droid\" => 1, _ => 2 }",
            "match name { \"droid\" | \"other\" => 1, _ => 2 }",
            "match name { Some(\"droid\") => 1, _ => 2 }",
            "f(name == \"droid\")",
            "f(\"droid\" != name)",
            "f(matches!(name, Some(\"droid\")))",
            "f() && let Some(\"droid\") = name",
        ] {
            let findings = found(path, text);
            assert!(findings.len() == 1 && findings[0].contains("decides something"), "{text}");
        }
        let wiring = "app-cli/src/kit/settings.rs";
        assert!(found(wiring, "programs.with(&AgentName::droid(), program)").is_empty());
        assert_eq!(found(wiring, "if *name == AgentName::droid() {}").len(), 1);
    }
}
