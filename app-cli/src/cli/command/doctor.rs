//! `doctor`: looks at everything task-bg depends on.
//!
//! Without `--fix` the verb changes nothing but what any reader would; with it, only what cannot do
//! harm.

mod agent;
mod store;

use std::borrow::Cow;

use crate::Outcome;
use crate::cli::args::Doctor;
use crate::cli::view::doctor::{DoctorView, Finding, Health};
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::Kind;

pub(super) async fn doctor(context: &Context, args: &Doctor) -> Outcome {
    let mut findings = agent::in_use(context).await;
    findings.extend(store::folder(context, args.fix));
    findings.extend(store::records(context, args.fix).await);
    findings.extend(agent::hooks_and_plugin());
    findings.push(agent::droids(context).await);
    findings.push(agent::sandbox(context.wiring.dir.root()));
    let ill = findings.iter().any(|finding| finding.health == Health::Fail);
    Ok(Answer::with(DoctorView { findings }, ill.then_some(Kind::Unexpected)))
}

/// All is well.
fn well(check: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Finding {
    Finding { check: check.into(), health: Health::Ok, detail: detail.into(), fix: None }
}

/// It works, but something should be done.
fn warn(
    check: impl Into<Cow<'static, str>>,
    detail: impl Into<String>,
    fix: impl Into<String>,
) -> Finding {
    Finding {
        check: check.into(),
        health: Health::Warn,
        detail: detail.into(),
        fix: Some(fix.into()),
    }
}

/// It does not work.
fn fail(
    check: impl Into<Cow<'static, str>>,
    detail: impl Into<String>,
    fix: impl Into<String>,
) -> Finding {
    Finding {
        check: check.into(),
        health: Health::Fail,
        detail: detail.into(),
        fix: Some(fix.into()),
    }
}
