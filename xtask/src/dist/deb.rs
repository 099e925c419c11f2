//! The package for Debian and its like, built with `dpkg-deb` and looked at by lintian where these are installed.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::contents::{Contents, LICENCE, SUMMARY};
use super::linted;
use super::programs::Programs;
use super::tree::Tree;
use crate::command::{capture, run, succeeds};
use crate::failure::{During, Failure};

/// Who answers for it.
const MAINTAINER: &str = "task-bg maintainers <task-bg@users.noreply.github.com>";

/// Builds the package, if `dpkg-deb` is there.
///
/// # Errors
///
/// When it cannot be built, or lintian finds an error.
pub(crate) fn package(
    contents: &Contents,
    programs: &Programs,
    version: &str,
    epoch: u64,
    out: &Path,
) -> Result<(), Failure> {
    if !succeeds(Command::new("dpkg-deb").arg("--version")) {
        println!("dpkg-deb is not installed: no package for Debian");
        return Ok(());
    }
    let mut tree = files(contents, programs, version, epoch)?;
    let size: usize = tree.files().map(|(_, bytes)| bytes.len().div_ceil(1024)).sum();
    let sums = sums(&tree)?;
    let control = control(version, programs.kind.debian, size);
    tree.file("DEBIAN/control", control);
    tree.file("DEBIAN/md5sums", sums);
    let work = tempfile::tempdir().during("making a folder")?;
    let root = work.path().join("root");
    tree.write(&root).during("writing the package")?;
    let package = out.join(format!("task-bg_{version}_{}.deb", programs.kind.debian));
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "-Zxz", "--build"]).arg(&root).arg(&package);
    run(build.env("SOURCE_DATE_EPOCH", epoch.to_string()))?;
    linted(&package)
}

/// What is installed.
fn files(
    contents: &Contents,
    programs: &Programs,
    version: &str,
    epoch: u64,
) -> Result<Tree, Failure> {
    let mut tree = Tree::default();
    tree.program("usr/bin/task-bg", programs.ours.clone());
    tree.program("usr/bin/task-bg-hook", programs.hook.clone());
    for (name, page) in &contents.pages {
        tree.file(format!("usr/share/man/man1/{name}.gz"), zipped(page)?);
    }
    // The hook is no program for people; its page says what to read.
    let of_hook = b".so man1/task-bg-hooks.1\n";
    tree.file("usr/share/man/man1/task-bg-hook.1.gz", zipped(of_hook)?);
    let [bash, zsh, fish] = &contents.completions;
    tree.file("usr/share/bash-completion/completions/task-bg", bash.as_str());
    tree.file("usr/share/zsh/vendor-completions/_task-bg", zsh.as_str());
    tree.file("usr/share/fish/vendor_completions.d/task-bg.fish", fish.as_str());
    contents.add_plugin(&mut tree, "usr/share/task-bg");
    let doc = "usr/share/doc/task-bg";
    for (path, bytes) in contents.papers.files() {
        match path {
            "LICENSE-MIT" => tree.file(format!("{doc}/copyright"), copyright(bytes)),
            // Debian has the text of the other licence itself.
            "LICENSE-APACHE" => {}
            "CHANGELOG.md" => tree.file(format!("{doc}/CHANGELOG.md.gz"), zipped(bytes)?),
            other => tree.file(format!("{doc}/{other}"), bytes),
        }
    }
    tree.file(format!("{doc}/changelog.gz"), zipped(changelog(version, epoch)?.as_bytes())?);
    let overrides = "# One file for every Linux, on purpose.\n\
                     task-bg: statically-linked-binary [usr/bin/task-bg]\n\
                     task-bg: statically-linked-binary [usr/bin/task-bg-hook]\n";
    tree.file("usr/share/lintian/overrides/task-bg", overrides);
    Ok(tree)
}

fn control(version: &str, architecture: &str, size: usize) -> String {
    format!(
        "Package: task-bg\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\n\
         Installed-Size: {size}\nSection: utils\nPriority: optional\n\
         Description: {SUMMARY}\n \
         Tasks outlive the shell, the session and the terminal that started them; no\n \
         daemon stays behind. Agents and people see what they do, wait for them, stop\n \
         them, and collect what they found.\n"
    )
}

fn copyright(mit: &[u8]) -> String {
    let text = String::from_utf8_lossy(mit);
    let holder = text.lines().find(|line| line.starts_with("Copyright")).unwrap_or_default();
    let holder = holder.trim_start_matches("Copyright").trim_start_matches(" (c)").trim();
    let body = text.lines().skip_while(|line| !line.starts_with("Permission"));
    let line = |line: &str| {
        if line.trim().is_empty() { " .\n".to_owned() } else { format!(" {}\n", line.trim_end()) }
    };
    let body: String = body.map(line).collect();
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: task-bg\n\nFiles: *\nCopyright: {holder}\nLicense: {}\n\n\
         License: MIT\n{body}\nLicense: Apache-2.0\n \
         On Debian systems, the text of this licence is in\n \
         /usr/share/common-licenses/Apache-2.0.\n",
        LICENCE.replace("OR", "or")
    )
}

fn changelog(version: &str, epoch: u64) -> Result<String, Failure> {
    let mut date = Command::new("date");
    date.args(["-u", "-R", "-d", &format!("@{epoch}")]).env("LC_ALL", "C");
    let date = capture(&mut date)?;
    Ok(format!(
        "task-bg ({version}) unstable; urgency=medium\n\n  * What changed is in CHANGELOG.md.gz.\n\n \
         -- {MAINTAINER}  {}\n",
        date.trim()
    ))
}

/// A text as `gzip` packs it, without a name and a time.
fn zipped(text: &[u8]) -> Result<Vec<u8>, Failure> {
    filtered(Command::new("gzip").args(["-n", "-9"]), text)
}

/// The sums that the package manager checks files with.
fn sums(tree: &Tree) -> Result<String, Failure> {
    let mut sums = String::new();
    for (path, bytes) in tree.files() {
        let said = filtered(&mut Command::new("md5sum"), bytes)?;
        let said = String::from_utf8_lossy(&said);
        sums.push_str(&format!("{}  {path}\n", said.split(' ').next().unwrap_or_default()));
    }
    Ok(sums)
}

/// What a program makes of its input.
fn filtered(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, Failure> {
    let file = tempfile::NamedTempFile::new().during("making a file")?;
    fs::File::create(file.path()).and_then(|mut file| file.write_all(input)).during("writing")?;
    let input = fs::File::open(file.path()).during("reading")?;
    let said = command.stdin(input).stderr(Stdio::inherit()).output().during("filtering a file")?;
    if said.status.success() {
        return Ok(said.stdout);
    }
    Err(Failure::new(format!("a filter ended with {}", said.status)))
}
