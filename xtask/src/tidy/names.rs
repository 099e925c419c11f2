//! Names and sizes of files, and the files that nobody compiles.
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

/// Finds files that no module list declares, and which are therefore never compiled.
pub(crate) fn orphans(tree: &Tree<'_>) -> Vec<Finding> {
    let sources = &tree.sources;
    sources.iter().filter_map(|source| orphan(source, sources)).collect()
}

fn orphan(source: &Source, sources: &[Source]) -> Option<Finding> {
    let path = source.path().strip_suffix(".rs")?;
    let (folder, name) = path.rsplit_once('/')?;
    let is_root = matches!(name, "lib" | "main" | "build")
        || ["/bin", "/benches"].iter().any(|end| folder.ends_with(end));
    if is_root {
        return None;
    }
    // The modules of `x/` are declared in `x.rs`; those of a crate in its root.
    let parents = [format!("{folder}.rs"), format!("{folder}/lib.rs"), format!("{folder}/main.rs")];
    let line = format!("mod {name};");
    let lists = |parent: &Source| {
        parent.code().lines().any(|code| {
            let code = code.trim();
            let public = code.starts_with("pub").then(|| code.split_once("mod ")).flatten();
            public.map_or(code == line, |(_, rest)| line.ends_with(&format!(" {rest}")))
        })
    };
    let declared =
        sources.iter().any(|it| parents.iter().any(|path| path == it.path()) && lists(it));
    let words = format!("nobody compiles this: add `{line}` to the module above it, or remove it");
    (!declared).then(|| source.finding(0, words))
}

#[cfg(test)]
mod tests {
    use super::{badly_named, orphan};
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

    // `usecase/end.rs` lay about after its verbs had gone, and its test never ran.
    #[test]
    fn a_file_that_no_module_list_declares_is_found() {
        let sources = [
            Source::new("tests/boundary/main.rs", "mod launch;\n// mod wait;\n"),
            Source::new("tests/boundary/launch.rs", "pub(crate) mod deep;"),
            Source::new("tests/boundary/launch/deep.rs", ""),
            Source::new("tests/boundary/wait.rs", ""),
            Source::new("domain/src/lib.rs", "pub mod task;"),
            Source::new("domain/src/task.rs", "mod order; pub mod ids;"),
            Source::new("domain/src/task/id.rs", ""),
            Source::new("tests/src/bin/stand-in.rs", ""),
        ];
        let found = sources.iter().filter_map(|source| orphan(source, &sources));
        let found: Vec<String> = found.map(|finding| finding.to_string()).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("tests/boundary/wait.rs:1: "));
        assert!(found[1].starts_with("domain/src/task/id.rs:1: "));
    }
}
