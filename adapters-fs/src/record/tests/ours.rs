//! What we write ourselves, and that we read it.

use super::*;

#[test]
fn a_new_record_has_exactly_the_originals_keys_in_its_order() {
    let text = first(&testing::queued_task());
    let keys: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("  \"")?.split('"').next()).collect();
    assert_eq!(
        keys,
        [
            "id",
            "session_id",
            "parent_session_id",
            "description",
            "prompt",
            "agent",
            "status",
            "started_at",
            "queued_at",
            "completed_at",
            "result",
            "error",
            "progress",
            "concurrency_key",
            "parent_model"
        ]
    );
    assert!(text.contains(r#""parent_session_id": "main""#), "{text}");
    assert!(text.contains(r#""lastUpdate": "2026-11-18T11:06:40.000000+00:00""#), "{text}");
    assert!(text.contains(r#""toolCalls": 0"#), "{text}");
}

#[test]
fn when_a_cancel_was_asked_for_stays_known_after_it_had_its_way() {
    let running = testing::running_task();
    let asked = running.apply(Event::CancelRequested(intent()), LATER).expect("runs").task;
    let text = first(&asked);
    let Record { task, raw } = read(text.as_bytes(), asked.id()).expect("readable");
    assert_eq!(task, asked);
    let ended = Event::Ended { ending: Ending::CANCELLED, exit: None, next: None };
    let ended = task.clone().apply(ended, LATER).expect("runs").task;
    assert!(over(raw, &task, &ended).contains("cancelRequestedAt"));
}

#[test]
fn a_start_names_both_processes() {
    let started = Started {
        supervisor: testing::process(7),
        agent: testing::process(8),
        awake: None,
        group: None,
        store: Some("1:2".into()),
        log_limit: Some(0),
    };
    let task = testing::queued_task().apply(Event::Started(started), LATER).expect("queued").task;
    let text = first(&task);
    assert!(text.contains(r#""store": "1:2""#) && text.contains(r#""maxLogBytes": 0"#), "{text}");
    assert!(
        text.contains(r#""supervisor": {"pid":7,"startTime":12345,"bootId":"5f0c7ea6-boot"}"#),
        "{text}"
    );
}

#[test]
fn what_a_droids_definition_gave_an_order_is_read_as_it_was_written() {
    let sources = [
        (DroidSource::Project, Some("/p/.factory/droids/x.md")),
        (DroidSource::Plugin { id: "p@m".to_owned() }, Some("/plugins/x.md")),
        (DroidSource::Builtin, None),
    ];
    for (source, path) in sources {
        let briefing = Briefing {
            source,
            path: path.map(ToOwned::to_owned),
            reasoning_effort: Some("high".to_owned()),
            tools: Some(vec!["Read".to_owned(), "LS".to_owned()]),
            unapplied: vec!["the tools LS".to_owned()],
            is_named: path.is_none(),
        };
        let order = Order { briefing: Some(briefing), ..testing::order() };
        let id = TaskId::parse("bg_1").expect("an id");
        let task = Task::ordered(id.clone(), order, None, testing::ORDERED);
        let text = first(&task);
        assert!(text.contains(r#""reasoningEffort": "high""#), "{text}");
        assert!(text.contains(r#""tools": ["Read","LS"]"#), "{text}");
        assert!(text.contains(r#""notApplied": ["the tools LS"]"#), "{text}");
        assert_eq!(read(text.as_bytes(), &id).expect("readable").task, task);
    }
}

#[test]
fn what_an_agent_was_refused_and_what_it_cost_is_read_as_it_was_written() {
    let usage = Usage { input_tokens: 1, cost_micros: Some(368), ..Usage::default() };
    let activity = Activity {
        refused: vec!["Bash: it requires approval".to_owned()],
        usage: Some(usage),
        ..Activity::default()
    };
    let task = testing::running_task();
    let task = task.apply(Event::Progressed(activity), LATER).expect("it runs").task;
    let text = first(&task);
    assert!(text.contains(r#""refused": ["Bash: it requires approval"]"#), "{text}");
    assert!(text.contains(r#""costUsd":0.000368"#), "{text}");
    assert_eq!(read(text.as_bytes(), task.id()).expect("readable").task, task);
}
