//! The table `[slurm.licences]` of the settings file: which licence of a cluster a task of a group takes.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file::SettingsFile;

/// What a table may look like.
const EXAMPLE: &str =
    "write `[slurm.licences]`, and below it a line such as `\"model:x\" = \"model-a\"`";

impl SettingsFile {
    /// Takes over every line that makes sense.
    pub(super) fn take_slurm(&mut self, text: &str, value: &Spanned<DeValue<'_>>) {
        let DeValue::Table(parts) = value.get_ref() else {
            let words = "`slurm` is no table".to_owned();
            return self.refuse(text, value.span(), words, EXAMPLE.to_owned());
        };
        for (part, value) in parts {
            let name = part.get_ref().as_ref();
            match value.get_ref().as_table() {
                Some(groups) if name == "licences" => self.take_licences(text, groups),
                Some(_) | None => {
                    let words = format!("`slurm.{name}` is no setting");
                    self.refuse(text, part.span(), words, EXAMPLE.to_owned());
                }
            }
        }
    }

    fn take_licences(&mut self, text: &str, groups: &DeTable<'_>) {
        for (group, licence) in groups {
            let group = group.get_ref().as_ref();
            if let Some(name) = licence.get_ref().as_str().filter(|name| is_name(name)) {
                self.licences.insert(group.to_owned(), name.to_owned());
            } else {
                let words = format!("the licence of `{group}` is no name of one");
                self.refuse(text, licence.span(), words, EXAMPLE.to_owned());
            }
        }
    }
}

/// Whether a text can be the name of a licence: it stands on a command line between commas and colons.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    !text.is_empty() && text.len() <= 255 && !text.starts_with('-') && text.chars().all(fits)
}
