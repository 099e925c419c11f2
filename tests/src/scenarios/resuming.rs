//! Taking up what has ended: the same session once more, and the same order with more freedom.

use super::stage::{Stage, assert_completed, error_of};
use super::steering::execute;

pub(super) fn a_resume_answers_in_the_same_session_and_the_model_sees_the_earlier_turn(
    stage: &Stage,
) {
    let first = stage.launched("The number to keep in mind is 271828.\nSAY:noted");
    assert_completed(&stage.ended(&first, 0), "noted");
    let asked = stage.requests().len();
    let answer = stage.ok(["resume", &first, "Which number was it?\nSAY:it was that one"]);
    let second = stage.note_task(&answer);
    let record = stage.ended(&second, 0);
    assert_completed(&record, "it was that one");
    // Without its service, droid goes on in a copy of the session.
    let earlier = stage.status(&first)["progress"]["droidSessionId"].clone();
    assert_eq!(record["progress"]["forksSession"], earlier, "{record:#}");
    assert_ne!(record["progress"]["droidSessionId"], earlier, "{record:#}");
    let requests = stage.requests();
    let last = requests.last().filter(|_| requests.len() > asked).expect("the model was asked");
    let turns: Vec<String> = last["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|message| format!("{}: {}", message["role"], message["content"]))
        .collect();
    let has = |role: &str, words: &str| {
        turns.iter().any(|turn| turn.starts_with(&format!("\"{role}\"")) && turn.contains(words))
    };
    assert!(has("user", "271828") && has("assistant", "noted"), "{turns:#?}");
    assert!(has("user", "Which number was it?"), "{turns:#?}");
}

pub(super) fn a_resume_of_a_resume_still_knows_the_first_turn(stage: &Stage) {
    let mut id = stage.launched("The colour is vermilion.\nSAY:turn 1");
    stage.ended(&id, 0);
    for turn in 2..=3 {
        let words = format!("SAY:turn {turn}");
        id = stage.note_task(&stage.ok(["resume", &id, &words]));
        assert_completed(&stage.ended(&id, 0), &format!("turn {turn}"));
    }
    let requests = stage.requests();
    let last = requests.last().expect("the model was asked").to_string();
    for words in ["vermilion", "turn 1", "turn 2"] {
        assert!(last.contains(words), "`{words}` is not in the last request");
    }
}

pub(super) fn a_refused_task_completes_when_it_is_retried_with_more_autonomy(stage: &Stage) {
    let done = stage.work().join("done");
    let command = execute("echo did it > done", "high");
    let (_, first) = stage.launch(&format!("{command}SAY:permitted"), ["--autonomy", "low"]);
    error_of(&stage.ended(&first, 5), "permission");
    assert!(!done.exists(), "it was refused and done");
    let answer = stage.ok(["retry", &first, "--autonomy", "high"]);
    let second = stage.note_task(&answer);
    let record = stage.ended(&second, 0);
    assert_completed(&record, "permitted");
    assert!(done.exists(), "it was permitted and not done");
    assert_eq!(record["progress"]["retryOf"], first.as_str(), "{record:#}");
    assert_eq!(stage.status(&first)["progress"]["retriedAs"], second.as_str());
}
