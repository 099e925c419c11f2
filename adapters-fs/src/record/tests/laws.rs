//! The laws of reading, sketching and writing records, over generated tasks and broken bytes.

use super::*;
use domain::testing::strategies;
use proptest::prelude::*;

/// A sketch of `content`, if there is one, must agree with what is read in full.
fn sketched(content: &[u8], id: &TaskId) -> bool {
    let Some(sketch) = sketch(content, id) else { return false };
    let task = read(content, id).map(|record| record.task).expect("what is sketched is readable");
    let asked = |task: &Task| {
        let order = task.order();
        let times = (task.queued_at(), task.started_at(), task.state().ended_at());
        (task.id().clone(), task.status(), order.parent.clone(), order.agent.clone(), times)
    };
    assert_eq!(asked(&sketch), asked(&task));
    true
}

#[test]
fn a_sketch_agrees_with_the_record_and_what_is_unusual_has_none() {
    for entry in fs::read_dir(golden("x").parent().expect("a folder")).expect("listed") {
        sketched(&fs::read(entry.expect("an entry").path()).expect("read"), &id());
    }
    assert!(sketched(&content("ours"), &id()));
    assert!(sketched(&content("local_times"), &id()));
    assert!(!sketched(&content("unknown_keys"), &id()));
    assert!(!sketched(&content("keys_twice"), &id()));
}

proptest! {
    #[test]
    fn invariant_every_record_we_write_can_be_sketched(task in strategies::task()) {
        prop_assert!(sketched(first(&task).as_bytes(), task.id()));
    }

    #[test]
    fn invariant_a_sketch_never_sees_what_is_not_there(
        task in strategies::task(),
        at in any::<proptest::sample::Index>(),
        byte in prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'0')],
    ) {
        let mut content = first(&task).into_bytes();
        let at = at.index(content.len());
        content[at] = byte;
        sketched(&content, task.id());
    }
}

proptest! {
    #[test]
    fn invariant_a_task_is_read_as_it_was_written(task in strategies::task()) {
        let text = first(&task);
        prop_assert_eq!(read(text.as_bytes(), task.id()).expect("readable").task, task);
    }

    #[test]
    fn invariant_writing_over_a_record_says_what_a_new_one_would(
        task in strategies::task(),
        event in strategies::event(),
        at in strategies::timestamp(),
    ) {
        let text = first(&task);
        if let Ok(applied) = task.clone().apply(event, at) {
            let record = read(text.as_bytes(), task.id()).expect("readable");
            let text = over(record.raw, &task, &applied.task);
            let again = read(text.as_bytes(), task.id()).expect("readable").task;
            prop_assert_eq!(again, applied.task);
        }
    }

    #[test]
    fn invariant_no_bytes_make_reading_panic(content: Vec<u8>) {
        prop_assert!(read(&content, &id()).is_err());
    }

    #[test]
    fn invariant_a_record_cut_off_anywhere_is_unreadable(task in strategies::task(), cut in 1usize..400) {
        let text = first(&task);
        let cut = text.len().saturating_sub(cut);
        prop_assert!(read(&text.as_bytes()[..cut], task.id()).is_err());
    }
}
