//! The arrows between the crates, and what the domain may not depend on.
//!
//! The rule looks at what the manifests ask for, tests included: an arrow that only a test draws is an arrow as well.
//! Crates from outside the workspace concern it only in the manifest of the domain.

use std::fs;

use crate::repo::Package;
use crate::tidy::{Finding, Tree};

/// Which crates of the workspace a crate may depend on. A new crate gets its line here, and in ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("adapters-fs", &["domain"]),
    ("adapters-process", &["domain"]),
    ("app-hook", &["adapters-fs", "adapters-process", "domain"]),
    ("app-cli", &["adapters-fs", "adapters-process", "app-hook", "domain"]),
    ("tests", &["app-cli", "app-hook"]),
    ("xtask", &[]),
];

/// Finds dependencies that point where they must not.
pub(crate) fn arrows(tree: &Tree<'_>) -> Vec<Finding> {
    let members: Vec<&str> =
        tree.repo.packages.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in &tree.repo.packages {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            let words = "this crate has no line in the table of arrows: add it to `xtask/src/tidy/arrows.rs`";
            findings.push(at(tree, package, "[package]", words.to_owned()));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if members.contains(&name) && !allowed.contains(&name) {
                let kind = if dependency.for_tests { " in its tests" } else { "" };
                let words = format!(
                    "`{}` must not depend on `{name}`{kind}: move what is needed inward, or wire it in an app",
                    package.name
                );
                findings.push(at(tree, package, name, words));
            }
        }
    }
    findings
}

/// Finds what would make domain types serialisable.
pub(crate) fn domain_without_serde(tree: &Tree<'_>) -> Vec<Finding> {
    let domain = tree.repo.packages.iter().filter(|package| package.name == "domain");
    let asked = domain.flat_map(|package| {
        package.dependencies.iter().map(move |dependency| (package, dependency.name.as_str()))
    });
    let serde = asked.filter(|(_, name)| name.starts_with("serde"));
    serde
        .map(|(package, name)| {
            let words = format!(
                "the domain must not know `{name}`: a boundary converts by hand, in its own wire types"
            );
            at(tree, package, name, words)
        })
        .collect()
}

/// A finding in the manifest of `package`, at the line that begins with `key`.
fn at(tree: &Tree<'_>, package: &Package, key: &str, words: String) -> Finding {
    let manifest = package.folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap_or_default();
    let line = text.lines().position(|line| line.starts_with(key)).map_or(1, |index| index + 1);
    Finding { path: tree.repo.relative(&manifest), line, words }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{arrows, domain_without_serde};
    use crate::repo::{Dependency, Package, Repo};
    use crate::tidy::{Finding, Tree};

    fn found(rule: fn(&Tree<'_>) -> Vec<Finding>, crates: &[(&str, &[&str])]) -> Vec<String> {
        let packages = crates.iter().map(|(name, dependencies)| Package {
            version: String::new(),
            name: (*name).to_owned(),
            folder: PathBuf::from("/nowhere").join(name),
            dependencies: dependencies
                .iter()
                .map(|name| Dependency { name: (*name).to_owned(), for_tests: false })
                .collect(),
        });
        let (root, target) = (PathBuf::from("/nowhere"), PathBuf::new());
        let repo = Repo { root, target, packages: packages.collect() };
        let tree = Tree { repo: &repo, sources: Vec::new() };
        rule(&tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn an_arrow_outward_is_found_and_one_inward_is_not() {
        let inward: &[(&str, &[&str])] =
            &[("domain", &["thiserror"]), ("adapters-fs", &["domain"])];
        assert!(found(arrows, inward).is_empty());
        let outward: &[(&str, &[&str])] = &[("domain", &["adapters-fs"]), ("adapters-fs", &[])];
        let findings = found(arrows, outward);
        assert!(findings[0].starts_with("domain/Cargo.toml:1: `domain` must not depend on"));
    }

    #[test]
    fn a_crate_nobody_knows_is_found() {
        assert_eq!(found(arrows, &[("adapters-web", &[])]).len(), 1);
    }

    #[test]
    fn serde_in_the_domain_is_found() {
        assert_eq!(found(domain_without_serde, &[("domain", &["serde_json"])]).len(), 1);
        assert!(found(domain_without_serde, &[("app-cli", &["serde"])]).is_empty());
    }
}
