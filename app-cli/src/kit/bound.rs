//! The bound of an answer: below 30,000 characters and 60,000 bytes as it is printed, whatever is in it.
//!
//! The shell tool of an agent cuts what is longer, and its context pays for all of it. A view says by a [`Shape`] what
//! gives way: texts become shorter first; then rows of lists are reduced to ids and endings, and at last left out and
//! counted. Of rows the last ones give way first, in two rounds: a view says which rows stay until the second. What no shape foresees gives way in the same order. Nothing is cut from an answer that fits.

use domain::task::{TaskId, text};
use serde_json::{Map, Value};

/// What an answer may weigh, in halves of a printed character (see [`text::weight_of`]), with its line feed.
pub(crate) const ROOM: usize = 60_000 - 4;
/// What the counts of what was left out may weigh.
const COUNTS: usize = 1_000;
/// The most characters of a line in a text that is too long.
const LINE: usize = 2_000;
/// What a reader acts on, whole or not at all: it is never cut.
const WHOLE: [&str; 10] = [
    "more",
    "next",
    "session_id",
    "parent_session_id",
    "queued_at",
    "started_at",
    "completed_at",
    "lastUpdate",
    "outputFile",
    "command",
];
/// How long texts are that no shape foresees, tried one after another, in characters.
const UNFORESEEN: [usize; 4] = [2_000, 500, 100, 20];

/// What of an answer gives way if the whole is too long.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// How many characters its texts have, tried one after another.
    pub(crate) texts: &'static [usize],
    /// Its lists, in the order in which they give way.
    pub(crate) lists: Vec<List>,
    /// The command that shows what was left out.
    pub(crate) more: Option<String>,
}

/// A list of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    /// Its key.
    pub(crate) key: &'static str,
    /// What stays of a row that is reduced.
    pub(crate) keep: &'static [&'static str],
    /// The key under which the rows are counted that were left out.
    pub(crate) counted: &'static str,
    /// Which rows give way before the others.
    pub(crate) first: fn(&Value) -> bool,
}

/// The answer that `build` gives for texts of a length (`None`: the usual one), made to fit.
pub(crate) fn fit(build: &mut dyn FnMut(Option<usize>) -> Value, shape: &Shape) -> Value {
    let mut answer = build(None);
    for texts in shape.texts {
        if weight(&answer) <= ROOM {
            return answer;
        }
        answer = build(Some(*texts));
    }
    if weight(&answer) <= ROOM {
        return answer;
    }
    if let (Some(more), Value::Object(members)) = (&shape.more, &mut answer) {
        members.insert("more".to_owned(), more.as_str().into());
    }
    let mut excess = excess(&answer);
    for list in &shape.lists {
        reduce(&mut answer, &mut excess, list);
    }
    for list in &shape.lists {
        leave_out(&mut answer, &mut excess, list.key, list.counted, list.first);
    }
    unforeseen(answer)
}

/// An answer without a shape, made to fit.
pub(crate) fn unforeseen(mut answer: Value) -> Value {
    for texts in UNFORESEEN {
        if weight(&answer) <= ROOM {
            return answer;
        }
        shorten(&mut answer, texts);
    }
    let keys: Vec<String> = answer.as_object().map(lists_of).unwrap_or_default();
    for key in keys {
        let mut excess = excess(&answer);
        leave_out(&mut answer, &mut excess, &key, &format!("{key}Omitted"), |_| true);
    }
    for below in answer.as_object().map(objects_of).unwrap_or_default() {
        for key in answer[&below].as_object().map(lists_of).unwrap_or_default() {
            let mut excess = excess(&answer);
            let counted = format!("{key}Omitted");
            leave_out(&mut answer[&below], &mut excess, &key, &counted, |_| true);
        }
    }
    if weight(&answer) <= ROOM {
        return answer;
    }
    // Answers are objects; nothing else gets here.
    answer.as_object().map_or(Value::Null, |members| first_members(members.clone()))
}

fn lists_of(members: &Map<String, Value>) -> Vec<String> {
    members.iter().filter(|(_, value)| value.is_array()).map(|(key, _)| key.clone()).collect()
}

fn objects_of(members: &Map<String, Value>) -> Vec<String> {
    members.iter().filter(|(_, value)| value.is_object()).map(|(key, _)| key.clone()).collect()
}

/// As many members as fit, the lightest first, and how many others there were.
fn first_members(members: Map<String, Value>) -> Value {
    // Quotes, colon and comma.
    let weigh = |(key, value): &(String, Value)| weight_of_text(key) + weight(value) + 4;
    let mut members: Vec<(String, Value)> = members.into_iter().collect();
    members.sort_by_key(weigh);
    let (mut kept, mut left_out, mut used) = (Map::new(), 0_usize, COUNTS);
    for member in members {
        let more = weigh(&member);
        if used + more > ROOM {
            left_out += 1;
        } else {
            used += more;
            kept.extend([member]);
        }
    }
    kept.insert("membersOmitted".to_owned(), left_out.into());
    Value::Object(kept)
}

/// Cuts every text that is longer, but no id and nothing that a reader acts on.
fn shorten(value: &mut Value, texts: usize) {
    match value {
        Value::String(long) => {
            let is_id = long.starts_with("bg_") && TaskId::parse(long).is_ok();
            if !is_id && text::beginning(long, texts).len() < long.len() {
                *long = text::preview(long, texts);
            }
        }
        Value::Array(rows) => rows.iter_mut().for_each(|row| shorten(row, texts)),
        Value::Object(members) => {
            let others = members.iter_mut().filter(|(key, _)| !WHOLE.contains(&key.as_str()));
            others.for_each(|(_, member)| shorten(member, texts));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Reduces as many rows of a list to what stays of them as is needed, for an answer that is too heavy by `excess`.
fn reduce(answer: &mut Value, excess: &mut usize, list: &List) {
    let Some(Value::Array(rows)) = answer.get_mut(list.key) else { return };
    for index in giving_way(rows, list.first) {
        if *excess == 0 {
            return;
        }
        let before = weight(&rows[index]);
        if let Value::Object(row) = &mut rows[index] {
            row.retain(|key, value| list.keep.contains(&key.as_str()) && !value.is_null());
        }
        *excess = excess.saturating_sub(before - weight(&rows[index]));
    }
}

/// Leaves out as many rows of a list of an answer, or of a part of it, as is needed, and counts them; the whole is too heavy by
/// `excess`.
fn leave_out(
    answer: &mut Value,
    excess: &mut usize,
    key: &str,
    counted: &str,
    first: fn(&Value) -> bool,
) {
    if *excess == 0 {
        return;
    }
    let Some(Value::Array(rows)) = answer.get_mut(key) else { return };
    let mut left_out = vec![false; rows.len()];
    for index in giving_way(rows, first) {
        if *excess == 0 {
            break;
        }
        left_out[index] = true;
        // The comma goes as well.
        *excess = excess.saturating_sub(weight(&rows[index]) + 2);
    }
    let gone = left_out.iter().filter(|gone| **gone).count();
    let mut at = 0..;
    rows.retain(|_| !at.next().is_some_and(|at: usize| left_out[at]));
    let before = answer.get(counted).and_then(Value::as_u64).unwrap_or_default();
    if let (Value::Object(members), true) = (answer, gone > 0) {
        members.insert(counted.to_owned(), (before + gone as u64).into());
    }
}

/// The rows in the order in which they give way: the last ones first, in two rounds.
fn giving_way(rows: &[Value], first: fn(&Value) -> bool) -> Vec<usize> {
    let (mut order, others): (Vec<usize>, Vec<usize>) =
        (0..rows.len()).rev().partition(|index| first(&rows[*index]));
    order.extend(others);
    order
}

/// How much too heavy an answer is, with the counts that may come into it.
fn excess(answer: &Value) -> usize {
    weight(answer).saturating_sub(ROOM - COUNTS)
}

/// What a value weighs as it is printed. An answer that is too long is weighed several times, so nothing is printed for it.
pub(crate) fn weight(value: &Value) -> usize {
    // Brackets, and the commas between the members.
    let around = |count: usize| 4 + 2 * count.saturating_sub(1);
    match value {
        Value::Null | Value::Bool(true) => 8,
        Value::Bool(false) => 10,
        Value::Number(number) => 2 * number.to_string().len(),
        Value::String(text) => weight_of_text(text),
        Value::Array(rows) => around(rows.len()) + rows.iter().map(weight).sum::<usize>(),
        Value::Object(members) => {
            let weigh = |(key, value): (&String, &Value)| weight_of_text(key) + 2 + weight(value);
            around(members.len()) + members.iter().map(weigh).sum::<usize>()
        }
    }
}

/// What a text weighs as a value.
pub(crate) fn weight_of_text(text: &str) -> usize {
    // The quotes.
    4 + text::weight(text)
}

/// Whether a text fits that is printed as it is.
pub(crate) fn text_fits(text: &str) -> bool {
    text_weight(text) <= ROOM
}

/// What a text weighs that is printed as it is.
fn text_weight(text: &str) -> usize {
    text.chars().map(|c| c.len_utf8().max(2)).sum()
}

/// The text that `draw` gives for so many rows, made to fit: with fewer rows, if it has any; then the lines in its
/// middle give way to one that counts them and names `more`, the command that shows them.
pub(crate) fn fit_text(
    draw: &dyn Fn(usize) -> String,
    mut rows: usize,
    more: Option<&str>,
) -> String {
    let mut text = draw(rows);
    while !text_fits(&text) && rows > 1 {
        rows = (rows * ROOM / text_weight(&text)).clamp(1, rows - 1);
        text = draw(rows);
    }
    if text_fits(&text) {
        return text;
    }
    let lines: Vec<String> =
        text.split_inclusive('\n').map(|line| text::without_middle(line, LINE)).collect();
    // What is said of the whole stands at its end.
    let last = as_many(&mut lines.iter().rev(), ROOM / 4);
    let first = as_many(&mut lines[..lines.len() - last].iter(), ROOM - ROOM / 4 - COUNTS);
    let gone = lines.len() - last - first;
    let more = more.map(|more| format!("; `{more}` shows more")).unwrap_or_default();
    let count = (gone > 0).then(|| format!("… {gone} lines are not shown{more}\n"));
    let kept = lines[..first].iter().chain(&count).chain(&lines[lines.len() - last..]);
    kept.map(String::as_str).collect()
}

/// How many of these lines have room.
fn as_many(lines: &mut dyn Iterator<Item = &String>, mut room: usize) -> usize {
    let fits = |line: &&String| {
        let rest = room.checked_sub(text_weight(line));
        room = rest.unwrap_or_default();
        rest.is_some()
    };
    lines.take_while(fits).count()
}

#[cfg(test)]
mod tests;
