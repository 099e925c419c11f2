//! `bench`: whole-process figures, side by side in one run, on one disk.
//!
//! Absolute times differ from machine to machine, so every row measures our program in turn with others: a small C program
//! that does the least that the work can cost (`bench/floor.c`, with and without syncs), and whatever of tsp, nq and pueue
//! is installed. A row shows medians, and the median of the ratios pair by pair. Nothing here passes or fails. Main types:
//! [`Yard`], which has the programs and the folders, and [`timing::Row`].

mod fill;
mod living;
mod looking;
mod starting;
mod timing;
mod yard;

use crate::failure::Failure;
use crate::repo::Repo;
use crate::step::{Outcome, StepResult};
use timing::Row;
use yard::Yard;

/// One row, or several that share what they need.
type Measure = (&'static str, fn(&Yard) -> Result<Vec<Row>, Failure>);

const MEASURES: &[Measure] = &[
    ("launch", starting::launch),
    ("thousand", starting::thousand),
    ("status", looking::status),
    ("list", looking::list),
    ("hook", looking::hook),
    ("wake", living::wake),
    ("supervisor", living::supervisor),
    ("wait", living::wait_for_many),
];

/// Measures what `words` choose, all of it without words.
///
/// # Errors
///
/// When a program cannot be built, or does not do what is measured.
pub(crate) fn bench(repo: &Repo, words: &[String]) -> StepResult {
    if let Some(word) = words.iter().find(|word| MEASURES.iter().all(|(name, _)| name != word)) {
        let names: Vec<&str> = MEASURES.iter().map(|(name, _)| *name).collect();
        return Err(Failure::new(format!(
            "no row is called `{word}`; there are {}",
            names.join(", ")
        )));
    }
    let yard = Yard::prepare(repo)?;
    yard.describe();
    let mut rows = Vec::new();
    for (name, measure) in MEASURES {
        if words.is_empty() || words.iter().any(|word| word == name) {
            let measured = measure(&yard)?;
            for row in &measured {
                println!("{row}");
            }
            rows.extend(measured);
        }
    }
    println!("\n{}", timing::table(&rows));
    yard.close()?;
    Ok(Outcome::Done)
}
