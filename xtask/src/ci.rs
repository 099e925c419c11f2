//! `ci`: every check there is, in the order in which a failure is cheapest.
//!
//! This step names the checks and starts them; the tools and the other steps decide what they check. It stops at the
//! first failure, and ends with a table of what ran, so that a reader sees which check was skipped.

use crate::command::{run, succeeds};
use crate::repo::Repo;
use crate::step::{Outcome, StepResult, Summary};
use crate::{budgets, e2e, generate, tidy};

type Check = (&'static str, fn(&Repo) -> StepResult);

const CHECKS: &[Check] = &[
    ("format", |repo| cargo(repo, "fmt --all --check")),
    ("clippy", |repo| {
        cargo(repo, "clippy --workspace --all-targets --all-features -- -D warnings")
    }),
    // By itself: anywhere else, a crate that needs std would lend it to the domain.
    ("domain without std", |repo| cargo(repo, "build -p domain")),
    ("tidy", tidy::tidy),
    ("tests", tests),
    ("doctests", |repo| cargo(repo, "test --doc -p domain")),
    ("docs", docs),
    ("dependencies", dependencies),
    ("generated files", |repo| generate::generate(repo, &["--check".to_owned()])),
    ("budgets", budgets::budgets),
    ("e2e", |repo| e2e::e2e(repo, &[])),
];

/// Runs all checks.
///
/// # Errors
///
/// The failure of the first check that fails.
pub(crate) fn ci(repo: &Repo, _: &[String]) -> StepResult {
    let mut summary = Summary::default();
    let result = CHECKS.iter().try_for_each(|(name, check)| summary.run(name, || check(repo)));
    summary.print();
    result.map(|()| Outcome::Done)
}

fn cargo(repo: &Repo, words: &str) -> StepResult {
    run(repo.cargo().args(words.split(' '))).map(|()| Outcome::Done)
}

fn tests(repo: &Repo) -> StepResult {
    if succeeds(repo.cargo().args(["nextest", "--version"])) {
        return cargo(repo, "nextest run --workspace");
    }
    println!("cargo-nextest is not installed: `cargo test` runs the same tests, more slowly");
    cargo(repo, "test --workspace --lib --bins --tests")
}

fn docs(repo: &Repo) -> StepResult {
    let mut doc = repo.cargo();
    doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    run(&mut doc).map(|()| Outcome::Done)
}

fn dependencies(repo: &Repo) -> StepResult {
    if !succeeds(repo.cargo().args(["deny", "--version"])) {
        return Ok(Outcome::Skipped("cargo-deny is not installed".to_owned()));
    }
    cargo(repo, "deny check")
}
