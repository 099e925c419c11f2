//! The rules, held by tests on the workspace as it stands.

use super::{Finding, RULES, Tree, agents, names, opens, paths, words};
use crate::repo::Repo;

fn hold(name: &str) {
    let (_, rule) = RULES.iter().find(|(rule, _)| *rule == name).expect("a rule of that name");
    let repo = Repo::find().unwrap();
    let findings: Vec<String> =
        rule(&Tree::read(&repo).unwrap()).iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn the_arrows_between_the_crates_hold() {
    hold("arrows");
}

#[test]
fn domain_types_cannot_be_serialised() {
    hold("no serde in the domain");
}

#[test]
fn the_rings_of_the_domain_point_inward() {
    hold("rings");
}

#[test]
fn every_file_says_what_it_is_for() {
    hold("headers");
}

#[test]
fn only_data_dir_builds_paths_of_the_store() {
    hold("paths");
}

#[test]
fn no_library_opens_a_file_that_may_keep_it_waiting() {
    hold("opens");
}

#[test]
fn wire_words_stay_in_the_files_that_own_a_wire() {
    hold("wire words");
}

#[test]
fn only_its_adapter_knows_one_agent_from_another() {
    hold("agents");
}

#[test]
fn libraries_never_read_the_environment() {
    hold("environment");
}

#[test]
fn no_file_is_named_for_nothing() {
    hold("names");
}

#[test]
fn no_file_is_left_uncompiled() {
    hold("orphans");
}

// An exception whose reason is gone would hide the next breach in its file.
#[test]
fn every_exception_of_a_rule_still_excuses_something() {
    let repo = Repo::find().unwrap();
    let tree = Tree::read(&repo).unwrap();
    let idle =
        [words::idle(&tree), paths::idle(&tree), opens::idle(&tree), agents::idle(&tree)].concat();
    assert!(idle.is_empty(), "remove the exceptions for {}", idle.join(", "));
}

#[test]
fn long_files_are_looked_for_without_failing() {
    let repo = Repo::find().unwrap();
    let warnings = names::long_files(&Tree::read(&repo).unwrap());
    assert!(warnings.iter().all(|warning| warning.to_string().contains("lines")));
}
