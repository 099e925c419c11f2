//! The program `crash-points`: tries every scene at every point and prints the table.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports to whoever runs it"
)]

use std::env;
use std::path::Path;
use std::process::ExitCode;

use super::scene::SCENES;
use super::{Row, again, row};
use crate::sandbox::Programs;

/// What happens at the points: the process is killed, or the step fails there once, or from there on.
pub const HOWS: [&str; 7] = ["kill", "ENOSPC", "ENOSPC+", "EIO", "EACCES", "EMFILE", "EAGAIN"];

/// The most violations that are shown of one row.
const SHOWN: usize = 5;

/// How often a single point is tried.
const TIMES: usize = 50;

/// Tries all scenes, or those that the words on the command line choose by a part of their names; a word that names
/// what happens chooses that. `@N` tries the point N alone, many times.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let Some(programs) = beside_this() else {
        eprintln!(
            "the programs under test are not beside this one: start `cargo xtask crashpoints`"
        );
        return ExitCode::FAILURE;
    };
    let point = words.iter().find_map(|word| word.strip_prefix('@')?.parse().ok());
    let words: Vec<String> = words.into_iter().filter(|word| !word.starts_with('@')).collect();
    let (hows, names): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| HOWS.contains(&word.as_str()));
    let chosen = |name: &str| names.is_empty() || names.iter().any(|word| name.contains(*word));
    let hows = HOWS.iter().filter(|how| hows.is_empty() || hows.iter().any(|it| it == *how));
    let hows: Vec<&'static str> = hows.copied().collect();
    if let Some(at) = point {
        let scenes = SCENES.iter().filter(|scene| chosen(scene.name));
        let pairs = scenes.flat_map(|scene| hows.iter().map(move |how| (scene, *how)));
        let found: Vec<String> =
            pairs.flat_map(|(scene, how)| again(programs, scene, how, at, TIMES)).collect();
        println!("{} violated laws in {TIMES} trials each", found.len());
        for words in &found {
            eprintln!("{words}\n");
        }
        return if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    println!("| verb | {} |\n|---|{}", hows.join(" | "), "---:|".repeat(hows.len()));
    let (mut points, mut violations) = (0, 0);
    for scene in SCENES.iter().filter(|scene| chosen(scene.name)) {
        let rows: Vec<Row> = hows.iter().map(|how| row(programs, scene, how, 1)).collect();
        let cells: Vec<String> = rows.iter().map(cell).collect();
        println!("| {} | {} |", scene.name, cells.join(" | "));
        for row in &rows {
            points += row.points;
            violations += row.violations.len();
            for words in row.violations.iter().take(SHOWN) {
                eprintln!("{words}\n");
            }
        }
    }
    println!("\n{points} points, {violations} violated laws");
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cell(row: &Row) -> String {
    match row.violations.len() {
        0 => row.points.to_string(),
        violated => format!("{violated} of {} VIOLATED", row.points),
    }
}

/// The programs that cargo built beside this one.
pub(crate) fn beside_this() -> Option<Programs> {
    let this = env::current_exe().ok()?;
    let folder = this.parent()?;
    let program = |name: &str| -> Option<&'static str> {
        let path = folder.join(name);
        let is_there = Path::new(&path).is_file();
        // The table needs them until the process ends.
        is_there.then(|| &*Box::leak(path.to_string_lossy().into_owned().into_boxed_str()))
    };
    Some(Programs {
        task_bg: program("task-bg-under-test")?,
        hook: program("task-bg-hook-under-test")?,
        droid: program("fake-droid")?,
    })
}
