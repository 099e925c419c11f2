//! Which definition a name means, what it hides, and what happens to a broken one.

use super::*;
use std::string::ToString;
use std::vec;

fn name(text: &str) -> DroidName {
    DroidName::parse(text).expect("a name")
}

fn droid(text: &str, source: DroidSource) -> Found {
    Found::Droid(Droid {
        name: name(text),
        description: None,
        model: None,
        reasoning_effort: Some("low".to_string()),
        autonomy: None,
        tools: None,
        instructions: Instructions::parse("be one").expect("words"),
        path: Some(std::format!("/{}/{text}.md", source.word())),
        source,
    })
}

fn broken(text: &str, source: DroidSource) -> Found {
    Found::Unreadable(UnreadableDroid {
        name: Some(name(text)),
        source,
        path: "/broken.md".to_string(),
        reason: "it is empty".to_string(),
    })
}

fn plugin() -> DroidSource {
    DroidSource::Plugin { id: "p@m".to_string() }
}

#[test]
fn a_name_can_neither_leave_a_folder_nor_be_taken_for_an_option() {
    for good in ["explorer", "executor-med", "My_Droid2"] {
        assert!(DroidName::parse(good).is_ok(), "{good}");
    }
    let long = "x".repeat(MAX_DROID_NAME + 1);
    for bad in ["", ".", "..", "../x", "a/b", "a b", "-x", "é", "a\0", "a.md", long.as_str()] {
        assert!(DroidName::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn each_source_wins_over_the_next_in_whatever_order_they_were_found() {
    let sources = [DroidSource::Builtin, plugin(), DroidSource::User, DroidSource::Project];
    let mut found = vec![];
    for source in sources {
        found.push(droid("x", source.clone()));
        let catalog = Catalog::of(found.clone());
        assert_eq!(catalog.choose(&name("x")).map(|droid| &droid.source), Ok(&source));
    }
    let catalog = Catalog::of(found);
    let visible = catalog.visible();
    assert_eq!(visible.len(), 1);
    let shadows: Vec<_> = visible[0].shadows.iter().map(|found| found.source().word()).collect();
    assert_eq!(shadows, ["user", "plugin", "builtin"]);
}

#[test]
fn inside_one_source_what_was_found_first_counts() {
    let mut nearer = droid("x", DroidSource::Project);
    if let Found::Droid(droid) = &mut nearer {
        droid.path = Some("/near/x.md".to_string());
    }
    let catalog = Catalog::of(vec![nearer, droid("x", DroidSource::Project)]);
    let path = catalog.choose(&name("x")).expect("known").path.as_deref();
    assert_eq!(path, Some("/near/x.md"));
}

#[test]
fn a_broken_definition_does_not_make_another_droid_of_the_name() {
    let catalog =
        Catalog::of(vec![droid("x", DroidSource::Builtin), broken("x", DroidSource::Project)]);
    assert!(matches!(catalog.choose(&name("x")), Err(NoDroid::Unreadable { .. })));
    assert!(catalog.visible().is_empty());
    assert_eq!(catalog.unreadable().count(), 1);
    let catalog =
        Catalog::of(vec![droid("x", DroidSource::Project), broken("x", DroidSource::User)]);
    assert!(catalog.choose(&name("x")).is_ok(), "a better one hides it");
}

#[test]
fn explore_means_explorer_unless_somebody_defines_it() {
    let catalog = Catalog::of(vec![droid("explorer", DroidSource::Builtin)]);
    let chosen = catalog.choose(&name("explore")).map(|droid| droid.name.to_string());
    assert_eq!(chosen.as_deref(), Ok("explorer"));
    let both = vec![droid("explorer", DroidSource::Project), droid("explore", DroidSource::User)];
    let catalog = Catalog::of(both);
    let chosen = catalog.choose(&name("explore")).map(|droid| droid.name.to_string());
    assert_eq!(chosen.as_deref(), Ok("explore"));
}

#[test]
fn an_unknown_name_comes_with_names_like_it() {
    let catalog = Catalog::of(vec![droid("explorer", DroidSource::Builtin)]);
    let Err(NoDroid::Unknown { near, .. }) = catalog.choose(&name("explorre")) else {
        panic!("nobody has that name")
    };
    assert_eq!(near, [name("explorer")]);
}

#[test]
fn how_hard_to_think_is_the_orders_to_say_first() {
    let Found::Droid(droid) = droid("x", DroidSource::User) else { panic!("it is one") };
    assert_eq!(Briefing::of(&droid, None, false).reasoning_effort.as_deref(), Some("low"));
    let said = Briefing::of(&droid, Some("high".to_string()), false);
    assert_eq!(said.reasoning_effort.as_deref(), Some("high"));
}

#[test]
fn instructions_are_words_and_never_show_themselves() {
    let instructions = Instructions::parse("\n the key is x \n").expect("words");
    assert_eq!(instructions.as_str(), "the key is x");
    assert_eq!(std::format!("{instructions:?}"), "Instructions(12 bytes)");
    assert_eq!(Instructions::parse(" \n"), None);
    assert_eq!(Instructions::parse("a\0b"), None);
}
