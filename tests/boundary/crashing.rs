//! Programs that die at any point, or meet with a step that fails there: the laws hold all the same.
//!
//! `cargo xtask crashpoints` tries every point. Here a part of them is tried, for each part of the matrix: of every few
//! points one.

use tests::crashing::row;
use tests::crashing::scene::{Part, SCENES};

use crate::programs;

/// Of how many points one is tried.
const STRIDE: usize = 5;

fn hold(part: Part, how: &'static str, stride: usize) {
    let scenes = SCENES.iter().filter(|scene| scene.part == part);
    let rows: Vec<_> = scenes.map(|scene| row(programs(), scene, how, stride)).collect();
    let violations: Vec<&String> = rows.iter().flat_map(|row| &row.violations).collect();
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(rows.iter().all(|row| row.points > 0), "a scene without a point: {rows:?}");
}

#[test]
fn whoever_dies_while_it_launches_leaves_nothing_lost_and_nothing_running_for_ever() {
    hold(Part::Launching, "kill", STRIDE);
}

#[test]
fn whoever_dies_while_it_supervises_leaves_nothing_lost_and_nothing_running_for_ever() {
    hold(Part::Running, "kill", STRIDE);
}

#[test]
fn whoever_dies_while_it_ends_tasks_leaves_nothing_lost_and_nothing_running_for_ever() {
    hold(Part::Stopping, "kill", STRIDE);
}

#[test]
fn whoever_dies_while_it_orders_more_leaves_nothing_lost_and_nothing_running_for_ever() {
    hold(Part::Again, "kill", STRIDE);
}

#[test]
fn whoever_dies_while_it_looks_or_tells_leaves_nothing_lost_and_nothing_running_for_ever() {
    hold(Part::Looking, "kill", STRIDE);
}

// Once, a task that had been announced as queued ended as `launch_failed`, because whoever admitted it had too many
// processes or open files.
#[test]
fn a_waiting_task_waits_on_where_whoever_admits_it_can_start_no_process() {
    for how in ["EAGAIN", "EMFILE"] {
        for name in ["admit by looking", "end, and admit the next", "batch", "release"] {
            let scene = SCENES.iter().find(|scene| scene.name == name).expect("a scene");
            let row = row(programs(), scene, how, 1);
            assert!(row.points > 0 && row.violations.is_empty(), "{row:#?}");
        }
    }
}

// Once, a supervisor that could not end a rest forgot it: the task was frozen for ever.
#[test]
fn a_task_goes_on_although_whoever_takes_it_over_cannot_end_its_rest_at_once() {
    let scene = SCENES.iter().find(|scene| scene.name == "supervise what was taken over");
    let row = row(programs(), scene.expect("a scene"), "EIO", 1);
    assert!(row.points > 0 && row.violations.is_empty(), "{row:#?}");
}

#[test]
fn whoever_dies_while_it_tidies_up_leaves_nothing_lost_and_nothing_running_for_ever() {
    hold(Part::Tidying, "kill", STRIDE);
}
