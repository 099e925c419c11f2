//! What `doctor` answers: one finding a check, and whether all of it works.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{View, terminal};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// As it should be.
    Ok,
    /// It works, but something should be done.
    Warn,
    /// It does not work.
    Fail,
}

impl Health {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// The one of that name.
    pub(crate) fn named(word: &str) -> Option<Self> {
        [Self::Ok, Self::Warn, Self::Fail].into_iter().find(|health| health.word() == word)
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The check.
    pub(crate) check: Cow<'static, str>,
    /// How it is.
    pub(crate) health: Health,
    /// What was found, as a fact.
    pub(crate) detail: String,
    /// What can be done.
    pub(crate) fix: Option<String>,
}

/// What all checks found.
pub(crate) struct DoctorView {
    /// One finding a check.
    pub(crate) findings: Vec<Finding>,
}

impl View for DoctorView {
    fn json(&self) -> Value {
        let finding = |it: &Finding| {
            json!({
                "check": &*it.check, "status": it.health.word(), "detail": it.detail, "fix": it.fix,
            })
        };
        json!({
            "ok": self.findings.iter().all(|finding| finding.health != Health::Fail),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    }

    fn table(&self) -> String {
        let mut rows = terminal::table(&["", "CHECK", "FOUND"]);
        for finding in &self.findings {
            let advice =
                finding.fix.iter().map(|fix| format!("\n→ {}", terminal::one_line(fix, 300)));
            let detail = terminal::one_line(&finding.detail, 600);
            let found = format!("{detail}{}", advice.collect::<String>());
            rows.add_row([
                finding.health.word().to_owned(),
                finding.check.clone().into_owned(),
                found,
            ]);
        }
        terminal::lines(&rows)
    }
}
