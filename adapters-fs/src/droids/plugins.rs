//! Which plugins count: those that are installed, and that the project or the user has enabled.
//!
//! `droid plugin install` leaves one JSON file a plugin in `plugins/installed_plugins`, which names
//! the folder, and `"enabledPlugins": {"<id>": true}` in the settings of its scope; without that
//! `true` droid passes the plugin over (observed on 0.225.2), and so do we. Nothing here looks into a
//! plugin.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use domain::task::droid::{DroidSource, Found, UnreadableDroid};
use serde::Deserialize;

use super::{places, read};

/// An installed plugin that is enabled.
pub(super) struct Plugin {
    /// Its id: its name, and the marketplace it comes from.
    pub(super) id: String,
    /// Where its files are.
    pub(super) folder: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Installed {
    plugin_id: String,
    entry: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    install_path: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Settings {
    enabled_plugins: HashMap<String, bool>,
}

/// The plugins of the user whose `.factory` folder is `user`, by the name of their file, as far as
/// the settings of the `projects` and then the user's enable them. What is installed but cannot be
/// understood goes to `found`.
pub(super) fn enabled(user: &Path, projects: &[PathBuf], found: &mut Vec<Found>) -> Vec<Plugin> {
    let mut files: Vec<PathBuf> = fs::read_dir(places::installed_plugins(user))
        .map(|listed| listed.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort_unstable();
    if files.is_empty() {
        return Vec::new();
    }
    let folders = projects.iter().map(PathBuf::as_path).chain([user]);
    let settings: Vec<Settings> = folders.map(settings).collect();
    let is_enabled = |id: &str| {
        settings.iter().find_map(|settings| settings.enabled_plugins.get(id)).copied() == Some(true)
    };
    let mut plugins: Vec<Plugin> = Vec::new();
    for file in files {
        match installed(&file) {
            // The same plugin may be listed once a scope.
            Ok(plugin) if plugins.iter().any(|known| known.id == plugin.id) => {}
            Ok(plugin) if is_enabled(&plugin.id) => plugins.push(plugin),
            Ok(_) => {}
            Err(reason) => {
                let source = DroidSource::Plugin {
                    id: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                };
                let path = file.display().to_string();
                found.push(Found::Unreadable(UnreadableDroid { name: None, source, path, reason }));
            }
        }
    }
    plugins
}

fn installed(file: &Path) -> Result<Plugin, String> {
    let Installed { plugin_id: id, entry } = serde_json::from_str(&read(file)?)
        .map_err(|error| format!("it says of no plugin where it is installed: {error}"))?;
    if !entry.install_path.is_absolute() {
        return Err("the folder it names is no absolute path".to_owned());
    }
    Ok(Plugin { id, folder: entry.install_path })
}

/// The settings of one scope. Broken ones count as empty, as they do for droid.
fn settings(factory: &Path) -> Settings {
    let text = read(&places::settings(factory)).unwrap_or_default();
    serde_json::from_str(&without_comments(&text)).unwrap_or_default()
}

/// JSON without the comments that droid allows in its settings.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            let end = if rest.starts_with('"') { end_of_string(rest) } else { 1 };
            kept.push_str(&rest[..end]);
            end
        };
        rest = &rest[end..];
    }
    kept.push_str(rest);
    kept
}

/// The length of the JSON string that `text` begins with.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_what_only_looks_like_one_stays() {
        let text = "// a\n{\"a//b\": \"\\\"/*x*/\", /* gone\n */ \"c\": 1 // end";
        assert_eq!(without_comments(text), "\n{\"a//b\": \"\\\"/*x*/\",  \"c\": 1 ");
        for odd in ["", "/", "\"", "\"\\", "/*", "//", "a / b"] {
            assert!(without_comments(odd).len() <= odd.len());
        }
    }
}
