//! Who opens files: what waits for nobody, follows no link that it should not, and takes nothing but what it expects.
//!
//! In a store, or beside it, a neighbour may put a pipe, a link or a device in the place of any file. The standard library
//! opens all of them, and waits for the other end of a pipe for ever. So libraries and the hook open through
//! `disk`, `plain_file` and `proc_file`, but for files of the kernel, which are named by a literal.

use crate::tidy::source::Source;
use crate::tidy::{Finding, Tree, excepted};

/// The files that may open as the standard library does, by how their path begins, and why.
const OPENERS: &[(&str, &str)] = &[
    ("adapters-fs/src/beginnings.rs", "it makes what is new, and opens with flags of its own"),
    ("adapters-fs/src/disk/", "only tests use these disks"),
    ("adapters-fs/src/env_file.rs", "it opens a file of an agent with flags of its own"),
    ("adapters-fs/src/hook_settings/file.rs", "it makes what is new"),
    ("adapters-fs/src/job_files.rs", "it opens this program and makes what is new"),
    ("adapters-process/src/local/supervisor/haste.rs", "it writes a file of the kernel"),
    ("app-hook/src/crash_points.rs", "only tests have this feature"),
];

/// The calls that open a file.
const CALLS: &[&str] = &[
    "File::open(",
    "File::create(",
    "File::options(",
    "OpenOptions::new(",
    "fs::read(",
    "fs::read_to_string(",
    "fs::write(",
    "fs::copy(",
];

/// Finds files that are opened by the standard library.
pub(crate) fn opens(tree: &Tree<'_>) -> Vec<Finding> {
    let libraries = tree.of(&["adapters-fs", "adapters-process", "app-hook"]);
    libraries.filter(|source| !excepted(OPENERS, source.path())).flat_map(opened).collect()
}

/// The exceptions that excuse nothing.
#[cfg(test)]
pub(super) fn idle(tree: &Tree<'_>) -> Vec<String> {
    super::idle(OPENERS, tree, opened)
}

fn opened(source: &Source) -> Vec<Finding> {
    let calls = CALLS.iter().flat_map(|call| source.shipped(call).map(|at| (at, at + call.len())));
    let words = "a file is opened that may be a pipe or a link: go through `disk`, `plain_file` or `proc_file`";
    let unknown = calls.filter(|(_, argument)| !is_of_kernel(source, *argument));
    unknown.map(|(at, _)| source.finding(at, words)).collect()
}

/// Whether the argument is a literal of the kernel's own file systems, or is made of one.
fn is_of_kernel(source: &Source, argument: usize) -> bool {
    let made = source.code()[argument..].strip_prefix("format!(").map_or(0, |_| "format!(".len());
    let literal = source.literals().iter().find(|literal| literal.quote == argument + made);
    literal.is_some_and(|it| it.value.starts_with("/proc/") || it.value.starts_with("/sys/"))
}

#[cfg(test)]
mod tests {
    use super::opened;
    use crate::tidy::source::Source;

    fn lines(text: &str) -> Vec<usize> {
        let source = Source::new("adapters-fs/src/store.rs", text);
        opened(&source).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn what_opens_a_file_by_its_path_is_found() {
        assert_eq!(lines("File::open(a);\nfs::read(&b);\nfs::write(c, d);\nx.open(a);"), [1, 2, 3]);
    }

    #[test]
    fn files_of_the_kernel_and_tests_are_not() {
        let text = "fs::read(\"/proc/self/stat\");\nfs::read(format!(\"/proc/{pid}/stat\"));\n\
            // fs::read(b)\n#[cfg(test)]\nmod tests { fn f() { fs::read(b) } }";
        assert!(lines(text).is_empty());
    }
}
