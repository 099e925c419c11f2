//! Who builds paths of the store: `data_dir` and nobody else.
//!
//! The rule looks at the calls that make one path from another in shipped code of the file adapter. By the argument it
//! tells apart calls that join threads or strings.

use crate::tidy::source::Source;
use crate::tidy::{Finding, Tree, excepted};

/// The files that may build paths, by how their path begins, and why.
const BUILDERS: &[(&str, &str)] = &[
    ("adapters-fs/src/data_dir.rs", "it is the one builder of paths of the store"),
    ("adapters-fs/src/data_dir/jobs.rs", "it is the part of that builder for tasks of clusters"),
    ("adapters-fs/src/data_dir/logs.rs", "it is the part of that builder for logs"),
    ("adapters-fs/src/droids/places.rs", "it is the one builder of paths of droid's own folders"),
    ("adapters-fs/src/factory_dir.rs", "it is the one builder of paths of agents' settings"),
];

/// The calls that make a path from a path.
const CALLS: &[&str] =
    &[".join(", ".with_extension(", ".with_file_name(", ".set_extension(", ".set_file_name("];

/// Finds paths that are built elsewhere.
pub(crate) fn paths(tree: &Tree<'_>) -> Vec<Finding> {
    let sources = tree.of(&["adapters-fs"]).filter(|source| !excepted(BUILDERS, source.path()));
    sources.flat_map(built).collect()
}

/// The exceptions that excuse nothing.
#[cfg(test)]
pub(super) fn idle(tree: &Tree<'_>) -> Vec<String> {
    super::idle(BUILDERS, tree, built)
}

fn built(source: &Source) -> Vec<Finding> {
    let calls = CALLS.iter().flat_map(|call| {
        let after = source.shipped(call).map(|at| (at, at + call.len()));
        after.filter(|(_, argument)| !joins_something_else(source, *argument))
    });
    let words = "a path is built outside `data_dir`: add a function there and call it";
    calls.map(|(at, _)| source.finding(at, words)).collect()
}

/// Whether the argument is none, or a literal that separates and so cannot be part of a path.
fn joins_something_else(source: &Source, argument: usize) -> bool {
    if source.code()[argument..].starts_with(')') {
        return true;
    }
    let literal = source.literals().iter().find(|literal| literal.quote == argument);
    let separates = |c: char| !c.is_alphanumeric() && c != '.';
    literal.is_some_and(|literal| literal.value.replace("\\n", "").chars().all(separates))
}

#[cfg(test)]
mod tests {
    use super::built;
    use crate::tidy::source::Source;

    fn lines(text: &str) -> Vec<usize> {
        let source = Source::new("adapters-fs/src/store.rs", text);
        built(&source).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_path_made_from_a_path_is_found() {
        let text =
            "a.join(b);\na.join(\"x.json\");\na.join(\".active\");\na.with_extension(\"out\");";
        assert_eq!(lines(text), [1, 2, 3, 4]);
    }

    #[test]
    fn threads_separators_comments_and_tests_are_not() {
        let text = "t.join();\nw.join(\", \");\nw.join(\"\\n\");\n// a.join(b)\n\
            #[cfg(test)]\nmod tests { fn f() { a.join(b) } }";
        assert!(lines(text).is_empty());
    }
}
