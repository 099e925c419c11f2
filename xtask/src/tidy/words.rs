//! Words of the wire, and the files that own a wire.
//!
//! A state's name in a string anywhere else means that a wire format has leaked into a rule. Comments and tests are free
//! to use the words.

use crate::tidy::source::Source;
use crate::tidy::{Finding, SHIPPED, Tree, excepted};

/// Strings that are a word of the wire when they stand alone.
const WORDS: &[&str] = &["error", "status", "completed", "cancelled", "queued", "running"];

/// The files that own a wire, by how their path begins, and which.
const OWNERS: &[(&str, &str)] = &[
    (
        "domain/src/task/state.rs",
        "the names of the states, for people and for whoever encodes them",
    ),
    ("adapters-fs/src/record", "the record"),
    ("adapters-process/src/slurm", "the options and the words of Slurm's programs"),
    ("adapters-process/src/git", "the words that git is told"),
    ("adapters-process/src/agents", "what agents print"),
    ("adapters-process/src/remote/wire.rs", "what is said to other machines, and their answers"),
    ("app-cli/src/kit/failure", "the answer to a failure"),
    ("app-cli/src/cli/command/doctor/ssh.rs", "the answers of another machine's doctor"),
    ("app-cli/src/cli/help", "the help of the verb of that name"),
    ("app-cli/src/cli/view", "the answers"),
    (
        "app-cli/src/cli/command/elsewhere/changing.rs",
        "a report for another machine, and its answer",
    ),
    ("app-cli/src/cli/command/elsewhere/relaying.rs", "the answers of other machines"),
    ("app-cli/src/mcp/open_wait.rs", "the tasks of the Model Context Protocol"),
];

/// Finds words of the wire where no wire is.
pub(crate) fn wire_words(tree: &Tree<'_>) -> Vec<Finding> {
    let sources = tree.of(SHIPPED).filter(|source| !excepted(OWNERS, source.path()));
    sources.flat_map(leaked).collect()
}

/// The exceptions that excuse nothing.
#[cfg(test)]
pub(super) fn idle(tree: &Tree<'_>) -> Vec<String> {
    super::idle(OWNERS, tree, leaked)
}

fn leaked(source: &Source) -> Vec<Finding> {
    let literals = source.literals().iter().filter(|literal| source.is_shipped(literal.quote));
    let words = literals.filter(|literal| WORDS.contains(&literal.value.as_str()));
    words
        .map(|literal| {
            let words = format!(
                "the wire word {:?} outside the files that own a wire: match on the type, \
                 and let the record or the view spell it",
                literal.value
            );
            source.finding(literal.quote, words)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::leaked;
    use crate::tidy::source::Source;

    #[test]
    fn a_word_alone_in_a_string_is_found_and_others_are_not() {
        let text = "f(\"running\"); // \"queued\"\nf(\"it is running\");\n\
            #[cfg(test)]\nmod tests { const X: &str = \"error\"; }";
        let findings = leaked(&Source::new("app-hook/src/subagent.rs", text));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().starts_with("app-hook/src/subagent.rs:1: the wire word"));
    }
}
