//! `doctor`: looks at everything task-bg depends on.
//!
//! Without `--fix` the verb changes nothing but what any reader would; with it, only what cannot do
//! harm.

mod agent;
mod node;
mod slurm;
mod ssh;
mod store;

use std::borrow::Cow;
use std::path::Path;

use adapters_process::local::group::availability;
use adapters_process::probe::null_device_fails;
use domain::task::Target;

use crate::Outcome;
use crate::cli::args::Doctor;
use crate::cli::view::doctor::{DoctorView, Finding, Health};
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::failure::Kind;

pub(super) async fn doctor(context: &Context, args: &Doctor) -> Outcome {
    let mut of_store = store::folder(context, args.fix);
    let (of_records, used) = store::records(context, args.fix).await;
    of_store.extend(of_records);
    let of_hooks = agent::hooks_and_plugin();
    let mut findings = agent::in_use(context, &used);
    findings.extend(of_store);
    findings.extend(of_hooks);
    findings.push(agent::droids(context).await);
    findings.push(agent::sandbox(context.wiring.dir.root()));
    findings.push(settings(context));
    findings.push(processes());
    match &args.on {
        Some(target @ Target::Slurm { .. }) => {
            findings.extend(Box::pin(slurm::target(context, target)).await);
        }
        Some(Target::Local) | None => {}
        Some(Target::Ssh { host }) => {
            findings.extend(ssh::target(context, host));
        }
    }
    let ill = findings.iter().any(|finding| finding.health == Health::Fail);
    Ok(Answer::with(DoctorView { findings }, ill.then_some(Kind::Unexpected)))
}

/// Whether all processes of a task are certain to be found.
fn processes() -> Finding {
    let missing =
        ["/proc/self/stat", "/dev/null"].into_iter().find(|path| !Path::new(path).exists());
    if let Some(path) = missing {
        let detail = format!("`{path}` is not there: nothing can be started");
        return fail("processes", detail, "mount `/proc`, and make `/dev/null`");
    }
    if let Some(why) = null_device_fails() {
        let fix = "as root, run `chmod 666 /dev/null`, or make it anew as a device";
        return fail("processes", format!("{why}: nothing can be started"), fix);
    }
    let off = environment::text(environment::CGROUPS).as_deref() == Some("off");
    let why =
        if off { Err(format!("`{}` is `off`", environment::CGROUPS)) } else { availability() };
    let said = match why {
        Ok(base) => {
            format!("each task gets a control group in `{base}`, which holds all its processes")
        }
        Err(why) => format!(
            "no control group can be made ({why}): once its supervisor is gone, what a task started is found by its \
             environment, its parents and its files, and what hides all of these may be missed"
        ),
    };
    well("processes", said)
}

/// Whether the settings contradict each other.
fn settings(context: &Context) -> Finding {
    let contradictions = context.settings.contradictions();
    if contradictions.is_empty() {
        return well("settings", "nothing in them contradicts itself");
    }
    let fix = "change one of the two; `task-bg config` says where each comes from";
    warn("settings", contradictions.join("; "), fix)
}

/// Whether the clock of another machine, in seconds, is at most so far from ours, which was there in between.
fn clocks(now: i64, between: (i64, i64), most: i64, whose: &str) -> Finding {
    let (begun, ended) = between;
    if now.saturating_add(most) >= begun && now <= ended.saturating_add(most) {
        return well("clocks", format!("less than {most} s apart"));
    }
    let apart = now.saturating_sub(begun).saturating_abs();
    warn("clocks", format!("about {apart} s apart"), format!("have {whose} keep their time by NTP"))
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
