//! Names and sizes of files, and the test files that nobody runs.
//!
//! The rule looks only at paths and at module lists.

use crate::tidy::source::Source;
use crate::tidy::{Finding, Tree};

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"];

/// A reader can hold a file of this many lines in one sitting.
const LINES: usize = 400;

/// Finds files and folders that are named for nothing, and `mod.rs`.
pub(crate) fn names(tree: &Tree<'_>) -> Vec<Finding> {
    tree.sources.iter().filter_map(badly_named).collect()
}

fn badly_named(source: &Source) -> Option<Finding> {
    let path = source.path().trim_end_matches(".rs");
    if path.ends_with("/mod") {
        let words = "a `mod.rs`: name the file after its module, beside the folder";
        return Some(source.finding(0, words));
    }
    let name = path.split('/').find(|part| EMPTY_NAMES.contains(part))?;
    let words = format!("`{name}` says nothing about what is inside: name it after what it does");
    Some(source.finding(0, words))
}

/// Finds files that are too long for one sitting. These are warnings.
pub(crate) fn long_files(tree: &Tree<'_>) -> Vec<Finding> {
    let lines = tree.sources.iter().map(|source| (source, source.text().lines().count()));
    let long = lines.filter(|(_, lines)| *lines > LINES);
    let words = |lines| format!("{lines} lines: find the second thing in it and give it a file");
    long.map(|(source, lines)| source.finding(0, words(lines))).collect()
}

/// Finds test files of the boundary that its main file does not declare, and which therefore never run.
pub(crate) fn boundary_tests(tree: &Tree<'_>) -> Vec<Finding> {
    forgotten(&tree.sources)
}

fn forgotten(sources: &[Source]) -> Vec<Finding> {
    const FOLDER: &str = "tests/boundary/";
    const MAIN: &str = "tests/boundary/main.rs";
    let main = sources.iter().find(|source| source.path() == MAIN).map_or("", Source::code);
    let declared = |name: &str| {
        let line = format!("mod {name};");
        main.lines().any(|code| code.trim().trim_start_matches("pub ") == line)
    };
    let files = sources.iter().filter(|source| source.path() != MAIN).filter_map(|source| {
        let name = source.path().strip_prefix(FOLDER)?.strip_suffix(".rs")?;
        (!name.contains('/')).then_some((source, name))
    });
    let forgotten = files.filter(|(_, name)| !declared(name));
    let words = |name| format!("these tests never run: add `mod {name};` to `{MAIN}`");
    forgotten.map(|(source, name)| source.finding(0, words(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::{badly_named, forgotten};
    use crate::tidy::source::Source;

    #[test]
    fn names_for_nothing_are_found() {
        for path in ["a/src/utils.rs", "a/src/common/x.rs", "a/src/store/mod.rs"] {
            assert!(badly_named(&Source::new(path, "")).is_some(), "{path}");
        }
        for path in ["a/src/store.rs", "a/src/model.rs", "a/src/commons.rs"] {
            assert!(badly_named(&Source::new(path, "")).is_none(), "{path}");
        }
    }

    #[test]
    fn a_test_file_without_its_line_is_found() {
        let sources = [
            Source::new("tests/boundary/main.rs", "mod launch;\n// mod wait;\n"),
            Source::new("tests/boundary/launch.rs", ""),
            Source::new("tests/boundary/launch/deep.rs", ""),
            Source::new("tests/boundary/wait.rs", ""),
        ];
        let findings = forgotten(&sources);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().starts_with("tests/boundary/wait.rs:1: "));
    }
}
