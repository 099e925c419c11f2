//! What is in each package: which files, and where.
//!
//! Pages and completions come from the program itself, everything else from the repository. Main type: [`Contents`].

use std::fs;

use serde_json::json;

use super::INSTALLER;
use super::programs::{Programs, printed};
use super::tree::Tree;
use crate::failure::{During, Failure};
use crate::repo::Repo;

/// What is said of the program in one line.
pub(crate) const SUMMARY: &str = "runs coding agents and long commands in the background";
/// Under which licences it is.
pub(crate) const LICENCE: &str = "MIT OR Apache-2.0";

/// What the packages have in common.
pub(crate) struct Contents {
    /// The pages of the manual, by the names of their files.
    pub(crate) pages: Vec<(String, Vec<u8>)>,
    /// The completions of bash, zsh and fish.
    pub(crate) completions: [String; 3],
    /// The licences, the README, the CHANGELOG, and the pages that they lead to.
    pub(crate) papers: Tree,
    /// The plugin, as a marketplace of its own.
    plugin: Tree,
}

impl Contents {
    /// Asks a program that runs here, and reads the repository.
    ///
    /// # Errors
    ///
    /// When the program fails or a file cannot be read.
    pub(crate) fn of(repo: &Repo, here: &Programs) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().during("making a folder")?;
        let place = folder.path().to_string_lossy().into_owned();
        printed(&here.path, &["man", "--to", &place])?;
        let mut pages = Vec::new();
        for entry in fs::read_dir(folder.path()).during("listing the pages")?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            pages.push((name, fs::read(entry.path()).during("reading a page")?));
        }
        pages.sort();
        let script = |shell: &str| printed(&here.path, &["completions", shell]);
        let completions = [script("bash")?, script("zsh")?, script("fish")?];
        let mut papers = Tree::default();
        for paper in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            let text = fs::read(repo.root.join(paper)).during(format_args!("reading `{paper}`"))?;
            papers.file(paper, text);
        }
        papers.folder("docs", &repo.root.join("docs")).during("reading the documents")?;
        let mut plugin = Tree::default();
        for part in [".factory-plugin", "plugin"] {
            plugin.folder(part, &repo.root.join(part)).during("reading the plugin")?;
        }
        Ok(Self { pages, completions, papers, plugin })
    }

    /// Contents without a program to ask.
    #[cfg(test)]
    pub(super) fn for_tests(papers: Tree, plugin: Tree) -> Self {
        let pages = vec![("task-bg.1".to_owned(), b".TH task-bg 1\n".to_vec())];
        Self { pages, completions: Default::default(), papers, plugin }
    }

    /// The archive: what goes below a prefix, and the installer that puts it there.
    pub(crate) fn archive(&self, programs: &Programs) -> Tree {
        let mut tree = Tree::default();
        tree.program("bin/task-bg", programs.ours.clone());
        tree.program("bin/task-bg-hook", programs.hook.clone());
        for (name, page) in &self.pages {
            tree.file(format!("share/man/man1/{name}"), page.clone());
        }
        let [bash, zsh, fish] = &self.completions;
        tree.file("share/bash-completion/completions/task-bg", bash.as_str());
        tree.file("share/zsh/site-functions/_task-bg", zsh.as_str());
        tree.file("share/fish/vendor_completions.d/task-bg.fish", fish.as_str());
        self.add_plugin(&mut tree, "share/task-bg");
        for (path, bytes) in self.papers.files() {
            tree.file(format!("share/doc/task-bg/{path}"), bytes);
        }
        tree.program("install.sh", INSTALLER);
        tree
    }

    /// Adds the plugin below a folder, which then is a marketplace.
    pub(crate) fn add_plugin(&self, tree: &mut Tree, at: &str) {
        for (path, bytes) in self.plugin.files() {
            tree.file(format!("{at}/{path}"), bytes);
        }
    }

    /// The package for npm, with the programs for every kind of machine. Its commands become the program itself: no
    /// process stands between.
    pub(crate) fn npm(&self, built: &[Programs], version: &str) -> Tree {
        let mut tree = Tree::default();
        let cpu: Vec<&str> = built.iter().map(|programs| programs.kind.npm).collect();
        let manifest = json!({
            "name": "task-bg",
            "version": version,
            "description": format!("task-bg {SUMMARY}"),
            "license": LICENCE,
            "os": ["linux"],
            "cpu": cpu,
            "bin": {"task-bg": "bin/task-bg", "task-bg-hook": "bin/task-bg-hook"},
            "files": ["bin", "lib", ".factory-plugin", "plugin", "docs"],
        });
        tree.file("package.json", format!("{manifest:#}\n"));
        for name in ["task-bg", "task-bg-hook"] {
            tree.program(format!("bin/{name}"), npm_command(name));
        }
        for Programs { kind, ours, hook, .. } in built {
            tree.program(format!("lib/{}/task-bg", kind.arch), ours.clone());
            tree.program(format!("lib/{}/task-bg-hook", kind.arch), hook.clone());
        }
        self.add_plugin(&mut tree, ".");
        for (path, bytes) in self.papers.files() {
            tree.file(path, bytes);
        }
        tree
    }
}

/// The command that npm puts on the search path.
fn npm_command(name: &str) -> String {
    format!(
        "#!/bin/sh\n# npm links this file; the program for this machine lies beside the folder it is in.\n\
         exec \"$(dirname \"$(readlink -f \"$0\")\")/../lib/$(uname -m)/{name}\" \"$@\"\n"
    )
}
