//! `launch` and `run`: from words to an order, from an order to a running task.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use domain::port::Entropy;
use domain::task::droid::Instructions;
use domain::task::{
    Autonomy, Briefing, DroidName, InvalidPrompt, Order, Prompt, Runner, SessionId, Task,
};
use domain::usecase::droids::choose;
use domain::usecase::launch::{LaunchError, launch};
use domain::usecase::wait::Until;

use super::{parse_session, wait};
use crate::Outcome;
use crate::args::{AutonomyArg, Launch, Run, Terms};
use crate::context::Context;
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::view::{Answer, launched::Launched};

/// The droid that is launched where none is named.
const DEFAULT_DROID: &str = "executor-med";
/// What a plain command is recorded as in place of a droid.
const COMMAND_AGENT: &str = "command";
/// The longest prompt, in bytes: a record of it must stay readable.
const MAX_PROMPT: u64 = 16 << 20;

/// `launch`.
pub(super) async fn droid(context: &Context, args: Launch) -> Outcome {
    let mut words = args.words.into_iter();
    let prompt = match &args.prompt_file {
        Some(path) => read_prompt(path)?,
        None => words.next().ok_or_else(|| {
            Failure::new(Kind::Usage, "the prompt is missing").hint(
                "give it after the description, or with --prompt-file FILE (- for standard input)",
            )
        })?,
    };
    let [droid, parent, autonomy, model] = [words.next(), words.next(), words.next(), words.next()];
    if let Some(extra) = words.next() {
        let message = format!("there is one word too many: `{extra}`");
        return Err(
            Failure::new(Kind::Usage, message).hint("quote the prompt, so that it is one word")
        );
    }
    let agent = one_of("the droid", droid, args.droid)?.unwrap_or_else(|| DEFAULT_DROID.to_owned());
    let model = one_of("the model", model, args.model)?;
    let autonomy = match (autonomy, args.autonomy) {
        (Some(word), None) => parse_autonomy(&word)?,
        (None, Some(AutonomyArg(level))) => level,
        (None, None) => Autonomy::Medium,
        (Some(_), Some(_)) => return Err(twice("the autonomy")),
    };
    let effort = args.reasoning_effort.filter(|effort| !effort.is_empty());
    for (what, word) in [("the model", &model), ("the reasoning effort", &effort)] {
        word.as_deref().map_or(Ok(()), |word| check_word(what, word))?;
    }
    let cwd = working_folder(args.terms.cwd.as_deref())?;
    let name = DroidName::parse(&agent).map_err(|invalid| {
        Failure::new(Kind::Usage, format!("that is no droid name: {invalid}"))
            .hint("run `task-bg droids` to see which droids there are")
    })?;
    let droid = choose(&context.wiring.droids, &cwd, &name).await?;
    let terms = Terms {
        parent: one_of("the parent", parent, args.terms.parent)?,
        cwd: Some(cwd.into()),
        ..args.terms
    };
    let ordered = Ordered {
        description: args.description,
        prompt,
        agent: droid.name.to_string(),
        runner: Runner::Droid(autonomy),
        briefing: Some(Briefing::of(&droid, effort)),
        model: model.or(droid.model),
        instructions: Some(droid.instructions),
    };
    start(context, ordered, terms).await
}

/// `run`.
pub(super) async fn command(context: &Context, args: Run) -> Outcome {
    let words = args.command.iter().map(String::as_str);
    let prompt = shlex::try_join(words)
        .map_err(|_| Failure::new(Kind::Usage, "the command has a NUL character"))?;
    let ordered = Ordered {
        description: args.description,
        prompt,
        agent: COMMAND_AGENT.to_owned(),
        model: None,
        runner: Runner::Command(args.command),
        briefing: None,
        instructions: None,
    };
    start(context, ordered, args.terms).await
}

/// What was ordered, before it is known where and for whom.
struct Ordered {
    description: String,
    prompt: String,
    agent: String,
    model: Option<String>,
    runner: Runner,
    briefing: Option<Briefing>,
    instructions: Option<Instructions>,
}

async fn start(context: &Context, ordered: Ordered, terms: Terms) -> Outcome {
    let depth = environment::depth();
    if depth >= environment::MAX_DEPTH {
        let message =
            format!("this is already {depth} tasks deep, and tasks may not launch deeper");
        return Err(Failure::new(Kind::TooDeep, message)
            .hint("do the work here, or leave it to whoever launched this task"));
    }
    let wiring = &context.wiring;
    let parent = match terms.parent.filter(|parent| parent != "main") {
        Some(parent) => Some(parse_session(&parent)?),
        None => Context::default_parent().as_deref().map(parse_session).transpose()?,
    };
    let prompt = Prompt::parse(&ordered.prompt).map_err(|invalid| refused_prompt(&invalid))?;
    let order = Order {
        description: ordered.description,
        prompt,
        agent: ordered.agent,
        session: Some(minted_session(&wiring.entropy)?),
        parent,
        runner: ordered.runner,
        cwd: Some(working_folder(terms.cwd.as_deref())?),
        time_limit: terms.timeout,
        model: ordered.model,
        briefing: ordered.briefing,
    };
    let variables: Vec<(OsString, OsString)> =
        terms.env.into_iter().map(|set| (set.name.into(), set.value.into())).collect();
    let launcher = wiring.launcher(variables, ordered.instructions);
    let sources = (&wiring.clock as &_, &wiring.entropy as &_);
    let started =
        launch(&wiring.store, &launcher, &wiring.locks, &wiring.logs, sources, order).await;
    if let Err(LaunchError::NotStarted { id, .. }) = &started {
        // The failure that is about to be shown says it all.
        context.collected(&context.tasks(std::slice::from_ref(id)).await).await;
    }
    let task = started?;
    match terms.wait {
        None => Ok(answer(&task)),
        Some(length) => {
            wait::for_ids(context, vec![task.id().clone()], Until::All, length.limit()).await
        }
    }
}

fn answer(task: &Task) -> Answer {
    Answer::ok(Launched::of(task))
}

fn one_of(
    what: &str,
    word: Option<String>,
    flag: Option<String>,
) -> Result<Option<String>, Failure> {
    match (word, flag) {
        (Some(_), Some(_)) => Err(twice(what)),
        (word, flag) => Ok(word.or(flag).filter(|text| !text.is_empty())),
    }
}

fn twice(what: &str) -> Failure {
    Failure::new(Kind::Usage, format!("{what} is given twice, as a word and as a flag"))
}

fn parse_autonomy(word: &str) -> Result<Autonomy, Failure> {
    Autonomy::from_word(word).ok_or_else(|| {
        Failure::new(Kind::Usage, format!("`{word}` is no autonomy level"))
            .hint("use one of none, low, medium, high")
    })
}

/// Names end up as words of a command line and in tables.
fn check_word(what: &str, word: &str) -> Result<(), Failure> {
    let odd = word.starts_with('-') || word.chars().any(char::is_control) || word.len() > 256;
    if odd {
        let message = format!(
            "{what} cannot begin with a dash, hold control characters or be longer than 256 bytes"
        );
        return Err(Failure::new(Kind::Usage, message));
    }
    Ok(())
}

fn refused_prompt(invalid: &InvalidPrompt) -> Failure {
    let hint = match invalid {
        InvalidPrompt::Blank => "say what the agent is to do",
        InvalidPrompt::Nul { .. } => "remove it; a prompt is text",
    };
    Failure::new(Kind::Usage, invalid.to_string()).hint(hint)
}

fn read_prompt(path: &Path) -> Result<String, Failure> {
    let refused = |reason: String| {
        Failure::new(
            Kind::Usage,
            format!("the prompt file `{}` cannot be read: {reason}", path.display()),
        )
    };
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_PROMPT + 1).read_to_end(&mut bytes)
    } else {
        let file = File::open(path).map_err(|error| refused(error.to_string()))?;
        file.take(MAX_PROMPT + 1).read_to_end(&mut bytes)
    };
    read.map_err(|error| refused(error.to_string()))?;
    if bytes.len() as u64 > MAX_PROMPT {
        return Err(refused(format!("it is longer than {MAX_PROMPT} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8 text".to_owned()))
}

/// The folder as an absolute path that a record can hold.
pub(super) fn working_folder(asked: Option<&Path>) -> Result<String, Failure> {
    let usage = |message: String| {
        Failure::new(Kind::Usage, message).hint("give a folder that exists with --cwd DIR")
    };
    let folder = match asked {
        Some(folder) => std::path::absolute(folder),
        None => std::env::current_dir(),
    };
    let folder =
        folder.map_err(|error| usage(format!("the current folder is not there: {error}")))?;
    if !folder.is_dir() {
        return Err(usage(format!("`{}` is no folder", folder.display())));
    }
    let unnameable = |folder: PathBuf| usage(format!("`{}` is not UTF-8", folder.display()));
    folder.into_os_string().into_string().map_err(|name| unnameable(name.into()))
}

fn minted_session(entropy: &dyn Entropy) -> Result<SessionId, Failure> {
    let uuid = uuid::Builder::from_random_bytes(entropy.bytes()).into_uuid().to_string();
    parse_session(&uuid)
}
