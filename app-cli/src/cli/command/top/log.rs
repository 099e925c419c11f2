//! The log of a task as the screen has it: its last lines, which change under whoever reads them.
//!
//! Lines are numbered from the first one that was seen, so that a reader's place stays where it is while lines come at the
//! end and go at the beginning. Nothing here reads or draws. Main type: [`Log`].

use domain::task::TaskId;

/// Of a log that was read before, so many lines at the end may be others by now: those of a bar that grows.
const UNSETTLED: usize = 50;

/// The last lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    of: Option<TaskId>,
    /// The lines; if some are left out above them, what is said of those comes first.
    lines: Vec<String>,
    is_cut: bool,
    /// The number of the first of them.
    first: usize,
}

/// Where somebody reads in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At its end, whatever comes.
    End,
    /// So that the line of this number is the first that is shown.
    Line(usize),
}

impl Log {
    /// The log of a task, with what is said of what is left out above it.
    pub(super) fn new(of: TaskId, lines: Vec<String>, above: Option<String>) -> Self {
        let is_cut = above.is_some();
        Self { of: Some(of), lines: above.into_iter().chain(lines).collect(), is_cut, first: 0 }
    }

    /// The same with its lines numbered on from how they were before.
    pub(super) fn after(self, before: &Self) -> Self {
        if self.of != before.of {
            return self;
        }
        let gone = gone(before.written(), self.written());
        let number = before.first + usize::from(before.is_cut) + gone;
        Self { first: number.saturating_sub(usize::from(self.is_cut)), ..self }
    }

    /// The lines without what is said of those that are left out.
    fn written(&self) -> &[String] {
        &self.lines[usize::from(self.is_cut)..]
    }

    /// As many lines as there are rows, from this place on.
    pub(super) fn shown(&self, place: Place, rows: usize) -> &[String] {
        let top = self.top(place, rows);
        &self.lines[top..self.lines.len().min(top + rows)]
    }

    /// The place so many rows further on, or back.
    pub(super) fn moved(&self, place: Place, rows: usize, by: isize) -> Place {
        let top = self.top(place, rows).saturating_add_signed(by);
        if top >= self.last_top(rows) { Place::End } else { Place::Line(self.first + top) }
    }

    /// Which line is the first that is shown.
    fn top(&self, place: Place, rows: usize) -> usize {
        let last = self.last_top(rows);
        match place {
            Place::End => last,
            Place::Line(number) => number.saturating_sub(self.first).min(last),
        }
    }

    const fn last_top(&self, rows: usize) -> usize {
        self.lines.len().saturating_sub(rows)
    }
}

/// How many of the lines of before went at the beginning.
fn gone(before: &[String], now: &[String]) -> usize {
    let settled = before.len() - UNSETTLED.min(before.len() / 2);
    let is_so = |gone: &usize| now.starts_with(&before[*gone..settled]);
    (0..settled).find(is_so).unwrap_or(if settled == 0 { 0 } else { before.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(numbers: std::ops::Range<usize>, above: Option<&str>) -> Log {
        let id = TaskId::parse("bg_19c0000000001").expect("an id");
        let lines = numbers.map(|number| format!("line {number}")).collect();
        Log::new(id, lines, above.map(ToOwned::to_owned))
    }

    #[test]
    fn who_reads_in_a_log_keeps_the_place_while_lines_come_and_go() {
        let first = log(0..100, None);
        let place = first.moved(Place::End, 10, -5);
        assert_eq!(first.shown(place, 10)[0], "line 85");
        assert_eq!(first.shown(Place::End, 10)[0], "line 90");
        let more = log(0..130, None).after(&first);
        assert_eq!(more.shown(place, 10)[0], "line 85");
        let slid = log(60..160, Some("above")).after(&more);
        assert_eq!(slid.shown(place, 10)[0], "line 85");
        let slid = log(80..180, Some("above")).after(&slid);
        assert_eq!(slid.shown(place, 10)[0], "line 85");
        // What went is not there any more.
        let slid = log(120..220, Some("above")).after(&slid);
        assert_eq!(slid.shown(place, 10)[..2], ["above", "line 120"]);
        assert_eq!(slid.moved(place, 10, 1000), Place::End);
        // Another log, or one that was emptied, has places of its own.
        let emptied = log(500..520, None).after(&slid);
        assert_eq!(emptied.shown(place, 10)[0], "line 500");
        assert_eq!(log(0..0, None).after(&emptied).shown(place, 10), [""; 0]);
    }
}
