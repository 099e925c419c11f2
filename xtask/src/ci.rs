//! `ci`: every check there is, in the order in which a failure is cheapest.
//!
//! This step names the checks and starts them, all or those that are asked for; the tools and the other steps decide what
//! they check. It stops at the first failure, and ends with a table of what ran, so that a reader sees which check was
//! skipped. What it prints is steps and failures, not a line a test.

use crate::command::{run, succeeds};
use crate::failure::Failure;
use crate::repo::Repo;
use crate::step::{Outcome, StepResult, Summary};
use crate::{budgets, dependencies, e2e, generate, machines, slurm, tidy};

type Check = (&'static str, fn(&Repo) -> StepResult);

const CHECKS: &[Check] = &[
    ("format", |repo| cargo(repo, "fmt --all --check")),
    ("clippy", |repo| {
        cargo(repo, "clippy --workspace --all-targets --all-features -- -D warnings")
    }),
    // By itself: anywhere else, a crate that needs std would lend it to the domain.
    ("domain without std", |repo| cargo(repo, "build -p domain")),
    // What a crate uses of another and does not ask for is lent to it by its neighbours until it is built alone.
    ("crates alone", |repo| {
        let crates = ["adapters-fs", "adapters-process", "app-hook"];
        let mut checks = crates.iter().map(|name| cargo(repo, &format!("check -p {name}")));
        checks.try_for_each(|checked| checked.map(drop)).map(|()| Outcome::Done)
    }),
    ("tidy", tidy::tidy),
    ("tests", tests),
    ("doctests", |repo| cargo(repo, "test --doc -p domain")),
    ("docs", docs),
    ("dependencies", dependencies::dependencies),
    ("generated files", |repo| generate::generate(repo, &["--check".to_owned()])),
    ("budgets", budgets::budgets),
    ("e2e", |repo| e2e::e2e(repo, &[])),
    ("machines", |repo| machines::machines(repo, &[])),
    ("slurm", slurm::short),
];

/// Runs the checks that `words` name, in their order here; all without words. In a name, dashes may stand for spaces.
///
/// # Errors
///
/// The failure of the first check that fails, or a word that names none.
pub(crate) fn ci(repo: &Repo, words: &[String]) -> StepResult {
    let checks = chosen(words)?;
    let mut summary = Summary::default();
    let result = checks.into_iter().try_for_each(|(name, check)| summary.run(name, || check(repo)));
    summary.print();
    result.map(|()| Outcome::Done)
}

fn chosen(words: &[String]) -> Result<Vec<&'static Check>, Failure> {
    let is_named = |(name, _): &Check, word: &String| word.replace('-', " ") == *name;
    let is_unknown = |word: &&String| !CHECKS.iter().any(|check| is_named(check, word));
    if let Some(unknown) = words.iter().find(is_unknown) {
        let names: Vec<String> = CHECKS.iter().map(|(name, _)| name.replace(' ', "-")).collect();
        let names = names.join(", ");
        return Err(Failure::new(format!("no check is called `{unknown}`; there are {names}")));
    }
    let is_meant =
        |check: &&Check| words.is_empty() || words.iter().any(|word| is_named(check, word));
    Ok(CHECKS.iter().filter(is_meant).collect())
}

fn cargo(repo: &Repo, words: &str) -> StepResult {
    run(repo.cargo().args(words.split(' '))).map(|()| Outcome::Done)
}

fn tests(repo: &Repo) -> StepResult {
    if succeeds(repo.cargo().args(["nextest", "--version"])) {
        return cargo(
            repo,
            "nextest run --workspace --status-level fail --final-status-level fail",
        );
    }
    println!("cargo-nextest is not installed: `cargo test` runs the same tests, more slowly");
    cargo(repo, "test --workspace --lib --bins --tests --quiet")
}

fn docs(repo: &Repo) -> StepResult {
    let mut doc = repo.cargo();
    doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    run(&mut doc).map(|()| Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::{CHECKS, chosen};

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_checks_that_are_named_run_in_their_order_and_all_where_none_is() {
        assert_eq!(chosen(&[]).unwrap().len(), CHECKS.len());
        let some = chosen(&words(&["tidy", "domain-without-std", "format"])).unwrap();
        let names: Vec<&str> = some.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["format", "domain without std", "tidy"]);
    }

    #[test]
    fn a_word_that_names_no_check_is_refused_with_those_there_are() {
        let refused = chosen(&words(&["format", "testz"])).unwrap_err().to_string();
        assert!(refused.contains("`testz`") && refused.contains("generated-files"), "{refused}");
    }
}
