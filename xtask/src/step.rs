//! How one step ends, and how long it took.
//!
//! A step is done, skipped with a reason, or failed; a skip is never silent. Which steps there are is decided
//! elsewhere. Main types: [`Outcome`] and [`Summary`].

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// How a step ended that did not fail.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It did what it is for.
    Done,
    /// It could not be done here, for this reason.
    Skipped(String),
}

/// The end of a step.
pub(crate) type StepResult = Result<Outcome, Failure>;

/// What several steps came to, as a table.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    rows: Vec<(&'static str, String, Duration)>,
}

impl Summary {
    /// Runs one step under its heading and notes how it went.
    ///
    /// # Errors
    ///
    /// The step's own failure.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> StepResult,
    ) -> Result<(), Failure> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = step();
        let took = start.elapsed();
        let word = match &result {
            Ok(Outcome::Done) => "ok".to_owned(),
            Ok(Outcome::Skipped(why)) => format!("skipped: {why}"),
            Err(_) => "FAILED".to_owned(),
        };
        println!("-- {name}: {word} ({})", seconds(took));
        self.rows.push((name, word, took));
        result.map(drop)
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        let width = self.rows.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
        println!();
        for (name, word, took) in &self.rows {
            println!("{name:width$}  {:>8}  {word}", seconds(*took));
        }
        let total = self.rows.iter().map(|(.., took)| *took).sum();
        println!("{:width$}  {:>8}", "total", seconds(total));
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
