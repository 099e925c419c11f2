//! `{{task:<id>.result}}` in a prompt: handing on what an earlier task found.
//!
//! Replaced once, when the task starts; what a result says is never read as a template again.

use alloc::string::String;
use alloc::vec::Vec;

use super::id::TaskId;

/// The most bytes of one result that are handed on.
pub const HANDED_ON: usize = 64 << 10;
const OPEN: &str = "{{task:";
const CLOSE: &str = ".result}}";

/// The tasks whose results `prompt` asks for, in order, each as often as it is named.
pub fn wanted(prompt: &str) -> Vec<TaskId> {
    pieces(prompt).into_iter().filter_map(|(_, id)| id).collect()
}

/// `prompt` with every template replaced by the result that `found` gives for its task.
///
/// # Errors
/// The first task for which `found` has no result.
pub fn filled(prompt: &str, found: &dyn Fn(&TaskId) -> Option<String>) -> Result<String, TaskId> {
    let mut text = String::with_capacity(prompt.len());
    for (before, id) in pieces(prompt) {
        text.push_str(before);
        if let Some(id) = id {
            let result = found(&id).ok_or(id)?;
            text.push_str(&super::text::at_most(result, HANDED_ON));
        }
    }
    Ok(text)
}

/// The text between templates, each piece with the template that ends it.
fn pieces(prompt: &str) -> Vec<(&str, Option<TaskId>)> {
    let (mut pieces, mut rest, mut from) = (Vec::new(), prompt, 0);
    while let Some(at) = rest[from..].find(OPEN).map(|at| at + from) {
        let inner = at + OPEN.len();
        let template = rest[inner..].find(CLOSE).and_then(|length| {
            let id = TaskId::parse(&rest[inner..inner + length]).ok()?;
            Some((id, inner + length + CLOSE.len()))
        });
        match template {
            Some((id, end)) => {
                pieces.push((&rest[..at], Some(id)));
                rest = &rest[end..];
                from = 0;
            }
            None => from = inner,
        }
    }
    pieces.push((rest, None));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;

    fn found(id: &TaskId) -> Option<String> {
        (id.as_str() != "bg_nobody").then(|| format!("<{id} found {{{{task:bg_9.result}}}}>"))
    }

    #[test]
    fn results_are_put_in_and_never_read_as_templates_again() {
        let prompt = "Use {{task:bg_1.result}} and {{task:bg_2.result}}.";
        let text = "Use <bg_1 found {{task:bg_9.result}}> and <bg_2 found {{task:bg_9.result}}>.";
        assert_eq!(filled(prompt, &found).as_deref(), Ok(text));
        assert_eq!(wanted(prompt).len(), 2);
    }

    #[test]
    fn a_task_of_which_nothing_is_known_is_named() {
        let nobody = TaskId::parse("bg_nobody").expect("an id");
        assert_eq!(filled("{{task:bg_nobody.result}}", &found), Err(nobody));
    }

    #[test]
    fn what_only_looks_like_a_template_stays_as_it_is() {
        for prompt in
            ["{{task:}}", "{{task:.result}}", "{{task:a b.result}}", "{{task:bg_1", "{{x}}"]
        {
            assert_eq!(filled(prompt, &found).as_deref(), Ok(prompt));
        }
        assert_eq!(
            filled("{{task:{{task:bg_1.result}}", &|_| Some("r".into())).as_deref(),
            Ok("{{task:r")
        );
    }

    proptest! {
        #[test]
        fn invariant_a_prompt_without_templates_stays_as_it_is(prompt in "[^{]{0,80}") {
            prop_assert_eq!(filled(&prompt, &found), Ok(prompt.clone()));
        }
    }
}
