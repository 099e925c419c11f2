//! The rings inside a crate: `task <- run <- plan <- port <- usecase` in the domain, `kit <- cli, mcp, hidden` in the
//! command.
//!
//! Nothing in a ring may name one outside it. The rule looks at paths that begin with `crate::` or `super::`, alone
//! or in a group; what documentation links to is free.

use crate::tidy::source::Source;
use crate::tidy::{Finding, Tree};

/// For each ring, by how its files begin, the modules that lie outside it.
const RINGS: &[(&str, &[&str])] = &[
    ("domain/src/task", &["run", "plan", "port", "usecase"]),
    ("domain/src/run", &["plan", "port", "usecase"]),
    ("domain/src/plan", &["port", "usecase"]),
    ("domain/src/port", &["usecase"]),
    ("app-cli/src/kit", &["cli", "hidden", "mcp", "top"]),
];

/// Finds paths that point outward.
pub(crate) fn rings(tree: &Tree<'_>) -> Vec<Finding> {
    tree.of(&["domain", "app-cli"]).flat_map(outward).collect()
}

fn outward(source: &Source) -> Vec<Finding> {
    let Some((ring, outside)) = RINGS.iter().find(|(ring, _)| source.path().starts_with(ring))
    else {
        return Vec::new();
    };
    let ring = ring.rsplit('/').next().unwrap_or(ring);
    let mut findings = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in source.code().match_indices(start) {
            for module in first_names(&source.code()[at + start.len()..]) {
                if outside.contains(&module) {
                    let words = format!(
                        "the {ring} ring must not name `{module}`: \
                         let the outer ring pass in what is needed, as a plain value"
                    );
                    findings.push(source.finding(at, words));
                }
            }
        }
    }
    findings
}

/// What follows a `::`: one name, or the first name of each path in a group.
fn first_names(after: &str) -> Vec<&str> {
    let Some(group) = after.strip_prefix('{') else {
        return vec![name(after)];
    };
    let mut names = vec![name(group.trim_start())];
    let mut depth = 0_usize;
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => break,
            b'}' => depth -= 1,
            b',' if depth == 0 => names.push(name(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::outward;
    use crate::tidy::source::Source;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        outward(&Source::new(path, text)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_path_outward_is_found_in_every_spelling() {
        let text = "use crate::port::Clock;\nuse crate::{task::{id, time}, usecase};\n\
            use super::super::port;\nfn f() { crate::usecase::wait() }\n";
        assert_eq!(lines("domain/src/task/state.rs", text), [1, 2, 4, 3]);
        assert_eq!(lines("domain/src/port/clock.rs", text), [2, 4]);
        assert!(lines("domain/src/usecase/wait.rs", text).is_empty());
    }

    #[test]
    fn the_ground_floor_of_the_command_knows_no_verb() {
        let text = "use crate::cli::view::View;\nuse crate::kit::failure::Kind;\n";
        assert_eq!(lines("app-cli/src/kit/console.rs", text), [1]);
        assert!(lines("app-cli/src/cli/command/wait.rs", text).is_empty());
    }

    #[test]
    fn names_alike_and_documentation_are_free() {
        let text = "//! See [`crate::port::Clock`].\nuse crate::task::port;\nuse crate::portable;";
        assert!(lines("domain/src/task.rs", text).is_empty());
    }
}
