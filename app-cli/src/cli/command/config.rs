//! `config`: the value of each setting, and who set it. The verb changes nothing.

use crate::cli::view::config::{ConfigView, Row};
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::settings::{Said, Settings, Source};
use crate::kit::size::written_size;

pub(super) fn config(context: &Context) -> Answer {
    let settings = &context.settings;
    let Settings { format, droid, runner, on, max_running, ttl, stale, .. } = settings;
    let Settings { max_log, ended_logs, keep_ended, notify, .. } = settings;
    let root = context.wiring.dir.root().display().to_string();
    let named = environment::variable(environment::DIR).is_some();
    let parent = environment::parent_session();
    let by_environment = |set| if set { Source::Environment } else { Source::Default };
    let mut rows = vec![
        Row::text("store", &Said { source: by_environment(named), value: root }),
        Row::text("format", &Said { value: Row::format_word(context.format), ..said(format) }),
        Row::text("droid", &Said { value: droid.value.display().to_string(), ..said(droid) }),
        Row::text("runner", runner),
        Row::text("on", &Said { value: on.value.to_string(), source: on.source }),
        Row::number("max_running", max_running),
        Row::span("ttl", ttl),
        Row::span("stale", stale),
        Row::text("max_log", &Said { value: written_size(max_log.value), ..said(max_log) }),
        Row::text(
            "ended_logs",
            &Said { value: written_size(ended_logs.value), ..said(ended_logs) },
        ),
        Row::span("keep_ended", keep_ended),
        Row::text(
            "notify",
            &Said { value: notify.value.clone().unwrap_or_default(), source: notify.source },
        ),
    ];
    let limits = settings.limits();
    rows.extend(limits.groups.into_iter().map(|(group, value)| {
        Row::number(&format!("limits.{group}"), &Said { value, source: Source::File })
    }));
    if let Some(value) = parent {
        rows.push(Row::text("parent_session", &Said { value, source: Source::Environment }));
    }
    let (path, found) = settings.file();
    let contradictions = settings.contradictions();
    Answer::ok(ConfigView { file: path.clone(), found, rows, contradictions })
}

/// The same source, for the value in another form.
fn said<T>(setting: &Said<T>) -> Said<String> {
    Said { value: String::new(), source: setting.source }
}
