//! The definitions of named droids: Markdown files with front matter, in droid's own folders.
//!
//! [`FileDroids`] looks where droid itself looks: in `.factory/droids` of the project, then of the
//! user, then in the plugins that are installed and enabled. The droids that are part of the
//! program come last. Like droid it does not look into subfolders, and follows a symbolic link. It
//! names a file that it cannot use, with the reason. It reads bounded parts of plain files only,
//! and never writes.

mod builtin;
mod front_matter;
mod places;
mod plugins;
mod tools;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use domain::port::DroidCatalog;
use domain::task::Autonomy;
use domain::task::droid::{
    Catalog, Droid, DroidName, DroidSource, Found, Instructions, UnreadableDroid,
};
use rustix::fs::OFlags;

use crate::disk;
use front_matter::FrontMatter;
use plugins::Plugin;

/// The largest definition that is read, in bytes.
const MAX_DEFINITION: u64 = 1 << 20;
/// What the name of a definition ends with.
const MARKDOWN: &str = "md";

/// The definitions that files hold, and ours.
#[derive(Clone, Debug)]
pub struct FileDroids {
    home: Option<PathBuf>,
}

impl FileDroids {
    /// The definitions of whoever has this home folder; without one, the projects' and ours alone.
    pub fn new(home: Option<PathBuf>) -> Self {
        Self { home: home.filter(|home| home.is_absolute()) }
    }

    fn everything(&self, cwd: &Path) -> Vec<Found> {
        let user = self.home.as_deref().map(places::factory);
        let projects: Vec<PathBuf> = places::projects(cwd)
            .into_iter()
            .map(|project| places::factory(&project))
            .filter(|factory| Some(factory) != user.as_ref())
            .collect();
        let mut found = Vec::new();
        for factory in &projects {
            found.extend(in_folder(&places::droids(factory), &DroidSource::Project));
        }
        if let Some(user) = &user {
            found.extend(in_folder(&places::droids(user), &DroidSource::User));
            for Plugin { id, folder } in plugins::enabled(user, &projects, &mut found) {
                found.extend(in_folder(&places::droids(&folder), &DroidSource::Plugin { id }));
            }
        }
        found.extend(builtin::ALL.iter().map(|(stem, text)| {
            definition(stem, DroidSource::Builtin, None, Ok((*text).to_owned()))
        }));
        found
    }
}

#[async_trait]
impl DroidCatalog for FileDroids {
    async fn found(&self, cwd: &str) -> Catalog {
        Catalog::of(self.everything(Path::new(cwd)))
    }
}

/// What defines a droid in one folder, by file name. A folder that is not there holds nothing.
fn in_folder(folder: &Path, source: &DroidSource) -> Vec<Found> {
    let unreadable = |error: io::Error| {
        let path = folder.display().to_string();
        let reason = error.to_string();
        vec![Found::Unreadable(UnreadableDroid {
            name: None,
            source: source.clone(),
            path,
            reason,
        })]
    };
    let listed = match fs::read_dir(folder) {
        Err(error) if absent(&error) => return Vec::new(),
        Err(error) => return unreadable(error),
        Ok(listed) => listed.collect::<io::Result<Vec<_>>>(),
    };
    let mut paths: Vec<PathBuf> = match listed {
        Err(error) => return unreadable(error),
        Ok(entries) => entries.iter().map(fs::DirEntry::path).collect(),
    };
    paths.retain(|path| path.extension().is_some_and(|ending| ending == MARKDOWN));
    paths.sort_unstable();
    let define = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        definition(&stem, source.clone(), Some(path), read(path))
    };
    paths.iter().map(define).collect()
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What the file called `stem` defines.
fn definition(
    stem: &str,
    source: DroidSource,
    path: Option<&PathBuf>,
    text: Result<String, String>,
) -> Found {
    let path = path.map(|path| path.display().to_string());
    let read = text.and_then(|text| droid(stem, source.clone(), path.clone(), &text));
    read.map_or_else(
        |reason| {
            let path = path.unwrap_or_else(|| format!("{stem}.{MARKDOWN}"));
            let name = DroidName::parse(stem).ok();
            Found::Unreadable(UnreadableDroid { name, source, path, reason })
        },
        Found::Droid,
    )
}

fn droid(
    stem: &str,
    source: DroidSource,
    path: Option<String>,
    text: &str,
) -> Result<Droid, String> {
    let FrontMatter { name, description, model, reasoning_effort, autonomy, tools, body } =
        front_matter::parse(text)?;
    let name = name.unwrap_or_else(|| stem.to_owned());
    let name = DroidName::parse(&name)
        .map_err(|invalid| format!("`{}` is no droid name: {invalid}", name.escape_debug()))?;
    let instructions =
        Instructions::parse(body).ok_or("below its front matter it tells a droid nothing")?;
    let model = model.filter(|model| model != "inherit");
    for (key, word) in [("model", &model), ("reasoningEffort", &reasoning_effort)] {
        if word.as_deref().is_some_and(|word| !is_argument(word)) {
            return Err(format!("its `{key}` is no single word"));
        }
    }
    let tools = tools.map(|words| tools::chosen(&words)).transpose()?.flatten();
    let level = |word: String| {
        Autonomy::from_word(&word)
            .ok_or("its `autonomy` is none of `none`, `low`, `medium` and `high`")
    };
    let autonomy = autonomy.map(level).transpose()?;
    Ok(Droid {
        name,
        description,
        model,
        reasoning_effort,
        autonomy,
        tools,
        instructions,
        source,
        path,
    })
}

/// Whether droid would take the word for the value of an option.
fn is_argument(word: &str) -> bool {
    let odd = |c: char| c.is_control() || c.is_whitespace();
    !word.starts_with('-') && word.len() <= 256 && !word.contains(odd)
}

/// Reads a plain file of bearable size, wherever a link to it leads.
fn read(path: &Path) -> Result<String, String> {
    let file = disk::open(path, OFlags::empty()).map_err(|error| error.to_string())?;
    let found = file.metadata().map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is no plain file".to_owned());
    }
    text(file).map_err(|error| error.to_string())
}

fn text(file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(MAX_DEFINITION + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_DEFINITION {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
}

/// Reads a text as a definition.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzzed(text: &str) {
    drop(front_matter::parse(text));
}

#[cfg(test)]
mod tests;
