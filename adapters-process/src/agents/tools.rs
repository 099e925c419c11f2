//! The tools that a definition of a droid allows, in the words of another agent.
//!
//! Definitions name droid's tools. [`translated`] says which tools of another agent they stand for, and
//! which have no counterpart there. Nothing here knows another agent.

/// What tools of droid are called elsewhere: droid's name, and those of the other agent.
pub(super) type Names = [(&'static str, &'static [&'static str])];

/// The other agent's tools that `tools` stand for, each once, and those without a counterpart.
pub(super) fn translated<'a>(
    tools: &'a [String],
    names: &Names,
) -> (Vec<&'static str>, Vec<&'a str>) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for tool in tools {
        match names.iter().find(|(name, _)| name.eq_ignore_ascii_case(tool)) {
            Some((_, theirs)) => known.extend(theirs.iter().copied()),
            None => unknown.push(tool.as_str()),
        }
    }
    known.sort_unstable();
    known.dedup();
    (known, unknown)
}

/// What is said of tools that could not be applied; nothing where all could.
pub(super) fn unapplied(unknown: &[&str]) -> Option<String> {
    (!unknown.is_empty()).then(|| format!("the tools {}", unknown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_translated_once_each_and_those_without_a_counterpart_are_named() {
        let names: &Names = &[("Read", &["read"]), ("LS", &["read", "list"])];
        let tools = ["Read", "ls", "Skill"].map(String::from);
        let (known, unknown) = translated(&tools, names);
        assert_eq!(known, ["list", "read"]);
        assert_eq!(unapplied(&unknown).as_deref(), Some("the tools Skill"));
        assert_eq!(unapplied(&[]), None);
    }
}
