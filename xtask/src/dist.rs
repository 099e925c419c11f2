//! `dist`: everything that is shipped, in `target/dist`: archives with the static programs, pages, completions and the
//! plugin, packages for Debian and npm, a list of what is inside, an installer, and the sums of all of it.
//!
//! Each package is first a `Tree`, a value that says which files it has; then it is written. The same commit gives the
//! same bytes: times are those of the commit, owners are 0, names are sorted, no path of this machine is in a program.
//! `--twice` makes everything twice and compares. What cannot be had here is skipped and named.

mod contents;
mod deb;
mod elf;
mod programs;
mod sbom;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{capture, run, succeeds};
use crate::failure::{During, Failure};
use crate::repo::Repo;
use crate::step::{Outcome, StepResult};
use contents::Contents;
use programs::KINDS;

/// The installer, which also lies beside the archives.
const INSTALLER: &str = include_str!("dist/install.sh");
/// The list of sums.
const SUMS: &str = "SHA256SUMS";

/// Makes everything that is shipped.
///
/// # Errors
///
/// When a build fails, something that was built is not as it has to be, or a second run gives other bytes.
pub(crate) fn dist(repo: &Repo, words: &[String]) -> StepResult {
    let twice = match words {
        [] => false,
        [word] if word == "--twice" => true,
        _ => return Err(Failure::new("`dist` takes nothing but `--twice`")),
    };
    let out = repo.target.join("dist");
    make(repo, &out, "dist-build")?;
    if twice {
        let again = repo.target.join("dist-again");
        make(repo, &again, "dist-build-again")?;
        let (one, other) = (fs::read(out.join(SUMS)), fs::read(again.join(SUMS)));
        if one.during("reading the sums")? != other.during("reading the sums")? {
            let (out, again) = (out.display(), again.display());
            return Err(Failure::new(format!(
                "two runs gave other bytes: compare {out} and {again}"
            )));
        }
        println!("two runs gave the same bytes");
    }
    println!("{}", fs::read_to_string(out.join(SUMS)).during("reading the sums")?);
    println!("in {}", out.display());
    Ok(Outcome::Done)
}

/// Makes everything in the folder `out`, from programs that are built in the folder `place` of the target folder.
fn make(repo: &Repo, out: &Path, place: &str) -> Result<(), Failure> {
    let version = repo.version()?;
    let epoch = epoch(repo);
    drop(fs::remove_dir_all(out));
    fs::create_dir_all(out).during(format_args!("making `{}`", out.display()))?;
    let mut built = Vec::new();
    for kind in KINDS {
        match programs::build(repo, kind, &repo.target.join(place))? {
            Ok(programs) => built.push(programs),
            Err(why) => println!("{}: skipped: {why}", kind.target),
        }
    }
    let here = built.iter().find(|programs| programs.kind.arch == std::env::consts::ARCH);
    let here = here.ok_or_else(|| Failure::new("no programs for this machine: nothing to ship"))?;
    let contents = Contents::of(repo, here)?;
    for programs in &built {
        let name = format!("task-bg-{version}-{}", programs.kind.target);
        contents.archive(programs).pack(&out.join(format!("{name}.tar.gz")), &name, epoch)?;
        deb::package(&contents, programs, &version, epoch, out)?;
    }
    let npm = contents.npm(&built, &version);
    npm.write(&out.join("npm")).during("writing the npm package")?;
    npm.pack(&out.join(format!("task-bg-{version}-npm.tgz")), "package", epoch)?;
    let sbom = sbom::of(repo, &version, here.kind.target)?;
    fs::write(out.join(format!("task-bg-{version}.cdx.json")), sbom).during("writing the list")?;
    fs::write(out.join("install.sh"), INSTALLER).during("writing the installer")?;
    sums(out)
}

/// The moment of the commit, in seconds since the epoch; 0 where git does not say.
fn epoch(repo: &Repo) -> u64 {
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"]).current_dir(&repo.root);
    capture(&mut git).ok().and_then(|said| said.trim().parse().ok()).unwrap_or(0)
}

/// Writes the sums of the files in a folder, in the form that `sha256sum --check` reads.
fn sums(folder: &Path) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).during("listing what was made")?.flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let mut names: Vec<PathBuf> = files.map(|entry| PathBuf::from(entry.file_name())).collect();
    names.sort();
    let said = capture(Command::new("sha256sum").args(&names).current_dir(folder))?;
    fs::write(folder.join(SUMS), said).during("writing the sums")
}

/// Checks a package for Debian where lintian is installed: it may find fault, but no error.
fn linted(package: &Path) -> Result<(), Failure> {
    if !succeeds(Command::new("lintian").arg("--version")) {
        println!("lintian is not installed: the package for Debian was not checked");
        return Ok(());
    }
    run(Command::new("lintian").args(["--allow-root", "--fail-on", "error"]).arg(package))
}

#[cfg(test)]
mod tests;
