//! `tidy`: the rules of the code that no compiler holds.
//!
//! The step reads the manifests and the sources of the workspace and reports findings, each with a place and a remedy;
//! it never changes a file. Each family of rules has a module, in which the exceptions stand as data, each with its
//! reason. The same rules are tests of this crate, so that they also run where only tests are run. Main types: [`Tree`]
//! and [`Finding`].

mod agents;
mod arrows;
mod environment;
mod headers;
mod names;
mod opens;
mod paths;
mod rings;
mod source;
mod words;

use std::path::Path;
use std::{fmt, fs};

use crate::failure::{During, Failure};
use crate::repo::Repo;
use crate::step::{Outcome, StepResult};
use source::Source;

/// Everything the rules look at.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    repo: &'a Repo,
    sources: Vec<Source>,
}

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, from the root of the repository.
    path: String,
    /// From one.
    line: usize,
    /// What is wrong, and after a colon what to do.
    words: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.words)
    }
}

/// The crates that are shipped.
const SHIPPED: &[&str] = &["domain", "adapters-fs", "adapters-process", "app-cli", "app-hook"];

/// A family of rules: its name, and what it finds.
type Rule = (&'static str, fn(&Tree<'_>) -> Vec<Finding>);

const RULES: &[Rule] = &[
    ("arrows", arrows::arrows),
    ("no serde in the domain", arrows::domain_without_serde),
    ("rings", rings::rings),
    ("headers", headers::headers),
    ("paths", paths::paths),
    ("opens", opens::opens),
    ("wire words", words::wire_words),
    ("agents", agents::agents),
    ("environment", environment::environment),
    ("names", names::names),
    ("orphans", names::orphans),
];

/// Reports every finding.
///
/// # Errors
///
/// When there is one, or a source cannot be read.
pub(crate) fn tidy(repo: &Repo) -> StepResult {
    let tree = Tree::read(repo)?;
    for warning in names::long_files(&tree) {
        println!("warning: {warning}");
    }
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|(_, rule)| rule(&tree)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{} files follow {} rules", tree.sources.len(), RULES.len());
        return Ok(Outcome::Done);
    }
    Err(Failure::new(format!("tidy: {} finding(s), see above", findings.len())))
}

impl<'a> Tree<'a> {
    /// Reads the sources of all crates.
    ///
    /// # Errors
    ///
    /// When a folder or file cannot be read.
    pub(crate) fn read(repo: &'a Repo) -> Result<Self, Failure> {
        let mut sources = Vec::new();
        for package in &repo.packages {
            collect(repo, &package.folder, &mut sources)?;
        }
        sources.sort_by(|a, b| a.path().cmp(b.path()));
        Ok(Self { repo, sources })
    }

    /// The sources below the folders of these crates.
    fn of(&self, crates: &[&str]) -> impl Iterator<Item = &Source> {
        let belongs =
            |path: &str| path.split_once('/').is_some_and(|(top, _)| crates.contains(&top));
        self.sources.iter().filter(move |source| belongs(source.path()))
    }
}

fn collect(repo: &Repo, folder: &Path, sources: &mut Vec<Source>) -> Result<(), Failure> {
    let reading = format!("reading `{}`", folder.display());
    for entry in fs::read_dir(folder).during(&reading)? {
        let path = entry.during(&reading)?.path();
        if path.is_dir() {
            collect(repo, &path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text =
                fs::read_to_string(&path).during(format_args!("reading `{}`", path.display()));
            sources.push(Source::new(repo.relative(&path), text?));
        }
    }
    Ok(())
}

/// The entries of an exception list that apply to `path`: a list names files by how their path begins.
fn excepted(list: &[(&str, &str)], path: &str) -> bool {
    list.iter().any(|(prefix, _)| path.starts_with(prefix))
}

/// The entries of an exception list that excuse nothing: no file that they name breaks the rule.
#[cfg(test)]
fn idle(
    list: &[(&str, &str)],
    tree: &Tree<'_>,
    breaches: impl Fn(&Source) -> Vec<Finding>,
) -> Vec<String> {
    let excuses = |prefix: &str| {
        let mut meant = tree.sources.iter().filter(|source| source.path().starts_with(prefix));
        meant.any(|source| !breaches(source).is_empty())
    };
    list.iter()
        .filter(|(prefix, _)| !excuses(prefix))
        .map(|(prefix, _)| (*prefix).to_owned())
        .collect()
}

#[cfg(test)]
mod tests;
