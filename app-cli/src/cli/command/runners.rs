//! `runners`: which agents can work here, what each can do, and what is missing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use adapters_fs::FileVersions;
use adapters_process::local::program::{self, NoProgram};
use adapters_process::probe::{self, Silent};
use domain::port::{Agent, Agents, Clock as _, Objection};
use domain::usecase::runners;

use crate::cli::view::runners::{RunnerLine, RunnersView};
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::environment;

/// How long an agent may take to say its version: some take seconds.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn runners(context: &Context) -> Answer {
    let mut versions = FileVersions::read(context.wiring.dir.clone());
    let agents = context.wiring.agents.all();
    let mut runners: Vec<RunnerLine> =
        agents.iter().map(|agent| line(context, *agent, &versions)).collect();
    ask(&mut runners);
    let now = context.wiring.clock.now();
    for runner in &runners {
        match (&runner.path, &runner.version) {
            (Some(path), Some(Ok(version))) => versions.note(path, version),
            (Some(path), Some(Err(Silent::TooSlow(_)))) if !versions.is_silent(path, now) => {
                versions.note_silence(path, now);
            }
            _ => {}
        }
    }
    // At worst they are asked again.
    drop(versions.keep());
    Answer::ok(RunnersView { runners })
}

/// Where an agent is and what it can do, with its version if that is known.
fn line(context: &Context, agent: &dyn Agent, versions: &FileVersions) -> RunnerLine {
    let program = agent.program();
    let word = program.map(|program| OsStr::from_bytes(program.name.as_bytes()).to_owned());
    let found = word.as_deref().map(located);
    let unusable = found.as_ref().and_then(|found| found.as_ref().err());
    let unusable = unusable.filter(|why| !matches!(why, NoProgram::NotOnPath | NoProgram::Absent));
    let unusable = unusable.map(ToString::to_string);
    let path = found.and_then(Result::ok);
    let version = path.as_deref().and_then(|path| {
        let known = versions.of(path).map(|said| Ok(said.to_owned()));
        let is_silent = versions.is_silent(path, context.wiring.clock.now());
        known.or_else(|| is_silent.then_some(Err(Silent::TooSlow(PATIENCE))))
    });
    let around = environment::circumstances(&environment::text);
    let (levels, objections) = runners::levels(agent, &around);
    let refused = objections.into_iter().map(|Objection { words, .. }| words).next();
    RunnerLine {
        name: agent.name().to_owned(),
        is_usual: agent.name() == context.settings.runner.value,
        program: word.unwrap_or_default(),
        version,
        missing: unusable.or_else(|| {
            program.filter(|_| path.is_none()).map(|program| program.install.to_owned())
        }),
        path,
        warning: refused.or_else(|| agent.warning()),
        levels,
        abilities: agent.abilities(),
    }
}

/// Where a program is that is called by this name or path.
fn located(word: &OsStr) -> Result<std::path::PathBuf, NoProgram> {
    let path = environment::variable("PATH");
    program::find(word, Path::new("."), path.as_deref())
}

/// Asks all whose version is not known, at once.
fn ask(runners: &mut [RunnerLine]) {
    thread::scope(|scope| {
        for runner in runners.iter_mut().filter(|runner| runner.version.is_none()) {
            let Some(path) = runner.path.clone() else { continue };
            scope.spawn(move || runner.version = Some(probe::version(path.as_os_str(), PATIENCE)));
        }
    });
}
