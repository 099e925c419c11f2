//! Taking turns and counting: how long each of several works takes, and how that compares.
//!
//! Every round does each work once, so that a machine whose speed drifts drifts for all of them. Nothing here starts a
//! program. Main types: [`Work`] and [`Row`].

use std::fmt;
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Something to be timed, by the name of who does it.
pub(super) struct Work<'a> {
    /// Who does it.
    pub(super) who: &'static str,
    /// Does it once; the number of the round tells it apart from the other times. What it returns counts, if it took
    /// the time itself.
    pub(super) act: Box<dyn FnMut(usize) -> Result<Option<Duration>, Failure> + 'a>,
}

impl<'a> Work<'a> {
    /// Work that is timed from its beginning to its end.
    pub(super) fn new(
        who: &'static str,
        mut act: impl FnMut(usize) -> Result<(), Failure> + 'a,
    ) -> Self {
        Self { who, act: Box::new(move |round| act(round).map(|()| None)) }
    }

    /// Work that says by itself how long it took.
    pub(super) fn timed(
        who: &'static str,
        mut act: impl FnMut(usize) -> Result<Duration, Failure> + 'a,
    ) -> Self {
        Self { who, act: Box::new(move |round| act(round).map(Some)) }
    }
}

/// What one kind of work costs each who does it.
pub(super) struct Row {
    name: String,
    cells: Vec<Cell>,
}

struct Cell {
    who: &'static str,
    figure: String,
    /// Ours by theirs, the median over the rounds.
    ratio: Option<f64>,
}

impl Row {
    /// Times the works in turn, after one round that does not count. The first of them is ours.
    ///
    /// # Errors
    ///
    /// When one of them fails.
    pub(super) fn measure(
        name: impl Into<String>,
        rounds: usize,
        mut works: Vec<Work<'_>>,
    ) -> Result<Self, Failure> {
        let mut taken: Vec<Vec<Duration>> = vec![Vec::new(); works.len()];
        for round in 0..=rounds {
            for (work, taken) in works.iter_mut().zip(&mut taken) {
                let began = Instant::now();
                let said = (work.act)(round)?;
                let took = said.unwrap_or_else(|| began.elapsed());
                if round > 0 {
                    taken.push(took);
                }
            }
        }
        let ours = taken.first().cloned().unwrap_or_default();
        let cells = works.iter().zip(&taken).enumerate().map(|(place, (work, taken))| {
            let ratios = ours.iter().zip(taken).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64());
            let ratio = (place > 0).then(|| median(ratios.collect()));
            let millis = median(taken.iter().map(|time| time.as_secs_f64() * 1e3).collect());
            Cell { who: work.who, figure: milliseconds(millis), ratio }
        });
        Ok(Self { name: name.into(), cells: cells.collect() })
    }

    /// A row of figures that were not timed here.
    pub(super) fn of(
        name: impl Into<String>,
        figures: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let cells = figures.into_iter().map(|(who, figure)| Cell { who, figure, ratio: None });
        Self { name: name.into(), cells: cells.collect() }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name)?;
        for Cell { who, figure, ratio } in &self.cells {
            write!(f, "  {who} {figure}")?;
            if let Some(ratio) = ratio {
                write!(f, " ({ratio:.2})")?;
            }
        }
        Ok(())
    }
}

/// The rows as Markdown, one column for each who did any of it; in brackets ours divided by theirs.
pub(super) fn table(rows: &[Row]) -> String {
    let mut whos: Vec<&'static str> = Vec::new();
    for cell in rows.iter().flat_map(|row| &row.cells) {
        if !whos.contains(&cell.who) {
            whos.push(cell.who);
        }
    }
    let mut text = format!("| | {} |\n|---|{}\n", whos.join(" | "), "---|".repeat(whos.len()));
    for row in rows {
        let cells = whos.iter().map(|who| match row.cells.iter().find(|cell| cell.who == *who) {
            None => "-".to_owned(),
            Some(Cell { figure, ratio: None, .. }) => figure.clone(),
            Some(Cell { figure, ratio: Some(ratio), .. }) => format!("{figure} ({ratio:.2})"),
        });
        text.push_str(&format!("| {} | {} |\n", row.name, cells.collect::<Vec<_>>().join(" | ")));
    }
    text
}

/// The middle of the figures.
pub(super) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match (figures.len() % 2, middle) {
        (_, 0) => figures.first().copied().unwrap_or_default(),
        (0, _) => f64::midpoint(figures[middle - 1], figures[middle]),
        (_, _) => figures[middle],
    }
}

/// A time in milliseconds, with as many digits as mean something.
pub(super) fn milliseconds(millis: f64) -> String {
    match millis {
        large if large >= 100.0 => format!("{large:.0} ms"),
        middle if middle >= 10.0 => format!("{middle:.1} ms"),
        small => format!("{small:.2} ms"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Row, Work, median, table};

    #[test]
    fn the_median_of_an_even_number_of_figures_lies_between_the_middle_two() {
        assert!((median(vec![4.0, 1.0, 2.0, 9.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median(vec![5.0]) - 5.0).abs() < f64::EPSILON);
        assert!((median(vec![5.0, 1.0, 3.0]) - 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_row_shows_ours_divided_by_theirs() {
        let works = vec![
            Work::timed("ours", |_| Ok(Duration::from_millis(30))),
            Work::timed("floor", |_| Ok(Duration::from_millis(20))),
        ];
        let row = Row::measure("launch", 3, works).unwrap();
        assert_eq!(table(&[row]).lines().last(), Some("| launch | 30.0 ms | 20.0 ms (1.50) |"));
    }
}
