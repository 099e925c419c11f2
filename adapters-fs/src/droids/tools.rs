//! The tools that a definition names, as ids that `droid exec --only-tools` takes.
//!
//! A category stands for the tools that droid (0.225.2) lists for it in its own droid files. There
//! is no check of ids against a list, because that changes from version to version and with the
//! servers that somebody has set up: droid refuses an id it does not know, and the task then ends
//! with droid's words.

/// The categories of droid's own droid files, and what they stand for.
const CATEGORIES: [(&str, &[&str]); 6] = [
    ("read-only", &["Read", "LS", "Grep", "Glob"]),
    ("edit", &["Edit", "Create", "ApplyPatch"]),
    ("execute", &["Execute"]),
    ("execution", &["Execute"]),
    ("web", &["WebSearch", "FetchUrl"]),
    // No tool by itself: those of a server are named one by one.
    ("mcp", &[]),
];
/// The word for every tool.
const ALL: &str = "all";
/// A tool that was renamed.
const RENAMED: (&str, &str) = ("MultiEdit", "Edit");
/// The tools that change a file. A model has either the first two or the last; droid passes over
/// those that the model does not have.
const EDITING: [&str; 3] = ["Edit", "Create", "ApplyPatch"];

/// The ids that `words` stand for, each once; `None` if that is every tool.
///
/// # Errors
/// Why they cannot be used: one is no id, or they stand for no tool at all, which droid would take
/// for all of them.
pub(super) fn chosen(words: &[String]) -> Result<Option<Vec<String>>, String> {
    let mut ids: Vec<&str> = Vec::new();
    for word in words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
        if word == ALL {
            return Ok(None);
        }
        let category = CATEGORIES.iter().find(|(name, _)| *name == word);
        match category {
            Some((_, tools)) => ids.extend(*tools),
            None if word == RENAMED.0 => ids.push(RENAMED.1),
            None if is_id(word) => ids.push(word),
            None => return Err(format!("`{}` in its `tools` is no tool", word.escape_debug())),
        }
    }
    if ids.is_empty() {
        return Err("its `tools` name no tool; leave them out to allow every tool".to_owned());
    }
    // Which of the two ways to edit a file the model has is not known here.
    if ids.iter().any(|id| EDITING[..2].contains(id)) {
        ids.push(EDITING[2]);
    } else if ids.contains(&EDITING[2]) {
        ids.extend(&EDITING[..2]);
    }
    let mut once: Vec<String> = Vec::new();
    for id in ids {
        if !once.iter().any(|known| known == id) {
            once.push(id.to_owned());
        }
    }
    Ok(Some(once))
}

/// Whether the word can be an id, or a selector such as `MCP:server/tool`.
fn is_id(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-:/.".contains(c);
    word.len() <= 128
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(words: &[&str]) -> Result<Option<Vec<String>>, String> {
        chosen(&owned(words))
    }

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_category_stands_for_its_tools_alone_or_among_others() {
        assert_eq!(ids(&["read-only"]), Ok(Some(owned(&["Read", "LS", "Grep", "Glob"]))));
        assert_eq!(ids(&["Grep", "read-only"]), Ok(Some(owned(&["Grep", "Read", "LS", "Glob"]))));
        assert_eq!(ids(&["execute", "mcp", "MCP:a/b"]), Ok(Some(owned(&["Execute", "MCP:a/b"]))));
        assert_eq!(ids(&["all"]), Ok(None));
    }

    #[test]
    fn who_may_edit_may_edit_with_any_model() {
        assert_eq!(ids(&["Read", "MultiEdit"]), Ok(Some(owned(&["Read", "Edit", "ApplyPatch"]))));
        assert_eq!(ids(&["ApplyPatch"]), Ok(Some(owned(&["ApplyPatch", "Edit", "Create"]))));
    }

    #[test]
    fn what_names_no_tool_is_refused_as_droid_would_allow_every_tool() {
        for none in [&[][..], &["mcp"], &["", " "]] {
            assert!(ids(none).is_err(), "{none:?}");
        }
        for odd in ["--auto", "a b", "Read,Edit", "$(x)", "é"] {
            assert!(ids(&[odd]).is_err(), "{odd}");
        }
    }
}
