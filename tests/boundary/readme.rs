//! The README as a stranger follows it: its blocks are run from the first to the last, and what it says that they print
//! is what they print. Its tables of verbs are held against the command line.

use std::fs;
use std::path::PathBuf;

use tests::sandbox::Sandbox;

use crate::sandbox;

/// An id that stands for every other.
const ID: &str = "bg_1a2036df07b3f9c21";

fn document(name: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The blocks of a kind, without the spaces before their fence.
fn blocks(document: &str, kind: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix(&format!("```{kind}")) else { continue };
        let inside = lines.by_ref().take_while(|line| line.trim() != "```");
        let inside = inside.map(|line| line.strip_prefix(indent).unwrap_or(line));
        blocks.push(inside.collect::<Vec<_>>().join("\n"));
    }
    blocks
}

/// The commands of a block, each with the lines that it prints.
fn commands(block: &str) -> Vec<(&str, Vec<&str>)> {
    let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command, Vec::new())),
            (None, Some((_, printed))) => printed.push(line),
            (None, None) => panic!("a block begins with a command: {block}"),
        }
    }
    commands
}

/// What is left on a terminal of a command: live lines were taken back, and colours are none.
fn left_on_terminal(sandbox: &Sandbox, command: &str) -> String {
    let script = sandbox.path("command");
    fs::write(&script, format!("stty cols 80 rows 24\n{command}\n")).expect("a script");
    let words = format!("TERM=xterm NO_COLOR=1 script -qefc 'sh {}' /dev/null", script.display());
    let shown = sandbox.shell(&words).ok().stdout.replace('\r', "");
    shown.rsplit("\u{1b}[J").next().unwrap_or_default().to_owned()
}

/// The words with one id for all, and one span of time.
fn alike(text: &str) -> String {
    let is_hex = |c: char| c.is_ascii_hexdigit();
    let word = |word: &str| {
        let bare = word.trim_matches('`');
        if bare.strip_prefix("bg_").is_some_and(|rest| rest.len() == 17 && rest.chars().all(is_hex))
        {
            return word.replace(bare, ID);
        }
        if bare.len() == 4 && bare.chars().all(is_hex) {
            return ID[ID.len() - 4..].to_owned();
        }
        let number = bare.trim_end_matches(':').strip_suffix('s');
        let is_number = |it: &str| !it.is_empty() && it.chars().all(|c| c.is_ascii_digit());
        if number.is_some_and(is_number) {
            word.replace(bare.trim_end_matches(':'), "1s")
        } else {
            word.to_owned()
        }
    };
    let lines = text.lines().map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_block_of_the_readme_works_as_it_is_printed_there() {
    let sandbox = sandbox();
    let readme = document("README.md");
    let (mut ran, mut compared) = (0, 0);
    for block in blocks(&readme, "console") {
        // What builds or installs other programs is the business of `cargo xtask demo`, `ci` and `e2e`.
        for (command, printed) in commands(&block) {
            if !command.starts_with("task-bg ") {
                continue;
            }
            let shown = left_on_terminal(&sandbox, command);
            ran += 1;
            if !printed.is_empty() {
                assert_eq!(alike(&printed.join("\n")), alike(&shown), "$ {command}\n{shown}");
                compared += 1;
            }
        }
    }
    assert!(ran >= 10 && compared >= 3, "{ran} commands ran, {compared} were compared");
    for block in blocks(&readme, "sh") {
        let answer = sandbox.shell(&block).ok().json();
        assert_eq!(answer["rejected"], serde_json::json!([]), "{answer:#}");
        assert_eq!(answer["ended"].as_array().map(Vec::len), Some(3), "{answer:#}");
    }
}

#[test]
fn the_table_of_verbs_has_a_row_for_each_and_names_no_option_that_there_is_not() {
    let sandbox = sandbox();
    let verbs = document("docs/verbs.md");
    let options = document("docs/options.md");
    let rows: Vec<(&str, &str)> = verbs
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(usage, rest)| (usage.split(' ').next().unwrap_or_default(), rest))
        .collect();
    let of_orders = sandbox.task_bg(["launch", "--help"]).ok().stdout;
    for section in options.split("\n## ").skip(1) {
        let verb = section.lines().next().expect("a name");
        let row = rows.iter().find(|(name, _)| *name == verb);
        let (_, row) = row.unwrap_or_else(|| panic!("docs/verbs.md has no row for `{verb}`"));
        let help = sandbox.task_bg([verb, "--help"]).ok().stdout;
        // What a task was ordered with is named in other rows as well.
        let named = row.split('`').filter(|word| word.starts_with("--"));
        for option in named {
            let name = option.split(['=', ' ', '[']).next().expect("a name");
            let is_there = help.contains(name) || of_orders.contains(name);
            assert!(is_there, "docs/verbs.md: `{verb}` has no {name}");
        }
    }
}

#[test]
fn every_page_that_the_readme_and_the_pages_link_to_is_there() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    let folder = fs::read_dir(root.join("docs")).expect("the pages");
    pages.extend(folder.map(|entry| entry.expect("an entry").path()).filter(|it| it.is_file()));
    for page in pages {
        let text = fs::read_to_string(&page).expect("text");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        for (link, _) in links.filter(|(link, _)| !link.contains("://")) {
            let file = link.split('#').next().unwrap_or_default();
            let linked = page.parent().expect("a folder").join(file);
            assert!(linked.exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}
