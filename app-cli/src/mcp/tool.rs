//! The tools, one file each, and how they are described: flat schemas written by hand, honest hints, text answers.
//!
//! A tool goes from its arguments to a use case and from the receipt to a text. Clients differ in what of a schema or
//! of a structured answer they let through, so there is nothing here but one type a property, and text.

mod cancel_task;
mod launch_agent;
mod launching;
mod list_tasks;
mod run_command;
mod task_output;
pub(super) mod wait_for_tasks;

use std::collections::BTreeMap;
use std::sync::Arc;

use adapters_fs::DataDir;
use domain::port::Notices as _;
use domain::task::Task;
use serde_json::{Map, Value, json};

use super::arguments::Arguments;
use super::call::{Meta, Wish};
use super::outlet::Outlet;
use super::told::Told;
use crate::kit::answer::Format;
use crate::kit::context::{Context, Place};
use crate::kit::failure::Failure;

/// The tools, always in this order: a client keeps what it made of them as long as nothing changes.
pub(super) static TOOLS: [Tool; 6] = [
    launch_agent::TOOL,
    run_command::TOOL,
    wait_for_tasks::TOOL,
    task_output::TOOL,
    list_tasks::TOOL,
    cancel_task::TOOL,
];

/// A tool.
pub(super) struct Tool {
    /// Its name.
    pub(super) name: &'static str,
    /// When to use it, what it answers, and the bound.
    description: &'static str,
    /// Its arguments.
    pub(super) properties: &'static [Property],
    /// A name for people.
    title: &'static str,
    nature: Nature,
    run: fn(&Call<'_>, &Arguments) -> Result<Said, Failure>,
}

/// An argument of a tool.
pub(super) struct Property {
    /// Its name.
    pub(super) name: &'static str,
    /// What it can be.
    pub(super) kind: Kind,
    /// Whether nothing can be done without it.
    pub(super) is_required: bool,
    /// What it means.
    pub(super) description: &'static str,
}

/// What an argument can be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// A number that is not negative.
    Number,
    /// A yes or no.
    Flag,
    /// Several texts.
    Texts,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// What a client may take for granted of a tool. A client that asks before it calls goes by this.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// It only looks.
    Looking,
    /// It starts something which can do anything, outside the client's sandbox.
    Launching,
    /// It ends what was started.
    Ending,
}

impl Nature {
    /// The hints of the protocol, all four of them: what is missing counts as the worst.
    fn hints(self, title: &str) -> Value {
        json!({
            "title": title,
            "readOnlyHint": self == Self::Looking,
            "destructiveHint": self != Self::Looking,
            "idempotentHint": self != Self::Launching,
            "openWorldHint": self == Self::Launching,
        })
    }
}

const fn required(name: &'static str, kind: Kind, description: &'static str) -> Property {
    Property { name, kind, is_required: true, description }
}

const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Property {
    Property { name, kind, is_required: false, description }
}

/// A call that is being answered.
pub(super) struct Call<'a> {
    /// What the request says besides its arguments.
    pub(super) meta: Meta,
    /// Whether the answer is still wanted.
    pub(super) wish: Arc<Wish>,
    /// Where progress is told.
    pub(super) outlet: &'a Outlet,
    /// What this server said before.
    pub(super) told: &'a Told,
}

/// What a tool answers.
pub(super) struct Said {
    /// The answer.
    answer: Spoken,
    /// The tasks of which the reader knows how they fared.
    collected: Vec<Task>,
    context: Option<Context>,
    admits: bool,
}

enum Spoken {
    Text(String),
    /// What went wrong.
    Wrong(String),
    /// What a task of the protocol is answered with.
    Task(Value),
}

impl Said {
    /// A text.
    pub(super) fn text(text: String) -> Self {
        Self { answer: Spoken::Text(text), collected: Vec::new(), context: None, admits: false }
    }

    /// What went wrong, of a call that did nothing of what it was asked.
    pub(super) fn wrong(text: String) -> Self {
        Self { answer: Spoken::Wrong(text), ..Self::text(String::new()) }
    }

    /// A task of the protocol.
    pub(super) fn task(task: Value) -> Self {
        Self { answer: Spoken::Task(task), ..Self::text(String::new()) }
    }

    /// The same, and the reader knows now how these tasks fared.
    pub(super) fn collecting(mut self, tasks: Vec<Task>) -> Self {
        self.collected = tasks;
        self
    }

    /// The same, of a tool that only looked, with what it looked with: whoever looks admits those that wait.
    pub(super) fn over(mut self, context: Context, admits: bool) -> Self {
        self.context = Some(context);
        self.admits = admits;
        self
    }

    /// The result, as the protocol has it.
    pub(super) fn result(&self) -> Value {
        match &self.answer {
            Spoken::Text(text) => spoken(text),
            Spoken::Wrong(text) => {
                let mut result = spoken(text);
                result["isError"] = true.into();
                result
            }
            Spoken::Task(task) => task.clone(),
        }
    }
}

/// Sends answers that go out together, each to the request of that name, and does what follows. Nobody else tells a
/// session meanwhile what they tell it, and what they tell counts as told only once they were sent.
pub(super) fn deliver(answers: &[(String, Said, Meta)], told: &Told, send: impl FnOnce() -> bool) {
    pollster::block_on(async {
        let mut held = BTreeMap::new();
        for (_, said, meta) in answers {
            let session = meta.session().filter(|_| !said.collected.is_empty());
            if let (Some(context), Some(session)) = (&said.context, session)
                && !held.contains_key(&session)
            {
                let batch = context.wiring.notices.take(&session).await.ok().flatten();
                held.insert(session, batch);
            }
        }
        // The client's next call may come before this one has returned from sending.
        for (request, said, _) in answers {
            told.add(request, &said.collected);
        }
        if send() {
            for (_, said, meta) in answers {
                if let Some(context) = &said.context {
                    meta.saw(context, &said.collected).await;
                }
            }
        } else {
            for (request, ..) in answers {
                told.take_back(request);
            }
        }
        drop(held);
        let admitting = answers.iter().find(|(_, said, _)| said.admits);
        if let Some(context) = admitting.and_then(|(_, said, _)| said.context.as_ref()) {
            context.wiring.admit_in_passing().await;
        }
    });
}

impl Tool {
    /// The tool with this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TOOLS.iter().find(|tool| tool.name == name)
    }

    /// Does what a call asks for.
    ///
    /// # Errors
    /// A failure, for the model to read.
    pub(super) fn call(
        &'static self,
        call: &Call<'_>,
        given: Option<Value>,
    ) -> Result<Said, Failure> {
        (self.run)(call, &Arguments::read(self, given)?)
    }

    /// The tool as the protocol describes it.
    pub(super) fn described(&self) -> Value {
        let properties = self.properties.iter().map(|it| (it.name.to_owned(), it.described()));
        let required = self.properties.iter().filter(|it| it.is_required).map(|it| it.name);
        let mut schema = json!({
            "type": "object",
            "properties": properties.collect::<Map<String, Value>>(),
            "additionalProperties": false,
        });
        let required: Vec<&str> = required.collect();
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        json!({
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": schema,
            "annotations": self.nature.hints(self.title),
        })
    }
}

impl Property {
    fn described(&self) -> Value {
        let description = self.description;
        match self.kind {
            Kind::Text => json!({"type": "string", "description": description}),
            Kind::Number => json!({"type": "number", "description": description}),
            Kind::Flag => json!({"type": "boolean", "description": description}),
            Kind::Texts => {
                json!({"type": "array", "items": {"type": "string"}, "description": description})
            }
            Kind::Choice(words) => {
                json!({"type": "string", "enum": words, "description": description})
            }
        }
    }
}

/// A text as a result of the protocol.
pub(super) fn spoken(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": false})
}

/// The adapters over the store, made anew for each call: settings count at once, and a store that cannot be used
/// costs a call and not the server.
pub(super) fn context() -> Result<Context, Failure> {
    Context::new(None, Some(Format::Json), Place::Checked).0
}

/// The same over a store that is elsewhere by now.
pub(super) fn context_over(store: DataDir) -> Result<Context, Failure> {
    Context::over(Ok(store), (None, Some(Format::Json)), Place::Checked).0
}
