//! Which options take one value, and why; all others take several.

use super::Args;

/// The options that take one value, and why several would make no sense.
const SINGLE: [(&str, &str); 7] = [
    ("format", "an answer has one form"),
    ("limit offset sort tail since", "it bounds or orders one list or text"),
    ("timeout grace wait older_than stale", "of two limits the shorter would do"),
    ("start_in start_at backoff priority retries notify", "a task starts once, and ends once"),
    (
        "name prompt_file stdin cwd worktree droid autonomy runner model reasoning_effort key on",
        "a task has one of it",
    ),
    ("scope agent", "it names the one file that is edited"),
    ("to html report", "pages go into one folder, and a page or a report into one file"),
];
/// Those that take one value for one verb and several for another, which asks for tasks and makes none.
const OF_MAKERS: [&str; 2] = ["launch --parent", "run --parent"];
const OF_SEEKERS: [&str; 1] = ["list --droid"];

// Once, `cleanup --status a,b`, `list --droid a,b` and every `--parent a,b` were refused or found nothing.
#[test]
fn every_option_takes_several_values_but_those_of_which_several_make_no_sense() {
    let root = Args::whole();
    let mut seen = 0;
    let is_in = |names: &str, name: &str| names.split(' ').any(|it| it == name);
    for verb in root.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let options = verb.get_arguments().filter(|option| !option.is_positional());
        for option in options.filter(|option| option.get_action().takes_values()) {
            let name = option.get_id().as_str();
            let typed = format!("{} --{name}", verb.get_name());
            let listed = SINGLE.iter().any(|(names, _)| is_in(names, name))
                && !OF_SEEKERS.contains(&typed.as_str());
            let is_single = listed || OF_MAKERS.contains(&typed.as_str());
            let repeats = matches!(option.get_action(), clap::ArgAction::Append);
            assert_ne!(repeats, is_single, "{typed}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} options");
}
