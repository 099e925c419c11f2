//! What may follow a word that somebody is typing: the shell asks at each Tab, and the store answers.
//!
//! Which argument wants what stands in one table, [`WANTED`], and is looked at only here, so that no other command pays
//! for it. Nothing here changes a thing, and what cannot be read offers nothing.

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::{Arg, Command};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use clap_complete::env::{CompleteEnv, Shells};
use domain::port::{Agents as _, TaskStore};
use domain::task::{Droid, Query, SessionId, Task};

use super::args::{Args, ShellArg};
use super::view::task_lines::short_id;
use crate::kit::answer::Format;
use crate::kit::context::{Context, Place};
use crate::kit::failure::{Failure, Kind};
use crate::kit::{environment, terminal};

/// The variable by which a shell asks.
const VARIABLE: &str = environment::COMPLETE;
/// What the program is called where it is looked up.
const PROGRAM: &str = "task-bg";
/// The most tasks that are offered.
const OFFERED: usize = 200;
/// How many of the newest are offered by their place.
const PLACES: usize = 9;

/// What a shell is told that asks; `None` if none does.
pub(crate) fn answered() -> Option<ExitCode> {
    environment::variable(VARIABLE)?;
    let asked = CompleteEnv::with_factory(whole).var(VARIABLE).bin(PROGRAM).completer(PROGRAM);
    let folder = std::env::current_dir().ok();
    match asked.try_complete(std::env::args_os(), folder.as_deref()) {
        Ok(true) => Some(ExitCode::SUCCESS),
        // A shell that gets no answer offers what it knows itself.
        Ok(false) | Err(_) => Some(ExitCode::FAILURE),
    }
}

/// The script by which a shell learns to ask.
///
/// # Errors
/// A failure, if nothing is known of that shell.
pub(crate) fn script(shell: ShellArg) -> Result<String, Failure> {
    let shells = Shells::builtins();
    let mut script = Vec::new();
    let written = shells
        .completer(shell.word())
        .map(|shell| shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script));
    match written {
        Some(Ok(())) => {
            let script = String::from_utf8_lossy(&script).trim().to_owned() + "\n";
            Ok(match shell {
                ShellArg::Zsh => autoloaded(&script),
                ShellArg::Bash => with_whole_words(&script),
                ShellArg::Fish => script,
            })
        }
        Some(Err(_)) | None => {
            Err(Failure::new(Kind::Unexpected, "nothing is known of completion in that shell"))
        }
    }
}

/// A script of bash, which takes words apart at colons and the like, and puts only the last part in its place: the word
/// is asked about whole, and what was typed before that part is taken off the answers.
fn with_whole_words(script: &str) -> String {
    let asked = "    COMPREPLY=( $( \\\n";
    let whole = r#"    local typed="${COMP_LINE:0:COMP_POINT}" joined="" first=${COMP_CWORD} before=""
    typed="${typed##*[[:space:]]}"
    while [[ -n "$typed" && "$typed" != "$joined" && $first -ge 0 ]]; do
        joined="${COMP_WORDS[first]}$joined"
        [[ "$typed" != "$joined" ]] && ((first--))
    done
    if [[ -n "$typed" && "$typed" == "$joined" && $first -lt ${COMP_CWORD} ]]; then
        words=("${COMP_WORDS[@]:0:first}" "$typed" "${COMP_WORDS[@]:COMP_CWORD + 1}")
        _CLAP_COMPLETE_INDEX=$first
        before="${typed%"$2"}"
    fi
"#;
    let answered = "    ) )\n";
    let failed = "    if [[ $? != 0 ]]; then\n";
    let cut = r#"    local code=$? index
    [[ -n "$before" ]] && for index in "${!COMPREPLY[@]}"; do
        COMPREPLY[index]="${COMPREPLY[index]#"$before"}"
        [[ -n "${COMPREPLY[index]}" ]] || unset "COMPREPLY[index]"
    done
"#;
    script
        .replacen(asked, &format!("{whole}{asked}"), 1)
        .replacen(answered, &format!("{answered}{cut}"), 1)
        .replacen(failed, "    if [[ $code != 0 ]]; then\n", 1)
}

/// A script of zsh, which also completes when zsh reads it from its function path at the first Tab.
fn autoloaded(script: &str) -> String {
    let call = "_clap_dynamic_completer_task_bg";
    let register = format!("compdef {call} {PROGRAM}");
    let either = format!(
        "if [ \"$funcstack[1]\" = \"_task-bg\" ]; then\n    {call} \"$@\"\nelse\n    {register}\nfi"
    );
    script.replace(&register, &either)
}

/// The whole command line, each argument with what may stand there.
fn whole() -> Command {
    // Options are offered where there is nothing else to offer, or a word begins as one does.
    let is_begun = std::env::args_os().next_back().is_some_and(|word| !word.is_empty());
    let verbs = |command: Command| {
        let name = command.get_name().to_owned();
        command.mut_args(|arg| {
            let hidden = arg.is_hide_set() || !(is_begun || arg.is_positional());
            let offers = wanted(arg.get_id().as_str());
            let ends = ENDING.contains(&name.as_str()) && arg.is_positional();
            match if ends { offers.map(|_| unended as Offers) } else { offers } {
                Some(offer) => arg.hide(hidden).add(ArgValueCompleter::new(offer)),
                None => arg.hide(hidden),
            }
        })
    };
    // Once it is built, a verb has its arguments.
    let whole = Args::whole().mut_subcommands(verbs);
    let help = Command::new("help")
        .about("Explains a command or a topic")
        .arg(Arg::new("subject").add(ArgValueCompleter::new(subjects)));
    whole.mut_subcommand("help", |_| help)
}

/// The verbs, each with what it does.
fn verbs(typed: &OsStr) -> Vec<CompletionCandidate> {
    going_on(typed, |_| {
        let whole = Args::whole();
        let verbs = whole.get_subcommands().filter(|verb| !verb.is_hide_set());
        let about = |verb: &Command| verb.get_about().map(ToString::to_string).unwrap_or_default();
        verbs.map(|verb| (verb.get_name().to_owned(), about(verb))).collect()
    })
}

/// What `help` explains.
fn subjects(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut subjects = verbs(typed);
    subjects.extend(going_on(typed, |_| {
        super::help::topics().map(|topic| (topic.to_owned(), "a topic".to_owned())).collect()
    }));
    subjects
}

/// Files and folders, of which one may be a program.
fn paths(typed: &OsStr) -> Vec<CompletionCandidate> {
    PathCompleter::any().complete(typed)
}

/// What offers words of which some begin with what was typed.
type Offers = fn(&OsStr) -> Vec<CompletionCandidate>;

/// The verbs that take only tasks that have not ended.
const ENDING: [&str; 3] = ["cancel", "complete", "release"];

/// Which arguments want what. Of the words of a launch, the prompt is the one that cannot be guessed.
const WANTED: [(&[&str], Offers); 9] = [
    (&["id", "ids", "after", "after_any"], tasks),
    (&["droid", "words"], droids),
    (&["model"], models),
    (&["parent"], sessions),
    (&["runner"], runners),
    (&["verb"], verbs),
    (&["on"], targets),
    (&["host"], hosts),
    (&["command"], paths),
];

/// What an argument of this name wants.
fn wanted(argument: &str) -> Option<Offers> {
    let row = WANTED.iter().find(|(arguments, _)| arguments.contains(&argument));
    row.map(|(_, offers)| *offers)
}

/// The store, without a word about what is wrong with it.
fn context() -> Option<Context> {
    Context::new(Some(Format::Json), None, Place::Checked).0.ok()
}

/// The newest tasks that can be read.
fn newest(context: &Context) -> Vec<Task> {
    let query = Query { limit: Some(OFFERED), ..Query::default() };
    let listing = pollster::block_on(TaskStore::list(&context.wiring.store, &query));
    listing.map(|listing| listing.tasks).unwrap_or_default()
}

/// A word that may stand there, with what it means.
fn offer(word: &str, help: String) -> CompletionCandidate {
    CompletionCandidate::new(word).help(Some(help.into()))
}

/// Those offers that go on with what was typed after the last comma, each once.
fn going_on(
    typed: &OsStr,
    offers: impl FnOnce(&str) -> Vec<(String, String)>,
) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let (before, last) = match typed.rfind(',') {
        Some(comma) => typed.split_at(comma + 1),
        None => ("", typed),
    };
    let mut words: Vec<(String, String)> = Vec::new();
    for (word, help) in offers(last).into_iter().filter(|(word, _)| word.starts_with(last)) {
        if !words.iter().any(|(known, _)| *known == word) {
            words.push((word, help));
        }
    }
    words.into_iter().map(|(word, help)| offer(&format!("{before}{word}"), help)).collect()
}

/// Tasks: by name and id; by place and by the end of an id where one is begun.
fn tasks(typed: &OsStr) -> Vec<CompletionCandidate> {
    those(typed, |_| true)
}

/// The same of those that have not ended.
fn unended(typed: &OsStr) -> Vec<CompletionCandidate> {
    those(typed, |task| !task.status().is_ended())
}

fn those(typed: &OsStr, are_meant: impl Fn(&Task) -> bool) -> Vec<CompletionCandidate> {
    let Some(context) = context() else { return Vec::new() };
    going_on(typed, |last| {
        let all = newest(&context);
        let places = all.iter().take(PLACES).enumerate().filter(|(_, task)| are_meant(task));
        let tasks: Vec<&Task> = all.iter().filter(|task| are_meant(task)).collect();
        let help = |task: &Task| {
            let label = terminal::one_line(task.order().label(), 50);
            format!("{}: {label}", task.status().word())
        };
        let mut offers = Vec::new();
        if last.starts_with('@') {
            offers.extend(places.map(|(at, task)| (format!("@{}", at + 1), help(task))));
        }
        let name = |task: &&Task| Some((task.order().name.as_ref()?.to_string(), help(task)));
        offers.extend(tasks.iter().filter_map(name));
        offers.extend(tasks.iter().map(|task| (task.id().to_string(), help(task))));
        if !last.is_empty() && !"bg_".starts_with(last) {
            let short = pollster::block_on(context.short(all.iter().map(Task::id)));
            offers.extend(tasks.iter().map(|task| (short_id(task.id(), short), help(task))));
        }
        offers
    })
}

fn droids(typed: &OsStr) -> Vec<CompletionCandidate> {
    going_on(typed, |_| {
        found().into_iter().map(|(name, description, _)| (name, description)).collect()
    })
}

/// The models that droids and earlier tasks name.
fn models(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(context) = context() else { return Vec::new() };
    going_on(typed, |_| {
        let named = found()
            .into_iter()
            .filter_map(|(name, _, model)| Some((model?, format!("the model of {name}"))));
        let tasks = newest(&context);
        let used = tasks.iter().filter_map(|task| task.order().model.clone());
        named
            .chain(used.map(|model| (model, "a model that was asked for before".to_owned())))
            .collect()
    })
}

/// The droids that a task in this folder can be given to: names, descriptions and models.
fn found() -> Vec<(String, String, Option<String>)> {
    let (Some(context), Ok(folder)) = (context(), std::env::current_dir()) else {
        return Vec::new();
    };
    let folder = folder.to_string_lossy();
    let droids = domain::usecase::droids::droids(&context.wiring.droids, &folder);
    let droids = pollster::block_on(droids);
    let told = |droid: &Droid| {
        let description = droid.description.as_deref().unwrap_or_default();
        (droid.name.to_string(), terminal::one_line(description, 60), droid.model.clone())
    };
    droids.visible().iter().map(|visible| told(visible.droid)).collect()
}

/// The sessions that launched the newest tasks.
fn sessions(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(context) = context() else { return Vec::new() };
    going_on(typed, |_| {
        let parent = |task: &Task| task.order().parent.as_ref().map(SessionId::to_string);
        let parents = newest(&context);
        let parents = parents.iter().filter_map(parent);
        parents.map(|parent| (parent, "a session that launched tasks".to_owned())).collect()
    })
}

fn runners(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(context) = context() else { return Vec::new() };
    let agents = context.wiring.agents.all();
    going_on(typed, |_| {
        agents.iter().map(|agent| (agent.name().to_string(), "an agent".to_owned())).collect()
    })
}

/// The other machines that this store knows.
fn hosts(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(context) = context() else { return Vec::new() };
    let hosts = context.wiring.hosts.names().unwrap_or_default();
    going_on(typed, |_| {
        hosts.into_iter().map(|host| (host, "another machine".to_owned())).collect()
    })
}

/// Where tasks can be placed.
fn targets(typed: &OsStr) -> Vec<CompletionCandidate> {
    let hosts = context().and_then(|context| context.wiring.hosts.names().ok()).unwrap_or_default();
    going_on(typed, |_| {
        let kinds =
            [("local", "this machine"), ("slurm", "a cluster"), ("ssh:", "another machine")];
        let kinds = kinds.map(|(word, help)| (word.to_owned(), help.to_owned()));
        let hosts =
            hosts.into_iter().map(|host| (format!("ssh:{host}"), "another machine".to_owned()));
        hosts.chain(kinds).collect()
    })
}
