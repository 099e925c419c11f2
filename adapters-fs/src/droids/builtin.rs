//! The droids that are part of the program: the text of `plugin/droids`, which is their only source.

macro_rules! ours {
    ($($stem:literal),* $(,)?) => {
        [$(($stem, include_str!(concat!("../../../plugin/droids/", $stem, ".md")))),*]
    };
}

/// The name and the text of each.
pub(super) const ALL: [(&str, &str); 11] = ours![
    "basic-searcher",
    "code-reviewer",
    "executor-high",
    "executor-low",
    "executor-med",
    "explorer",
    "hephaestus",
    "librarian",
    "oracle",
    "security-auditor",
    "test-engineer",
];
