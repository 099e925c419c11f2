//! Where a task runs, and what became known of it too late.

use std::sync::Arc;

use super::*;
use domain::task::{Progress, Recorded};

#[test]
fn where_a_task_ran_and_what_it_found_too_late_are_read_and_stay_as_they_were() {
    let task = readable("ours_on_a_host", exited());
    assert_eq!(task.progress().host.as_deref(), Some("build-7"));
    assert_eq!(task.progress().late_result.as_deref(), Some("found \"it\"\n"));
    let text = fs::read_to_string(golden("ours_on_a_host.after")).expect("a golden file");
    assert!(text.contains(r#""host": "build-7""#) && text.contains(r#""exitCode": 3"#), "{text}");
}

#[test]
fn a_host_and_a_late_result_are_written_and_left_out_where_there_are_none() {
    let with = |host: Option<&str>, late: Option<&str>| {
        let task = testing::running_task();
        let progress = Progress {
            host: host.map(Into::into),
            late_result: late.map(Into::into),
            ..task.progress().clone()
        };
        Task::recorded(Recorded {
            id: task.id().clone(),
            order: Arc::new(task.order().clone()),
            state: task.state().clone(),
            queued_at: task.queued_at(),
            started_at: task.started_at(),
            progress: Box::new(progress),
        })
    };
    let (known, unknown) = (with(Some("build-7"), Some("late")), with(None, None));
    for task in [&known, &unknown] {
        let text = first(task);
        let record = read(text.as_bytes(), task.id()).expect("readable");
        assert_eq!(record.task, *task);
        // Learned later, the same is written over what was there.
        let old = first(&unknown);
        let raw = read(old.as_bytes(), task.id()).expect("readable").raw;
        let over = over(raw, &unknown, task);
        assert_eq!(read(over.as_bytes(), task.id()).expect("readable").task, *task);
    }
    assert!(!first(&unknown).contains("lateResult") && !first(&unknown).contains("\"host\""));
}
