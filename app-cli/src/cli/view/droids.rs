//! What `droids` answers: each droid, where it is defined, what it hides, and what cannot be used.

use domain::task::droid::{Catalog, Found, UnreadableDroid, Visible};
use domain::task::{Autonomy, DroidSource};
use serde_json::{Value, json};

use super::{View, rows, terminal};
use crate::kit::bound::Shape;
use crate::kit::terminal::Rows;

/// The heads of the columns.
const HEAD: [&str; 4] = ["DROID", "SOURCE", "MODEL", "PURPOSE"];

/// Which droids there are.
pub(crate) struct DroidsView {
    /// All definitions.
    pub(crate) catalog: Catalog,
    /// Whether all are wanted, however long the answer is.
    pub(crate) whole: bool,
    /// The command that shows all.
    pub(crate) more: String,
}

impl View for DroidsView {
    fn json(&self) -> Value {
        let unreadable = self.catalog.unreadable().map(|UnreadableDroid { source, path, reason, .. }| {
            json!({"file": path, "source": source_word(source), "reason": reason})
        });
        let droids: Vec<Value> = self.catalog.visible().iter().map(droid).collect();
        json!({"droids": droids, "unreadable": unreadable.collect::<Vec<_>>()})
    }

    fn shape(&self) -> Option<Shape> {
        let droids = rows::of_others("droids", &["name", "source"], "droidsOmitted");
        let unreadable = rows::of_others("unreadable", &["file"], "unreadableOmitted");
        let (lists, more) = (vec![unreadable, droids], Some(self.more.clone()));
        (!self.whole).then_some(Shape { texts: &[], lists, more })
    }

    fn line_lists(&self) -> &'static [&'static str] {
        &["droids"]
    }

    fn table(&self) -> String {
        self.rows().table()
    }

    fn markdown(&self) -> String {
        self.rows().markdown()
    }
}

impl DroidsView {
    /// A row for each, and what a person has to know besides.
    fn rows(&self) -> Rows<{ HEAD.len() }> {
        let (mut rows, mut remarks) = (Vec::new(), String::new());
        for Visible { droid, shadows } in self.catalog.visible() {
            rows.push([
                droid.name.to_string(),
                terminal::one_line(&source_word(&droid.source), 40),
                terminal::one_line(droid.model.as_deref().unwrap_or("-"), 30),
                terminal::one_line(droid.description.as_deref().unwrap_or(""), 100),
            ]);
            for hidden in shadows {
                let place = terminal::one_line(&place(hidden), 200);
                remarks.push_str(&format!("{} hides the one of {place}\n", droid.name));
            }
        }
        for UnreadableDroid { path, reason, .. } in self.catalog.unreadable() {
            let (path, reason) = (terminal::one_line(path, 200), terminal::one_line(reason, 200));
            remarks.push_str(&format!("unreadable: {path}: {reason}\n"));
        }
        Rows { head: HEAD, cells: rows, remarks }
    }
}

fn droid(visible: &Visible<'_>) -> Value {
    let Visible { droid, shadows } = visible;
    json!({
        "name": droid.name.as_str(),
        "description": droid.description,
        "model": droid.model,
        "autonomy": droid.autonomy.map(Autonomy::word),
        "source": source_word(&droid.source),
        "path": droid.path,
        "shadows": shadows.iter().map(|hidden| place(hidden)).collect::<Vec<_>>(),
    })
}

/// A plugin is named, as there may be many.
fn source_word(source: &DroidSource) -> String {
    match source {
        DroidSource::Plugin { id } => format!("{}:{id}", source.word()),
        DroidSource::Project | DroidSource::User | DroidSource::Builtin => source.word().to_owned(),
    }
}

/// The file of a definition, or whose it is where it has none.
pub(crate) fn place(found: &Found) -> String {
    found.path().map_or_else(|| source_word(found.source()), ToOwned::to_owned)
}
