//! `launch` and `run`: from words to an order, from an order to a running task.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use domain::port::{Agent, Agents, Clock};
use domain::task::text;

use super::feed;
use super::ordering::{self, Wanted, Work, parse_autonomy};
use super::wait;
use crate::Outcome;
use crate::cli::args::{AutonomyArg, EnvArg, Launch, Run, Terms, parse_duration};
use crate::cli::view::launched::Launched;
use crate::kit::answer::Answer;
use crate::kit::console;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

/// The longest prompt, in bytes: a record of it must stay readable.
const MAX_PROMPT: u64 = 16 << 20;
/// How much of a command line is its label where it has no other, in characters.
const LABEL: usize = 120;

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
    if let (Some(time), Some(_)) = (&droid, args.terms.wait)
        && parse_duration(time).is_ok()
    {
        // Without an equals sign it is the word after the prompt.
        let failure = Failure::new(Kind::Usage, format!("`{time}` is no droid"));
        return Err(
            failure.hint(format!("the value of --wait goes with an equals sign: `--wait={time}`"))
        );
    }
    let droid = one_of("the droid", droid, args.droid)?;
    let model = one_of("the model", model, args.model)?;
    let autonomy = match (autonomy, args.autonomy) {
        (Some(word), None) => Some(parse_autonomy(&word)?),
        (None, asked) => asked.map(|AutonomyArg(level)| level),
        (Some(_), Some(_)) => return Err(twice("the autonomy")),
    };
    let terms = Terms { parent: one_of("the parent", parent, args.terms.parent)?, ..args.terms };
    let wanted = Wanted {
        description: args.description,
        prompt,
        droid,
        model,
        effort: args.reasoning_effort.filter(|effort| !effort.is_empty()),
        work: Work::Agent { name: args.runner, autonomy },
        ..Wanted::default()
    };
    let is_read = args.prompt_file.is_some();
    let answer = Box::pin(start(context, wanted, terms)).await?;
    let unread =
        if is_read { None } else { feed::unread("`--prompt-file -` takes the prompt from it") };
    Ok(answer.saying(unread))
}

/// `run`.
pub(super) async fn command(context: &Context, args: Run) -> Outcome {
    let is_fed = args.stdin.is_some();
    let prompt = ordering::quoted(&args.command)?;
    let wanted = Wanted {
        description: args.description.unwrap_or_else(|| text::preview(&prompt, LABEL)),
        prompt,
        work: Work::Command(args.command),
        stdin: args.stdin,
        ..Wanted::default()
    };
    let answer = Box::pin(start(context, wanted, args.terms)).await?;
    // Looked at last: whoever pipes something in had time to do so.
    let unread = if is_fed { None } else { feed::unread("`--stdin -` passes it on") };
    Ok(answer.saying(unread))
}

async fn start(context: &Context, wanted: Wanted, terms: Terms) -> Outcome {
    let (waits, again) = (terms.waits, terms.again);
    let wanted = Wanted {
        name: terms.name,
        parent: terms.parent,
        on: terms.on,
        cluster_options: terms.slurm,
        cwd: terms.cwd,
        timeout: terms.timeout,
        stale: terms.stale,
        notify: terms.notify,
        priority: waits.priority,
        after: context.resolve_all(waits.after()).await?,
        dependence: waits.dependence(),
        not_before: waits.not_before(context.wiring.clock.now()),
        hold: waits.hold,
        key: again.key.clone(),
        retries: again.retries(),
        worktree: terms.worktree,
        variables: terms.env.into_iter().map(EnvArg::pair).collect(),
        ..wanted
    };
    let ready = ordering::order(context, wanted).await?;
    let warning = context.wiring.agents.of(&ready.order.runner).and_then(Agent::warning);
    let once = ordering::launch(context, context.wiring.world().mint(), ready).await?;
    let orphaned = ordering::orphaned(once.task().order().parent.is_none());
    let notes = warning.into_iter().chain(orphaned);
    match terms.wait {
        None => {
            let answer = Answer::ok(Launched::of(&once)).noting(once.troubles());
            Ok(answer.saying(notes))
        }
        Some(length) => {
            let id = once.task().id().clone();
            // Whoever is cut off while it waits knows which task it was.
            console::remark(&format!("launched {id}; waiting for its end"));
            let answer = wait::for_launched(context, id, length).await?;
            Ok(answer.noting(once.troubles()).saying(notes))
        }
    }
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

/// Reads a prompt from a file, or from standard input if that is `-`.
pub(super) fn read_prompt(path: &Path) -> Result<String, Failure> {
    read_text(path, "prompt")
}

/// Reads the text that somebody wrote into a file of this kind, or says on standard input if its name is `-`.
pub(super) fn read_text(path: &Path, kind: &str) -> Result<String, Failure> {
    let refused = |reason: String| {
        Failure::new(
            Kind::Usage,
            format!("the {kind} file `{}` cannot be read: {reason}", path.display()),
        )
        .hint("name a file that you can read, or - for standard input")
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
